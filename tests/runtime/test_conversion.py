"""Plain Python values on their way through a network."""

from __future__ import annotations

import array
import math

import pytest

from offbit_reflow import Actor, Message, Network, template_info
from offbit_reflow.exceptions import ConversionError

from .support import Collect, Forward, add, run_one, running, through

VALUES = [
    (True, "Boolean"),
    (0, "Integer"),
    (-(2**63), "Integer"),
    (2**63 - 1, "Integer"),
    (1.0, "Float"),
    (1e308, "Float"),
    (-0.0, "Float"),
    (math.inf, "Float"),
    ("", "String"),
    ("a\0b 🌍", "String"),
    (b"", "Bytes"),
    (b"\x00\xff", "Bytes"),
    (None, "Optional"),
    ([], "Array"),
    ([1, [2, {"a": None}]], "Array"),
    ({}, "Object"),
    ({"a": {"b": [1.5, True, None, "x"]}}, "Object"),
    ({"type": 5}, "Object"),
    ({"type": "Integer", "data": 1, "more": 2}, "Object"),
    ({"data": 1}, "Object"),
]


def kinds_seen(value, give):
    seen = []

    def run(self, ctx):
        seen.append((ctx.message("in").kind, ctx["in"]))
        ctx.done()

    with Network() as net:
        add(net, "sink", running(run))
        give(net, value)
        assert net.run(timeout=15).ok
    return seen


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=repr)
def test_plain_values_everywhere_a_message_is_taken(value, kind):
    def source(way):
        def run(self, ctx):
            ctx.finish()
            if way == "emit":
                ctx.emit("out", value)
                ctx.done()
            elif way == "send":
                ctx.send({"out": value})
                ctx.done()
            elif way == "done":
                ctx.done({"out": value})
            else:
                return {"out": value}
            return None

        def give(net, _):
            add(net, "source", running(run, inports=[]))
            net.add_connection("source", "out", "sink", "in")

        return give

    ways = [source(way) for way in ("emit", "send", "done", "return")]
    ways.append(lambda net, value: net.add_initial("sink", "in", value))
    for give in ways:
        ((seen_kind, seen),) = kinds_seen(value, give)
        assert (seen_kind, seen) == (kind, value)
        assert type(seen) is type(value)
        if isinstance(value, float):
            assert math.copysign(1, seen) == math.copysign(1, value)


def test_net_send_takes_plain_values():
    with Network() as net:
        sink = add(net, "sink", Collect())
        net.start()
        for value, _ in VALUES:
            net.send("sink", "in", value)
        net.send("sink", "in", Message.integer(9))
        net.send("sink", "in", {"type": "Integer", "data": 10})
        net.wait(timeout=15)
    assert sink.values == [value for value, _ in VALUES] + [9, 10]


def test_tagged_dicts_are_messages():
    assert through({"type": "Integer", "data": 5}) == 5
    assert through({"type": "Bytes", "data": [1, 2]}) == b"\1\2"
    assert through({"type": "Flow"}) is None
    assert through({"type": "Object", "data": {"type": "Flow"}}) == {"type": "Flow"}


@pytest.mark.parametrize(
    "bad", [{"type": "Integer", "data": "x"}, {"type": "Integer"}, {"type": "Bytes", "data": [256]}]
)
def test_wrong_tagged_dicts_are_errors_never_objects(net, bad):
    with pytest.raises(RuntimeError):
        net.add_initial("a", "in", bad)
    with pytest.raises(ValueError):  # noqa: PT011  # one class for both
        net.add_initial("a", "in", bad)


def test_a_dict_whose_type_is_no_kind_is_an_ordinary_one():
    for value in ({"type": "click"}, {"type": "flow"}, {"type": "click", "data": {"x": 1}}):
        assert through(value) == value


@pytest.mark.parametrize(
    "bad", [object(), 1j, {1: 2}, [object()], {"a": {"b": object()}}, lambda: 1, Actor, 2**63, -(2**63) - 1, 10**300]
)
def test_what_has_no_other_form_fails_the_tick_and_nothing_else_where_it_meets_another_component(bad):
    def run(self, ctx):
        return {"out": bad if ctx["in"] == 1 else "fine"}

    net = Network()
    add(net, "source", running(run))
    net.add_node("native", "tpl_passthrough")
    ports = {port["name"] for port in template_info("tpl_passthrough")["inports"]}
    (inport,) = ports
    (outport,) = {port["name"] for port in template_info("tpl_passthrough")["outports"]} - {"error"}
    net.add_connection("source", "out", "native", inport)
    net.add_outport("out", "native", outport)
    with net:
        result = net.run(inputs={"source.in": iter([0, 1, 2])}, timeout=15)
    assert result.outputs["out"] == ["fine", "fine"]
    (failure,) = result.failures
    assert failure.reason == "ConversionError"
    assert "`source`" in failure.error
    assert "`out`" in failure.error
    assert "`native`" in failure.error
    assert "Message.any" in failure.error
    assert len(failure.error) < 500


def test_integers_up_to_64_bits_inside_data():
    assert through({"x": 2**64 - 1}) == {"x": 2**64 - 1}


@pytest.mark.parametrize("value", [math.nan, [math.nan], {"x": math.nan}])
def test_nan_travels(value):
    arrived = through(value)
    number = arrived if isinstance(arrived, float) else arrived["x"] if isinstance(arrived, dict) else arrived[0]
    assert math.isnan(number)


