"""Map over a list: an actor gives n packets, a node that gathers gets one list of n results, in order."""

from __future__ import annotations

import asyncio
import datetime
import random
import threading

import pytest

from offbit_reflow import Actor, Network, Stream, actor
from offbit_reflow.exceptions import ConfigError, GraphCheckError

from .support import SOON, Forward


@actor
def split(items):
    yield from items


class SplitSends(Actor):
    inports = ["items"]
    outports = ["out"]

    def run(self, ctx):
        for item in ctx["items"]:
            ctx.send({"out": item})
        ctx.done()


class SplitAsync(SplitSends):
    async def run(self, ctx):
        for item in ctx["items"]:
            await ctx.send_async({"out": item})
        ctx.done()


class SplitAsyncGenerator(SplitSends):
    async def run(self, ctx):
        for item in ctx["items"]:
            await asyncio.sleep(0)
            yield {"out": item}


class SplitBatch(SplitSends):
    batch_size = 4

    def run(self, batch):
        for ctx in batch:
            for item in ctx["items"]:
                ctx.send({"out": item})
            ctx.done()


class SplitDeferred(SplitSends):
    def run(self, ctx):
        import threading

        late = ctx.defer()

        def work():
            for item in ctx["items"]:
                late.send({"out": item})
            late.done()

        threading.Thread(target=work).start()


@actor
async def work(x):
    await asyncio.sleep(random.random() / 500)
    if x == 13:
        raise ValueError("bad luck")
    return x * 10


@actor
def gathered(results):
    return results


def network(splitter=split, worker=work, policy=None, gather="split") -> Network:
    net = Network()
    for name, component in {"split": splitter, "work": worker, "gathered": gathered}.items():
        net.register_actor(name, component)
    net.add_node("split", "split")
    net.add_node("work", "work", policy=policy)
    net.add_node("all", "gathered", firing={"gather": gather})
    net.add_connection("split", "out", "work", "x")
    net.add_connection("work", "out", "all", "results")
    net.add_inport("items", "split", "items")
    net.add_outport("out", "all", "out")
    return net


@pytest.mark.parametrize("splitter", [split, SplitSends, SplitAsync, SplitAsyncGenerator, SplitBatch, SplitDeferred])
@pytest.mark.parametrize("policy", [None, {"concurrency": 8, "ordered": False}])
def test_results_come_as_one_list_in_order(splitter, policy):
    net = network(splitter, policy=policy)
    lists = [[1, 2, 3], [], [4], list(range(20, 60))]
    result = net.run({"items": iter(lists)}, timeout=SOON)
    assert sorted(result.outputs["out"]) == sorted([x * 10 for x in items] for items in lists)
    assert result.ok


def test_failures_are_in_their_places():
    net = network(policy={"attempts": 2, "concurrency": 3})
    with net:
        net.start()
        answer = net.ask({"items": [1, 13, 2]}, timeout=SOON)
        assert answer["out"] == [
            [10, {"error": "ValueError: bad luck", "reason": "ValueError", "node": "work", "attempts": 2}, 20]
        ]
        assert net.ask({"items": []}, timeout=SOON) == {"out": [[]]}

        async def many():
            return await asyncio.gather(*(net.ask_async({"items": [n] * (n % 4)}, timeout=SOON) for n in range(100)))

        expected = [[n * 10] * (n % 4) for n in range(100) if n != 13]
        answers = [answer["out"][0] for answer in asyncio.run(many())]
        assert [one for n, one in enumerate(answers) if n != 13] == expected
        assert net._run.open_questions == 0


def test_what_a_filter_drops_is_none_and_what_comes_twice_is_told():
    @actor
    def odd(x):
        if x % 2:
            yield x
        if x == 5:
            yield -5

    net = network(worker=odd)
    events = net.events(types=["PacketUnmatched"])
    assert net.run({"items": [1, 2, 3, 4, 5]}, timeout=SOON).outputs["out"] == [[1, None, 3, None, 5]]
    net.shutdown()
    assert [event["reason"] for event in events] == ["another"]


def test_values_in_lists_are_those_that_were_given():
    things = [(1, 2), {"a": b"x"}, {3}, object()]

    @actor
    def same(x):
        return x

    [answer] = network(worker=same).run({"items": things}, timeout=SOON).outputs["out"]
    assert answer == things
    assert isinstance(answer[0], tuple)


