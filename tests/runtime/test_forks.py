"""Diamonds behind a node that gives several packets for one: they are told apart, as those of a source are."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from offbit_reflow import Actor, Network, actor
from offbit_reflow.connectors import read_csv

from .support import SOON
from .test_origins import STYLES, pair, same

COUNT = 40
#: What a branch that fails leaves, see `fails`.
LEFT = [x for x in range(COUNT) if x % 5 != 3]


@actor
def numbers(first):
    """A function that yields."""
    yield from range(first, first + COUNT)


class Gives(Actor):
    inports = ["first"]
    outports = ["out"]

    def run(self, ctx):
        for number in range(COUNT):
            yield {"out": ctx["first"] + number}


class GivesAsync(Gives):
    async def run(self, ctx):
        for number in range(COUNT):
            yield {"out": ctx["first"] + number}


class SendsAll(Gives):
    def run(self, ctx):
        for number in range(COUNT):
            ctx.send({"out": ctx["first"] + number})
        ctx.done()


class SendsAllAsync(Gives):
    async def run(self, ctx):
        for number in range(COUNT):
            await ctx.send_async({"out": ctx["first"] + number})
        ctx.done()


class SendsLater(Gives):
    def run(self, ctx):
        later = ctx.defer()

        def work():
            for number in range(COUNT):
                later.send({"out": later["first"] + number})
            later.done()

        threading.Thread(target=work).start()


class SendsInBatches(Gives):
    batch_size = 3

    def run(self, batch):
        for ctx in batch:
            for number in range(COUNT):
                ctx.send({"out": ctx["first"] + number})
            ctx.done()


class Late(Actor):
    inports = ["x"]
    outports = ["out"]

    async def run(self, ctx):
        await asyncio.sleep(0.02 if ctx["x"] % 4 == 0 else 0)
        return {"out": ctx["x"]}


FORKS = [numbers, Gives, GivesAsync, SendsAll, SendsAllAsync, SendsLater, SendsInBatches]


def wire(net, fork, branch, *, config=None, policy=None, fork_policy=None):
    """Wire fork -> same -> pair.a and fork -> branch -> pair.b."""
    for name, made in {"fork": fork, "same": same, "branch": branch, "pair": pair}.items():
        net.register_actor(name, made)
    net.add_node("fork", "fork", policy=fork_policy)
    net.add_node("same", "same")
    net.add_node("branch", "branch", config, policy=policy)
    net.add_node("pair", "pair")
    net.add_connection("fork", "out", "same", "x")
    net.add_connection("fork", "out", "branch", "x")
    net.add_connection("same", "out", "pair", "a")
    net.add_connection("branch", "out", "pair", "b")
    net.add_outport("pairs", "pair", "out")
    return net


def diamond(fork, branch, *, inputs=(0,), policy=None, capacity=128):
    """Run it on these inputs."""
    with wire(Network({"capacity": capacity}), fork, branch, policy=policy) as net:
        result = net.run({"fork.first": iter(inputs)}, timeout=SOON)
    return result.outputs["pairs"], result


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.__name__)
@pytest.mark.parametrize("branch", STYLES, ids=lambda branch: branch.__name__)
def test_failures_in_one_branch_never_shift_pairs(fork, branch):
    pairs, result = diamond(fork, branch, inputs=(0, 100))
    assert sorted(pairs) == [[x, x] for x in LEFT + [100 + x for x in LEFT]]
    assert len(result.failures) == result.nodes["pair"]["unmatched"] == 2 * (COUNT - len(LEFT))
    assert result.nodes["pair"]["undelivered"] == 0


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.__name__)
def test_branches_that_reorder(fork):
    policy = {"concurrency": 8, "ordered": False}
    pairs, result = diamond(fork, Late, policy=policy, capacity=2)
    assert sorted(pairs) == [[x, x] for x in range(COUNT)]
    assert result.ok


def test_a_file_that_is_read(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("id,amount\n" + "".join(f"{n},{'x' if n == 2 else n * 10}\n" for n in range(6)))

    @actor
    def amount(row):
        return float(row["amount"])

    @actor
    def name(row):
        return row["id"]

    @actor
    def invoice(id, amount):  # noqa: A002
        return (id, amount)

    rows = read_csv(path=str(path))
    result = invoice(id=rows >> name, amount=rows >> amount).run()
    assert result.outputs["invoice"] == [("0", 0.0), ("1", 10.0), ("3", 30.0), ("4", 40.0), ("5", 50.0)]


@pytest.mark.parametrize("together", [True, False])
def test_outports_that_are_used_one_after_another(together):
    class Parts(Actor):
        inports = ["first"]
        outports = ["l", "r"]

        def run(self, ctx):
            if together:
                for number in range(COUNT):
                    yield {"l": number, "r": 10 * number}
            else:
                for number in range(COUNT):
                    yield {"l": number}
                for number in range(COUNT):
                    yield {"r": 10 * number}

    class Drops(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": ctx["x"]} if ctx["x"] % 3 else {})

    with Network() as net:
        for name, made in {"parts": Parts, "drops": Drops, "pair": pair}.items():
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("parts", "l", "drops", "x")
        net.add_connection("drops", "out", "pair", "a")
        net.add_connection("parts", "r", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        result = net.run({"parts.first": iter([0, 0])}, timeout=SOON)
    expected = [[x, 10 * x] for x in range(COUNT) if x % 3]
    assert result.outputs["pairs"] == expected + expected
    assert result.nodes["pair"]["unmatched"] == 2 * (COUNT - len(expected))


def test_a_diamond_in_a_diamond():
    """What parts within a branch does not keep the branches from meeting."""

    @actor
    def three(x):
        for place in range(3):
            yield [x, place]

    @actor
    def even(x):
        if x[1] == 1:
            raise ValueError(x)
        return x

    with Network() as net:
        parts = {
            "numbers": numbers,
            "three": three,
            "all": same,
            "even": even,
            "inner": pair,
            "beside": same,
            "outer": pair,
        }
        for name, made in parts.items():
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("numbers", "out", "three", "x")
        net.add_connection("numbers", "out", "beside", "x")
        net.add_connection("three", "out", "all", "x")
        net.add_connection("three", "out", "even", "x")
        net.add_connection("all", "out", "inner", "a")
        net.add_connection("even", "out", "inner", "b")
        net.add_connection("inner", "out", "outer", "a")
        net.add_connection("beside", "out", "outer", "b")
        net.add_outport("pairs", "outer", "out")
        net.add_outport("inner", "inner", "out")
        result = net.run({"numbers.first": 0}, timeout=SOON)
    # One of two packets of each number finds its partner: the first.
    assert sorted(result.outputs["pairs"]) == [[[[x, 0], [x, 0]], x] for x in range(COUNT)]
    assert sorted(result.outputs["inner"]) == [[[x, p], [x, p]] for x, p in itertools.product(range(COUNT), (0, 2))]


def test_answers_of_questions_are_whole():
    @actor
    def odd(x):
        if x % 2 == 0:
            raise ValueError(x)
        return x

    with Network() as net:
        for name, made in {"numbers": numbers, "same": same, "odd": odd, "pair": pair, "note": same}.items():
            net.register_actor(name, made)
        net.add_node("numbers", "numbers")
        net.add_node("same", "same")
        net.add_node("odd", "odd", policy={"on_error": "route"})
        net.add_node("pair", "pair")
        net.add_node("note", "note")
        net.add_connection("numbers", "out", "same", "x")
        net.add_connection("numbers", "out", "odd", "x")
        net.add_connection("same", "out", "pair", "a")
        net.add_connection("odd", "out", "pair", "b")
        net.add_connection("odd", "error", "note", "x")
        net.add_outport("pairs", "pair", "out")
        net.add_inport("first", "numbers", "first")
        net.start()

        async def ask():
            return await asyncio.gather(*(net.ask_async({"first": 100 * n}, timeout=SOON) for n in range(20)))

        answers = asyncio.run(ask())
        for n, answer in enumerate(answers):
            assert answer["pairs"] == [[100 * n + x] * 2 for x in range(COUNT) if x % 2]
        assert net._run.open_questions == 0


def test_lists_are_gathered_around_it():
    @actor
    def lists(items):
        yield from items

    @actor
    def fails_for_two(x):
        if x == 2:
            raise ValueError(x)
        return x

    found = []

    @actor(outports=[])
    def keep(results):
        found.append(results)

    with Network() as net:
        parts = {"lists": lists, "two": numbers_of, "same": same, "branch": fails_for_two, "pair": pair, "keep": keep}
        for name, made in parts.items():
            net.register_actor(name, made)
            net.add_node(name, name, **({"firing": {"gather": "lists"}} if name == "keep" else {}))
        net.add_connection("lists", "out", "two", "x")
        net.add_connection("two", "out", "same", "x")
        net.add_connection("two", "out", "branch", "x")
        net.add_connection("same", "out", "pair", "a")
        net.add_connection("branch", "out", "pair", "b")
        net.add_connection("pair", "out", "keep", "results")
        net.run({"lists.items": iter([[1, 2, 3]])}, timeout=SOON)
    (results,) = found
    assert results[0] == [1, 1]
    assert results[1]["reason"] == "ValueError"
    assert results[2] == [3, 3]


@actor
def numbers_of(x):
    """A node that gives one packet for each, and might give more."""
    yield x
