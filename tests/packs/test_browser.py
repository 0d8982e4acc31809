"""A browser as an actor, on pages that this machine serves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from offbit_reflow import Actor, Network, list_packs

NAME = "reflow.pack.browser"

PAGES = {
    "/square": "<body style='margin:0;background:#fff'><div style='width:100px;height:100px;background:#f00'></div></body>",
    "/button": (
        "<body style='margin:0;background:#fff'>"
        "<button id=b style='position:absolute;left:0;top:0;width:200px;height:200px;border:0;"
        "background:#00f' onclick=\"this.style.background='#0f0';document.title='clicked'\"></button>"
        "<input id=i style='position:absolute;top:250px'></body>"
    ),
    "/moving": (
        "<style>@keyframes m{from{margin-left:0}to{margin-left:300px}}</style><body style='margin:0'>"
        "<div style='width:50px;height:50px;background:#f00;animation:m 0.5s linear infinite alternate'></div></body>"
    ),
    "/hidden": "<button id=b style='display:none' onclick=\"document.title='clicked'\"></button>",
    "/alert": "<script>alert('hello')</script><p id=after>after</p>",
}


@pytest.fixture(scope="module", autouse=True)
def pack(first_party: Callable[[str], list[str]]) -> list[str]:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("the Debian package chromium is missing")
    return first_party(NAME)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    left = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in ("/slow", "/endless"):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>early</title><p>")
                if self.path == "/endless":
                    left.wait(60)
                time.sleep(0.5)
                self.wfile.write(b"<script>document.title = 'late'</script>")
                return
            body = ("<!doctype html>" + PAGES.get(self.path, "<p>nothing</p>")).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html" if self.path in PAGES else "application/octet-stream")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    left.set()
    server.shutdown()
    server.server_close()


def left_of(process: int) -> list[str]:
    """What is there of browsers that a process has started: their processes, and their profiles."""
    mark = f"reflow-browser-{process}-"
    found = [str(path) for path in Path("/tmp").glob(mark + "*")]
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in words and b"reflow-browser-watcher" not in words:
                found.append(folder.name)
    return found


def gone(process: int, seconds: float = 10) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := left_of(process)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


class Session:
    """A network with one browser."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.net = Network()
        self.net.add_node(
            "b", "tpl_browser_screencast", {"width": 400, "height": 300, "waitBeforeCapture": 0, **config}
        )
        ports = ("frame", "metadata", "result", "done", "ready", "loaded", "error")
        self.heard = {port: self.net.listen("b", port, capacity=4) for port in ports}
        self.net.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.net.shutdown()

    def send(self, port: str, packet: Any) -> None:
        self.net.send("b", port, packet)

    def next(self, port: str, seconds: float = 40) -> Any:
        message = self.heard[port].recv(timeout=seconds)
        assert message is not None, f"nothing on `{port}`"
        held = message.as_bytes()
        return message.data() if held is None else held

    def until_red(self) -> None:
        """Look at pictures until the page with the square is there."""
        for _ in range(100):
            if near(pixel(self.next("frame"), 50, 50), (255, 0, 0)):
                return
            self.next("metadata")
            time.sleep(0.05)
            self.send("tick", None)
        raise AssertionError("the square never came")

    def ask(self, expression: str) -> Any:
        self.send("action", {"type": "evaluate", "expression": expression})
        return self.next("result")


def pixel(frame: bytes, x: int, y: int, width: int = 400) -> tuple[int, ...]:
    at = (y * width + x) * 4
    return tuple(frame[at : at + 3])


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 8 for a, b in zip(one, other, strict=True))


@pytest.mark.timeout(170)
def test_a_page_is_opened_clicked_typed_into_and_asked(site: str) -> None:
    with Session({"mode": "screenshot"}) as one:
        one.send("url", site + "/button")
        assert one.next("ready") == "LOADED"
        assert one.next("loaded") == "PAGE_LOADED"
        one.send("tick", None)
        assert pixel(one.next("frame"), 100, 100) == (0, 0, 255)
        told = one.next("metadata")
        assert (told["width"], told["height"], told["format"]) == (400, 300, "rgba")
        one.send("action", {"type": "click", "selector": "#b"})
        assert one.ask("document.title") == "clicked"
        one.send("tick", None)
        assert pixel(one.next("frame"), 100, 100) == (0, 255, 0)
        one.send("action", {"type": "type", "selector": "#i", "text": "häß"})
        assert one.ask("document.querySelector('#i').value") == "häß"
        assert one.ask("new Promise(done => setTimeout(() => done({a: [1]}), 10))") == {"a": [1]}
        assert "no such thing" in one.ask("(() => { throw new Error('no such thing') })()")["error"]
        one.send("action", {"type": "evaluate", "expression": "1+1", "id": 7})
        assert one.next("result") == {"id": 7, "value": 2}
        one.send("action", {"type": "click", "selector": "#none", "timeoutMs": 200})
        assert "#none" in one.next("error")["message"]
        one.send("action", {"type": "dance"})
        assert "navigate, click" in one.next("error")["message"]
        one.send("action", {"type": "screenshot", "format": "png"})
        assert one.next("frame").startswith(b"\x89PNG")
        one.send("url", site + "/alert")
        one.send("action", {"type": "wait", "selector": "#after"})
        assert one.ask("document.querySelector('#after').textContent") == "after"
        one.send("action", {"type": "stop"})
        assert one.next("done") is True
        assert gone(os.getpid()) == []