def test_lists_of_lists():
    net = Network()
    net.register_actor("split", split)
    net.register_actor("work", work)
    net.register_actor("gathered", gathered)
    for name in ("outer", "inner"):
        net.add_node(name, "split")
    net.add_node("work", "work", policy={"concurrency": 8, "ordered": False})
    net.add_node("rows", "gathered", firing={"gather": "inner"})
    net.add_node("table", "gathered", firing={"gather": "outer"})
    for one, port, other, into in [
        ("outer", "out", "inner", "items"),
        ("inner", "out", "work", "x"),
        ("work", "out", "rows", "results"),
        ("rows", "out", "table", "results"),
    ]:
        net.add_connection(one, port, other, into)
    net.add_outport("out", "table", "out")
    table = [[1, 2], [], [3], [4, 5, 6]]
    assert net.run({"outer.items": table}, timeout=SOON).outputs["out"] == [[[x * 10 for x in row] for row in table]]
    with net:
        net.start()
        assert net.ask({"outer.items": []}, timeout=SOON) == {"out": [[]]}
        assert net.ask({"outer.items": table}, timeout=SOON)["out"] == [[[x * 10 for x in row] for row in table]]


def test_branches_of_an_item_are_joined_before_they_are_gathered():
    @actor
    def both(a, b):
        return (a, b)

    net = network()
    net = Network()
    for name, component in {"split": split, "work": work, "both": both, "gathered": gathered}.items():
        net.register_actor(name, component)
    net.add_node("split", "split")
    net.add_node("left", "work", policy={"concurrency": 4, "ordered": False})
    net.add_node("right", "work", policy={"concurrency": 4, "ordered": False})
    net.add_node("both", "both")
    net.add_node("all", "gathered", firing={"gather": "split"})
    for side, port in (("left", "a"), ("right", "b")):
        net.add_connection("split", "out", side, "x")
        net.add_connection(side, "out", "both", port)
    net.add_connection("both", "out", "all", "results")
    net.add_outport("out", "all", "out")
    expected = [(x * 10, x * 10) for x in range(12)]
    assert net.run({"split.items": list(range(12))}, timeout=SOON).outputs["out"] == [expected]


def test_a_tick_that_fails_gives_no_list():
    @actor
    def breaks(items):
        yield 1
        raise OSError("half way")

    net = network(breaks)
    result = net.run({"items": [1]}, timeout=SOON)
    assert result.outputs["out"] == []
    assert [failure.node for failure in result.failures] == ["split"]


def test_the_rule_in_a_graph():
    again = Network.from_graph(network().to_graph())
    for name, component in {"split": split, "work": work, "gathered": gathered}.items():
        again.register_actor(name, component)
    assert again.run({"items": [1, 2]}, timeout=SOON).outputs["out"] == [[10, 20]]


def test_mistakes_are_told():
    for gather, text in [("splitt", "did you mean `split`"), ("all", "do not come here"), (5, "id of a node")]:
        with pytest.raises((ConfigError, GraphCheckError), match=text):
            network(gather=gather).run({"items": []}, timeout=SOON)
    net = Network()
    net.register_actor("gathered", gathered)
    net.add_node("all", "gathered", firing="gather")
    with pytest.raises((ConfigError, GraphCheckError), match="names the node"):
        net.start()


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("item", "`item`, which is no node; did you mean `items`?"),
        ("items.oot", "`items.oot`; node `items` has no outport `oot`; did you mean `out`?"),
        ("table", "`table`, whose packets do not come here"),
    ],
)
def test_a_check_finds_who_gathers_what_does_not_come(named, why):
    net = Network()
    net.register_actor("forward", Forward)
    net.add_node("items", "forward")
    net.add_node("table", "forward", firing={"gather": named})
    net.add_connection("items", "out", "table", "in")
    for found in (net.check(), [str(one) for one in net.to_graph().check(net)]):
        assert any(one.startswith("error") and f"firing: `gather` names {why}" in one for one in found), found
    with pytest.raises(ConfigError, match="firing: `gather` names"):
        net.run({"items.in": 1})


class Results(Actor):
    """Gathers lists, and keeps them."""

    inports = ["in"]

    def __init__(self):
        self.lists = []

    def run(self, ctx):
        self.lists.append(ctx["in"])
        ctx.done()


