"""The live picture of a network: what the page is told, and the page itself in a real browser."""

import json
import re
import shutil
import subprocess
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import offbit_reflow
from offbit_reflow import Graph, Network, SubgraphBuilder, actor
from offbit_reflow.live import StaticPicture, Watcher

FOLDER = Path(offbit_reflow.__file__).parent
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """What a widget keeps for the page."""

    def __init__(self):
        self.svg, self.redraws, self.nodes, self.live, self.notes = "", False, {}, {}, {}


@actor
def read(n):
    for number in range(n):
        yield {"number": number}


@actor
def check(row):
    if row["number"] == 3:
        raise ValueError("three is too many")
    return row


def network():
    net = Network()
    for name, step in (("read", read), ("check", check)):
        net.register_actor(name, step)
        net.add_node(name, name, {"table": "<orders>"} if name == "check" else None)
    net.add_connection("read", "out", "check", "row")
    return net


@pytest.fixture
def told():
    """What a page was told of a run."""
    net, page = network(), Page()
    watcher = Watcher(net)
    watcher.first(page)
    net.run({"read.n": 10}, timeout=20)
    watcher.look(page)
    return page


def test_what_a_page_is_told(told):
    assert told.live["state"] == "finished"
    assert told.live["failures"] == 1
    assert told.live["nodes"]["check"]["ticks"] == 10
    error, where = told.notes["check"]["failure"]
    assert error == "ValueError: three is too many"
    assert 'raise ValueError("three is too many")' in where
    assert "offbit_reflow" not in where
    assert told.nodes["check"]["component"] == "check"
    json.dumps(vars(told))


def test_packets_are_sampled_while_it_runs():
    @actor
    def endless(n):
        while True:
            time.sleep(0.001)
            yield {"number": 1}

    net, page = network(), Page()
    net.register_actor("read", endless)
    watcher = Watcher(net)
    watcher.first(page)
    with net:
        net.start()
        net.send("read", "n", 1)
        deadline = time.monotonic() + 20
        while "samples" not in page.notes.get("check", {}):
            assert time.monotonic() < deadline
            watcher.look(page)
    assert page.notes["check"]["samples"][0] == ("→ row", '{"number": 1}')


def test_what_is_inside_of_a_subgraph_is_told_of_its_node():
    graph = Graph("twice")
    for name in ("one", "two"):
        graph.add_node(name, "check")
    graph.add_connection("one", "out", "two", "row")
    graph.add_inport("row", "one", "row")
    builder = SubgraphBuilder(graph)
    builder.register_actor("check", check)
    net, page = Network(), Page()
    net.register_actor("twice", builder.build())
    net.add_node("sub", "twice")
    watcher = Watcher(net)
    watcher.first(page)
    net.run({"sub.row": iter([{"number": 1}, {"number": 3}])}, timeout=20)
    watcher.look(page)
    assert page.live["nodes"]["sub"]["ticks"] == 3
    assert page.live["nodes"]["sub"]["failures"] == 1
    assert page.notes["sub"]["failure"][0] == "ValueError: three is too many"


def test_without_a_widget_there_is_a_picture(monkeypatch):
    monkeypatch.setattr("offbit_reflow.live._widget_class", lambda: (_ for _ in ()).throw(ModuleNotFoundError()))
    picture = network().live()
    assert isinstance(picture, StaticPicture)
    assert picture._repr_mimebundle_()["image/svg+xml"].startswith("<svg")


def test_a_widget_also_brings_a_picture():
    pytest.importorskip("anywidget")
    net = network()
    picture = net.live()
    assert picture.svg.startswith("<svg")
    bundle = picture._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data is None or (data["image/svg+xml"].startswith("<svg") and "read" in data["text/plain"])
    picture.close()


PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/live.css"><body><div id="el"></div>
<script type="module">
import widget from "/live.js";
const state = DATA;
const listeners = {};
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; for (const f of listeners["change:" + name] ?? []) f(); },
  on: (name, f) => (listeners[name] ??= []).push(f),
  off: () => {},
};
widget.render({ model, el: document.getElementById("el") });
const started = performance.now();
for (let n = 0; n < 5000; n++) {
  const live = structuredClone(state.live);
  live.nodes.check.ticks = n;
  model.set("live", live);
}
const told = performance.now() - started;
requestAnimationFrame(() => requestAnimationFrame(() => {
  document.querySelector('g[data-node="check"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
  document.body.dataset.told = told.toFixed(0);
  document.body.dataset.done = "yes";
}));
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no browser")
def test_the_page_in_a_browser(told, tmp_path):
    for name in ("live.js", "live.css"):
        shutil.copy(FOLDER / name, tmp_path / name)
    data = json.dumps(vars(told)).replace("</", "<\\/")
    (tmp_path / "index.html").write_text(PAGE.replace("DATA", data), encoding="utf-8")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", f"http://127.0.0.1:{server.server_address[1]}/"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        server.shutdown()
        thread.join()
    page = done.stdout
    assert 'data-done="yes"' in page, done.stderr[-2000:]
    assert int(re.search(r'data-told="(\d+)"', page)[1]) < 5000, "five thousand news took too long"
    text = re.sub(r"<[^>]+>", " ", page)
    assert "finished · 4,999 ticks · 1 failed" in text, text
    assert "ValueError: three is too many" in text
    assert "&lt;orders&gt;" in page
    assert re.search(r'class="state"[^>]*stroke="#e5484d"', page), "a failing node is red"
    assert "10 packets" in text, "what has ended tells how many there were, not how many a second"
    width, least = re.search(r'<svg[^>]*viewBox="0 0 (\d+) [^>]*min-width: (\d+)px', page).groups()
    assert int(least) > int(width) / 2, "a drawing that is wider than the page scrolls, and stays readable"
    assert 'class="reflow-failure"' in page