@pytest.mark.timeout(170)
def test_what_is_done_next_finds_the_page_that_was_opened(site: str) -> None:
    with Session({"mode": "screenshot", "url": site + "/slow"}) as one:
        # The packet that starts the browser is the first to find it.
        assert one.ask("document.title") == "late"
        one.send("action", {"type": "navigate", "url": site + "/slow#there"})
        one.send("action", {"type": "navigate", "url": site + "/button"})
        one.send("url", site + "/slow")
        assert one.ask("document.title") == "late"
        # One that is never complete is there as it is.
        one.send("action", {"type": "navigate", "url": site + "/endless", "timeoutMs": 1000})
        assert one.ask("document.title") == "early"
        one.send("action", {"type": "navigate", "url": "nowhere"})
        assert "nowhere" in one.next("error")["message"]


@pytest.mark.timeout(170)
def test_what_cannot_be_seen_is_not_clicked(site: str) -> None:
    with Session({"mode": "screenshot", "url": site + "/hidden"}) as one:
        one.send("action", {"type": "click", "selector": "#b", "timeoutMs": 200})
        assert 'nothing is to be seen of the element "#b"' in one.next("error")["message"]
        one.send("action", {"type": "wait", "selector": "#b"})
        one.send("action", {"type": "evaluate", "expression": "setTimeout(() => b.style.display = 'block', 200)"})
        one.next("result")
        one.send("action", {"type": "click", "selector": "#b"})
        assert one.ask("document.title") == "clicked"


@pytest.mark.timeout(170)
def test_scripts_answer_whatever_they_are(site: str) -> None:
    with Session({"mode": "screenshot"}) as one:
        # JavaScript has texts with half a character, and numbers that JSON has not.
        assert one.ask("['a\\ud800', '\\ud83d\\ude00']") == ["a\ufffd", "\U0001f600"]
        for expression, value in (("-0", 0), ("12n", 12), ("2n ** 70n", str(2**70)), ("NaN", None), ("void 0", None)):
            assert one.ask(expression) == value
        one.send("action", {"type": "evaluate", "expression": "for (;;);", "timeoutMs": 500})
        assert "did not end within 500 ms" in one.next("error")["message"]
        assert one.ask("1 + 1") == 2
        one.send("url", "chrome://crash")
        assert "crashed" in one.next("error")["message"]
        assert one.ask("2 + 2") == 4


@pytest.mark.timeout(170)
def test_a_refused_download_is_told(site: str, caplog: pytest.LogCaptureFixture) -> None:
    with Session({"mode": "screenshot"}) as one:
        one.send("url", site + "/file")
        deadline = time.monotonic() + 40
        while "a download was refused" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "a download was refused" in caplog.text


@pytest.mark.timeout(170)
@pytest.mark.parametrize("config", [{"settleMs": 100}, {"maxDurationMs": 1500}])
def test_nothing_is_left_when_a_session_is_done(site: str, config: dict[str, int]) -> None:
    with Session({"url": site + "/square", **config}) as one:
        one.send("tick", None)
        assert one.next("done") is True
        assert left_of(os.getpid()) == []


@pytest.mark.timeout(170)
def test_pictures_come_while_the_page_moves_and_wait_for_who_is_slow(site: str) -> None:
    with Session({"url": site + "/moving"}) as one, Session({"url": site + "/square", "mode": "tick"}) as other:
        one.send("tick", None)
        other.send("tick", None)
        other.until_red()
        frames = []
        for _ in range(6):
            frames.append(bytes(one.next("frame")))
            one.next("metadata")
        assert all(len(frame) == 400 * 300 * 4 for frame in frames)
        assert len(set(frames)) > 1
        time.sleep(2)  # nobody reads: the browser must wait
        held = 0
        while one.heard["frame"].recv(timeout=0.05) is not None:
            held += 1
        # As many as have room, and the one that waits for some.
        assert 1 <= held <= 5
    assert gone(os.getpid()) == []


