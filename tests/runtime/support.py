"""Actors and helpers that many tests use."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import offbit_reflow
from offbit_reflow import Actor, Network

#: Longest wait for something that should happen at once, in seconds.
SOON = 15.0


class Collect(Actor):
    """Keeps the plain values that arrive on ``in``, in order."""

    inports = ["in"]
    outports = ["out"]

    def __init__(self) -> None:
        self.values: list[Any] = []

    def run(self, ctx):
        self.values.append(ctx["in"])
        ctx.done()


class Forward(Actor):
    """Sends on what it gets."""

    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx.message("in")})


class Gate(Actor):
    """Its ticks wait until the test opens it; `entered` tells that one has begun."""

    inports = ["in"]
    outports = ["out"]

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()
        self.values: list[Any] = []

    def run(self, ctx):
        self.entered.release()
        assert self.opened.wait(SOON)
        self.values.append(ctx["in"])
        ctx.done({"out": ctx.message("in")})

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=SOON), "no tick has begun"


def numbers(count: int, port: str = "out") -> type[Actor]:
    """Make a source class that yields 0, 1, 2, ..."""

    class Numbers(Actor):
        outports = [port]

        def run(self, ctx):
            for number in range(count):
                yield {port: number}

    return Numbers


def running(run: Callable[[Any, Any], Any], **attributes: Any) -> type[Actor]:
    """Make an actor class with ports ``in`` and ``out`` around a `run` function."""
    return type("Anonymous", (Actor,), {"inports": ["in"], "outports": ["out"], "run": run, **attributes})


def add(net: Network, name: str, actor: Any, **options: Any) -> Any:
    """Register `actor` under its node's name and add the node."""
    net.register_actor(name, actor)
    net.add_node(name, name, **options)
    return actor


def connect(net: Network, *names: str) -> None:
    """Connect nodes in a row, from ``out`` to ``in``."""
    for left, right in zip(names, names[1:], strict=False):
        net.add_connection(left, "out", right, "in")


def run_one(actor: Any, values: Iterable[Any] = (None,), *, timeout: float = SOON, **options: Any) -> Any:
    """Run a network of one node on these inputs; its outputs are in ``result.outputs["out"]``."""
    with Network() as net:
        add(net, "a", actor, **options)
        net.add_outport("out", "a", "out")
        for value in values:
            net.add_initial("a", "in", value)
        return net.run(timeout=timeout)


def through(value: Any) -> Any:
    """Send a value through a node; what arrives."""
    result = run_one(Forward, [value])
    assert result.ok, result.failures
    (arrived,) = result.outputs["out"]
    return arrived


def of_type(events: Iterable[dict[str, Any]], *types: str) -> list[dict[str, Any]]:
    """Filter events by type."""
    return [event for event in events if event["_type"] in types]


def drain(stream: Any) -> list[dict[str, Any]]:
    """Read what waits in an event stream."""
    events = []
    while (event := stream.recv(timeout_ms=1)) is not None:
        events.append(event)
    return events


def threads_by_number() -> dict[str, str]:
    """Names of all threads of this process, native ones too, by their number."""
    names = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            names[task.name] = (task / "comm").read_text().strip()
        except OSError:
            continue
    return names


def threads() -> list[str]:
    """Names of all threads of this process, native ones too."""
    return list(threads_by_number().values())


def descriptors() -> int:
    """How many file descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


def resident_mb() -> float:
    """Memory of this process, in MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def run_script(
    code: str, *, timeout: float = 25.0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=script_env(env),
        check=False,
    )


def script_env(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Make an environment in which a fresh interpreter finds the package under test."""
    where = str(Path(offbit_reflow.__file__).parent.parent)
    path = os.pathsep.join(part for part in (where, os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path, **(extra or {})}
