"""Standard streams that are closed or full: words instead of tracebacks, and a good run stays one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..runtime.support import script_env

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def reflow(words: str, redirection: str) -> tuple[int, str]:
    """Run a command with a redirection of the shell; give its exit code and what it says."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m offbit_reflow.cli {words} {redirection}', sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        env=script_env(),
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stderr + done.stdout


@pytest.mark.parametrize(
    ("redirection", "why"), [(">&-", os.strerror(9)), (">/dev/full", os.strerror(28))], ids=["closed", "full"]
)
@pytest.mark.parametrize("command", ["run", "draw", "components", "completion bash", "--version", "draw --help"])
def test_what_cannot_be_written_is_told(write, actors, command, redirection, why):
    graph = write()
    words = {"run": f"run {graph} --actors {actors} --input x=1", "draw": f"draw {graph}"}.get(command, command)
    code, said = reflow(words, redirection)
    assert (code, said.splitlines()[-1]) == (1, f"reflow: cannot write standard output: {why}")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_run_goes_on_when_nobody_hears_it(write, actors, redirection):
    words = f"run {write()} --actors {actors} --input x=1"
    assert reflow(words, redirection) == (0, json.dumps({"y": 2}) + "\n")
    assert reflow(words, f"--output y=/dev/null >&- {redirection}")[0] == 0
    assert reflow("run nowhere.json", redirection)[0] == 2
    assert reflow("nothing", redirection)[0] == 2


def test_a_closed_input_is_told():
    assert reflow("run -", "<&-") == (2, f"reflow: cannot read standard input: {os.strerror(9)}\n")


def test_a_component_with_options_of_a_flow_is_explained(tmp_path):
    from offbit_reflow.operators import deduplicate

    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(deduplicate(key=len).to_graph().to_json()), encoding="utf-8")
    for command, expected in (("check", 1), ("run", 2)):
        code, said = reflow(f"{command} {graph} --actors offbit_reflow.operators", "")
        assert code == expected
        assert "a flow gave `deduplicate` functions or objects as options (key=…)" in said