@pytest.mark.timeout(170)
def test_a_browser_that_dies_is_told_and_started_again(site: str) -> None:
    with Session({"url": site + "/square", "mode": "tick"}) as one:
        one.send("tick", None)
        one.next("frame")
        first = [int(name) for name in left_of(os.getpid()) if name.isdigit()]
        os.killpg(os.getpgid(first[0]), signal.SIGKILL)
        assert "has ended" in one.next("error")["message"]
        one.send("tick", None)
        one.until_red()
    assert gone(os.getpid()) == []


def test_a_browser_that_is_not_there_is_an_error_with_a_reason() -> None:
    with Session({"executable": "/nowhere/chromium"}) as one:
        one.send("tick", None)
        assert "/nowhere/chromium" in one.next("error")["message"]


@pytest.mark.timeout(170)
def test_keys_do_what_they_say(site: str) -> None:
    with Session({"mode": "screenshot", "url": site + "/button"}) as one:
        one.send("action", {"type": "type", "selector": "#i", "text": "abc"})
        for key in ("Home", ".", "(", "F2", "Delete", "End", "-", "x"):
            one.send("action", {"type": "key", "key": key})
        assert one.ask("document.querySelector('#i').value") == ".(bc-x"


def test_what_is_no_address_is_told() -> None:
    with Session({"mode": "screenshot"}) as one:
        one.send("url", 5)
        told = one.next("error")
        assert "text on `url`" in told["message"]


def recorded(url: str, then: Callable[[Network], None]) -> list[Any]:
    """The frames of the stream of a session, in which `then` happens once there are two pictures."""
    frames: list[Any] = []

    class Watching(Actor):
        inports = ["stream"]
        outports = []

        async def run(self, ctx):
            async for frame in ctx.message("stream").take_stream():
                frames.append(frame["kind"] if frame["kind"] != "error" else str(frame))
                if len(frames) == 3:
                    then(net)
            ctx.finish()
            ctx.done()

    with Network() as net:
        net.add_node("b", "tpl_browser_screencast", {"url": url, "width": 200, "height": 100, "waitBeforeCapture": 0})
        net.register_actor("watching", Watching)
        net.add_node("watching", "watching")
        net.add_connection("b", "stream", "watching", "stream")
        net.start()
        net.send("b", "tick", None)
        deadline = time.monotonic() + 60
        while (not frames or frames[-1] in ("begin", "data")) and time.monotonic() < deadline:
            time.sleep(0.02)
        net.shutdown()
    return frames


@pytest.mark.timeout(170)
def test_a_recording_says_whether_it_is_whole(site: str) -> None:
    stop = recorded(site + "/moving", lambda net: net.send("b", "action", {"type": "stop"}))
    assert (stop[0], stop[-1]) == ("begin", "end")

    def kill(_: Network) -> None:
        first = [int(name) for name in left_of(os.getpid()) if name.isdigit()]
        os.killpg(os.getpgid(first[0]), signal.SIGKILL)

    assert "has ended" in recorded(site + "/moving", kill)[-1]
    assert gone(os.getpid()) == []


