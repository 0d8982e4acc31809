"""Plain values between Python actors: they arrive as they were sent, and nobody sees what another changes later."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import pickle
import signal
import time
import uuid
import weakref
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offbit_reflow import Actor, Message, Network, actor

from .support import Collect, add, running, through

SOON = 20


class Color(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int
    tags: list


class Pair(NamedTuple):
    a: object
    b: object


class Named(dict):
    """A dict with something of its own."""

    def __init__(self, *args, name="", **kwargs):
        super().__init__(*args, **kwargs)
        self.name = name


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.binary(max_size=8),
    st.dates(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.fractions(),
    st.complex_numbers(allow_nan=False),
    st.sampled_from([Color.RED, Number.ONE, pathlib.Path("/x"), ..., range(3)]),
)
hashable = st.one_of(st.integers(), st.text(max_size=3), st.tuples(st.integers(), st.booleans()))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(hashable, max_size=3),
        st.frozensets(hashable, max_size=3),
        st.builds(collections.deque, st.lists(inner, max_size=3)),
        st.builds(collections.OrderedDict, st.dictionaries(hashable, inner, max_size=3)),
        st.builds(Pair, inner, inner),
        st.builds(lambda d: collections.defaultdict(list, d), st.dictionaries(hashable, inner, max_size=3)),
    ),
    max_leaves=12,
)


def same(a, b):
    """Equal, of the same types, and in the same order."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(x, y) for x, y in zip(a.values(), b.values(), strict=True))
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def is_tagged(value):
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def chain(middle, value):
    """Send a value through an actor of some style; what arrives."""

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            ctx.done({"out": value})

    with Network() as net:
        add(net, "source", Source)
        add(net, "middle", middle)
        sink = add(net, "sink", Collect())
        net.add_connection("source", "out", "middle", "in")
        net.add_connection("middle", "out", "sink", "in")
        result = net.run(timeout=SOON)
        assert not result.failures, result.failures
    (arrived,) = sink.values
    return arrived


class Base(Actor):
    inports = ["in"]
    outports = ["out"]


class Plain(Base):
    def run(self, ctx):
        return {"out": ctx["in"]}


class Done(Base):
    def run(self, ctx):
        ctx.done({"out": ctx["in"]})


class Sends(Base):
    def run(self, ctx):
        value = ctx["in"]
        ctx.send({"out": value})
        ctx.done()


class Generates(Base):
    def run(self, ctx):
        yield {"out": ctx["in"]}


class Awaits(Base):
    async def run(self, ctx):
        await ctx.send_async({"out": ctx["in"]})
        ctx.done()


class AsyncGenerates(Base):
    async def run(self, ctx):
        yield {"out": ctx["in"]}


class Batch(Base):
    batch_size = 4

    def run(self, batch):
        return {"out": batch["in"]}


class BatchByTick(Base):
    batch_size = 4

    def run(self, batch):
        for ctx in batch:
            ctx.done({"out": ctx["in"]})


class Defers(Base):
    def run(self, ctx):
        import threading

        handle = ctx.defer()
        threading.Thread(target=lambda: handle.done({"out": handle["in"]})).start()


class Tagged(Base):
    def run(self, ctx):
        ctx.done({"out": ctx.inputs["in"]})


class ByMessage(Base):
    def run(self, ctx):
        ctx.done({"out": ctx.message("in")})


@actor(inports=["in"])
def function(value):
    return value


STYLES = [
    Plain,
    Done,
    Sends,
    Generates,
    Awaits,
    AsyncGenerates,
    Batch,
    BatchByTick,
    Defers,
    Tagged,
    ByMessage,
    function,
]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=values.filter(lambda value: not is_tagged(value)))
def test_any_value_arrives_as_it_was_sent_in_every_style(style, value):
    before = copy.deepcopy(value)
    assert same(chain(style, value), before)
    assert same(value, before)


EVERYTHING = {
    "z": 2**70,
    "a": (1, [2, {3}]),
    "when": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "price": decimal.Decimal("1.10"),
    "id": uuid.UUID(int=1),
    "path": pathlib.Path("/x"),
    "color": Color.RED,
    "one": Number.ONE,
    "third": fractions.Fraction(1, 3),
    5: "a key that is no text",
}


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_what_either_side_changes_later_nobody_else_sees(style):
    value = {"list": [1], "nested": {"tuple": ([2],)}, "queue": collections.deque([[3]]), "raw": bytearray(b"a")}
    before = copy.deepcopy(value)

    class Keeps(Actor):
        inports = ["in"]

        def run(self, ctx):
            kept.append(ctx["in"])
            ctx.done()

    kept: list = []

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            ctx.emit("out", value)
            value["list"].append("changed after emit")
            ctx.done()
            value["nested"]["tuple"][0].append("changed after done")

    with Network() as net:
        add(net, "source", Source)
        add(net, "middle", style)
        net.add_connection("source", "out", "middle", "in")
        for name in ("a", "b"):
            add(net, name, Keeps)
            net.add_connection("middle", "out", name, "in")
        result = net.run(timeout=SOON)
        assert not result.failures, result.failures
    assert kept == [before, before]
    kept[0]["list"].append("mine")
    kept[0]["nested"]["tuple"][0].append("mine")
    kept[0]["queue"][0].append("mine")
    kept[0]["raw"].extend(b"mine")
    assert kept[1] == before


