"""Questions to a running network: each gets its own answer, and nothing of it is left."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator

import pytest

from offbit_reflow import Actor, Network, actor
from offbit_reflow.exceptions import ContextError, NetworkError, QuestionFailed, RunTimeout

from .support import SOON, Forward, add


def network(*nodes, chain=True, policy=None) -> Network:
    """A network of these components in a row, from the inport ``in`` to the outport ``out``."""
    net = Network()
    for at, component in enumerate(nodes):
        if isinstance(component, str):
            net.add_node(f"n{at}", component)
        else:
            net.register_actor(f"t{at}", component)
            net.add_node(f"n{at}", f"t{at}", policy=policy)
    if chain:
        ends = [("in", "out")] * len(nodes)
        for at in range(1, len(nodes)):
            net.add_connection(f"n{at - 1}", ends[at - 1][1], f"n{at}", ends[at][0])
        net.add_inport("in", "n0", "in")
        net.add_outport("out", f"n{len(nodes) - 1}", "out")
    return net


@pytest.fixture
def start() -> Iterator:
    nets = []

    def begin(net: Network) -> Network:
        nets.append(net)
        net.start()
        return net

    yield begin
    for net in nets:
        gone(net)
        net.shutdown(grace=5)


def gone(net: Network) -> None:
    """Wait until nothing of any question is left."""
    end = time.monotonic() + SOON
    while net._run.open_questions:
        assert time.monotonic() < end, net.to_text()
        time.sleep(0.001)


class Plain(Actor):
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"] + 1})


class Async(Plain):
    async def run(self, ctx):
        await asyncio.sleep(0)
        ctx.done({"out": ctx["in"] + 1})


class Generator(Plain):
    def run(self, ctx):
        yield {"out": ctx["in"] + 1}


class AsyncGenerator(Plain):
    async def run(self, ctx):
        await asyncio.sleep(0)
        yield {"out": ctx["in"] + 1}


class Batch(Plain):
    batch_size = 16

    def run(self, batch):
        for one in batch:
            one.done({"out": one["in"] + 1})


class Thread(Plain):
    def run(self, ctx):
        late = ctx.defer()
        value = ctx["in"]
        threading.Thread(target=lambda: late.done({"out": value + 1})).start()


class Sends(Plain):
    def run(self, ctx):
        ctx.send({"out": ctx["in"] + 1})
        ctx.done()


class SendsAsync(Plain):
    async def run(self, ctx):
        await ctx.send_async({"out": ctx["in"] + 1})
        ctx.done()


STYLES = [Plain, Async, Generator, AsyncGenerator, Batch, Thread, Sends, SendsAsync]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_answers_each_question(style, start):
    net = start(network(style, style))

    async def many():
        return await asyncio.gather(*(net.ask_async({"in": n}, timeout=SOON) for n in range(200)))

    assert asyncio.run(many()) == [{"out": [n + 2]} for n in range(200)]
    assert net.ask({"in": 1}, timeout=SOON) == {"out": [3]}


@pytest.mark.parametrize("policy", [{"timeout_ms": 10_000}, {"attempts": 2}, {"concurrency": 4}])
@pytest.mark.parametrize("style", [Plain, Async, Generator, AsyncGenerator, Thread])
def test_styles_under_policies(style, policy, start):
    net = start(network(style, policy=policy))
    assert [net.ask({"in": n}, timeout=SOON)["out"] for n in range(20)] == [[n + 1] for n in range(20)]


def test_a_function_is_asked_with_several_inports(start):
    @actor
    def minus(a, b, c=0):
        return a - b - c

    net = Network()
    net.register_actor("minus", minus)
    net.add_node("m", "minus")
    net.add_outport("out", "m", "out")
    start(net)

    async def many():
        asks = [net.ask_async({"m.a": n, "m.b": 1}, timeout=SOON) for n in range(100)]
        asks += [net.ask_async({"m.b": 2, "m.c": 1, "m.a": n}, timeout=SOON) for n in range(100)]
        return await asyncio.gather(*asks)

    answers = asyncio.run(many())
    assert answers[:100] == [{"out": [n - 1]} for n in range(100)]
    assert answers[100:] == [{"out": [n - 3]} for n in range(100)]


def test_an_answer_has_all_parts_of_its_question_and_no_others(start):
    class Repeat(Plain):
        async def run(self, ctx):
            for at in range(ctx["in"]):
                await asyncio.sleep(0)
                await ctx.send_async({"out": (ctx["in"], at)})
            ctx.done()

    net = start(network(Repeat, policy={"concurrency": 8, "ordered": False}))

    async def many():
        return await asyncio.gather(*(net.ask_async({"in": n % 5}, timeout=SOON) for n in range(100)))

    assert asyncio.run(many()) == [{"out": [(n % 5, at) for at in range(n % 5)]} for n in range(100)]


def test_iterators_are_inputs_as_for_run(start):
    net = start(network(Plain))

    async def stream():
        for n in range(3):
            yield n

    assert net.ask({"in": iter([1, 2])}, timeout=SOON) == {"out": [2, 3]}
    assert asyncio.run(net.ask_async({"in": iter([1, 2])}, timeout=SOON)) == {"out": [2, 3]}
    assert asyncio.run(net.ask_async({"in": stream()}, timeout=SOON)) == {"out": [1, 2, 3]}
    assert net.ask({"in": iter([])}, timeout=SOON) == {"out": []}


class Even(Plain):
    """Drops odd numbers."""

    def run(self, ctx):
        ctx.done({"out": ctx["in"]} if ctx["in"] % 2 == 0 else {})


class Fails(Plain):
    def run(self, ctx):
        if ctx["in"] < 0:
            raise ValueError(f"no {ctx['in']}")
        ctx.done({"out": ctx["in"]})


def diamond(left, right, join) -> Network:
    @actor
    def both(a, b):
        return (a, b)

    net = Network()
    for name, component in {"head": Plain, "left": left, "right": right}.items():
        net.register_actor(name, component)
        net.add_node(name, name)
    net.register_actor("both", both)
    net.add_node("both", "both", firing=join)
    for name, port in {"left": "a", "right": "b"}.items():
        net.add_connection("head", "out", name, "in")
        net.add_connection(name, "out", "both", port)
    net.add_inport("in", "head", "in")
    net.add_outport("out", "both", "out")
    return net


@pytest.mark.parametrize("join", [None, "all", "position", "origin", "latest"])
def test_pairs_of_different_questions_never_mix(join, start):
    net = start(diamond(Even, Async, join))

    async def many():
        return await asyncio.gather(*(net.ask_async({"in": n}, timeout=SOON) for n in range(100)))

    expected = [{"out": [(n + 1, n + 2)] if n % 2 else []} for n in range(100)]
    assert asyncio.run(many()) == expected


def test_what_finds_no_partner_leaves_as_a_part_of_its_question(start):
    net = Network()

    @actor(outports=["out", "unmatched"])
    def both(a, b):
        return {"out": (a, b)}

    net.register_actor("both", both)
    net.register_actor("plain", Plain)
    net.add_node("both", "both")
    net.add_node("after", "plain")
    net.add_connection("both", "unmatched", "after", "in")
    net.add_outport("pairs", "both", "out")
    net.add_outport("alone", "after", "out")
    start(net)
    answer = net.ask({"both.a": iter([1, 2, 3]), "both.b": iter([10])}, timeout=SOON)
    assert answer == {"pairs": [(1, 10)], "alone": [3, 4]}


@pytest.mark.parametrize("join", [None, "position"])
def test_failures_are_raised_for_their_question_only(join, start):
    net = start(diamond(Fails, Plain, join))

    async def many():
        asks = (net.ask_async({"in": n}, timeout=SOON) for n in range(-20, 20))
        return await asyncio.gather(*asks, return_exceptions=True)

    for n, answer in zip(range(-20, 20), asyncio.run(many()), strict=True):
        if n + 1 < 0:
            assert isinstance(answer, QuestionFailed), answer
            assert isinstance(answer, ValueError)
            assert f"node `left`: ValueError: no {n + 1}" in str(answer)
            assert answer.failures[0].node == "left"
            assert answer.outputs == {"out": []}
        else:
            assert answer == {"out": [(n + 1, n + 2)]}


def test_a_routed_failure_is_a_part_of_the_answer(start):
    class Routed(Fails):
        outports = ["out", "error"]

    net = Network()
    net.register_actor("f", Routed)
    net.add_node("f", "f", policy={"on_error": "route"})
    net.add_outport("out", "f", "out")
    net.add_outport("error", "f", "error")
    start(net)
    answer = net.ask({"f.in": -1}, timeout=SOON)
    assert answer["out"] == []
    assert answer["error"][0]["error"] == "ValueError: no -1"


def test_retries_are_waited_for(start):
    class Second(Plain):
        def run(self, ctx):
            if ctx.attempt < 3:
                raise OSError("not yet")
            ctx.done({"out": ctx.attempt})

    net = start(network(Second, policy={"attempts": 3, "delay_ms": 1}))
    assert net.ask({"in": 1}, timeout=SOON) == {"out": [3]}


def test_a_limit_of_an_attempt_fails_the_question(start):
    class Slow(Plain):
        async def run(self, ctx):
            await asyncio.sleep(3600)

    net = start(network(Slow, policy={"timeout_ms": 20}))
    with pytest.raises(QuestionFailed, match="limit of 20 ms") as caught:
        net.ask({"in": 1}, timeout=SOON)
    assert isinstance(caught.value, TimeoutError)


def test_one_question_can_be_cancelled_alone(start):
    cancelled = threading.Event()

    class Waits(Plain):
        async def run(self, ctx):
            if ctx["in"] == 0:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    cancelled.set()
                    raise
            ctx.done({"out": ctx["in"]})

    net = start(network(Waits, policy={"concurrency": 4}))

    async def some():
        lost = asyncio.ensure_future(net.ask_async({"in": 0}))
        assert await net.ask_async({"in": 1}, timeout=SOON) == {"out": [1]}
        lost.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lost
        with pytest.raises(RunTimeout, match=r"within 0\.01 s"):
            await net.ask_async({"in": 0}, timeout=0.01)
        return await net.ask_async({"in": 2}, timeout=SOON)

    assert asyncio.run(some()) == {"out": [2]}
    assert cancelled.wait(SOON)
    with pytest.raises(RunTimeout):
        net.ask({"in": 0}, timeout=0.01)
    gone(net)


def test_no_tick_starts_on_packets_of_a_cancelled_question(start):
    seen = []
    entered, opened = threading.Event(), threading.Event()

    class Holds(Plain):
        def run(self, ctx):
            entered.set()
            assert opened.wait(SOON)
            seen.append(ctx["in"])
            ctx.done({"out": ctx["in"]})

    net = start(network(Holds))

    async def some():
        first = asyncio.ensure_future(net.ask_async({"in": 1}))
        await asyncio.to_thread(entered.wait, SOON)
        second = asyncio.ensure_future(net.ask_async({"in": iter([2, 3, 4])}))
        third = asyncio.ensure_future(net.ask_async({"in": 5}))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        opened.set()
        return await first, await third

    assert asyncio.run(some()) == ({"out": [1]}, {"out": [5]})
    assert seen == [1, 5]


def test_parts_stream_as_they_come(start):
    go = threading.Event()

    class Parts(Plain):
        def run(self, ctx):
            ctx.send({"out": "first"})
            assert go.wait(SOON)
            ctx.done({"out": "last"})

    net = start(network(Parts))

    async def read():
        parts = []
        async for part in net.ask_stream({"in": 1}, timeout=SOON):
            parts.append(part)
            go.set()
        return parts

    assert asyncio.run(read()) == [("out", "first"), ("out", "last")]


def test_a_slow_reader_of_parts_holds_its_producer(start):
    sent = []

    class Many(Plain):
        def run(self, ctx):
            for n in range(ctx["in"]):
                sent.append(n)
                yield {"out": n}

    net = start(network(Many))

    async def read():
        parts = net.ask_stream({"in": 1000}, timeout=SOON, capacity=4)
        assert await anext(parts) == ("out", 0)
        await asyncio.sleep(0.05)
        assert len(sent) < 20
        rest = [value async for _, value in parts]
        assert rest == list(range(1, 1000))
        async for _ in net.ask_stream({"in": 1000}, capacity=4):
            break
        failing = net.ask_stream({"no.port": 1})
        with pytest.raises(NetworkError, match=r"`no\.port`"):
            await anext(failing)

    asyncio.run(read())


def test_a_stream_of_parts_raises_what_failed_at_its_end(start):
    net = start(network(Fails))

    async def read():
        got = []
        with pytest.raises(QuestionFailed, match="no -1"):
            async for part in net.ask_stream({"in": iter([1, -1, 2])}):
                got.append(part)
        return got

    assert asyncio.run(read()) == [("out", 1), ("out", 2)]


@pytest.mark.parametrize(
    ("template", "config", "value", "answer"),
    [
        ("tpl_passthrough", {}, 1, [1]),
        ("tpl_delay", {"delayMs": 5}, 1, [1]),
    ],
)
def test_components_of_the_catalog(template, config, value, answer, start):
    net = Network()
    net.add_node("n", template, config)
    net.register_actor("plain", Plain)
    net.add_node("p", "plain")
    from offbit_reflow import template_info

    info = template_info(template)
    net.add_connection("n", info["outports"][0]["name"], "p", "in")
    net.add_outport("out", "p", "out")
    start(net)
    answers = [net.ask({f"n.{info['inports'][0]['name']}": value}, timeout=SOON) for _ in range(5)]
    assert answers == [{"out": [value + 1 for value in answer]}] * 5


def test_latest_ports_keep_a_newest_of_each_question(start):
    class Newest(Plain):
        inports = ["in", "level"]
        await_all_inports = True
        latest_inports = ["level"]

        def run(self, ctx):
            ctx.done({"out": (ctx["in"], ctx["level"])})

    net = start(network(Newest))

    async def many():
        asks = (net.ask_async({"n0.level": n, "in": n}, timeout=SOON) for n in range(100))
        alone = (net.ask_async({"n0.level": -n}, timeout=SOON) for n in range(100))
        return await asyncio.gather(*asks, *alone)

    answers = asyncio.run(many())
    assert answers == [{"out": [(n, n)]} for n in range(100)] + [{"out": []}] * 100


def test_connections_that_keep_the_newest_end_what_they_drop(start):
    net = Network()
    net.register_actor("plain", Plain)
    net.add_node("a", "plain")
    net.add_node("b", "plain")
    net.add_connection("a", "out", "b", "in", capacity=1, overflow="newest")
    net.add_outport("out", "b", "out")
    start(net)

    async def many():
        return await asyncio.gather(*(net.ask_async({"a.in": n}, timeout=SOON) for n in range(300)))

    # Those that wait for room in front of `a` enter in any order: whichever came last is never replaced.
    answers = asyncio.run(many())
    assert all(answer["out"] in ([], [n + 2]) for n, answer in enumerate(answers))
    assert any(answer["out"] for answer in answers)
    assert net.ask({"a.in": 300}, timeout=SOON) == {"out": [302]}


def test_shutdown_ends_what_is_asked():
    entered = threading.Event()

    class Waits(Plain):
        async def run(self, ctx):
            entered.set()
            await asyncio.sleep(3600)

    net = network(Waits)
    net.start()
    threading.Thread(target=lambda: (entered.wait(SOON), net.shutdown())).start()
    with pytest.raises(NetworkError, match="stopped before"):
        net.ask({"in": 1})


def test_mistakes_are_told(start):
    net = network(Plain)
    with pytest.raises(NetworkError, match="start"):
        net.ask({"in": 1})
    start(net)
    with pytest.raises(NetworkError, match="`inn`"):
        net.ask({"inn": 1})
    with pytest.raises(NetworkError, match="port"):
        net.ask({"n0.inn": 1})
    with pytest.raises(ValueError, match="no inputs"):
        net.ask({})
    with pytest.raises(TypeError, match="mapping"):
        net.ask([1])


def test_ask_on_the_loop_says_what_to_write(start):
    net = start(network(Async))

    class Inner(Plain):
        async def run(self, ctx):
            with pytest.raises(ContextError, match="ask_async"):
                net.ask({"in": 1})
            ctx.done({"out": (await net.ask_async({"in": ctx["in"]}, timeout=SOON))["out"][0]})

    outer = start(network(Inner))
    assert outer.ask({"in": 1}, timeout=SOON) == {"out": [2]}


def test_a_question_waits_for_nothing_else(start):
    """A subgraph, a pool and packets that are no part of it."""
    net = start(network(Plain, Plain))
    for n in range(50):
        net.send("n0", "in", n)
    assert net.ask({"in": 1}, timeout=SOON) == {"out": [3]}


def test_a_thousand_at_once_leave_nothing_behind(start):
    net = start(network(Async, Plain, AsyncGenerator))

    async def many():
        return await asyncio.gather(*(net.ask_async({"in": n}) for n in range(1000)))

    assert asyncio.run(many()) == [{"out": [n + 3]} for n in range(1000)]
    gone(net)


@pytest.mark.parametrize("style", [Plain, Async])
def test_thousands_are_asked_at_once_and_leave_nothing(style, start):
    import tracemalloc

    net = start(network(style, policy={"concurrency": 100} if style is Async else None))

    async def many(count):
        answers = await asyncio.gather(*(net.ask_async({"in": n}, timeout=60) for n in range(count)))
        assert answers == [{"out": [n + 1]} for n in range(count)]

    asyncio.run(many(2000))
    tracemalloc.start()
    asyncio.run(many(200))
    gone(net)
    gc.collect()  # loops are circles
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(20):
        asyncio.run(many(200))
    gone(net)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 400_000, "a hundred bytes a question, and the threads that have come meanwhile"
    assert net.stats()["n0"]["queued"] == 0


def test_a_question_of_very_many_packets_waits_for_room(start):
    net = start(network(Plain))
    read = []

    def numbers():
        for n in range(5000):
            read.append(n)
            yield n

    async def ask():
        parts = net.ask_stream({"in": numbers()}, capacity=1)
        await anext(parts)
        known = -1
        while known != len(read):
            known = len(read)
            await asyncio.sleep(0.05)
        await parts.aclose()
        return known

    # The first packets of a question need no room; what comes after them does.
    assert 1 <= asyncio.run(ask()) <= 1000


def test_what_cannot_be_asked_is_told():
    async def later():
        yield 1

    async def promise():
        return 1

    with Network() as net:
        add(net, "a", Forward())
        net.start()
        with pytest.raises(TypeError, match=r"asynchronous iterator, which ask\(\) cannot read"):
            net.ask({"a.in": later()})
        with pytest.raises(TypeError, match="`a.in` is a coroutine"):
            net.ask({"a.in": promise()})
    for inputs in (5, [1], {5: 1}):
        with pytest.raises(TypeError, match="expected a mapping of inports|the name of an inport is a text"):
            net.run(inputs)