def test_nan_in_inputs_and_events():
    seen = []

    def run(self, ctx):
        seen.append(ctx.inputs["in"]["data"])
        ctx.done()

    with Network() as net:
        events = net.events()
        add(net, "a", running(run))
        net.add_initial("a", "in", math.nan)
        net.add_initial("a", "in", {"type": "Encoded", "data": [255, 254]})
        assert net.run(timeout=15).ok
        shown = [event["message"] for event in events if event["_type"] == "MessageReceived"]
    assert math.isnan(seen[0])
    assert len(shown) == 2


def test_bytes_travel_by_reference():
    payload = bytes(2**20)
    assert through(payload) is payload


@pytest.mark.parametrize(
    "source", [bytearray(b"ab"), memoryview(b"ab"), array.array("B", b"ab")], ids=lambda s: type(s).__name__
)
def test_buffers_arrive_as_they_are(source):
    arrived = through(source)
    assert type(arrived) is type(source)
    assert bytes(arrived) == b"ab"


def test_numpy_through_a_network():
    numpy = pytest.importorskip("numpy")
    data = numpy.linspace(0, 1, 7)
    assert through(data) is data
    assert through(Message.bytes(data)) == data.tobytes()
    for value in (numpy.int64(5), numpy.float64(0.5), numpy.bool_(True)):
        arrived = through(value)
        assert arrived == value
        assert type(arrived) is type(value)
    inside = through({"a": numpy.int32(5), "b": data})
    assert inside["b"] is data
    assert type(inside["a"]) is numpy.int32


def test_tuples_and_sets_stay_what_they_are():
    assert through((1, (2, 3))) == (1, (2, 3))
    assert through({7}) == {7}


def test_receivers_never_see_each_others_mutations():
    seen = []

    def run(self, ctx):
        value = ctx["in"]
        seen.append(dict(value))
        value["mine"] = ctx.node_id
        value["list"].append(1)
        ctx.done()

    with Network() as net:
        net.register_actor("forward", Forward)
        net.add_node("source", "forward")
        net.register_actor("sink", running(run))
        for name in ("a", "b", "c"):
            net.add_node(name, "sink")
            net.add_connection("source", "out", name, "in")
        net.add_initial("source", "in", {"list": []})
        assert net.run(timeout=15).ok
    assert [sorted(value) for value in seen] == [["list"]] * 3


def test_the_sender_may_go_on_changing_its_data():
    def run(self, ctx):
        data = {"n": 0, "list": []}
        for number in range(3):
            data["n"] = number
            data["list"].append(number)
            ctx.send({"out": data})
        ctx.done()

    out = run_one(running(run)).outputs["out"]
    assert out == [{"n": 0, "list": [0]}, {"n": 1, "list": [0, 1]}, {"n": 2, "list": [0, 1, 2]}]


def test_any_passes_an_object_by_reference():
    marker = object()
    assert through(Message.any(marker)) is marker


def test_any_objects_are_let_go():
    import gc
    import weakref

    class Thing:
        pass

    thing = Thing()
    weak = weakref.ref(thing)
    assert through(Message.any(thing)) is thing
    del thing
    gc.collect()
    assert weak() is None


def test_a_subclass_of_str_int_float_stays_one():
    kinds = [type(name, (base,), {}) for name, base in (("S", str), ("I", int), ("F", float))]
    for made, plain in zip((kinds[0]("x"), kinds[1](3), kinds[2](0.5)), ("x", 3, 0.5), strict=True):
        arrived = through(made)
        assert arrived == plain
        assert type(arrived) is type(made)


def test_deep_and_cyclic_data_fail_the_tick_only():
    def run(self, ctx):
        data: list = []
        data.append(data)
        return {"out": data}

    result = run_one(running(run))
    assert len(result.failures) == 1
    assert result.failures[0].reason in ("ConversionError", "RecursionError", "ValueError")


def test_lone_surrogates_fail_the_tick_only():
    def run(self, ctx):
        return {"out": ctx["in"] if ctx["in"] == "ok" else "\ud800"}

    result = run_one(running(run), ["ok", "bad", "ok"])
    assert result.outputs["out"] == ["ok", "ok"]
    assert result.failures[0].reason == "UnicodeEncodeError"


def test_items_that_give_each_other_are_refused():
    class One:
        dtype = "none"

        def item(self):
            return Other()

    class Other(One):
        def item(self):
            return One()

    with pytest.raises(ConversionError):
        Message.object({"a": One()})


def test_an_iterator_that_only_raises_ends_the_estimate_of_a_size():
    class Raises(list):
        def __iter__(self):
            return self

        def __next__(self):
            raise ValueError("never")

    assert Message.any(Raises([1])).kind == "Any"


def test_what_changes_while_it_is_set():
    """A value whose conversion changes the mapping that it stands in."""
    values = {}

    class Grows(dict):
        def items(self):
            values[f"more {len(values)}"] = 1
            return super().items()

    values.update(a=Grows(x=1), b=2)
    with Network() as net:
        add(net, "a", Forward)
        net.start()
        net.vars.set(values)
        assert net.vars.get("b") == 2


def test_outputs_of_a_batch_that_change_while_they_are_read():
    outputs = {}

    class Grows:
        """Iterating over it changes the dict that it stands in."""

        def __iter__(self):
            outputs[f"more {len(outputs)}"] = []
            return iter([1])

    class Batch(Actor):
        inports = ["in"]
        outports = ["out", "other"]
        batch_size = 2

        def run(self, batch):
            outputs.clear()
            outputs.update(out=Grows(), other=[2])
            batch.done(outputs)

    result = run_one(Batch, [0])
    assert result.ok, result.failures
    assert result.outputs["out"] == [1]
