"""Steps that keep something from packet to packet."""

import re
import threading
import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offbit_reflow import Network, actor, node, template_actor, wire
from offbit_reflow.operators import (
    Step,
    batch,
    deduplicate,
    keyed,
    rate_limit,
    window_by_count,
    window_by_session,
    window_by_time,
)


def run(step, values, port="out"):
    @actor
    def source(n):
        yield from values

    outputs = (source >> step).run(n=1, timeout=30).raise_for_failure().outputs
    return next(out for name, out in outputs.items() if name.endswith(port) or "." not in name)


def failure(step, values):
    @actor
    def source(n):
        yield from values

    result = (source >> step).run(n=1, timeout=30)
    assert result.failures
    return result.failures[0].error


def test_state_by_key():
    @keyed("user.id", initial=list, at_end=lambda key, seen: ("end", key, len(seen)))
    def collect(seen, event):
        return [*seen, event["n"]], (event["user"]["id"], seen[-1] if seen else None)

    events = [{"user": {"id": "ab"[n % 2]}, "n": n} for n in range(4)]
    assert run(collect, events) == [("a", None), ("b", None), ("a", 0), ("b", 1), ("end", "a", 2), ("end", "b", 2)]


def test_a_state_of_none_is_forgotten_and_keys_are_bounded():
    @keyed(initial=0)
    def until_two(count, _):
        return (count + 1, None) if count < 1 else (None, "two")

    assert run(until_two, range(5)) == ["two", "two"]

    @keyed(lambda number: number, initial=0, most_keys=2)
    def count(seen, number):
        return seen + 1, (number, seen + 1)

    assert run(count, [1, 2, 1, 3, 2, 1]) == [(1, 1), (2, 1), (1, 2), (3, 1), (2, 1), (1, 1)]


def test_an_attempt_that_fails_leaves_the_state():
    tried = []

    @keyed(initial=0)
    def total(state, number):
        tried.append(number)
        if len(tried) == 2:
            raise ValueError("once")
        return state + number, state + number

    @actor
    def source(n):
        yield from (1, 2, 3)

    net = (source >> total(policy={"attempts": 2})).network()
    assert net.run({"n": 1}, timeout=20).outputs["total"] == [1, 3, 6]


def test_wrong_answers_of_a_keyed_function():
    @keyed()
    def wrong(state, value):
        return value

    assert "must return (state, output), got 1" in failure(wrong, [1])
    assert "the packet has no `user.id`: there is no `user`" in failure(keyed("user.id")(lambda s, v: (s, v)), [{}])


def test_what_is_no_keyed_function_is_refused_at_once():
    async def later(state, value):
        return state, value

    def several(state, value):
        yield state, value

    def alone(state):
        return state, None

    with pytest.raises(TypeError, match=r"write @keyed\(\) above it"):
        keyed(lambda state, value: (state, value))
    for function, words in ((later, "is async"), (several, "is a generator"), (alone, "must take two arguments")):
        with pytest.raises(TypeError, match=words):
            keyed(initial=0)(function)


def test_options_that_no_graph_can_hold_are_seen_in_it():
    graph = (deduplicate(key=len) >> window_by_count(size=2, key="n")).to_graph().to_json()
    components = [process["component"] for process in graph["processes"].values()]
    assert components == ["deduplicate(key=…)", "window_by_count"]
    (finding,) = Network.from_graph(deduplicate(key=len).to_graph()).check()
    assert "there is no component `deduplicate(key=…)`" in finding
    with pytest.raises(TypeError, match="`deduplicate` has no inport `key`"):
        deduplicate(key=deduplicate)


