"""The six jobs run as they are shown, give what their peers give, and are as long as they say."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "jobs"
PAGES = sorted(FOLDER.glob("*.md"))
#: Modules that the peers' programs need.
PEERS = {"data-pipeline": "bytewax", "notebook": "hamilton", "slow-model": "langgraph", "operator": "prometheus_client"}

ORDERS = "id,customer,amount\n1,ada,10\n2,bob,5\n2,bob,5\n3,ada,x\n4,ada,7\n"
GRAPH = {
    "caseSensitive": True,
    "properties": {"name": "even"},
    "processes": {name: {"id": name, "component": name, "metadata": None} for name in ("count", "even")},
    "connections": [{"from": {"nodeId": "count", "portId": "out"}, "to": {"nodeId": "even", "portId": "number"}}],
    "inports": {"n": {"nodeId": "count", "portId": "n"}},
    "outports": {"even": {"nodeId": "even", "portId": "out"}},
    "groups": [],
}
ACTORS = """
from offbit_reflow import actor

@actor
def count(n):
    yield from range(n)

@actor
def even(number):
    if number % 2 == 0:
        yield number
"""


def halves(page):
    """Give what is shown of this package, and what of its peer."""
    ours, peer = page.read_text(encoding="utf-8").split("\n## Beside ", 1)
    return ours, peer


def blocks(text, *languages):
    found = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    return [code for language, code in found if not languages or language in languages]


def length(text):
    lines = [line.strip() for code in blocks(text) for line in code.split("\n")]
    return sum(1 for line in lines if line and not line.startswith("#"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
    (tmp_path / "actors.py").write_text(ACTORS)
    return tmp_path


def run(code):
    known = {"__name__": "job"}
    exec(compile(code, "job", "exec"), known)
    return known


def shell(code, folder):
    wrapper = folder / "bin" / "reflow"
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m offbit_reflow.cli "$@"\n')
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", code],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines_of(path):
    return sorted(Path(path).read_text().splitlines())


def checked(name, known, folder):
    """Check what a job has come to, whoever did it."""
    if name == "data-pipeline":
        totals = [json.loads(line) for line in lines_of("totals.jsonl")]
        assert totals == [{"customer": "ada", "total": 17.0}, {"customer": "bob", "total": 5.0}]
        assert [json.loads(line)["id"] for line in lines_of("bad.jsonl")] == ["3"]
    if name == "notebook":
        result = known["result"]
        outputs = getattr(result, "outputs", None)
        table = {name: values[0] for name, values in outputs.items()} if outputs else result
        assert table["average"][:3] == [0.0, 5.0, 10.0]
        assert table["per_signup"][1] == 5.0
    if name == "media-frames":
        assert known["result"].outputs["brightness"] == list(range(30))
    if name == "slow-model":
        result = known["result"]
        answers = result.outputs["judge"] if hasattr(result, "outputs") else result["answers"]
        assert sorted(answer["id"] for answer in answers) == list(range(20))
        assert all(answer["tries"] == 2 - answer["id"] % 2 for answer in answers)
    if name == "pack":
        assert known["result"] == []
    if name == "operator":
        assert len(lines_of("even.jsonl")) == 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_job(page, folder):
    ours, _ = halves(page)
    known = {}
    if page.stem in ("pack", "operator"):
        output = "".join(shell(code, folder) for code in blocks(ours, "bash"))
        assert page.stem == "pack" or ('"ok": true' in output and "ended with 0" in output)
    for code in blocks(ours, "python"):
        known = run(code)
    checked(page.stem, known, folder)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem in PEERS], ids=lambda page: page.stem)
def test_peer(page, folder):
    if find_spec(PEERS[page.stem]) is None:
        pytest.skip(f"{PEERS[page.stem]} is not installed")
    _, peer = halves(page)
    for code in blocks(peer, "python"):
        known = run(code)
    checked(page.stem, known, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_lines_are_as_many_as_it_says(page):
    ours, peer = halves(page)
    said = re.search(r"(\d+) lines here, (\d+) there", peer)
    assert said, f"it should say: {length(ours)} lines here, {length(peer)} there"
    assert (int(said[1]), int(said[2])) == (length(ours), length(peer))
    assert length(ours) < length(peer)
