"""Reduces DuckTrack input events (JSON lines) to actions, as OpenCUA describes its pipeline: the peer of the shield's benchmark.

Written from the published description, with Python's standard library alone: movement is dropped; presses and releases
become clicks, double and triple clicks or drags; scrolls are merged; keys become `write`, `press` and `hotkey`, with
backspaces applied. It keeps text and exact positions: it protects nothing.

Usage: opencua_like_reduction.py EVENTS.jsonl   prints {"events", "actions", "bytes", "seconds"} (of CPU time)
"""
import json
import sys
import time

CLICK_S = 0.5
NEAR_PX = 5
MODIFIERS = {
    "ctrl": "ctrl", "ctrl_l": "ctrl", "ctrl_r": "ctrl", "alt": "alt", "alt_l": "alt", "alt_r": "alt",
    "shift": "shift", "shift_l": "shift", "shift_r": "shift", "cmd": "win", "cmd_l": "win", "cmd_r": "win",
}


class Reducer:
    def __init__(self, emit):
        self.emit = emit
        self.down = None
        self.click = None
        self.scroll = None
        self.text = []
        self.held = []

    def flush_click(self):
        if self.click is not None:
            self.emit({"action": "click", **self.click})
            self.click = None

    def flush_scroll(self):
        if self.scroll is not None:
            self.emit({"action": "scroll", **self.scroll})
            self.scroll = None

    def flush_text(self):
        if self.text:
            self.emit({"action": "write", "message": "".join(self.text)})
            self.text = []

    def flush(self):
        self.flush_click()
        self.flush_scroll()
        self.flush_text()

    def on_click(self, event):
        self.flush_scroll()
        self.flush_text()
        if event["pressed"]:
            self.down = event
            return
        if self.down is None:
            return
        start, self.down = self.down, None
        if abs(start["x"] - event["x"]) > NEAR_PX or abs(start["y"] - event["y"]) > NEAR_PX:
            self.flush_click()
            self.emit({"action": "drag", "from": [start["x"], start["y"]], "to": [event["x"], event["y"]]})
            return
        last = self.click
        if (
            last is not None
            and last["button"] == event["button"]
            and event["time_stamp"] - last["time_stamp"] <= CLICK_S
            and abs(last["x"] - event["x"]) <= NEAR_PX
            and abs(last["y"] - event["y"]) <= NEAR_PX
            and last["count"] < 3
        ):
            last["count"] += 1
            last["time_stamp"] = event["time_stamp"]
            return
        self.flush_click()
        self.click = {
            "button": event["button"], "x": event["x"], "y": event["y"],
            "count": 1, "time_stamp": event["time_stamp"],
        }

    def on_scroll(self, event):
        self.flush_click()
        self.flush_text()
        scroll = self.scroll
        if scroll is not None and (scroll["dy"] >= 0) == (event["dy"] >= 0):
            scroll["dx"] += event["dx"]
            scroll["dy"] += event["dy"]
            return
        self.flush_scroll()
        self.scroll = {"x": event["x"], "y": event["y"], "dx": event["dx"], "dy": event["dy"]}

    def on_press(self, event):
        self.flush_click()
        self.flush_scroll()
        name = event["name"]
        modifier = MODIFIERS.get(name)
        if modifier is not None:
            if modifier not in self.held:
                self.held.append(modifier)
            return
        if self.held and self.held != ["shift"]:
            self.flush_text()
            self.emit({"action": "hotkey", "keys": [*self.held, name]})
        elif name == "backspace" and self.text:
            self.text.pop()
        elif name == "space":
            self.text.append(" ")
        elif len(name) == 1:
            self.text.append(name)
        else:
            self.flush_text()
            self.emit({"action": "press", "key": name})

    def on_release(self, event):
        modifier = MODIFIERS.get(event["name"])
        if modifier in self.held:
            self.held.remove(modifier)


def main(path):
    counts = {"actions": 0, "bytes": 0}

    def emit(action):
        counts["actions"] += 1
        counts["bytes"] += len(json.dumps(action)) + 1

    reducer = Reducer(emit)
    handlers = {
        "click": reducer.on_click, "scroll": reducer.on_scroll,
        "press": reducer.on_press, "release": reducer.on_release,
    }
    events = 0
    started = time.process_time()
    with open(path, "rb") as lines:
        for line in lines:
            event = json.loads(line)
            events += 1
            handler = handlers.get(event["action"])
            if handler is not None:
                handler(event)
    reducer.flush()
    seconds = time.process_time() - started
    print(json.dumps({"events": events, **counts, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1])