def test_windows_by_count_and_key():
    values = [{"k": "ab"[n % 2], "n": n} for n in range(7)]
    windows = run(window_by_count(size=2, key="k"), values)
    assert [(w["key"], [v["n"] for v in w["values"]]) for w in windows] == [
        ("a", [0, 2]),
        ("b", [1, 3]),
        ("a", [4, 6]),
        ("b", [5]),
    ]
    assert [w["values"] for w in run(window_by_count(size=2, every=3, partial=False), range(7))] == [[0, 1], [3, 4]]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=30),
    st.sampled_from([(10, None), (10, 5), (7, 3), (5, 9)]),
    st.sampled_from([0, 3, 1000]),
)
def test_every_value_is_in_its_spans_or_late(times, spans, lateness):
    length, every = spans
    step = window_by_time(length=length, every=every, time=lambda v: v[0], lateness=lateness)

    @actor
    def source(n):
        yield from ((at, number) for number, at in enumerate(times))

    outputs = (source >> step).run(n=1, timeout=30).raise_for_failure().outputs
    windows, late = outputs["window_by_time.out"], outputs["window_by_time.late"]
    starts = [window["start"] for window in windows]
    assert len(starts) == len(set(starts))
    assert lateness == 1000 or starts == sorted(starts)
    for window in windows:
        assert all(window["start"] <= at < window["end"] for at, _ in window["values"])
        assert window["values"] == sorted(window["values"], key=lambda v: v[0])
    if lateness == 1000:
        assert not late
        gap = (every or length) > length
        seen = {number for window in windows for _, number in window["values"]}
        assert gap or seen == set(range(len(times)))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-500, 5000).map(lambda n: n / 100), max_size=40),
    st.sampled_from([0.05, 0.1, 0.7, 1.1, 1 / 3, 10]),
    st.sampled_from([1, 2, 3]),
)
def test_a_time_is_in_as_many_spans_as_cover_it_however_they_are_rounded(times, length, overlap):
    windows = run(window_by_time(length=length, every=length / overlap, time=lambda at: at, lateness=1000), times)
    for window in windows:
        assert all(window["start"] <= at < window["end"] for at in window["values"])
    assert sorted(at for window in windows for at in window["values"]) == sorted(times * overlap)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=15), st.sampled_from([5, 10]), st.sampled_from([0, 3]))
def test_late_is_only_what_no_open_session_takes(times, gap, lateness):
    late, sessions, over, watermark = [], [], [], float("-inf")
    for at in times:
        near = [one for one in sessions if one[0] - gap < at < one[-1] + gap]
        merged = sorted([at, *(other for one in near for other in one)])
        if merged[-1] + gap <= watermark:
            late.append(at)
        else:
            sessions = [one for one in sessions if one not in near] + [merged]
        watermark = max(watermark, at - lateness)
        over += [one for one in sessions if one[-1] + gap <= watermark]
        sessions = [one for one in sessions if one not in over]
    step = window_by_session(gap=gap, time=lambda at: at, lateness=lateness)

    @actor
    def source(n):
        yield from times

    outputs = (source >> step).run(n=1, timeout=30).raise_for_failure().outputs
    assert outputs["window_by_session.late"] == late
    assert sorted(one["values"] for one in outputs["window_by_session.out"]) == sorted(over + sessions)


def test_times_as_dates_and_as_text():
    dates = [{"time": datetime(2026, 1, 1, 12, minute, tzinfo=UTC)} for minute in (1, 4, 6)]
    assert [len(w["values"]) for w in run(window_by_time(length=300), dates)] == [2, 1]
    texts = [{"time": date["time"].isoformat()} for date in dates]
    assert [len(w["values"]) for w in run(window_by_time(length=300), texts)] == [2, 1]
    assert "must be a number of seconds" in failure(window_by_time(length=300), [{"time": float("nan")}])


def test_sessions_join_when_what_was_between_comes_late():
    events = [{"time": at, "key": "a"} for at in (0, 8, 4, 30)]
    sessions = run(window_by_session(gap=5, lateness=10, key="key"), events)
    assert [[event["time"] for event in session["values"]] for session in sessions] == [[0, 4, 8], [30]]
    late = run(window_by_session(gap=5), [{"time": at} for at in (0, 100, 1)], port="late")
    assert late == [{"time": 1}]


def test_batches_by_size_and_time():
    assert run(batch(size=3), range(7)) == [[0, 1, 2], [3, 4, 5], [6]]
    with (actor(lambda x: x) >> batch(size=3, seconds=0.05)).network() as net:
        net.start()
        batches = net.listen("batch", "out")
        for number in range(4):
            net.send("<lambda>", "x", number)
        assert batches.recv(timeout=20).data() == [0, 1, 2]
        assert batches.recv(timeout=20).data() == [3]