@pytest.mark.timeout(170)
def test_a_recording_leaves_for_a_listener_alone(site: str) -> None:
    with Network() as net:
        net.add_node("b", "tpl_browser_screencast", {"url": site + "/moving", "width": 200, "height": 100})
        heard = net.listen("b", "stream")
        net.start()
        net.send("b", "tick", None)
        message = heard.recv(timeout=60)
        assert message is not None
        assert message.kind == "StreamHandle"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """A browser of somebody else, with the two forms of its DevTools address."""
    profile = tmp_path / "profile"
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
    command = [program, *words, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 40
        written = profile / "DevToolsActivePort"
        while not (written.exists() and written.read_text().count("\n") == 1) and time.monotonic() < deadline:
            time.sleep(0.05)
        port, path = written.read_text().split()
        yield process, f"http://127.0.0.1:{port}", f"ws://localhost:{port}{path}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pages(address: str) -> list[str]:
    with urllib.request.urlopen(address + "/json/list") as answer:
        return sorted(page["url"] for page in json.load(answer) if page["type"] == "page")


def pages_become(address: str, wanted: list[str], seconds: float = 20) -> list[str]:
    deadline = time.monotonic() + seconds
    while (found := pages(address)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.timeout(170)
def test_a_browser_that_runs_is_used_and_left_as_it_was(
    site: str, running: tuple[subprocess.Popen[bytes], str, str], tmp_path: Path
) -> None:
    process, http, ws = running
    before = pages(http)
    with Session({"mode": "screenshot", "connectUrl": http, "downloads": str(tmp_path / "here")}) as one:
        one.send("url", site + "/file")
        deadline = time.monotonic() + 30
        while not (tmp_path / "here" / "file").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (tmp_path / "here" / "file").exists()
    for address in (http, ws):
        with Session({"mode": "screenshot", "connectUrl": address}) as one:
            one.send("url", site + "/square")
            one.send("tick", None)
            one.until_red()
            assert pages(http) == sorted([*before, site + "/square"])
            one.send("action", {"type": "stop"})
            assert one.next("done") is True
            assert pages_become(http, before) == before
            # The next packet connects again; the end of the run takes the page away, too.
            assert one.ask("1 + 1") == 2
        assert pages_become(http, before) == before
    with Session({"connectUrl": http, "url": site + "/square", "settleMs": 100}) as one:
        one.send("tick", None)
        assert one.next("done") is True
        assert pages_become(http, before) == before
    # A program that ends in the middle takes its page along.
    path = next(one["source_path"] for one in list_packs() if one["name"] == NAME)
    done = subprocess.run([sys.executable, "-c", LEFT, path, http, site + "/square"], capture_output=True, text=True)
    assert done.stdout.strip() == "2", done.stderr
    assert pages_become(http, before) == before
    assert process.poll() is None


#: Ends while its session is there.
LEFT = """
import sys
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
net = Network()
net.add_node("b", "tpl_browser_screencast", {"mode": "screenshot", "connectUrl": sys.argv[2], "url": sys.argv[3]})
heard = net.listen("b", "result")
net.start()
net.send("b", "action", {"type": "evaluate", "expression": "1 + 1"})
print(heard.recv(timeout=40).data())
"""


@pytest.mark.timeout(170)
def test_a_browser_that_runs_and_ends_is_told(running: tuple[subprocess.Popen[bytes], str, str]) -> None:
    process, http, _ = running
    with Session({"mode": "screenshot", "connectUrl": http}) as one:
        assert one.ask("1 + 1") == 2
        os.killpg(process.pid, signal.SIGKILL)
        assert "has ended" in one.next("error")["message"]
        one.send("tick", None)
        assert "no browser answers" in one.next("error")["message"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"connectUrl": "http://192.0.2.1:9222"}, "connectHosts"),
        ({"connectUrl": "http://127.0.0.1:1"}, "no browser answers"),
        ({"connectUrl": "https://127.0.0.1:1"}, "neither"),
        ({"connectUrl": "ws://127.0.0.1:1/devtools/page/secret"}, "of a browser"),
        ({"connectUrl": "http://127.0.0.1:1", "executable": "/usr/bin/chromium"}, "executable"),
        ({"connectHosts": "all"}, "connectHosts"),
    ],
)
def test_what_is_not_connected_to_is_told(config: dict[str, Any], said: str) -> None:
    net = Network()
    try:
        net.add_node("b", "tpl_browser_screencast", config)
        heard = net.listen("b", "error")
        net.start()
        net.send("b", "tick", None)
        message = heard.recv(timeout=30)
        told = message.data()["message"]
    except Exception as refused:  # what a config says wrong is found before anything runs
        told = str(refused)
    finally:
        net.shutdown()
    assert said in told
    assert "secret" not in told


KILLED = """
import sys, time
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
net = Network()
net.add_node("b", "tpl_browser_screencast", {"url": sys.argv[2], "waitBeforeCapture": 0})
net.start()
net.send("b", "tick", None)
print("started", flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.mark.timeout(170)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_nothing_is_left_however_the_process_ends(site: str, how: signal.Signals | None) -> None:
    path = next(one["source_path"] for one in list_packs() if one["name"] == NAME)
    for wait in (0.3, 2.5):
        rest = "60" if how is not None else str(wait)
        command = [sys.executable, "-c", KILLED, path, site + "/moving", rest]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        if how is not None:
            time.sleep(wait)
            child.send_signal(how)
        child.wait(timeout=30)
        child.stdout.close()
        assert gone(child.pid) == []


@pytest.mark.timeout(170)
def test_nothing_is_left_of_a_process_that_is_killed_while_it_starts_a_browser(tmp_path: Path) -> None:
    path = next(one["source_path"] for one in list_packs() if one["name"] == NAME)
    killer = tmp_path / "chromium"
    killer.write_text("#!/bin/sh\nkill -9 $PPID\nsleep 60\n")
    killer.chmod(0o755)
    for _ in range(5):
        command = [sys.executable, "-c", KILLED, path, "about:blank", "60"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "CHROME": str(killer)})
        assert child.wait(timeout=60) == -signal.SIGKILL
        assert gone(child.pid) == []
