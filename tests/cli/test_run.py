"""`reflow run`."""

import json
import subprocess
import sys

import pytest

from offbit_reflow.cli import main


def test_outputs_leave_as_json_lines_and_the_summary_apart(write, actors, capsys):
    assert main(["run", write(), "--actors", actors, "--input", "x=3", "--input", "x=text"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [{"y": 6}, {"y": "texttext"}]
    assert "finished: 1 nodes, 2 ticks, 0 failures" in err


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("[123456789012345678901234567890]", [123456789012345678901234567890] * 2),
        ('{"n": 98765432109876543210, "x": NaN}', {"n": 98765432109876543210, "x": None}),
    ],
)
def test_integers_of_any_size_stay_integers(write, actors, value, written, tmp_path, capsys):
    own = tmp_path / "own.py"
    own.write_text("from offbit_reflow import actor\n@actor\ndef same(x): return x\n", encoding="utf-8")
    graph = write() if isinstance(written, list) else write("same", "x")
    assert main(["run", graph, "--actors", actors, "--actors", str(own), "--input", f"x={value}"]) == 0
    assert json.loads(capsys.readouterr().out) == {"y": written}


def test_what_has_no_form_in_json_is_described_where_it_is(write, tmp_path, capsys):
    own = tmp_path / "own.py"
    own.write_text(
        "import datetime\nfrom offbit_reflow import actor\n@actor\n"
        "def dated(x): return {'on': datetime.date(2024, 5, 1), 'n': [x, b'ab', {1}]}\n",
        encoding="utf-8",
    )
    assert main(["run", write("dated", "x"), "--actors", str(own), "--input", "x=1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"y": {"on": "datetime.date(2024, 5, 1)", "n": [1, [97, 98], [1]]}}


def test_what_cannot_be_shown_costs_no_packet_after_it(write, tmp_path, capsys):
    own = tmp_path / "own.py"
    own.write_text(
        "from offbit_reflow import actor\n"
        "class Shy:\n    def __repr__(self): raise OSError('no')\n"
        "@actor(outports=['out'])\ndef shown(x):\n"
        "    yield {'out': Shy()}\n    yield {'out': {'k': [Shy()]}}\n    yield {'out': 3}\n",
        encoding="utf-8",
    )
    assert main(["run", write("shown", "x"), "--actors", str(own), "--input", "x=1"]) == 0
    first, second, third = (json.loads(line)["y"] for line in capsys.readouterr().out.splitlines())
    assert "Shy" in first
    assert "Shy" in second
    assert third == 3


def test_a_refused_run_tells_warnings_as_check_does(write, actors, capsys):
    graph = write(
        "tpl_http_request",
        "data_in",
        outports={},
        processes={"a": {"id": "a", "component": "tpl_http_request", "metadata": {"responseType": "x", "timout": 1}}},
    )
    assert main(["check", graph]) == 1
    found = capsys.readouterr().out + capsys.readouterr().err
    assert main(["run", graph]) == 2
    told = capsys.readouterr().err
    assert "G012" in told
    assert "G017" in told
    assert {word for word in found.split() if word.startswith("G0")} == {
        word for word in told.split() if word.startswith("G0")
    }


@pytest.mark.parametrize("component", ["Double", "twice"])
def test_actors_are_known_by_class_and_component_name(write, actors, component, capsys):
    assert main(["run", write(component), "--actors", actors, "--input", "x=[1]"]) == 0
    assert json.loads(capsys.readouterr().out) == {"y": [1, 1]}


def test_an_input_may_name_a_port_of_a_node(write, actors, capsys):
    assert main(["run", write(), "--actors", actors, "--input", 'a.in="5"']) == 0
    assert json.loads(capsys.readouterr().out) == {"y": "55"}


def test_what_actors_log_is_shown(write, actors, capsys):
    main(["run", write(), "--actors", actors, "--input", "x=1"])
    assert "a: info: doubling 1" in capsys.readouterr().err


def test_a_failure_is_told_with_its_traceback(write, actors, capsys):
    assert main(["run", write("fail", "value"), "--actors", actors, "--input", "x=1"]) == 1
    err = capsys.readouterr().err
    assert "failed: node `a` (fail), tick 1, attempt 1, port `value`: ValueError: no 1" in err
    assert 'raise ValueError(f"no {value}")' in err


def test_the_time_limit_stops_the_run(write, actors, capsys):
    assert main(["run", write("endless", "value"), "--actors", actors, "--input", "x=1", "--timeout", "0.3"]) == 124
    assert "limit of 0.3 s" in capsys.readouterr().err


def test_events_are_written_as_json_lines(write, actors, tmp_path, capsys):
    events = tmp_path / "events.jsonl"
    assert main(["run", write(), "--actors", actors, "--input", "x=1", "--events", str(events)]) == 0
    types = [json.loads(line)["_type"] for line in events.read_text(encoding="utf-8").splitlines()]
    assert types[0] == "NetworkStarted"
    assert "NetworkCompleted" in types


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-file.json"], "cannot read no-such-file.json"),
        (["{graph}", "--input", "x"], "expected name=value"),
        (["{graph}", "--actors", "{actors}", "--input", "nobody=1"], "`nobody`"),
        (["{graph}", "--actors", "no_such_module"], "No module named 'no_such_module'"),
        (["{graph}", "--actors", "missing.py"], "there is no such file"),
        (["{graph}"], "Double"),
    ],
)
def test_wrong_arguments_run_nothing(write, actors, capsys, arguments, words):
    filled = [argument.format(graph=write(), actors=actors) for argument in arguments]
    assert main(["run", *filled]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_broken_json_is_located(tmp_path, capsys):
    path = tmp_path / "broken.json"
    path.write_text('{\n  "a": ,\n}', encoding="utf-8")
    assert main(["run", str(path)]) == 2
    assert f"{path}:2:8: no JSON" in capsys.readouterr().err


def test_unknown_options_are_a_usage_error():
    with pytest.raises(SystemExit) as caught:
        main(["run", "graph.json", "--frobnicate"])
    assert caught.value.code == 2


def test_a_reader_that_goes_away_is_no_crash(write, actors, tmp_path):
    command = [sys.executable, "-m", "offbit_reflow.cli", "run", write(), "--actors", actors]
    command += [word for number in range(5000) for word in ("--input", f"x={number}")]
    errors = tmp_path / "errors.txt"
    with errors.open("w") as file, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.stdout.close()
        run.wait(30)
    assert "Traceback" not in errors.read_text()