def test_a_rate_is_kept():
    started = time.monotonic()
    assert run(rate_limit(per_second=50, burst=2), range(7)) == list(range(7))
    assert time.monotonic() - started >= 0.09


def test_a_batch_with_a_clock_is_one_however_the_node_is_made():
    options = {"size": 3, "seconds": 20}
    for step in (batch(**options), node(batch, **options), node(batch, config=options, policy={"attempts": 2})):
        assert run(step, range(6)) == [[0, 1, 2], [3, 4, 5]]


def test_a_value_whose_tick_was_given_up_is_in_no_batch():
    result = (actor(lambda x: x) >> batch(size=3, seconds=20, policy={"timeout_ms": 20})).run(x=1, timeout=20)
    assert [failure.reason for failure in result.failures] == ["timeout"]
    assert result.outputs == {"batch": []}


def test_duplicates():
    assert run(deduplicate(), [[1], [1], {"a": [2]}, {"a": [2]}, 1, True, "1"]) == [[1], {"a": [2]}, 1, "1"]
    assert run(deduplicate(key="id"), [{"id": 1, "n": 1}, {"id": 1, "n": 2}]) == [{"id": 1, "n": 1}]
    assert run(deduplicate(most_keys=1), [1, 2, 1]) == [1, 2, 1]
    others = [[1], (1,), ("list", (1,)), [[1]], [(1,)], ([1],), {"a": [1]}, [["a", [1]]]]
    assert run(deduplicate(), [*others, *others]) == others


def test_a_key_is_what_stood_there():
    values = [{"key": key} for key in ([1, {"a": 2}], {"b": [3]}, "c", [1, {"a": 2}])]
    keys = [[1, {"a": 2}], {"b": [3]}, "c"]
    for step in (window_by_count(size=9, key="key"), window_by_count(size=9, key=lambda value: value["key"])):
        assert [window["key"] for window in run(step, values)] == keys
    timed = [value | {"time": 0} for value in values]
    for step in (window_by_time(length=1, key="key"), window_by_session(gap=1, key="key")):
        assert [window["key"] for window in run(step, timed)] == keys

    @keyed("key", initial={}, at_end=lambda key, seen: (key, seen))
    def count(seen, value):
        seen[len(seen)] = True
        return seen, None

    assert run(count, values) == [(keys[0], {0: True, 1: True}), (keys[1], {0: True}), (keys[2], {0: True})]


