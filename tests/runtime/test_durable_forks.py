"""Diamonds behind a node that gives several packets for one, in runs with a store: also over the death of a process."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON
from .test_forks import COUNT, FORKS, LEFT, Late, numbers_of, wire
from .test_origins import STYLES, pair, same

#: Given to a process that is to die.
DIES = "DIES"


class Marks(Actor):
    """Says where it goes on, and fails once."""

    inports = ["first"]
    outports = ["out"]

    def run(self, ctx):
        for number in range(ctx.last_checkpoint or 0, COUNT):
            if number == COUNT // 2 and ctx.attempt == 1:
                raise ValueError("not yet")
            ctx.checkpoint(number + 1)
            ctx.send({"out": ctx["first"] + number})
        ctx.done()


class SendsTwice(Actor):
    """Fails after some packets, and sends all of them again: each is a packet of its own."""

    inports = ["first"]
    outports = ["out"]

    def run(self, ctx):
        for number in range(COUNT):
            if number == 7 and ctx.attempt == 1:
                raise ValueError("not yet")
            ctx.send({"out": ctx["first"] + number})
        ctx.done()


class Fragile(Actor):
    """A branch that fails for some packets, and ends its process at one of them if it is told to."""

    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        if ctx["x"] % 100 == ctx.config.get("dies") and DIES in os.environ:
            _ = ctx.idempotency_key  # everything before is on the disk
            os._exit(3)
        if ctx["x"] % 5 == 3:
            raise ValueError(ctx["x"])
        return {"out": ctx["x"]}


def diamond(store, fork, branch, dies=None, policy=None):
    net = Network({"capacity": 4}, store=store, run_id="a")
    config = {"dies": dies} if dies else None
    return wire(net, fork, branch, config=config, policy=policy, fork_policy={"attempts": 2, "delay_ms": 1})


def nothing_is_left(store):
    """Nothing of what told the packets apart stays in the store."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        return connection.execute("SELECT count(*) FROM pools").fetchone() == (0,)


@pytest.mark.parametrize("fork", [*FORKS, Marks], ids=lambda fork: fork.__name__)
@pytest.mark.parametrize("branch", STYLES[:3], ids=lambda branch: branch.__name__)
def test_failures_in_one_branch_never_shift_pairs(tmp_path, fork, branch):
    with diamond(tmp_path / "runs.db", fork, branch) as net:
        result = net.run({"fork.first": iter([0, 100])}, timeout=SOON)
    assert sorted(result.outputs["pairs"]) == [[x, x] for x in LEFT + [100 + x for x in LEFT]]
    assert len(result.failures) == result.nodes["pair"]["unmatched"] == 2 * (COUNT - len(LEFT))
    assert nothing_is_left(tmp_path / "runs.db")


def test_branches_that_reorder(tmp_path):
    with diamond(tmp_path / "runs.db", FORKS[0], Late, policy={"concurrency": 8, "ordered": False}) as net:
        result = net.run({"fork.first": 0}, timeout=SOON)
    assert sorted(result.outputs["pairs"]) == [[x, x] for x in range(COUNT)]


FORKS_BY_NAME = {fork.__name__: fork for fork in [*FORKS, Marks, SendsTwice]}


def nested(store, dies=None):
    """Lists are gathered around a diamond, which is around another one."""

    @actor
    def lists(items):
        yield from items

    @actor
    def three(x):
        for place in (0, 3, 2):
            yield 10 * x + place

    made = {"lists": lists, "two": numbers_of, "beside": same, "three": three, "all": same, "some": Fragile}
    net = Network({"capacity": 4}, store=store, run_id="a")
    for name, component in {**made, "inner": pair, "outer": pair, "keep": same}.items():
        net.register_actor(name, component)
        config = {"dies": dies} if name == "some" and dies else None
        net.add_node(name, name, config, firing={"gather": "lists"} if name == "keep" else None)
    for source, target in itertools.pairwise(["lists", "two", "three", "all"]):
        net.add_connection(source, "out", target, "x")
    net.add_connection("two", "out", "beside", "x")
    net.add_connection("three", "out", "some", "x")
    net.add_connection("all", "out", "inner", "a")
    net.add_connection("some", "out", "inner", "b")
    net.add_connection("inner", "out", "outer", "a")
    net.add_connection("beside", "out", "outer", "b")
    net.add_connection("outer", "out", "keep", "x")
    net.add_outport("kept", "keep", "out")
    return net


NUMBERS = [[*range(n, n + 7)] for n in (0, 20, 40)] + [[]]


def begin(store, way, dies):
    """Run what is to die."""
    if way == "nested":
        nested(store, int(dies)).run({"lists.items": iter(NUMBERS)}, timeout=SOON)
    else:
        diamond(store, FORKS_BY_NAME[way], Fragile, int(dies)).run({"fork.first": iter([0, 100])}, timeout=SOON)


def dies(store, way, at):
    here = str(Path(__file__).parent.parent.parent)
    script = f"import sys; sys.path.insert(0, {here!r})\nfrom tests.runtime import test_durable_forks as it\n"
    command = [sys.executable, "-c", f"{script}it.begin(*sys.argv[1:])", str(store), way, str(at)]
    done = subprocess.run(command, env={**os.environ, DIES: "1"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize("at", [1, 21, 39])
@pytest.mark.parametrize("way", FORKS_BY_NAME)
def test_pairs_are_right_after_a_death(tmp_path, way, at):
    store = tmp_path / "runs.db"
    dies(store, way, at)
    with diamond(store, FORKS_BY_NAME[way], Fragile, at) as net:
        result = net.run({"fork.first": iter([0, 100])}, timeout=SOON)
    left = LEFT if way != "SendsTwice" else sorted(LEFT + [x for x in range(7) if x in LEFT])
    assert sorted(result.outputs["pairs"]) == [[x, x] for x in left + [100 + x for x in left]]
    assert nothing_is_left(store)


@pytest.mark.parametrize("at", [12, 52, 60])
def test_diamonds_in_diamonds_in_lists_are_right_after_a_death(tmp_path, at):
    store = tmp_path / "runs.db"
    dies(store, "nested", at)
    with nested(store, at) as net:
        result = net.run({"lists.items": iter(NUMBERS)}, timeout=SOON)
    assert sorted([x for _, x in items] for items in result.outputs["kept"]) == sorted(NUMBERS)
    for items in result.outputs["kept"]:
        for inner, x in items:
            assert (inner[0], inner[0] // 10) == (inner[1], x)
    assert nothing_is_left(store)
