"""Objects travel unseen: no attribute of theirs is asked for, whatever the style of the actors on their way."""

from __future__ import annotations

import sys

import pytest

from offbit_reflow import Message, Network
from offbit_reflow._values import PortValue

from .support import Collect, add, run_one, running
from .test_plain_values import STYLES, Base, Done, Generates, Plain, chain

SOON = 20


class Hooked:
    """An object that notes who asks for an attribute of its, and gives none."""

    asked: list = []

    def __getattribute__(self, name):
        Hooked.asked.append((name, sys._getframe(1).f_code.co_name))
        raise RuntimeError(name)

    def __getattr__(self, name):
        Hooked.asked.append((name, sys._getframe(1).f_code.co_name))
        raise RuntimeError(name)


class HookedDict(dict):
    __getattribute__ = Hooked.__getattribute__
    __getattr__ = Hooked.__getattr__


class Returns(Base):
    def run(self, ctx):
        return ctx["in"]


class Yields(Base):
    def run(self, ctx):
        yield ctx["in"]


class Emits(Base):
    def run(self, ctx):
        ctx.emit("out", ctx["in"])
        ctx.done()


class Thread(Base):
    thread = True

    def run(self, ctx):
        return ctx["in"]


class AwaitsAndReturns(Base):
    async def run(self, ctx):
        return ctx["in"]


class ReturnsRows(Base):
    batch_size = 4

    def run(self, batch):
        return list(batch["in"])


class TaggedData(Base):
    def run(self, ctx):
        ctx.done({"out": ctx.inputs["in"]["data"]})


class ByReference(Base):
    def run(self, ctx):
        ctx.done({"out": Message.any(ctx["in"])})


@pytest.fixture
def asked():
    Hooked.asked = []
    return Hooked.asked


@pytest.mark.parametrize(
    "style",
    [*STYLES, Returns, Yields, Emits, Thread, AwaitsAndReturns, ReturnsRows, TaggedData, ByReference],
    ids=lambda style: style.__name__,
)
def test_no_style_asks_an_object_for_anything(style, asked):
    value = Hooked()
    arrived = chain(style, value)
    assert asked == []
    assert arrived is value


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_nor_an_object_in_a_container(style, asked):
    value = Hooked()
    arrived = chain(style, {"x": [value], "y": (value,)})
    assert asked == []
    assert arrived["x"][0] is value


@pytest.mark.parametrize("style", [Plain, Done, Generates], ids=lambda style: style.__name__)
def test_nor_a_dict_of_a_class_with_hooks(style, asked):
    arrived = []

    def make(self, ctx):
        return {"out": HookedDict(a=1)}

    def count(self, ctx):
        arrived.append(dict.__len__(ctx["in"]))
        ctx.done()

    with Network() as net:
        add(net, "make", running(make))
        add(net, "middle", style)
        add(net, "sink", running(count))
        net.add_connection("make", "out", "middle", "in")
        net.add_connection("middle", "out", "sink", "in")
        assert net.run(inputs={"make.in": 1}, timeout=SOON).ok
    assert asked == []
    assert arrived == [1]


def test_listeners_and_events_ask_for_nothing_either(asked):
    value = Hooked()
    with Network() as net:
        events = net.events(types=["MessageSent"])
        add(net, "a", Plain)
        sink = add(net, "b", Collect())
        net.add_connection("a", "out", "b", "in")
        listener = net.listen("a", "out")
        net.start()
        for sent in (value, Message.any(value), {"x": value}):
            net.send("a", "in", sent)
        heard = [listener.recv(SOON) for _ in range(3)]
        net.shutdown()
        list(events)
        inner = heard[2].data()["x"]
    assert asked == []
    assert heard[0].data() is value
    assert inner is value
    assert len(sink.values) == 3


def test_the_kind_of_an_object_is_there_for_those_who_look():
    seen = []

    def look(self, ctx):
        given = ctx.inputs["in"]
        assert isinstance(given, PortValue)
        seen.append(given["data"])
        seen.append(repr(given))
        seen.append(dict(given))
        seen.append({**ctx.inputs["in"]})
        seen.append(given | {"more": 1})
        seen.append({} | given)
        seen.append((given["type"], len(given), list(given), "type" in given, given == {"type": "Any", "data": 1j}))
        ctx.done({"out": given})

    assert run_one(running(look), [1j]).outputs["out"] == [1j]
    tagged = {"type": "Any", "data": 1j}
    assert seen == [
        1j,
        "{'type': 'Any', 'data': 1j}",
        tagged,
        tagged,
        {**tagged, "more": 1},
        tagged,
        ("Any", 2, ["type", "data"], True, True),
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.__setitem__("data", 2),
        lambda given: given.update(data=2, type="Integer"),
        lambda given: given.__ior__({"type": "Integer", "data": 2}),
    ],
)
@pytest.mark.parametrize("value", [1j, 1, b"a"])
def test_a_tagged_value_that_was_changed_is_sent_as_changed(change, value):
    def run(self, ctx):
        given = ctx.inputs["in"]
        given["type"] = "Integer"
        change(given)
        assert len(given) == 2
        ctx.done({"out": given})

    assert run_one(running(run), [value]).outputs["out"] == [2]