def test_what_is_remembered_outlasts_an_attempt_that_takes_too_long():
    ready = threading.Event()

    def slow(value):
        if value == "slow":
            ready.wait(20)
        return value

    @keyed(initial=0)
    def count(state, value):
        slow(value)
        return state + 1, state + 1

    limit = {"timeout_ms": 50}
    for step, expected in (
        (count(policy=limit), [1, 2]),
        (deduplicate(key=slow, policy=limit), ["a"]),
        (window_by_count(size=9, key=slow, policy=limit), [{"key": "a", "values": ["a", "a"]}]),
    ):
        ready.clear()

        @actor
        def source(n):
            yield from ("a", "slow", "a")

        with (source >> step).network() as net:
            result = net.run({"n": 1}, timeout=20)
            ready.set()
        assert [failure.reason for failure in result.failures] == ["timeout"]
        assert list(result.outputs.values()) == [expected]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (window_by_count(size=0), "size must be a whole number of at least 1"),
        (window_by_time(length=1, every=1e-9), "every is too small"),
        (window_by_session(gap=0), "gap must be a number above 0, got 0"),
        (rate_limit(per_second=0), "per_second must be a number above 0"),
        (rate_limit(per_second="5"), "per_second must be a number above 0, got '5'"),
        (deduplicate(seconds=-1), "seconds must be a number above 0, got -1"),
        (batch(seconds=1, policy={"concurrency": 1}), "`seconds` needs a policy with a `concurrency` of 2 or more"),
    ],
)
def test_wrong_options(step, words):
    @actor
    def source(n):
        yield n

    result = (source >> step).run(n=1, timeout=20)
    assert not result.ok
    assert words in f"{result.failures} {result.reason}"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda: window_by_count(), "`window_by_count` needs the option `size`"),
        (lambda: rate_limit(burst=2), "`rate_limit` needs the option `per_second`"),
        (lambda: batch(size=1, second=2), "`batch` has no option `second`; did you mean `seconds`?"),
        (lambda: batch(1, 2), "`batch`: which option is 2? Give it by name"),
        (lambda: batch(1, size=2), "`batch`: two values for `size`"),
        (lambda: node(deduplicate, kye="id"), "`deduplicate` has no option `kye`; did you mean `key`?"),
    ],
)
def test_options_that_there_are_not_are_refused_where_they_are_given(step, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        step()


def test_the_first_option_goes_without_its_name():
    @actor
    def source(n):
        yield from ("b", "a", "B", "a")

    assert (source >> deduplicate(str.lower)).run(n=1).outputs == {"deduplicate": ["b", "a"]}
    assert (source >> batch(3)).run(n=1).outputs == {"batch": [["b", "a", "B"], ["a"]]}
    assert batch(source, size=3).run(n=1).outputs == batch(source, 3).run(n=1).outputs
    windows = (source >> window_by_count(2)).run(n=1).outputs["window_by_count"]
    assert [window["values"] for window in windows] == [["b", "a"], ["B", "a"]]


def test_a_step_of_ones_own_gets_its_times_as_it_declares_them():
    class Wait(Step):
        seconds: float = 1.0
        pause: timedelta = timedelta(seconds=1)
        inports = ["value"]
        outports = ["out"]

        def run(self, ctx):
            return [self.seconds, self.pause]

    minute = timedelta(minutes=1)
    assert Wait(minute, pause=minute).run(value=1).outputs == {"Wait": [[60.0, minute]]}
    led = Wait(template_actor("tpl_passthrough"), pause=minute)
    assert led.run(input=1).outputs == {"Wait": [[1.0, minute]]}


def test_times_without_a_zone_are_utc_and_spans_may_be_timedeltas():
    numpy = pytest.importorskip("numpy")
    times = [
        datetime(2026, 3, 29, 0, 30),  # an hour that does not come twice, nor is left out, in UTC
        "2026-03-29T02:30:00",
        numpy.datetime64("2026-03-29T23:59:59.5", "ns"),
        date(2026, 3, 30),
        datetime(2026, 3, 30, 1, tzinfo=timezone(timedelta(hours=2))),
    ]

    @actor
    def source(n):
        yield from ({"time": time} for time in times)

    day = datetime(2026, 3, 29, tzinfo=UTC).timestamp()
    flow = source >> window_by_time(timedelta(days=1), lateness=timedelta(hours=1))["out"]
    windows = flow.run(n=1).raise_for_failure().outputs["window_by_time"]
    assert [(window["start"], len(window["values"])) for window in windows] == [(day, 4), (day + 86400, 1)]


@pytest.mark.parametrize("window", [window_by_time(10), window_by_session(10)])
def test_windows_lead_on_and_late_values_are_told(caplog, window):
    @actor
    def source(n):
        yield from ({"time": time} for time in (0, 30, 1, 2, 60))

    def times(window):
        return [value["time"] for value in window["values"]]

    assert (source >> window >> times).run(n=1).outputs == {"times": [[0], [30], [60]]}
    assert "2 values came too late, and nothing leads from the outport `late`" in caplog.text
    caplog.clear()
    late = node(source) >> window
    assert wire(late >> times, late["late"] >> len).run(n=1).outputs["len"] == [1, 1]
    assert not caplog.records


def test_options_as_config():
    with Network() as net:
        net.register_actor("window", window_by_count)
        net.add_node("w", "window", {"size": 2})
        net.add_outport("out", "w", "out")
        result = net.run({"w.value": iter([1, 2, 3])})
    assert [window["values"] for window in result.outputs["out"]] == [[1, 2], [3]]
