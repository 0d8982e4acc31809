"""How `reflow run` ends, and what it has written by then."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offbit_reflow.cli import main

from ..runtime.support import script_env
from .conftest import edge

SOURCE = """
import math, pathlib, time
from offbit_reflow import Actor, actor

class Source(Actor):
    outports = ["out"]

    def run(self, ctx):
        for number in range(10**9):
            yield {"out": number}
            time.sleep(0.01)

    def teardown(self):
        pathlib.Path(__file__).with_name("teardown").touch()

class Stubborn(Actor):
    inports = []
    outports = ["out"]

    def run(self, ctx):
        ctx.send({"out": 0})
        time.sleep(30)

@actor(outports=["text", "numbers", "raw", "deep"])
def kinds(go):
    return {"text": "caf\\u00e9 \\u20ac", "numbers": [math.nan, math.inf, 1.5], "raw": b"\\x00\\xff", "deep": {"k": [None]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "actors.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


def graph(folder: Path, component: str, *ports: str) -> str:
    export = {
        "caseSensitive": True,
        "properties": {},
        "processes": {"a": {"id": "a", "component": component, "metadata": None}},
        "connections": [],
        "inports": {},
        "outports": {port: edge("a", port, port) for port in ports},
        "groups": [],
    }
    path = folder / "graph.json"
    path.write_text(json.dumps(export), encoding="utf-8")
    return str(path)


def command(folder: Path, component: str, *ports: str) -> list[str]:
    return ["run", graph(folder, component, *ports), "--actors", str(folder / "actors.py")]


def begin(arguments: list[str], **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "offbit_reflow.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=script_env(env),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_it_in_order(folder, name, code):
    events = folder / "events.jsonl"
    process = begin([*command(folder, "Source", "out"), "--events", str(events)])
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(getattr(signal, name))
    # Not by `communicate`: it passes over what came together with the first line.
    out, (_, err) = process.stdout.read(), process.communicate(timeout=20)
    assert process.returncode == code, err
    assert json.loads(first) == {"out": 0}
    assert [json.loads(line)["out"] for line in out.splitlines()] == list(range(1, 1 + len(out.splitlines())))
    assert (folder / "teardown").exists()
    assert "cancelled: 1 nodes" in err
    types = [json.loads(line)["_type"] for line in events.read_text().splitlines()]
    assert types[0] == "NetworkStarted"
    assert "NetworkCompleted" in types
    assert "Traceback" not in err


def test_grace_bounds_the_wait_for_a_tick_that_goes_on(folder):
    process = begin([*command(folder, "Stubborn", "out"), "--grace", "0.1"])
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"out": 0}
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=25)
    assert process.returncode == 143, err
    # The end of the process does not wait once more.
    assert time.monotonic() - started < 2.5
    assert "cancelled: 1 nodes" in err


def test_a_signal_that_is_ignored_stays_so(folder):
    arguments = [*command(folder, "Source", "out"), "--timeout", "1.5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "offbit_reflow.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=script_env(),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=20)
    assert process.returncode == 124


def test_a_time_limit_keeps_what_came_before(folder, capsys):
    assert main([*command(folder, "Source", "out"), "--timeout", "0.5"]) == 124
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[0]) == {"out": 0}
    assert "limit of 0.5 s" in err
    assert "cancelled: 1 nodes" in err
    assert (folder / "teardown").exists()


def test_outputs_go_to_files_as_they_come(folder, capsys):
    file = folder / "out.jsonl"
    assert main([*command(folder, "Source", "out"), "--output", f"out={file}", "--timeout", "0.5"]) == 124
    assert capsys.readouterr().out == ""
    assert json.loads(file.read_text().splitlines()[0]) == {"out": 0}


@pytest.mark.parametrize(
    ("option", "words"),
    [("out", "expected port=file"), ("nothing=f", "no outport `nothing`"), ("out=/no/such/folder/f", "cannot write")],
)
def test_wrong_outputs_run_nothing(folder, capsys, option, words):
    assert main([*command(folder, "Source", "out"), "--output", option]) == 2
    assert words in capsys.readouterr().err
    assert not (folder / "teardown").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_ends_the_run_and_is_told(folder, capsys):
    assert main([*command(folder, "Source", "out"), "--output", "out=/dev/full"]) == 1
    assert "cannot write /dev/full: No space left" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_any_encoding_of_standard_output(folder, encoding):
    arguments = [*command(folder, "kinds", "text", "numbers", "raw", "deep"), "--input", "a.go=1"]
    process = subprocess.run(
        [sys.executable, "-m", "offbit_reflow.cli", *arguments],
        capture_output=True,
        env=script_env({"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}),
        timeout=25,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    values: dict[str, object] = {}
    for line in process.stdout.decode(encoding).splitlines():
        values |= json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert values == {"text": "café €", "numbers": [None, None, 1.5], "raw": [0, 255], "deep": {"k": [None]}}


@pytest.mark.parametrize("there_before", [False, True])
def test_event_files_are_private(folder, capsys, there_before):
    events = folder / "events.jsonl"
    if there_before:
        events.write_text("old")
        events.chmod(0o644)
    assert main([*command(folder, "kinds"), "--input", "a.go=1", "--events", str(events)]) == 0
    assert stat.S_IMODE(events.stat().st_mode) == 0o600
    assert "old" not in events.read_text()


def test_nothing_ran_is_told_and_fails(folder, capsys):
    assert main(command(folder, "kinds")) == 1
    assert "finished, nothing ran: 1 nodes, 0 ticks" in capsys.readouterr().err


def test_an_error_in_a_module_is_located(folder, capsys):
    (folder / "helper_of_this_test.py").write_text(
        "import os\n\n\ndef go():\n    return undefined_name\n\n\nX = go()\n"
    )
    (folder / "broken.py").write_text("from helper_of_this_test import X\n")
    assert main(["run", graph(folder, "x"), "--actors", str(folder / "broken.py")]) == 2
    err = capsys.readouterr().err
    assert "helper_of_this_test.py, line 5" in err
    assert "NameError" in err


@pytest.mark.parametrize("verb", ["check", "run", "draw"])
def test_json_that_cannot_be_a_graph_is_refused_in_words(folder, capsys, verb):
    deep = folder / "deep.json"
    deep.write_text("[" * 100_000 + "]" * 100_000)
    assert main([verb, str(deep)]) == 2
    assert "nested too deeply" in capsys.readouterr().err
    twice = folder / "twice.json"
    twice.write_text('{"processes": {"n": {"component": "tpl_passthrough"}, "n": {"component": "tpl_math_add"}}}')
    assert main([verb, str(twice)]) == 2
    assert "the key `n` is in one object twice" in capsys.readouterr().err
