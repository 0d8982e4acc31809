"""A bytearray is protected wherever it is: what its sender changes later, nobody else sees."""

from __future__ import annotations

import pytest

from offbit_reflow import Actor, Network

from .support import Collect, add

SOON = 20


def around(buffer):
    """Give containers that hold the buffer among many other values."""
    return {
        "itself": buffer,
        "dict": {"frame": buffer},
        "dict of many": {**{f"key {number}": number for number in range(500)}, "frame": buffer},
        "numbered dict": {**dict.fromkeys(range(500), 0), 7: buffer},
        "list of many": [*range(500), buffer],
        "tuple": (1, buffer),
        "tuple in a dict": {"pair": (1, buffer)},
        "dict in a list": [{"frame": buffer}],
    }


def inside(value):
    """Give the buffer that is somewhere in there."""
    while not isinstance(value, bytearray):
        members = value.values() if isinstance(value, dict) else value
        value = next(member for member in members if isinstance(member, bytearray | dict | list | tuple))
    return value


@pytest.mark.parametrize("kind", around(bytearray()))
@pytest.mark.parametrize("forwards", [False, True], ids=["sent", "put into what came"])
def test_a_buffer_inside_of_a_container_is_protected(kind, forwards):
    buffer = bytearray(b"first")

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.send({"out": {"old": 1} if forwards else around(buffer)[kind]})
            if not forwards:
                buffer[:] = b"other"
            ctx.finish()
            ctx.done()

    class Puts(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            value = ctx["in"]
            if forwards:
                value["new"] = around(buffer)[kind]
            ctx.send({"out": value})
            if forwards:
                buffer[:] = b"other"
            ctx.done()

    with Network() as net:
        add(net, "source", Source)
        add(net, "puts", Puts)
        sink = add(net, "sink", Collect())
        net.add_connection("source", "out", "puts", "in")
        net.add_connection("puts", "out", "sink", "in")
        assert net.run(timeout=SOON).ok
    assert [bytes(inside(value)) for value in sink.values] == [b"first"]


def test_a_dict_is_looked_through_again_after_each_change():
    buffer = bytearray(b"first")
    held = dict.fromkeys(map(str, range(50)), 0)
    changes = [
        lambda: held.__setitem__("7", buffer),
        lambda: held.update(new=buffer),
        lambda: held.setdefault("default", buffer),
        lambda: held.__ior__({"8": buffer}),
    ]

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            for change in changes:
                ctx.send({"out": held})
                change()
                ctx.send({"out": held})
                buffer[:] = b"other"
                held.clear()
                held.update(dict.fromkeys(map(str, range(50)), 0))
                buffer[:] = b"first"
            ctx.finish()
            ctx.done()

    with Network() as net:
        add(net, "source", Source)
        sink = add(net, "sink", Collect())
        net.add_connection("source", "out", "sink", "in")
        assert net.run(timeout=SOON).ok
    assert [any(value is buffer for value in given.values()) for given in sink.values] == [False] * 8
    assert [bytes(inside(given)) for given in sink.values[1::2]] == [b"first"] * 4
