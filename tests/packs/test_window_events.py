"""Input: events of a host are cut into ports, and windows of the process tell theirs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from offbit_reflow import Network, list_packs, template_info

NAME = "reflow.pack.window_events"


@pytest.fixture(scope="module", autouse=True)
def pack(first_party: Callable[[str], list[str]]) -> list[str]:
    return first_party(NAME)


def cut(template: str, packet: Any, config: dict[str, Any] | None = None, port: str = "_event") -> dict[str, Any]:
    """What a node makes of one packet."""
    net = Network()
    net.add_node("n", template, config or {})
    net.add_initial("n", port, packet)
    ports = [one["name"] for one in template_info(template)["outports"]]
    for name in ports:
        net.add_outport(name, "n", name)
    collected = net.run(timeout=10).collected()
    return {name: values[0] for name in ports if (values := collected.get(name))}


def test_a_keyboard_event_is_cut() -> None:
    out = cut("tpl_keyboard_input", {"key": "a", "code": "KeyA", "shiftKey": True, "altKey": "x"})
    assert out["event"] == {
        "type": "keydown",
        "key": "a",
        "code": "KeyA",
        "altKey": False,
        "ctrlKey": False,
        "shiftKey": True,
        "metaKey": False,
        "repeat": False,
    }
    assert (out["key"], out["code"], out["pressed"]) == ("a", "KeyA", ["KeyA"])
    assert out["modifiers"] == {"alt": False, "ctrl": False, "shift": True, "meta": False}
    assert cut("tpl_keyboard_input", {"key": 5, "later": 1})["event"]["key"] == ""
    assert cut("tpl_keyboard_input", {"later": 1})["event"]["later"] == 1
    # A packet that is no object means the config, on whatever port it comes.
    assert cut("tpl_keyboard_input", 7, {"key": "b"}, "anything")["key"] == "b"
    assert cut("tpl_keyboard_input", {"key": "a"}, {"filter": ["b"]}) == {}


def test_the_other_events_are_cut() -> None:
    out = cut("tpl_mouse_input", {"x": None, "clientX": 5, "clientY": 7, "button": -1, "deltaY": 3, "buttons": 5})
    assert (out["position"], out["button"], out["buttons"]) == ({"x": 0, "y": 7}, 0, 5)
    assert out["delta"] == {"x": 0, "y": 3}
    out = cut("tpl_gamepad_input", {"axes": [1, "x", 0.5], "buttons": [{"pressed": True}]})
    assert (out["axes"], out["buttons"]) == ([1, 0.5], [{"pressed": True}])
    assert out["sticks"] == {"left": {"x": 1, "y": 0.5}, "right": {"x": 0, "y": 0}}
    assert cut("tpl_gamepad_input", {})["buttons"] == []
    out = cut("tpl_touch_input", {"touches": [{"pressure": 0.25}, {}]})
    assert (out["count"], out["pressure"]) == (2, 0.25)
    assert cut("tpl_touch_input", {"touches": 5})["count"] == 0
    out = cut("tpl_window_event", {"width": 3, "height": 4, "devicePixelRatio": 2})
    assert (out["size"], out["dpr"]) == ({"x": 3, "y": 4}, 2.0)
    assert cut("tpl_window_event", {})["size"] == {"x": 0, "y": 0}


#: Runs in a process of its own: it needs a display before anything else asks for one.
DRIVER = """
import json, os, subprocess, sys, time
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
def xdo(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
def until(listener, wanted, seen):
    while not wanted(seen):
        seen.append(listener.recv(timeout=20).data())
net = Network()
config = {"source": "window", "title": "reflow test", "width": 400, "height": 300}
for name in ("keyboard_input", "mouse_input", "window_event"):
    net.add_node(name, "tpl_" + name, {**config, "closeEndsNetwork": True})
heard = {name: net.listen(name, "event", capacity=100_000) for name in ("keyboard_input", "mouse_input", "window_event")}
net.add_initial("window_event", "frame", bytes(400 * 300 * 4))
net.start()
window, keys, mouse = [], [], []
until(heard["window_event"], lambda seen: seen, window)
found = subprocess.run(["xdotool", "search", "--sync", "--name", "reflow test"], check=True, capture_output=True, text=True)
window_id = found.stdout.split()[0]
xdo("windowfocus", "--sync", window_id)
xdo("mousemove", "--window", window_id, 100, 120)
xdo("key", "a")
xdo("keydown", "shift", "key", "b", "keyup", "shift")
until(heard["keyboard_input"], lambda seen: len(seen) >= 6, keys)
xdo("click", 1, "click", 4)
until(heard["mouse_input"], lambda seen: any(one["type"] == "wheel" for one in seen), mouse)
xdo("windowsize", "--sync", window_id, 500, 350)
until(heard["window_event"], lambda seen: any(one.get("width") == 500 for one in seen), window)
count = int(sys.argv[2])
many = []
for _ in range(count // 100):
    xdo("key", "--delay", 0, *["x", "y"] * 50)
until(heard["keyboard_input"], lambda seen: sum(one["type"] == "keydown" for one in seen) >= count, many)
net.shutdown()
gone = subprocess.run(["xdotool", "search", "--name", "reflow test"], capture_output=True, text=True).stdout.split()
downs = [one["key"] for one in many if one["type"] == "keydown"]
print(json.dumps({"window": window, "keys": keys, "mouse": mouse, "many": downs, "gone": gone}))
"""


@pytest.fixture
def display() -> Iterator[str]:
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"the Debian package {program.lower()} is missing")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield ":" + told.readline().strip()
    finally:
        server.kill()
        server.wait()


@pytest.mark.timeout(180)
def test_a_window_tells_what_happens_to_it(display: str, pack: list[str]) -> None:
    path = next(one["source_path"] for one in list_packs() if one["name"] == NAME)
    command = [sys.executable, "-c", DRIVER, path, "10000"]
    done = subprocess.run(command, env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    pairs = [(one["type"], one["key"], one["code"], one["shiftKey"]) for one in told["keys"]]
    assert pairs == [
        ("keydown", "a", "KeyA", False),
        ("keyup", "a", "KeyA", False),
        ("keydown", "Shift", "ShiftLeft", True),
        ("keydown", "B", "KeyB", True),
        ("keyup", "B", "KeyB", True),
        ("keyup", "Shift", "ShiftLeft", False),
    ]
    mouse = [(one["type"], one.get("button"), one["buttons"], one.get("deltaY")) for one in told["mouse"]]
    assert mouse[-3:] == [("mousedown", 0, 1, None), ("mouseup", 0, 0, None), ("wheel", None, 0, -40.0)]
    assert (told["mouse"][-1]["x"], told["mouse"][-1]["y"]) == (100.0, 120.0)
    assert told["window"][0]["type"] == "open"
    assert (told["window"][0]["width"], told["window"][0]["height"]) == (400, 300)
    assert told["many"] == ["x", "y"] * 5000, "no key is lost"
    assert told["gone"] == []


#: As the one above, with a window manager, which asks a window to close.
CLOSED = """
import json, subprocess, sys
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
def xdo(*words):
    return subprocess.run(["xdotool", *map(str, words)], check=True, capture_output=True, text=True).stdout
net = Network()
config = {"source": "window", "title": "reflow close", "closeEndsNetwork": True}
for name in ("keyboard_input", "mouse_input", "window_event"):
    net.add_node(name, "tpl_" + name, config)
net.add_node("resizes", "tpl_window_event", {**config, "filter": "resize"})
heard = net.listen("window_event", "event", capacity=1000)
net.start()
window = xdo("search", "--sync", "--onlyvisible", "--name", "reflow close").split()[0]
xdo("windowsize", window, 500, 350)
seen = []
while "resize" not in seen:
    seen.append(heard.recv(timeout=30).data()["type"])
xdo("windowfocus", window)
xdo("key", "alt+F4")
# All nodes of the window end, and the run with them.
net.wait(timeout=30)
while (message := heard.recv(timeout=0.5)) is not None:
    seen.append(message.data()["type"])
print(json.dumps(seen))
"""


@pytest.mark.timeout(120)
def test_nodes_of_a_window_end_when_it_is_closed(display: str, pack: list[str]) -> None:
    if shutil.which("openbox") is None:
        pytest.skip("the Debian package openbox is missing")
    environment = {**os.environ, "DISPLAY": display}
    manager = subprocess.Popen(["openbox"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        path = next(one["source_path"] for one in list_packs() if one["name"] == NAME)
        command = [sys.executable, "-c", CLOSED, path]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert (seen[0], seen[-1]) == ("open", "close")
        assert "resize" in seen
    finally:
        manager.kill()
        manager.wait()


def test_without_a_display_a_window_is_a_failure_with_a_reason(pack: list[str]) -> None:
    path = next(one["source_path"] for one in list_packs() if one["name"] == NAME)
    code = (
        "import sys\nfrom offbit_reflow import Network, load_pack\nload_pack(sys.argv[1])\nnet = Network()\n"
        "net.add_node('k', 'tpl_keyboard_input', {'source': 'window'})\nprint(net.run(timeout=20).failures)"
    )
    without = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code, path], env=without, capture_output=True, text=True, timeout=50)
    said = done.stdout + done.stderr
    assert "libxkbcommon-x11-0" in said, said
    assert ".rs" not in said, said


def test_gamepads_are_asked_for_on_a_machine_without_any() -> None:
    net = Network()
    net.add_node("g", "tpl_gamepad_input", {"source": "device"})
    net.start()
    try:
        # It waits for one to be plugged in, or says what is missing.
        failures = net.wait(timeout=1).failures
        assert "libudev1" in str(failures)
    except TimeoutError:
        assert net.stats()["g"]["failures"] == 0
    finally:
        net.shutdown()


def test_configs_of_sources_that_cannot_be_are_told() -> None:
    for template, config, said in (
        ("tpl_keyboard_input", {"source": "device"}, "window"),
        ("tpl_gamepad_input", {"source": "window"}, "device"),
        ("tpl_gamepad_input", {"source": "device", "deadzone": 1}, "deadzone"),
        ("tpl_keyboard_input", {"filter": ["a", 5]}, "filter"),
        ("tpl_window_event", {"source": "window", "resizable": "no"}, "resizable"),
    ):
        net = Network()
        net.add_node("n", template, config)
        net.add_initial("n", "_event", {})
        with pytest.raises(Exception, match=said):
            result = net.run(timeout=10)
            raise AssertionError(str(result.failures))
