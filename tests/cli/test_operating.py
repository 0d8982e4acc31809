"""What an operator needs of `reflow run`: metrics, health, logs as data, quiet, completion, packs, actors loaded again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from offbit_reflow import Network, actor
from offbit_reflow.cli import build_parser, completion, main
from offbit_reflow.metrics import MetricsServer, parse_address


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["Content-Type"]


def reflow(*arguments, **options):
    command = [sys.executable, "-m", "offbit_reflow.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_metrics_health_and_readiness_of_a_network():
    @actor
    def half(number):
        if number < 0:
            raise ValueError("negative")
        return number / 2

    net = Network()
    net.register_actor("half", half)
    net.add_node('a "b"\n', "half")
    assert net.metrics().state == "new"
    with MetricsServer(net, "127.0.0.1:0") as server:
        assert get(f"http://{server.address}/ready")[0] == 503
        with net:
            net.start()
            net.send('a "b"\n', "number", 4)
            net.send('a "b"\n', "number", -4)
            net.wait(timeout=10)
            status, text, content_type = get(f"http://{server.address}/metrics")
            assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert 'reflow_node_ticks_total{node="a \\"b\\"\\n",component="half"} 2' in text
            assert 'reflow_node_failures_total{node="a \\"b\\"\\n",component="half"} 1' in text
            assert get(f"http://{server.address}/ready")[0] == 200
            status, body, content_type = get(f"http://{server.address}/healthz?x=1")
            assert (status, json.loads(body), content_type) == (
                200,
                {"status": "ok", "state": "running"},
                "application/json",
            )
            assert get(f"http://{server.address}/nothing")[0] == 404
        assert not net.metrics().ready
    for line in text.splitlines():
        assert re.fullmatch(r'(# (HELP|TYPE) .*|reflow_\w+(\{([a-z]+="(\\.|[^"\\\n])*",?)*\})? [-+.e\d]+)', line), line
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_clients_that_only_hang_on_are_bounded():
    with MetricsServer(Network(), "127.0.0.1:0") as server:
        host, port = server.address.split(":")
        idle = [socket.create_connection((host, int(port)), timeout=10) for _ in range(80)]
        # Those that there is no room for are hung up on; the others wait for a request.
        idle[-1].settimeout(10)
        assert idle[-1].recv(1) == b""
        for client in idle:
            client.close()
        deadline = time.monotonic() + 20
        while True:
            try:
                assert get(f"http://{server.address}/ready")[0] == 503
                break
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < deadline


def test_a_network_of_which_a_node_failed_is_not_healthy():
    @actor
    def bad(x):
        raise ValueError("no")

    with Network() as net:
        net.register_actor("bad", bad)
        net.add_node("a", "bad", policy={"on_error": "stop"})
        assert net.run({"a.x": 1}).state == "failed"
        assert not net.metrics().healthy


@pytest.mark.parametrize(
    ("text", "address"),
    [("9464", ("127.0.0.1", 9464)), (":1", ("127.0.0.1", 1)), ("[::1]:2", ("::1", 2)), ("h:3", ("h", 3))],
)
def test_addresses(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "h", "h:", "h:x", "h:70000", "h:-1"])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="is no address; expected HOST:PORT"):
        parse_address(text)


def test_run_with_metrics(write, actors):
    run = reflow("run", write("endless", inport="value"), "--actors", actors, "--input", "x=1", "--metrics", "0")
    try:
        line = run.stderr.readline()
        address = re.fullmatch(r"metrics at (http://127.0.0.1:\d+)/metrics\n", line)
        assert address, line
        drain = threading.Thread(target=run.stdout.read, daemon=True)
        drain.start()
        deadline = time.monotonic() + 20
        while "reflow_ready 1" not in (text := get(f"{address[1]}/metrics")[1]):
            assert time.monotonic() < deadline, text
        assert get(f"{address[1]}/health")[0] == 200
    finally:
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=20)
        assert run.returncode == 130
        drain.join()
        run.stdout.close()
        run.stderr.close()


def test_a_wrong_address(write, actors, capsys):
    assert main(["run", write(), "--actors", actors, "--input", "x=1", "--metrics", "nowhere"]) == 2
    assert "is no address" in capsys.readouterr().err


def test_logs_as_data(write, actors, capsys):
    assert main(["run", write("fail", inport="value"), "--actors", actors, "--input", "x=1", "--json"]) == 1
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.err.splitlines()]
    failed, result = lines[0], lines[-1]
    assert (failed["type"], failed["level"], failed["node"], failed["reason"]) == ("log", "error", "a", "ValueError")
    assert "no 1" in failed["message"]
    assert "Traceback" in failed["traceback"]
    assert (result["type"], result["ok"], result["failures"][0]["count"]) == ("result", False, 1)
    assert result["nodes"]["a"]["ticks"] == 1
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)


def test_quiet_and_levels(write, actors, capsys):
    graph = write()
    assert main(["run", graph, "--actors", actors, "--input", "x=1", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"y": 2}\n', "")
    assert main(["run", graph, "--actors", actors, "--input", "x=1", "--log-level", "warning"]) == 0
    assert "doubling" not in capsys.readouterr().err
    assert main(["run", graph, "--actors", actors, "--input", "x=1", "--quiet", "--log-level", "info"]) == 0
    assert capsys.readouterr().err == "a: info: doubling 1\n"
    assert main(["run", write("fail", inport="value"), "--actors", actors, "--input", "x=1", "-q"]) == 1
    assert "no 1" in capsys.readouterr().err
    assert main(["run", write(), "--actors", actors, "--input", "x=1", "--json", "--log-level", "info"]) == 0
    assert json.loads(capsys.readouterr().err.splitlines()[0])["data"] == "doubling 1"


def test_check_and_diff_as_data(write, actors, capsys):
    graph = write("missing")
    assert main(["check", graph, "--actors", actors, "--json"]) == 1
    finding = json.loads(capsys.readouterr().out)
    assert (finding["level"], "missing" in finding["finding"]) == ("error", True)
    assert main(["diff", graph, graph, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nodes"] == {}


def test_help_fits_a_screen():
    lines = build_parser().format_help().splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_every_pack_command_has_help(capsys):
    for name in ("new", "build", "inspect", "verify", "keygen", "sign", "strip", "abi", "list"):
        with pytest.raises(SystemExit) as caught:
            main(["pack", name, "--help"])
        assert caught.value.code == 0
        assert f"reflow pack {name}" in capsys.readouterr().out
    assert main(["pack", "help"]) == 0
    assert "--trust " not in capsys.readouterr().out


def test_completion(tmp_path):
    parser = build_parser()
    for shell in completion.SHELLS:
        text = completion.script(shell, parser)
        assert "metrics" in text
        assert "keygen" in text
    script = tmp_path / "reflow.bash"
    script.write_text(completion.script("bash", parser))

    def complete(*words):
        quoted = " ".join(f"'{word}'" for word in words)
        code = f'source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _reflow; echo "${{COMPREPLY[@]}}"'
        return subprocess.run(
            ["bash", "-c", code], capture_output=True, text=True, timeout=20, check=True
        ).stdout.split()

    assert complete("reflow", "com") == ["compose", "components", "completion"]
    assert complete("reflow", "pack", "ke") == ["keygen"]
    assert complete("reflow", "run", "--me") == ["--metrics"]


def test_a_run_with_a_pack(write, tmp_path, capsys):
    assert main(["run", write("Double"), "--pack", str(tmp_path / "none.rflpack")]) == 2
    assert "--pack" in capsys.readouterr().err
    assert main(["run", write("Double"), "--trusted-key", "00"]) == 2
    assert "give the packs with --pack" in capsys.readouterr().err


COUNTER = """
from offbit_reflow import Actor, actor

