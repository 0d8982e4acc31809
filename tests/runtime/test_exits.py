"""The end of the interpreter while threads are inside of what we offer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .exits import OPERATIONS
from .support import run_script, script_env


@pytest.fixture(scope="module")
def problems_of() -> Iterator[Callable[[str], list[str]]]:
    """Tells what was wrong with the ends of a program: one process has them all, and says so one after the other."""
    program = Path(__file__).with_name("exits.py")
    known: dict[str, list[str]] = {}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=script_env()) as ends:

        def problems(name: str) -> list[str]:
            while name not in known:
                known.update([json.loads(next(ends.stdout))])
            return known[name]

        try:
            yield problems
        finally:
            ends.kill()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the ends are those of forked children")
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_end_cuts_nothing_off(problems_of, name):
    """No signal ends the process, and nothing is told of threads that it left."""
    assert problems_of(name) == []


def test_the_thread_that_ends_goes_on():
    """What was to be called at the end before this package was there is called after its own end."""
    result = run_script(
        """
        import atexit, faulthandler
        faulthandler.dump_traceback_later(12, exit=True)

        @atexit.register
        def late():
            print(len(graph.to_mermaid()) > 0, graph.nodes()[0]["id"])
            stream.send_bytes(b"1")
            print(reader.recv(1000)["data"], reader.recv(10)["kind"])
            try:
                net.start()
            except RuntimeError as error:
                print(error)

        from offbit_reflow import Graph, Network, Stream

        graph = Graph("g", True)
        graph.add_node("a", "tpl_passthrough")
        stream = Stream.create()
        reader = stream.into_message().take_stream()
        net = Network()
        net.add_node("a", "tpl_passthrough")
        net.start()
        """
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "True a",
        "b'1' timeout",
        "the interpreter is about to end: no run can begin any more",
    ]
