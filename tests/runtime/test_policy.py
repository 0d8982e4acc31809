"""Attempts and policy: tries, waits, limits, and what follows the last failure."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import threading
import time

import pytest

from offbit_reflow import Actor, Message, Network

from .support import SOON, Collect, add, connect, of_type, run_one, running


def failing(times, answer="ok", **attributes):
    """An actor whose first `times` attempts of each tick fail; `tried` notes them."""
    tried = []

    def run(self, ctx):
        tried.append((ctx.tick, ctx.attempt))
        if ctx.attempt <= times:
            ctx.emit("out", "never seen")
            raise ValueError(f"attempt {ctx.attempt}")
        ctx.done({"out": answer})

    cls = running(run, **attributes)
    cls.tried = tried
    return cls


@pytest.mark.parametrize(("attempts", "times", "ok"), [(1, 1, False), (3, 2, True), (3, 3, False), (2, 0, True)])
def test_attempts_count_all_tries(attempts, times, ok):
    actor = failing(times)
    result = run_one(actor, [1, 2], policy={"attempts": attempts})
    tries = min(attempts, times + 1)
    assert actor.tried == [(tick, attempt) for tick in (1, 2) for attempt in range(1, tries + 1)]
    assert result.outputs["out"] == (["ok"] * 2 if ok else [])
    assert [failure.attempt for failure in result.failures] == ([] if ok else [tries] * 2)
    assert result.nodes["a"]["retries"] == 2 * (tries - 1)
    assert result.nodes["a"]["failures"] == len(result.failures)
    assert result.ok is ok


def test_every_attempt_sees_the_same_packets():
    seen = []

    def run(self, ctx):
        value = ctx["in"]
        seen.append(repr(value))
        value["changed"] = True
        ctx.inputs["in"]["data"]["too"] = 1
        raise ValueError

    run_one(running(run), [{"x": 1}], policy={"attempts": 3})
    assert seen == ["{'x': 1}"] * 3


def test_a_failed_attempt_sends_only_what_it_sent_itself():
    def run(self, ctx):
        ctx.send({"out": f"sent {ctx.attempt}"})
        ctx.emit("out", f"emitted {ctx.attempt}")
        if ctx.attempt < 3:
            raise ValueError
        ctx.done()

    out = run_one(running(run), policy={"attempts": 3}).outputs["out"]
    assert out == ["sent 1", "sent 2", "sent 3", "emitted 3"]


def test_waits_grow():
    times = []

    def run(self, ctx):
        times.append(time.monotonic())
        raise ValueError

    run_one(running(run), policy={"attempts": 4, "delay_ms": 40, "multiplier": 2, "max_delay_ms": 100})
    waits = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert len(waits) == 3
    for wait, least in zip(waits, (0.040, 0.080, 0.100), strict=True):
        assert least * 0.98 <= wait < least + 2


def test_other_nodes_go_on_while_one_backs_off():
    others = Collect()

    def run(self, ctx):
        if ctx.attempt == 1:
            raise ValueError
        assert len(others.values) == 100
        ctx.done()

    with Network() as net:
        add(net, "a", running(run), policy={"attempts": 2, "delay_ms": 500})
        add(net, "b", others)
        net.add_initial("a", "in", 0)
        for number in range(100):
            net.add_initial("b", "in", number)
        assert net.run(timeout=SOON).ok


def test_backing_off_is_a_state_and_ends_at_shutdown():
    with Network() as net:
        events = net.events(types=["NodeStateChanged"], nodes=["a"])
        add(net, "a", failing(9), policy={"attempts": 2, "delay_ms": 3_600_000})
        net.add_initial("a", "in", 0)
        net.start()
        while events.recv(5_000)["state"] != "backing_off":
            pass
        assert net.stats()["a"]["state"] == "backing_off"
        started = time.monotonic()
        assert net.shutdown() == []
        assert time.monotonic() - started < 1
        assert net.result().nodes["a"]["state"] == "cancelled"


class TestPermanent:
    def test_reasons_that_are_not_tried_again(self):
        def run(self, ctx):
            ctx.fail("no", reason="bad-input")

        result = run_one(running(run), policy={"attempts": 5, "permanent": ["bad-input"]})
        assert [(failure.attempt, failure.reason) for failure in result.failures] == [(1, "bad-input")]

    def test_exceptions_by_their_class_name(self):
        def run(self, ctx):
            raise KeyError("x") if ctx["in"] else ValueError("y")

        result = run_one(running(run), [0, 1], policy={"attempts": 3, "permanent": ["KeyError"]})
        assert [failure.attempt for failure in result.failures] == [3, 1]

    @pytest.mark.parametrize(("permanent", "tries"), [(True, 1), (False, 3), (None, 1)])
    def test_the_call_wins(self, permanent, tries):
        def run(self, ctx):
            ctx.fail("no", reason="listed", permanent=permanent)

        result = run_one(running(run), policy={"attempts": 3, "permanent": ["listed"]})
        assert result.failures[0].attempt == tries


class TestOnError:
    def test_continue_goes_on(self):
        def run(self, ctx):
            if ctx["in"] == 1:
                raise ValueError
            return {"out": ctx["in"]}

        result = run_one(running(run), [0, 1, 2], policy={"on_error": "continue"})
        assert result.outputs["out"] == [0, 2]
        assert (result.state, result.ok) == ("finished", False)
        assert result.nodes["a"]["state"] == "finished"

    def test_stop_stops_the_run(self):
        ran = []

        def run(self, ctx):
            ran.append(ctx["in"])
            raise ValueError("enough")

        with Network() as net:
            add(net, "a", running(run), policy={"on_error": "stop", "attempts": 2})
            add(net, "b", Collect())
            connect(net, "a", "b")
            for number in range(3):
                net.add_initial("a", "in", number)
            result = net.run(timeout=SOON)
        assert ran == [0, 0]
        assert result.state == "failed"
        assert "a" in result.reason
        assert result.nodes["a"]["state"] == "failed"
        assert result.failures[0].error == "ValueError: enough"
        with pytest.raises(RuntimeError, match="enough"):
            result.raise_for_failure()

    def test_route_sends_the_error_and_the_packets(self):
        with Network() as net:
            add(net, "a", failing(9), policy={"attempts": 2, "on_error": "route"})
            sink = add(net, "b", Collect())
            net.add_connection("a", "error", "b", "in")
            net.add_initial("a", "in", {"x": 1})
            net.add_initial("a", "in", 2)
            result = net.run(timeout=SOON)
        first, second = sink.values
        assert (first["node"], first["error"], first["reason"]) == ("a", "ValueError: attempt 2", "ValueError")
        assert first["attempts"] == 2
        assert Message.from_json(first["packets"]["in"]) == Message.object({"x": 1})
        assert Message.from_json(second["packets"]["in"]) == Message.integer(2)
        assert len(result.failures) == 2

    @pytest.mark.parametrize(
        "value", [datetime.date(2024, 1, 2), decimal.Decimal("1.5"), 2**70, b"ab", {"a": object()}, {1, 2}], ids=repr
    )
    def test_the_report_has_the_packets_as_they_are(self, value):
        with Network() as net:
            add(net, "a", failing(9), policy={"on_error": "route"})
            sink = add(net, "b", Collect())
            net.add_node("native", "tpl_passthrough")
            net.add_connection("a", "error", "b", "in")
            net.add_connection("a", "error", "native", "input")
            net.add_outport("out", "native", "output")
            net.add_initial("a", "in", value)
            result = net.run(timeout=SOON)
        (report,) = sink.values
        assert report["packets"]["in"]["data"] == value
        assert type(report["packets"]["in"]["data"]) is type(value)
        # Others read what can be said of it.
        (read,) = result.outputs["out"]
        assert read["error"] == report["error"]

    def test_a_source_that_fails_ends(self):
        class Source(Actor):
            outports = ["out"]

            def run(self, ctx):
                yield {"out": 1}
                raise ValueError("broken")

        with Network() as net:
            add(net, "a", Source)
            sink = add(net, "b", Collect())
            connect(net, "a", "b")
            result = net.run(timeout=SOON)
        assert sink.values == [1]
        assert result.state == "failed"
        assert result.nodes["a"]["state"] == "failed"
        assert result.nodes["b"]["state"] == "finished"


class TestTimeout:
    @pytest.mark.parametrize("retry", [True, False])
    def test_a_blocked_tick_is_given_up(self, retry):
        release = threading.Event()
        tries = []

        def run(self, ctx):
            tries.append(ctx.attempt)
            if ctx["in"] == "block":
                release.wait(SOON)
                return None
            return {"out": ctx["in"]}

        try:
            policy = {"attempts": 2, "timeout_ms": 50, "retry_on_timeout": retry}
            result = run_one(running(run), ["a", "block", "b"], policy=policy)
        finally:
            release.set()
        assert result.outputs["out"] == ["a", "b"]
        assert [(failure.reason, failure.attempt) for failure in result.failures] == [("timeout", 2 if retry else 1)]
        assert result.failures[0].message == Message.string("block")

    def test_the_late_answer_is_refused_and_harmless(self):
        outcome = []
        timed_out = threading.Event()
        told = threading.Event()

        def run(self, ctx):
            if ctx["in"] == "slow":
                assert ctx.remaining_ms is not None
                timed_out.wait(SOON)
                assert ctx.cancelled
                for call in (
                    lambda: ctx.done({"out": "late"}),
                    lambda: ctx.send({"out": "late"}),
                    ctx.check_cancelled,
                ):
                    try:
                        call()
                    except RuntimeError as error:
                        outcome.append(str(error))
                told.set()
                return None
            timed_out.set()
            return {"out": ctx["in"]}

        result = run_one(running(run), ["slow", "quick"], policy={"timeout_ms": 100})
        assert told.wait(SOON)
        assert result.outputs["out"] == ["quick"]
        assert len(outcome) == 3

    def test_what_is_sent_or_yielded_late_does_not_leave(self):
        """Not either where all nodes share one instance, which the next attempt waits for."""

        def wait(ctx):
            while ctx.attempt == 1 and not ctx.cancelled:
                pass

        def sends(self, ctx):
            wait(ctx)
            ctx.send({"out": ctx.attempt})
            ctx.done()

        def yields(self, ctx):
            wait(ctx)
            yield {"out": ctx.attempt}

        async def sends_async(self, ctx):
            try:
                if ctx.attempt == 1:
                    await asyncio.sleep(SOON)
            except asyncio.CancelledError:
                pass
            await ctx.send_async({"out": ctx.attempt})
            ctx.done()

        for run in (sends, yields, sends_async):
            for made in (running(run), running(run)()):
                result = run_one(made, policy={"attempts": 2, "timeout_ms": 100})
                assert result.outputs["out"] == [2], run.__name__
                assert result.ok

    def test_every_style_within_its_limit(self):
        """A limit that is not reached changes nothing, for any number of ticks."""

        async def coroutine(self, ctx):
            await asyncio.sleep(0)
            return {"out": ctx["in"]}

        async def async_items(self, ctx):
            yield {"out": ctx["in"]}

        def items(self, ctx):
            yield {"out": ctx["in"]}

        def plain(self, ctx):
            ctx.done({"out": ctx["in"]})

        for run in (plain, items, coroutine, async_items):
            result = run_one(running(run), range(5), policy={"timeout_ms": 10_000})
            assert result.outputs["out"] == list(range(5)), run.__name__
            assert not result.failures

    def test_an_async_tick_is_cancelled(self):
        cancelled = []

        async def run(self, ctx):
            if ctx["in"] == "slow":
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    cancelled.append(ctx.attempt)
                    raise
            return {"out": ctx["in"]}

        result = run_one(running(run), ["a", "slow", "b"], policy={"timeout_ms": 100, "attempts": 2})
        assert result.outputs["out"] == ["a", "b"]
        assert cancelled == [1, 2]
        assert [failure.reason for failure in result.failures] == ["timeout"]

    def test_a_generator_that_stops_yielding_is_given_up(self):
        release = threading.Event()

        def run(self, ctx):
            yield {"out": "first"}
            release.wait(SOON)

        try:
            result = run_one(running(run), policy={"timeout_ms": 100})
        finally:
            release.set()
        assert result.outputs["out"] == ["first"]
        assert [failure.reason for failure in result.failures] == ["timeout"]

    def test_a_generator_source_with_a_limit_ends(self):
        class Source(Actor):
            outports = ["out"]

            def run(self, ctx):
                yield {"out": 1}
                yield {"out": 2}

        with Network() as net:
            add(net, "a", Source, policy={"timeout_ms": 5_000})
            net.add_outport("out", "a", "out")
            result = net.run(timeout=SOON)
        assert result.outputs["out"] == [1, 2]

    def test_a_deferred_tick_is_given_up(self):
        kept = []

        def run(self, ctx):
            kept.append(ctx.defer())

        result = run_one(running(run), policy={"timeout_ms": 50})
        assert [failure.reason for failure in result.failures] == ["timeout"]
        with pytest.raises(RuntimeError):
            kept[0].done()

    def test_a_limit_on_batches_is_refused(self):
        def run(self, batch):
            batch.done()

        with pytest.raises(ValueError, match="timeout_ms.*batches"):
            run_one(running(run, batch_size=4), range(4), policy={"timeout_ms": 100}, timeout=5)


class TestConcurrency:
    @pytest.mark.parametrize("concurrency", [2, 5])
    def test_so_many_ticks_overlap_and_no_more(self, concurrency):
        lock = threading.Lock()
        inside = set()
        peak = []
        barrier = threading.Barrier(concurrency)

        def run(self, ctx):
            with lock:
                inside.add(ctx.tick)
                peak.append(len(inside))
            if ctx["in"] < concurrency:
                barrier.wait(5)
            with lock:
                inside.discard(ctx.tick)
            ctx.done({"out": ctx["in"]})

        result = run_one(running(run), range(20), policy={"concurrency": concurrency})
        assert result.ok, result.failures
        assert max(peak) == concurrency
        assert sorted(result.outputs["out"]) == list(range(20))

    def test_async_ticks_overlap(self):
        inside = []
        peak = []

        async def run(self, ctx):
            inside.append(1)
            peak.append(len(inside))
            await asyncio.sleep(0.05)
            inside.pop()
            return {}

        assert run_one(running(run), range(20), policy={"concurrency": 10}).ok
        assert max(peak) == 10


@pytest.mark.parametrize(
    "policy",
    [
        {"attempts": 0},
        {"attempts": -1},
        {"attempts": "two"},
        {"attempt": 3},
        {"on_error": "explode"},
        {"jitter": 2},
        {"multiplier": 0.5},
        {"multiplier": float("nan")},
        {"concurrency": 0},
        {"timeout_ms": 0},
        {"permanent": "x"},
        5,
        [],
    ],
    ids=str,
)
def test_a_wrong_policy_is_refused_with_its_key(net, policy):
    net.register_actor("t", Collect())
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # checked below
        net.add_node("a", "t", policy=policy)
    if isinstance(policy, dict):
        assert next(iter(policy)) in str(caught.value)


def test_retries_are_events():
    with Network() as net:
        events = net.events(types=["ActorFailed", "ActorRetry"])
        add(net, "a", failing(2), policy={"attempts": 3, "delay_ms": 1})
        net.add_initial("a", "in", 7)
        assert net.run(timeout=SOON).ok
        seen = list(events)
    failed, retried = of_type(seen, "ActorFailed"), of_type(seen, "ActorRetry")
    assert [(event["attempt"], event["willRetry"], event["tick"]) for event in failed] == [(1, True, 1), (2, True, 1)]
    assert [event["attempt"] for event in retried] == [2, 3]
    assert [event["delayMs"] for event in retried] == [1, 1]
    assert failed[0]["inputs"] == {"in": {"type": "Integer", "data": 7}}
    assert failed[0]["error"] == "ValueError: attempt 1"
