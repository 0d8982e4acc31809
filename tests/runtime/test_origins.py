"""Pairing by origin: what belongs together stays together, whatever the branches do."""

from __future__ import annotations

import asyncio
import copy
import datetime
import decimal
import threading
import types
import uuid

import pytest

from offbit_reflow import Actor, Graph, Network, SubgraphBuilder, actor

from .support import SOON, of_type


@actor
def numbers():
    yield from range(40)


@actor
def same(x):
    return x


@actor
def pair(a, b):
    return [a, b]


@actor(join="position")
def pair_by_position(a, b):
    return [a, b]


def diamond(branch, *, policy=None, source=numbers, join=pair, capacity=None, firing=None, inputs=None, net=None):
    """Run source -> same -> pair.a and source -> branch -> pair.b; pairs, and how the run ended."""
    with net or Network(None if capacity is None else {"capacity": capacity}) as net:
        for name, made in (("src", source), ("same", same), ("branch", branch), ("pair", join)):
            net.register_actor(name, made)
        net.add_node("src", "src")
        net.add_node("same", "same")
        net.add_node("branch", "branch", policy=policy)
        net.add_node("pair", "pair", firing=firing)
        net.add_connection("src", "out", "same", "x")
        net.add_connection("src", "out", "branch", "x")
        net.add_connection("same", "out", "pair", "a")
        net.add_connection("branch", "out", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        events = net.events(types=["PacketUnmatched", "NetworkStalled"])
        result = net.run(inputs or {}, timeout=SOON)
        return result.outputs["pairs"], result, list(events)


def fails(x):
    if x % 5 == 3:
        raise ValueError(x)
    return x


class Plain(Actor):
    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": fails(ctx["x"])})


class Async(Actor):
    inports = ["x"]
    outports = ["out"]

    async def run(self, ctx):
        await asyncio.sleep(0)
        return {"out": fails(ctx["x"])}


class Generator(Actor):
    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        yield {"out": fails(ctx["x"])}


class AsyncGenerator(Actor):
    inports = ["x"]
    outports = ["out"]

    async def run(self, ctx):
        yield {"out": fails(ctx["x"])}


class Sends(Actor):
    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        ctx.send({"out": fails(ctx["x"])})
        ctx.done()


class Deferred(Actor):
    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        held = ctx.defer()

        def end():
            try:
                held.done({"out": fails(held["x"])})
            except ValueError as error:
                held.fail(str(error))

        threading.Thread(target=end).start()


class Batch(Actor):
    inports = ["x"]
    outports = ["out"]
    batch_size = 7

    def run(self, batch):
        for ctx in batch:
            try:
                ctx.done({"out": fails(ctx["x"])})
            except ValueError as error:
                ctx.fail(str(error))


@actor
def function(x):
    return fails(x)


STYLES = [Plain, Async, Generator, AsyncGenerator, Sends, Deferred, Batch, function]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@pytest.mark.parametrize("capacity", [1, 128])
def test_failures_in_one_branch_never_shift_pairs(style, capacity):
    pairs, result, events = diamond(style, capacity=capacity)
    assert pairs == [[x, x] for x in range(40) if x % 5 != 3]
    assert len(result.failures) == 8
    assert result.nodes["pair"]["unmatched"] == 8
    lone = of_type(events, "PacketUnmatched")
    assert sorted(event["message"] for event in lone) == [3, 8, 13, 18, 23, 28, 33, 38]
    assert {(event["actorId"], event["port"], event["reason"]) for event in lone} == {("pair", "a", "no_partner")}
    assert result.nodes["pair"]["undelivered"] == 0


def test_what_finds_no_partner_leaves_by_an_outport_that_needs_no_declaration():
    with Network() as net:
        for name, made in {"src": numbers, "branch": function, "pair": pair}.items():
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_node("lone", "tpl_passthrough")
        net.add_connection("src", "out", "pair", "a")
        net.add_connection("src", "out", "branch", "x")
        net.add_connection("branch", "out", "pair", "b")
        net.add_connection("pair", "unmatched", "lone", "input")
        net.add_outport("lone", "lone", "output")
        assert net.check() == []
        assert sorted(net.run(timeout=SOON).outputs["lone"]) == [3, 8, 13, 18, 23, 28, 33, 38]


def test_branches_of_one_to_one_see_no_difference():
    for join in (pair, pair_by_position):
        pairs, result, events = diamond(same, join=join)
        assert pairs == [[x, x] for x in range(40)]
        assert result.ok
        assert events == []


def test_a_filter_leaves_nothing_waiting():
    class Few(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": ctx["x"]} if ctx["x"] in (0, 999) else {})

    @actor
    def thousand():
        yield from range(1000)

    pairs, result, events = diamond(Few, source=thousand, capacity=2)
    assert pairs == [[0, 0], [999, 999]]
    assert result.ok
    assert result.nodes["pair"]["unmatched"] == 998
    assert not of_type(events, "NetworkStalled")


@pytest.mark.parametrize("ordered", [True, False])
def test_a_branch_that_reorders(ordered):
    class Late(Actor):
        inports = ["x"]
        outports = ["out"]

        async def run(self, ctx):
            await asyncio.sleep(0.02 if ctx["x"] % 4 == 0 else 0)
            return {"out": ctx["x"]}

    pairs, result, _ = diamond(Late, policy={"concurrency": 8, "ordered": ordered}, capacity=2)
    assert sorted(pairs) == [[x, x] for x in range(40)]
    assert result.ok


def test_retries_and_time_outs_keep_their_place():
    class Flaky(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            if ctx["x"] % 3 == 0 and ctx.attempt == 1:
                raise ValueError
            if ctx["x"] % 7 == 6:
                raise KeyError
            ctx.done({"out": ctx["x"]})

    pairs, result, _ = diamond(Flaky, policy={"attempts": 2, "concurrency": 3})
    assert sorted(pairs) == [[x, x] for x in range(40) if x % 7 != 6]
    assert len(result.failures) == 5


def test_several_packets_of_one_origin_pair_by_their_place():
    class Thrice(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            for part in range(3):
                yield {"out": (ctx["x"], part)}

    class Twice(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            for part in range(2):
                ctx.send({"out": (ctx["x"], part)})
            ctx.done()

    with Network() as net:
        for name, made in (("src", numbers), ("b", Thrice), ("c", Twice), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("src", "out", "b", "x")
        net.add_connection("src", "out", "c", "x")
        net.add_connection("b", "out", "pair", "a")
        net.add_connection("c", "out", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        result = net.run(timeout=SOON)
    assert [tuple(map(tuple, found)) for found in result.outputs["pairs"]] == [
        ((x, part), (x, part)) for x in range(40) for part in range(2)
    ]
    assert result.nodes["pair"]["unmatched"] == 40


class TwoOutports(Actor):
    outports = ["l", "r"]


class Together(TwoOutports):
    """Every fourth packet has no partner."""

    def run(self, ctx):
        for x in range(150):
            yield {"l": x, "r": x} if x % 4 else {"l": x}


class Apart(TwoOutports):
    def run(self, ctx):
        for port in ("l", "r"):
            for x in range(150):
                yield {port: x}


class Alternately(TwoOutports):
    def run(self, ctx):
        for x in range(150):
            ctx.send({"r": x})
            ctx.send({"l": x})
        ctx.finish()
        ctx.done()


class AlternatelyAsync(TwoOutports):
    async def run(self, ctx):
        for x in range(150):
            yield {"l": x}
            await asyncio.sleep(0)
            yield {"r": x}


def joined(source, capacity=64):
    """Run source.l -> pair.a and source.r -> same -> pair.b."""
    with Network({"capacity": capacity}) as net:
        for name, made in (("src", source), ("same", same), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("src", "l", "pair", "a")
        net.add_connection("src", "r", "same", "x")
        net.add_connection("same", "out", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        return net.run(timeout=SOON)


@pytest.mark.parametrize("capacity", [1, 64])
@pytest.mark.parametrize("source", [Together, Apart, Alternately, AlternatelyAsync])
def test_a_source_of_two_outports_sends_them_together_or_one_after_the_other(source, capacity):
    """However far behind the partner is, and however little room there is."""
    result = joined(source, capacity)
    partners = [x for x in range(150) if source is not Together or x % 4]
    assert result.outputs["pairs"] == [[x, x] for x in partners]
    assert result.nodes["pair"]["unmatched"] == 150 - len(partners)


def test_one_outport_alone_waits_for_no_partner_for_ever():
    """A source that never uses its other outport comes to its end, and what it has sent is told to be without partner."""

    class Half(TwoOutports):
        def run(self, ctx):
            for x in range(10_000):
                yield {"l": x}

    assert joined(Half).nodes["pair"]["unmatched"] == 10_000


def test_summaries_of_both_branches_belong_together():
    class Total(Actor):
        inports = ["x"]
        outports = ["out"]

        def __init__(self):
            self.total = 0

        def run(self, ctx):
            self.total += fails(ctx["x"])
            ctx.done()

        def finalize(self, ctx):
            ctx.done({"out": self.total})

    with Network() as net:
        for name, made in (("src", numbers), ("one", Total), ("other", Total), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        for name, port in (("one", "a"), ("other", "b")):
            net.add_connection("src", "out", name, "x")
            net.add_connection(name, "out", "pair", port)
        net.add_outport("pairs", "pair", "out")
        result = net.run(timeout=SOON)
    total = sum(x for x in range(40) if x % 5 != 3)
    assert result.outputs["pairs"] == [[total, total]]


def test_packets_from_outside_have_origins_too():
    with Network() as net:
        for name, made in (("in", same), ("same", same), ("branch", Plain), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("in", "out", "same", "x")
        net.add_connection("in", "out", "branch", "x")
        net.add_connection("same", "out", "pair", "a")
        net.add_connection("branch", "out", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        result = net.run({"in.x": iter(range(20))}, timeout=SOON)
    assert result.outputs["pairs"] == [[x, x] for x in range(20) if x % 5 != 3]


def test_two_sources_that_meet_before_they_part():
    @actor
    def hundreds():
        yield from range(100, 140)

    with Network() as net:
        for name, made in (("src", numbers), ("other", hundreds), ("same", same), ("branch", Plain), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        for source in ("src", "other"):
            net.add_connection(source, "out", "same", "x")
            net.add_connection(source, "out", "branch", "x")
        net.add_connection("same", "out", "pair", "a")
        net.add_connection("branch", "out", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        result = net.run(timeout=SOON)
    assert sorted(result.outputs["pairs"]) == [[x, x] for x in [*range(40), *range(100, 140)] if x % 5 != 3]


def test_diamonds_within_diamonds():
    """src -> (a -> (b, c) -> inner, d) -> outer; b and d fail now and then."""

    @actor
    def b(x):
        return fails(x)

    @actor
    def d(x):
        if x % 7 == 2:
            raise ValueError(x)
        return x

    with Network({"capacity": 2}) as net:
        nodes = (("src", numbers), ("a", same), ("b", b), ("c", same), ("d", d), ("inner", pair), ("outer", pair))
        for name, made in nodes:
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("src", "out", "a", "x")
        net.add_connection("src", "out", "d", "x")
        net.add_connection("a", "out", "b", "x")
        net.add_connection("a", "out", "c", "x")
        net.add_connection("b", "out", "inner", "a")
        net.add_connection("c", "out", "inner", "b")
        net.add_connection("inner", "out", "outer", "a")
        net.add_connection("d", "out", "outer", "b")
        net.add_outport("pairs", "outer", "out")
        result = net.run(timeout=SOON)
    assert result.outputs["pairs"] == [[[x, x], x] for x in range(40) if x % 5 != 3 and x % 7 != 2]
    assert (result.nodes["inner"]["unmatched"], result.nodes["outer"]["unmatched"]) == (8, 12)


def test_a_loop_in_a_branch():
    """Each number goes round until it is even at the last bit that counts; the other branch waits for it."""

    class Round(Actor):
        inports = ["x"]
        outports = ["again", "out"]

        def run(self, ctx):
            x, rounds = ctx["x"] if isinstance(ctx["x"], list) else [ctx["x"], ctx["x"] % 4]
            ctx.done({"again": [x, rounds - 1]} if rounds else {"out": x})

    with Network() as net:
        for name, made in (("src", numbers), ("round", Round), ("back", same), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("src", "out", "round", "x")
        net.add_connection("round", "again", "back", "x")
        net.add_connection("back", "out", "round", "x")
        net.add_connection("round", "out", "pair", "a")
        net.add_connection("src", "out", "pair", "b")
        net.add_outport("pairs", "pair", "out")
        result = net.run(timeout=SOON)
    assert sorted(result.outputs["pairs"]) == [[x, x] for x in range(40)]


def test_a_branch_that_is_a_subgraph():
    inner = Graph("inner", True)
    inner.add_node("one", "same")
    inner.add_node("two", "plain")
    inner.add_connection("one", "out", "two", "x")
    inner.add_inport("x", "one", "x")
    inner.add_outport("out", "two", "out")
    builder = SubgraphBuilder(inner)
    builder.register_actor("same", same)
    builder.register_actor("plain", Plain)
    pairs, _, _ = diamond(builder.build())
    assert pairs == [[x, x] for x in range(40) if x % 5 != 3]


def test_native_nodes_carry_origins():
    with Network() as net:
        net.register_actor("src", numbers)
        net.register_actor("branch", Plain)
        net.add_node("src", "src")
        net.add_node("branch", "branch")
        net.add_node("pass", "tpl_passthrough")
        net.add_node("sum", "tpl_math_add")
        net.add_connection("src", "out", "pass", "input")
        net.add_connection("src", "out", "branch", "x")
        net.add_connection("pass", "output", "sum", "a")
        net.add_connection("branch", "out", "sum", "b")
        net.add_outport("sums", "sum", "result")
        result = net.run(timeout=SOON)
    assert result.outputs["sums"] == [2.0 * x for x in range(40) if x % 5 != 3]


def test_the_outport_unmatched():
    class Pair(Actor):
        inports = ["a", "b"]
        outports = ["out", "unmatched"]
        await_all_inports = True

        def run(self, ctx):
            ctx.done({"out": [ctx["a"], ctx["b"]]})

    with Network() as net:
        for name, made in (("src", numbers), ("branch", Plain), ("pair", Pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("src", "out", "pair", "a")
        net.add_connection("src", "out", "branch", "x")
        net.add_connection("branch", "out", "pair", "b")
        net.add_outport("rest", "pair", "unmatched")
        result = net.run(timeout=SOON)
    assert sorted(result.outputs["rest"]) == [3, 8, 13, 18, 23, 28, 33, 38]


class Joins:
    """Nodes that pair `a` and `b`, in every style."""

    class Plain(Actor):
        inports = ["a", "b"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": [ctx["a"], ctx["b"]]})

    class Generator(Plain):
        def run(self, ctx):
            yield {"out": [ctx["a"], ctx["b"]]}

    class Async(Plain):
        async def run(self, ctx):
            return {"out": [ctx["a"], ctx["b"]]}

    class AsyncGenerator(Plain):
        async def run(self, ctx):
            yield {"out": [ctx["a"], ctx["b"]]}

    class Batch(Plain):
        batch_size = 8

        def run(self, batch):
            batch.done({"out": [list(pair) for pair in zip(batch["a"], batch["b"], strict=True)]})


JOINS = [Joins.Plain, Joins.Generator, Joins.Async, Joins.AsyncGenerator, Joins.Batch]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("join", [*JOINS, pair], ids=lambda join: join.__name__)
@pytest.mark.parametrize("from_json", [False, True])
def test_what_comes_when_the_other_branch_has_ended_leaves_as_unmatched(join, from_json):
    """It found the joining node gone, and was only counted as undelivered of its sender."""
    gone = threading.Event()

    class Once(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            ctx.done({"out": ctx["x"]})

        def teardown(self):
            gone.set()

    @actor
    def late(x):
        # In the run that this is about, the node has long ended when the second packet comes.
        assert gone.wait(SOON)
        if x == 1:
            ended.recv(300)
        return x

    graph = Graph("late", True)
    for name in ("src", "once", "late", "join"):
        firing = {"firing": "origin"} if name == "join" else {}
        graph.add_node(name, name, firing)
    for left, right, port in (("src", "once", "x"), ("src", "late", "x"), ("once", "join", "a"), ("late", "join", "b")):
        graph.add_connection(left, "out", right, port)
    graph.add_outport("out", "join", "out")
    graph.add_outport("left", "join", "unmatched")
    with Network.from_graph(Graph.from_json(graph.to_json()) if from_json else graph) as net:
        for name, made in (("src", same), ("once", Once), ("late", late), ("join", join)):
            net.register_actor(name, made)
        ended = net.events(types=["NodeStateChanged"], nodes=["join"])
        while ended.recv(1) is not None:
            pass
        result = net.run({"src.x": iter(range(5))}, timeout=SOON)
    assert result.outputs == {"out": [[0, 0]], "left": [1, 2, 3, 4]}
    assert result.nodes["join"]["unmatched"] == 4
    assert result.nodes["late"]["undelivered"] == 0


class TestByKey:
    ORDERS = [{"id": n, "what": "order"} for n in range(10)]
    PAYMENTS = [{"order": {"id": n}, "what": "payment"} for n in (5, 1, 0, 7, 99, 3)]

    def run(self, firing, orders=None, payments=None, **kwargs):
        with Network() as net:
            net.register_actor("pair", pair)
            net.add_node("pair", "pair", firing=firing)
            net.add_outport("pairs", "pair", "out")
            events = net.events(types=["PacketUnmatched"])
            inputs = {"pair.a": iter(orders or self.ORDERS), "pair.b": iter(payments or self.PAYMENTS)}
            result = net.run(inputs, timeout=SOON, **kwargs)
            return result, list(events)

    RULE = {"join": {"a": "id", "b": "order.id"}}

    def test_partners_find_each_other_in_any_order(self):
        result, events = self.run(self.RULE)
        found = sorted((a["id"], b["order"]["id"]) for a, b in result.outputs["pairs"])
        assert found == [(n, n) for n in (0, 1, 3, 5, 7)]
        assert result.nodes["pair"]["unmatched"] == 6
        assert {event["reason"] for event in events} == {"closed"}

    def test_more_than_the_bound_do_not_wait(self):
        orders = [{"id": n} for n in range(500)]
        result, events = self.run({**self.RULE, "bound": 20}, orders, [{"order": {"id": -1}}])
        assert result.nodes["pair"]["unmatched"] == 501
        assert sum(event["reason"] == "bound" for event in events) >= 480

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("join", JOINS, ids=lambda join: join.__name__)
    def test_what_comes_when_no_partner_can_come_leaves_at_once(self, join):
        """Also while the other side goes on, and however much of it there is."""
        told = []

        class Lefts(Actor):
            outports = ["out"]

            def run(self, ctx):
                yield {"out": {"id": 1}}
                yield {"out": {"id": 2}}

        class Rights(Actor):
            outports = ["out"]

            def run(self, ctx):
                yield {"out": {"id": 1}}
                for number in range(10, 500):
                    yield {"out": {"id": number}}
                told.append(lone.recv(timeout=SOON))
                yield {"out": {"id": 2}}

        with Network({"capacity": 4}) as net:
            for name, made in (("left", Lefts), ("right", Rights), ("p", join)):
                net.register_actor(name, made)
                net.add_node(name, name, firing={"join": {"a": "id", "b": "id"}} if name == "p" else None)
            net.add_connection("left", "out", "p", "a")
            net.add_connection("right", "out", "p", "b")
            net.add_outport("out", "p", "out")
            net.add_outport("left", "p", "unmatched")
            lone = net.listen("p", "unmatched")
            result = net.run(timeout=SOON)
        assert told[0].data() == {"id": 10}
        assert [left["id"] for left, _ in result.outputs["out"]] == [1, 2]
        assert [left["id"] for left in result.outputs["left"]] == list(range(10, 500))

    def test_nobody_waits_longer_than_the_time_limit(self):
        with Network() as net:
            net.register_actor("pair", pair)
            net.add_node("pair", "pair", firing={**self.RULE, "timeout_ms": 30})
            events = net.events(types=["PacketUnmatched"])
            net.start()
            net.send("pair", "a", {"id": 1})
            event = events.recv(5_000)
            assert (event["port"], event["reason"], event["message"]) == ("a", "timeout", {"id": 1})
            assert net.stats()["pair"]["unmatched"] == 1

    def test_a_packet_without_a_key_is_told(self):
        result, events = self.run(self.RULE, [{"no": 1}, {"id": 1}], [{"order": {"id": 1}}])
        assert len(result.outputs["pairs"]) == 1
        assert [event["reason"] for event in events] == ["no_key"]

    @pytest.mark.parametrize(
        "key",
        [
            datetime.date(2024, 1, 2),
            uuid.UUID(int=5),
            b"ab",
            decimal.Decimal("1.5"),
            2**70,
            ("a", 1),
            frozenset({1, 2}),
            datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
        ],
        ids=repr,
    )
    def test_any_value_is_a_key(self, key):
        others = [{"order": {"id": copy.deepcopy(key)}}, {"order": {"id": 7}}]
        result, _ = self.run(self.RULE, [{"id": 1}, {"id": key}], others)
        assert result.outputs["pairs"] == [[{"id": key}, {"order": {"id": key}}]]

    def test_keys_that_are_equal_are_one(self):
        zone = datetime.timezone(datetime.timedelta(hours=1))
        noon = datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC)
        keys = [(1, 1.0), (decimal.Decimal("1.50"), decimal.Decimal("1.5")), (noon, noon.astimezone(zone))]
        result, _ = self.run(self.RULE, [{"id": a} for a, _ in keys], [{"order": {"id": b}} for _, b in keys])
        assert len(result.outputs["pairs"]) == 3

    def test_what_stands_beside_the_key_does_not_matter(self):
        beside = [datetime.date(2024, 1, 2), b"x", object(), 2**70, {1, 2}]
        orders = [{"id": number, "beside": value} for number, value in enumerate(beside)]
        result, _ = self.run(self.RULE, orders, [{"order": {"id": number}} for number in range(5)])
        assert [a["beside"] for a, _ in result.outputs["pairs"]] == beside

    def test_attributes_are_members(self):
        result, _ = self.run(self.RULE, [types.SimpleNamespace(id=3)], [{"order": types.SimpleNamespace(id=3)}])
        assert len(result.outputs["pairs"]) == 1

    def test_repeated_keys_pair_by_their_place(self):
        orders = [{"id": 1, "n": n} for n in range(3)]
        payments = [{"order": {"id": 1}, "n": n} for n in range(2)]
        result, _ = self.run(self.RULE, orders, payments)
        assert sorted((a["n"], b["n"]) for a, b in result.outputs["pairs"]) == [(0, 0), (1, 1)]


def test_position_is_there_on_request():
    pairs, _, _ = diamond(Plain, firing="position")
    assert pairs == [list(found) for found in zip(range(40), [x for x in range(40) if x % 5 != 3], strict=False)]


@pytest.mark.parametrize("rule", [{"join": "luck"}, {"join": {"a": "id"}}, {"join": "origin", "bound": 0}], ids=str)
def test_wrong_rules_are_refused(rule):
    with Network() as net:
        net.register_actor("pair", pair)
        net.add_node("pair", "pair", firing=rule)
        with pytest.raises(ValueError, match="firing"):
            net.start()