def results_of(items, make=lambda item: item):
    @actor
    def each(x):
        return make(x)

    results = Results()
    with Network() as net:
        for name, part in {"split": split, "each": each, "results": results}.items():
            net.register_actor(name, part)
            net.add_node(name, name, **({"firing": {"gather": "split"}} if name == "results" else {}))
        net.add_connection("split", "out", "each", "x")
        net.add_connection("each", "out", "results", "in")
        assert net.run({"split.items": iter([items])}, timeout=SOON).ok
    (found,) = results.lists
    return found


@pytest.mark.parametrize(
    "items",
    [
        [b"abc", b"de"],
        [b"abc", datetime.date(2024, 1, 2), None, 1.5],
        [{"a": b"x"}, (1, 2), {3}],
        [1, "a", [2], {"b": None}, True],
    ],
    ids=str,
)
def test_results_are_gathered_as_they_are(items):
    found = results_of(items)
    assert found == items
    assert list(map(type, found)) == list(map(type, items))


def test_bytes_are_gathered_without_a_copy():
    items = [bytes(1000), bytes(1000)]
    assert [one is other for one, other in zip(results_of(items), items, strict=True)] == [True, True]


def test_streams_that_are_gathered_can_be_taken():
    def stream(number):
        stream = Stream.create()
        message = stream.into_message()
        stream.send_bytes(bytes([number]))
        stream.end()
        return message

    assert [message.take_stream().read_all(SOON) for message in results_of([1, 2], stream)] == [b"\1", b"\2"]


@pytest.mark.parametrize("side", ["split", "split.side"])
def test_who_gathers_waits_for_what_other_branches_hold(side):
    """Its own branch is over long before a list is."""
    over = threading.Event()

    class Parts(Actor):
        inports = ["items"]
        outports = ["out", "side"]

        def run(self, ctx):
            for item in ctx["items"]:
                yield {"out": item, "side": item}

    class Quick(Forward):
        def teardown(self):
            over.set()

    @actor
    async def late(x):
        assert await asyncio.to_thread(over.wait, SOON)
        return 10 * x

    net = Network()
    for name, component in {"split": Parts, "quick": Quick, "late": late, "all": gathered, "aside": gathered}.items():
        net.register_actor(name, component)
    net.add_node("split", "split")
    net.add_node("quick", "quick")
    net.add_node("late", "late")
    net.add_node("all", "all", firing={"gather": "split"})
    net.add_node("aside", "aside", firing={"gather": side})
    net.add_connection("split", "out", "late", "x")
    net.add_connection("late", "out", "all", "results")
    net.add_connection("split", "side", "quick", "in")
    net.add_connection("quick", "out", "aside", "results")
    net.add_outport("all", "all", "out")
    net.add_outport("aside", "aside", "out")
    result = net.run({"split.items": iter([[1, 2], [], [3]])}, timeout=SOON)
    assert sorted(result.outputs["aside"]) == [[], [1, 2], [3]]
    assert sorted(result.outputs["all"]) == [[], [10, 20], [30]]
    assert result.nodes["aside"]["undelivered"] == 0


class Together(Actor):
    inports = ["items"]
    outports = ["out", "side"]

    def run(self, ctx):
        for item in ctx["items"]:
            ctx.send({"out": item, "side": -item})
        ctx.done()


class TogetherAsync(Together):
    async def run(self, ctx):
        for item in ctx["items"]:
            await ctx.send_async({"out": item, "side": -item})
        ctx.done()


class TogetherGenerator(Together):
    def run(self, ctx):
        for item in ctx["items"]:
            yield {"out": item, "side": -item}


class TogetherAsyncGenerator(Together):
    async def run(self, ctx):
        for item in ctx["items"]:
            yield {"out": item, "side": -item}


@pytest.mark.parametrize("splitter", [Together, TogetherAsync, TogetherGenerator, TogetherAsyncGenerator])
@pytest.mark.parametrize("policy", [None, {"concurrency": 2}])
def test_what_leaves_together_has_one_place(splitter, policy):
    class Both(Actor):
        inports = ["a", "b"]
        outports = ["out"]

        def run(self, ctx):
            return {"out": [ctx["a"], ctx["b"]]}

    net = Network()
    net.register_actor("split", splitter)
    net.register_actor("both", Both)
    net.add_node("split", "split", policy=policy)
    net.add_node("both", "both", firing={"gather": "split"})
    net.add_connection("split", "out", "both", "a")
    net.add_connection("split", "side", "both", "b")
    net.add_outport("out", "both", "out")
    assert net.run({"split.items": [1, 2, 3]}, timeout=SOON).outputs["out"] == [[[1, 2, 3], [-1, -2, -3]]]