def test_a_receiver_that_goes_on_changing_what_it_passed_on_changes_nothing():
    class Middle(Base):
        def run(self, ctx):
            value = ctx["in"]
            value["n"] = 1
            ctx.done({"out": value})
            value["n"] = 2
            ctx["in"]["n"] = 3

    assert chain(Middle, {"n": 0}) == {"n": 1}


def test_parts_that_others_hold_are_copied_and_no_more():
    shared = [1]
    leaf = Point(1, [])
    arrived = through({"shared": shared, "leaf": leaf, "again": shared})
    assert arrived["shared"] == [1]
    assert arrived["shared"] is not shared
    assert arrived["again"] is arrived["shared"]
    assert arrived["leaf"] is leaf


def test_nothing_is_copied_where_nobody_else_holds_it():
    seen = []

    class Fresh(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            value = {"rows": [[1], [2]], "more": (1, [2])}
            seen.append((id(value), id(value["rows"][0])))
            return {"out": value}

    class Middle(Base):
        def run(self, ctx):
            value = ctx["in"]
            seen.append((id(value), id(value["rows"][0])))
            value["rows"][0].append(len(seen))
            return {"out": value}

    with Network() as net:
        add(net, "source", Fresh)
        for number in range(3):
            add(net, f"n{number}", Middle)
            net.add_connection("source" if number == 0 else f"n{number - 1}", "out", f"n{number}", "in")
        sink = add(net, "sink", Collect())
        net.add_connection("n2", "out", "sink", "in")
        assert net.run(timeout=SOON).ok
    assert sink.values == [{"rows": [[1, 2, 3, 4], [2]], "more": (1, [2])}]
    import sysconfig

    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert len(set(seen)) == 1


def test_a_tagged_container_that_is_passed_on_is_the_same_one_where_nobody_else_holds_it():
    seen = []

    class Fresh(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            return {"out": {"rows": [1], "n": 0}}

    class Forward(Base):
        def run(self, ctx):
            seen.append(id(ctx["in"]))
            ctx.done({"out": ctx.inputs["in"]})
            assert ctx.inputs["in"] == {"type": "Object", "data": {"rows": [1], "n": 0}}

    with Network() as net:
        add(net, "source", Fresh)
        for number in range(3):
            add(net, f"n{number}", Forward)
            net.add_connection("source" if number == 0 else f"n{number - 1}", "out", f"n{number}", "in")
        sink = add(net, "sink", Collect())
        net.add_connection("n2", "out", "sink", "in")
        assert net.run(timeout=SOON).ok
    assert sink.values == [{"rows": [1], "n": 0}]
    import sysconfig

    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert len(set(seen)) == 1


@pytest.mark.parametrize("kept", ["value", "data", "part", "inputs", "outputs"])
def test_a_tagged_container_that_is_kept_and_changed_changes_nothing(kept):
    class Keep(Base):
        def run(self, ctx):
            value = ctx.inputs["in"]
            holds = {"value": value, "data": value["data"], "part": value["data"]["rows"], "inputs": ctx.inputs}
            outputs = {"out": value}
            self.kept = outputs if kept == "outputs" else holds[kept]
            del value, holds
            if kept == "outputs":
                ctx.done(outputs)
                self.kept["out"]["data"]["n"] = 9
                return
            del outputs
            ctx.done({"out": ctx.inputs["in"]})
            match kept:
                case "value":
                    self.kept["data"]["n"] = 9
                case "data":
                    self.kept["n"] = 9
                case "part":
                    self.kept.append(9)
                case "inputs":
                    self.kept["in"]["data"]["n"] = 9

    assert chain(Keep, {"rows": [1], "n": 0}) == {"rows": [1], "n": 0}


def test_a_tagged_container_that_was_given_another_kind_is_that():
    class Retag(Base):
        def run(self, ctx):
            value = ctx.inputs["in"]
            value["type"] = "Array"
            value["data"] = [1]
            ctx.done({"out": value})

    assert chain(Retag, {"n": 0}) == [1]


def test_containers_of_own_classes_keep_them():
    value = Named({"a": [1]}, name="x")
    arrived = through(value)
    assert type(arrived) is Named
    assert arrived.name == "x"
    assert arrived is not value
    assert arrived["a"] is not value["a"]


def test_retries_see_what_was_sent():
    seen = []

    class Fails(Actor):
        inports = ["in"]

        def run(self, ctx):
            value = ctx["in"]
            seen.append(copy.deepcopy(value))
            value["list"].append("changed")
            if len(seen) < 3:
                raise ValueError("again")
            ctx.done()

    with Network() as net:
        net.register_actor("fails", Fails)
        net.add_node("a", "fails", policy={"attempts": 3, "delay_ms": 0})
        net.add_initial("a", "in", {"list": []})
        assert net.run(timeout=SOON).ok
    assert seen == [{"list": []}] * 3


def test_initials_are_the_same_at_every_start():
    seen = []

    def run(self, ctx):
        value = ctx["in"]
        seen.append(list(value))
        value.append(1)
        ctx.done()

    net = Network()
    add(net, "a", running(run))
    net.add_initial("a", "in", [])
    for _ in range(2):
        assert net.run(timeout=SOON).ok
    assert seen == [[], []]


def test_messages_of_plain_values():
    message = Message.from_value(EVERYTHING)
    assert message.kind == "Object"
    assert same(message.data(), EVERYTHING)
    assert message.data() is not message.data()
    assert message == Message.from_value(dict(EVERYTHING))
    assert message != Message.from_value({})
    assert same(pickle.loads(pickle.dumps(message)).data(), EVERYTHING)
    with pytest.raises(ValueError, match=r"python → json: at \[\"z\"\]"):
        message.as_json()
    assert Message.from_value({"b": 1, "a": (1, 2)}) == Message.object({"a": [1, 2], "b": 1})
    assert hash(Message.from_value(Number.ONE)) == hash(Message.integer(1))
    assert Message.from_value(Number.ONE).as_integer() == 1
    assert Message.from_value((1, 2)).as_json() == {"type": "Array", "data": [1, 2]}
    assert Message.from_value(bytearray(b"ab")).as_bytes() == b"ab"


def test_a_message_is_not_changed_by_who_made_or_read_it():
    value = {"list": [1]}
    message = Message.from_value(value)
    value["list"].append(2)
    message.data()["list"].append(3)
    assert message.data() == {"list": [1]}


def test_what_holds_itself_is_refused():
    loop: dict = {}
    loop["again"] = [(loop,)]
    with pytest.raises(ValueError, match="holds itself"):
        through(loop)


def test_shared_parts_take_no_time_of_their_own():
    value: tuple = ([],)
    for _ in range(60):
        value = (value, value)
    arrived = through({"deep": value})
    assert arrived["deep"][0] is arrived["deep"][1]


def test_conversion_happens_where_a_value_meets_another_component():
    with Network() as net:
        add(net, "a", running(lambda self, ctx: ctx.done({"out": {"b": (1, 2), "a": {3}}})))
        net.add_node("native", "tpl_collect", {"count": 1})
        python = add(net, "python", Collect())
        net.add_connection("a", "out", "native", "input")
        net.add_connection("a", "out", "python", "in")
        net.add_outport("out", "native", "output")
        result = net.run(inputs={"a.in": 1}, timeout=SOON)
    assert python.values == [{"b": (1, 2), "a": {3}}]
    assert "[1, 2]" in str(result.outputs["out"])


def test_an_array_gives_other_components_its_memory():
    numpy = pytest.importorskip("numpy")
    data = numpy.arange(4, dtype="u1")
    with Network() as net:
        add(net, "a", running(lambda self, ctx: ctx.done({"out": data})))
        net.add_node("native", "tpl_passthrough")
        net.add_connection("a", "out", "native", "input")
        net.add_outport("out", "native", "output")
        result = net.run(inputs={"a.in": 1}, timeout=SOON)
    assert result.outputs["out"] == [b"\0\1\2\3"]


def test_events_show_plain_values_and_never_fail():
    with Network() as net:
        events = net.events(types=["MessageSent"])
        add(net, "a", running(lambda self, ctx: ctx.done({"out": ctx["in"]})))
        sink = add(net, "b", Collect())
        net.add_connection("a", "out", "b", "in")
        assert net.run(inputs={"a.in": iter([{"x": (1,)}, 1j])}, timeout=SOON).ok
        shown = [event["message"] for event in events]
    assert shown == [{"x": [1]}, "complex"]
    assert sink.values == [{"x": (1,)}, 1j]


@pytest.mark.parametrize(
    ("container", "change"),
    [
        (type("Own", (dict,), {}), lambda value: value.update(a=1)),
        (type("Own", (list,), {}), lambda value: value.append(1)),
        (set, lambda value: value.add(1)),
        (collections.deque, lambda value: value.append(1)),
    ],
)
def test_a_container_that_a_weak_reference_reaches_is_not_changed_on_its_way(container, change):
    reached = []

    def run(self, ctx):
        value = container()
        reached.append(weakref.ref(value))
        return {"out": value}

    def look(self, ctx):
        value, alive = ctx["in"], reached[0]()
        if alive is not None:
            change(alive)
        ctx.done({"out": len(value)})

    with Network() as net:
        add(net, "a", running(run))
        add(net, "b", running(look))
        net.add_connection("a", "out", "b", "in")
        net.add_outport("out", "b", "out")
        assert net.run(inputs={"a.in": 1}, timeout=SOON).outputs["out"] == [0]


def test_an_interrupt_during_an_estimate_is_heard_afterwards():
    class Sized:
        def __sizeof__(self):
            signal.raise_signal(signal.SIGINT)
            return 1

    with Network() as net, pytest.raises(KeyboardInterrupt):
        add(net, "a", Done)
        listener = net.listen("a", "out")
        net.start()
        # What waits for a listener is measured.
        net.send("a", "in", Message.any([Sized()]))
        listener.recv(SOON)
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            pass