class Count(Actor):
    inports = ["value"]
    outports = ["out"]
    def __init__(self):
        self.seen = 0
    def run(self, ctx):
        self.seen += 1
        ctx.done({"out": ["VERSION", self.seen]})

@actor
def beat(upto):
    import time
    while True:
        time.sleep(0.01)
        yield 1
"""


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_what_keeps_a_run_from_beginning_is_an_object_too(tmp_path: Path, capsys, quiet):
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(watched_graph()))
    for arguments, words in (
        (["run", str(tmp_path / "none.json")], "cannot read"),
        (["run", str(graph), "--actors", "none.py"], "there is no such file"),
        (["run", str(graph), "--input", "m=1"], "`m` is neither"),
        (["resume", "monday", "--store", str(tmp_path / "runs.db")], "there is no such file"),
    ):
        assert main([*arguments, "--json", *quiet]) == 2
        told = json.loads(capsys.readouterr().err)
        assert (told["type"], told["level"]) == ("note", "error")
        assert words in told["message"]


def watched_graph():
    def end(node, port, inner):
        return {"nodeId": node, "portId": port, "portName": inner, "expose": True, "portType": {"type": "any"}}

    return {
        "caseSensitive": True,
        "properties": {"name": "watched"},
        "processes": {name: {"id": name, "component": name, "metadata": None} for name in ("beat", "Count")},
        "connections": [
            {
                "from": {"nodeId": "beat", "portId": "out"},
                "to": {"nodeId": "Count", "portId": "value"},
                "metadata": None,
            }
        ],
        "inports": {"upto": end("beat", "upto", "upto")},
        "outports": {"y": end("Count", "out", "out")},
        "groups": [],
    }


class Watched:
    """A command that runs with `--watch`, and what it says."""

    def __init__(self, folder: Path, module: str):
        self.graph, self.module = folder / "graph.json", folder / "watched_actors.py"
        self.graph.write_text(json.dumps(watched_graph()))
        self.module.write_text(module)
        arguments = ["run", self.graph.name, "--actors", self.module.name, "--input", "upto=1", "--watch"]
        self.run = reflow(*arguments, cwd=folder, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        self.lines = iter(self.run.stdout.readline, "")
        self.says = iter(self.run.stderr.readline, "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.send_signal(signal.SIGINT)
        self.run.communicate(timeout=20)
        assert self.run.returncode == 130

    def next_output(self, *, beginning=None, port="y"):
        outputs = (json.loads(line) for line in self.lines)
        return next(
            line[port] for line in outputs if port in line and (beginning is None or line[port][0] == beginning)
        )

    def has_said(self, text):
        return any(text in line for line in self.says)


watches = pytest.mark.skipif(not hasattr(os, "fork"), reason="a run that watches is ended by a signal of POSIX")


@watches
def test_watch_keeps_the_state_of_nodes(tmp_path: Path):
    with Watched(tmp_path, COUNTER.replace("VERSION", "one")) as command:
        assert command.next_output() == ["one", 1]
        command.module.write_text("def broken(:\n")
        assert command.has_said("the nodes go on as they were")
        command.module.write_text(COUNTER.replace("VERSION", "second"))
        assert command.has_said("nodes go on with it")
        second = command.next_output(beginning="second")
        assert second[1] > 1
        command.module.write_text(
            COUNTER.replace("VERSION", "third, with a port").replace('["out"]', '["out", "more"]')
        )
        assert command.has_said("the network starts anew")
        third = command.next_output(beginning="third, with a port")
        assert third[1] > second[1]


@watches
def test_watch_takes_in_another_graph_and_keeps_the_state_of_nodes(tmp_path: Path):
    with Watched(tmp_path, COUNTER.replace("VERSION", "one")) as command:
        first = command.next_output()
        export = watched_graph()
        export["outports"]["raw"] = {"nodeId": "beat", "portId": "out", "portName": "out", "expose": True}
        command.graph.write_text(json.dumps(export))
        assert command.has_said("has changed; the network starts anew")
        assert command.next_output(port="raw") == 1
        assert command.next_output()[1] > first[1]


@watches
def test_watch_goes_on_while_a_graph_is_edited_that_cannot_run(tmp_path: Path):
    with Watched(tmp_path, COUNTER.replace("VERSION", "one")) as command:
        assert command.next_output() == ["one", 1]
        command.graph.write_text("{")
        assert command.has_said("no JSON")
        export = watched_graph()
        export["processes"]["Count"]["component"] = "Cout"
        command.graph.write_text(json.dumps(export))
        assert command.has_said("there is no component `Cout`")
        assert command.has_said("the nodes go on as they were")
        command.module.write_text(COUNTER.replace("VERSION", "second"))
        assert command.has_said("nodes go on with it")
        assert command.next_output(beginning="second")[1] > 1


@watches
def test_watch_loads_again_what_actors_import_from_beside_them(tmp_path: Path):
    beside = tmp_path / "watched_names.py"
    log = tmp_path / "loaded"
    beside.write_text(f"NAME = 'one'\nopen({str(log)!r}, 'a').write('x')\n")
    module = "from watched_names import NAME\n" + COUNTER.replace('"VERSION"', "NAME")
    with Watched(tmp_path, module) as command:
        assert command.next_output() == ["one", 1]
        command.module.write_text(module.replace("NAME,", "NAME + '!',"))
        assert command.has_said("nodes go on with it")
        assert command.next_output(beginning="one!")[1] > 1
        assert log.read_text() == "x", "what has not changed is not loaded again"
        beside.write_text("NAME = (\n")
        assert command.has_said("SyntaxError")
        beside.write_text("NAME = 'second'\n")
        assert command.has_said("nodes go on with it")
        assert command.next_output(beginning="second!")[1] > 1


@watches
def test_watch_waits_while_a_file_cannot_be_loaded(tmp_path: Path):
    with Watched(tmp_path, COUNTER.replace("while True:", "for _ in range(2):").replace("VERSION", "one")) as command:
        assert [command.next_output() for _ in range(2)] == [["one", 1], ["one", 2]]
        assert command.has_said("waiting for changes")
        command.module.write_text("def broken(:\n")
        assert command.has_said("SyntaxError")
        assert command.has_said("waiting for changes")
        command.module.write_text(COUNTER.replace("VERSION", "second"))
        assert command.next_output() == ["second", 3]
