"""A recorder as DuckTrack is one: pynput's listeners, every event at once as a JSON line. Says how much it wrote when told."""
import json
import sys
import time

from pynput import keyboard, mouse

out = open(sys.argv[1], 'w', encoding='utf-8')
counts = {'clicks': 0, 'keys': 0, 'motions': 0}


def write(event):
    event['time_stamp'] = time.perf_counter()
    out.write(json.dumps(event) + '\n')
    out.flush()


def on_move(x, y):
    counts['motions'] += 1
    write({'action': 'move', 'x': x, 'y': y})


def on_click(x, y, button, pressed):
    counts['clicks'] += pressed
    write({'action': 'click', 'x': x, 'y': y, 'button': button.name, 'pressed': pressed})


def on_scroll(x, y, dx, dy):
    write({'action': 'scroll', 'x': x, 'y': y, 'dx': dx, 'dy': dy})


def on_press(key):
    counts['keys'] += 1
    write({'action': 'press', 'name': getattr(key, 'char', None) or str(key)})


def on_release(key):
    write({'action': 'release', 'name': getattr(key, 'char', None) or str(key)})


with mouse.Listener(on_move=on_move, on_click=on_click, on_scroll=on_scroll) as pointer, keyboard.Listener(
    on_press=on_press, on_release=on_release
) as keys:
    pointer.wait()
    keys.wait()
    print(json.dumps({'ready': True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(counts), flush=True)
