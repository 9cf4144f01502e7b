"""A real GTK window for the agent's tests: fields, buttons, a list. Told what to do on stdin, tells where things are on stdout.

usage: gtk-window.py <class> [x y]
"""
import json
import sys
import time

import gi

gi.require_version('Gtk', '3.0')
gi.require_version('Gdk', '3.0')
from gi.repository import Gdk, GLib, Gtk  # noqa: E402

name = sys.argv[1]
GLib.set_prgname(name.lower())
Gdk.set_program_class(name)

window = Gtk.Window(title='nothing to see')
window.set_default_size(760, 420)
window.set_resizable(False)
fixed = Gtk.Fixed()
window.add(fixed)
widgets = {}


def put(key, widget, x, y, width=300, height=36):
    widget.set_size_request(width, height)
    fixed.put(widget, x, y)
    widgets[key] = widget
    return widget


put('entry', Gtk.Entry(), 20, 20)
put('search', Gtk.SearchEntry(), 20, 70)
secret = put('password', Gtk.Entry(), 20, 120)
secret.set_visibility(False)
put('notes', Gtk.TextView(), 20, 180, 300, 120)
put('canvas', Gtk.DrawingArea(), 20, 320, 300, 80)
widgets['canvas'].set_can_focus(True)
widgets['canvas'].add_events(Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.KEY_PRESS_MASK)
widgets['canvas'].connect('button-press-event', lambda widget, event: widget.grab_focus())
save = put('save', Gtk.Button(label='Save'), 400, 20)
put('cancel', Gtk.Button(label='Cancel'), 400, 70)
show = put('show', Gtk.CheckButton(label='Show password'), 400, 120)
show.connect('toggled', lambda widget: secret.set_visibility(widget.get_active()))
rows = Gtk.ListBox()
for text in ('Anna Archer', 'Bert Baker', 'Cora Cole'):
    rows.add(Gtk.Label(label=text))
put('list', rows, 400, 180, 300, 120)


def say(what):
    print(json.dumps(what), flush=True)


def where():
    _, left, top = window.get_window().get_origin()
    places = {}
    for key, widget in widgets.items():
        box = widget.get_allocation()
        places[key] = {'x': left + box.x + box.width // 2, 'y': top + box.y + box.height // 2}
    return {'left': left, 'top': top, 'widgets': places}


def heard(channel, _condition):
    line = channel.readline()
    if line == '':
        Gtk.main_quit()
        return False
    command, *words = line.split()
    if command == 'where':
        say(where())
    elif command == 'focus':
        widgets[words[0]].grab_focus()
        say({'focused': words[0]})
    elif command == 'block':
        # Busy: no event is looked at meanwhile.
        say({'blocked': True})
        time.sleep(float(words[0]))
    elif command == 'jump-at':
        # A field that goes on by itself, as one for codes does, when it is full.
        length, target = int(words[0]), words[1]

        def jump(entry):
            if len(entry.get_text()) == length:
                entry.disconnect(handler)
                widgets[target].grab_focus()

        handler = widgets['entry'].connect('changed', jump)
        say({'jumps': True})
    elif command == 'raise':
        window.present_with_time(0)
        say({'raised': True})
    elif command == 'clear':
        for key in ('entry', 'search', 'password'):
            widgets[key].set_text('')
        say({'cleared': True})
    return True


GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, heard)
window.connect('destroy', Gtk.main_quit)
window.show_all()
if len(sys.argv) > 3:
    window.move(int(sys.argv[2]), int(sys.argv[3]))
GLib.timeout_add(300, lambda: say({'ready': True}))
Gtk.main()
