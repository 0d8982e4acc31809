"""Runs in a store, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Network
from offbit_reflow.cli import main

ACTORS = """
from offbit_reflow import Actor, actor

class Source(Actor):
    outports = ["out"]

    def run(self, ctx):
        for number in range(ctx.last_checkpoint or 0, 5):
            ctx.checkpoint(number + 1)
            yield {"out": number}

@actor
def inverse(x):
    return 1 / x
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    (tmp_path / "my_actors.py").write_text(ACTORS)
    ends = {"from": {"nodeId": "s", "portId": "out"}, "to": {"nodeId": "i", "portId": "x"}}
    export: dict[str, Any] = {
        "caseSensitive": True,
        "properties": {"name": "inverses"},
        "processes": {
            "s": {"component": "Source"},
            "i": {"component": "inverse", "metadata": {"start": {"fan_in": "all", "on": "finished"}}},
        },
        "connections": [{**ends, "metadata": {"log": True}}],
        "outports": {"out": {"nodeId": "i", "portId": "out"}},
    }
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(export))
    return path


def test_run_resume_list_and_show(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, actors = str(graph.parent / "runs.db"), str(graph.parent / "my_actors.py")
    assert main(["run", str(graph), "--actors", actors, "--store", store, "--run-id", "one"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["out"] for line in lines] == [1.0, 0.5, 1 / 3, 0.25]
    assert main(["resume", "one", "--store", store, "--actors", actors]) == 1
    assert capsys.readouterr().out.splitlines() == lines
    assert main(["runs", "--store", store, "--json"]) == 0
    (run,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (run["run_id"], run["title"], run["state"], run["failed_ticks"]) == ("one", "inverses", "finished", 1)
    assert main(["show", "one", "--store", store]) == 0
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert main(["show", "one", "--store", store, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert sorted(node["node"] for node in shown["nodes"]) == ["i", "s"]
    assert main(["runs", "--store", store, "--delete", "one"]) == 0
    assert main(["runs", "--store", store]) == 0
    assert "no runs" in capsys.readouterr().out


def test_mistakes_are_told(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, actors = str(graph.parent / "runs.db"), str(graph.parent / "my_actors.py")
    assert main(["run", str(graph), "--actors", actors, "--run-id", "one"]) == 2
    assert "--store" in capsys.readouterr().err
    assert main(["runs", "--store", store]) == 2
    (graph.parent / "empty").touch()
    assert main(["runs", "--store", str(graph.parent / "empty")]) == 2
    assert "is empty" in capsys.readouterr().err
    assert not (graph.parent / "empty").stat().st_size
    assert main(["run", str(graph), "--actors", actors, "--store", store, "--run-id", "one"]) == 1
    export = json.loads(graph.read_text())
    export["processes"]["t"] = {"component": "Source"}
    graph.write_text(json.dumps(export))
    capsys.readouterr()
    assert main(["run", str(graph), "--actors", actors, "--store", store, "--run-id", "one"]) == 2
    assert "+ node t" in capsys.readouterr().err
    assert main(["run", str(graph), "--actors", actors, "--store", store, "--run-id", "one", "--force"]) == 1
    for command in (["show", "onw"], ["resume", "onw", "--actors", actors], ["runs", "--delete", "onw"]):
        assert main([*command, "--store", store]) == 2
        assert "did you mean `one`" in capsys.readouterr().err
    folder = str(graph.parent)
    assert main(["run", str(graph), "--actors", actors, "--store", folder]) == 2
    assert "this is no store of runs" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--limit", "--keep", "--days", "--delete-older-than"])
def test_runs_takes_no_negative_numbers(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["runs", "--store", "runs.db", option, "-1"])
    assert end.value.code == 2
    assert f"{option}: must be at least 0, got -1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option", "said"),
    [
        ("runs --store runs.db", "--limit", "must be a whole number, got 'x'"),
        ("runs --store runs.db", "--days", "must be a number, got 'x'"),
        ("run graph.json --actors actors.py", "--timeout", "must be a number, got 'x'"),
        ("replay run.rfltrace --actors actors.py", "--until", "must be a whole number, got 'x'"),
    ],
)
def test_what_is_no_number_is_refused_with_words(
    command: str, option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command.split(), option, "x"])
    assert end.value.code == 2
    assert f"{option}: {said}" in capsys.readouterr().err


def test_a_run_that_goes_on_is_not_deleted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "runs.db")
    with Network(store=store, run_id="live") as network:
        network.add_node("p", "tpl_passthrough")
        network.start()
        assert main(["runs", "--store", store, "--delete", "live"]) == 1
        assert "run `live` was not deleted: process" in capsys.readouterr().err
