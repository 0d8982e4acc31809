"""The limit: the same `run` methods, called one after the other by a plain loop."""

from __future__ import annotations

from time import perf_counter

from bodies import ADD, change, forward, spin
from harness import main, payload


class Context:
    """As little as a `run` method needs."""

    __slots__ = ("inputs", "outputs")

    def done(self, outputs):
        self.outputs = outputs


class PlainContext(Context):
    """The same, with plain values."""

    __slots__ = ()

    def __getitem__(self, port):
        return self.inputs[port]


def call(run, nodes, messages, context):
    """Call `run` once a node for every message."""
    actors = [type("Step", (), {"run": run})() for _ in range(nodes)]
    started = perf_counter()
    for message in messages:
        for actor in actors:
            context.inputs = {"in": message}
            actor.run(context)
            message = context.outputs["out"]
    return perf_counter() - started


def chain(nodes, packets, style="tagged"):
    messages = [{"type": "Integer", "data": number} if style == "tagged" else number for number in range(packets)]
    context = Context() if style == "tagged" else PlainContext()
    return nodes * packets / call(ADD[style], nodes, messages, context)


def fan(width, packets):
    actors = [type("Step", (), {"run": ADD["tagged"]})() for _ in range(width)]
    context, total = Context(), 0
    started = perf_counter()
    for number in range(packets):
        for actor in actors:
            context.inputs = {"in": {"type": "Integer", "data": number}}
            actor.run(context)
            total += context.outputs["out"]["data"]
    return width * packets / (perf_counter() - started)


def payload_case(kind, nodes, packets):
    message = payload(kind)
    return packets / call(forward, nodes, [message] * packets, Context())


def changed(nodes, packets):
    actors = [type("Step", (), {"run": change})() for _ in range(nodes)]
    context = PlainContext()
    started = perf_counter()
    for value in (dict(value) for value in [payload("dict")] * packets):
        for actor in actors:
            context.inputs = {"in": value}
            value = actor.run(context)["out"]
    return packets / (perf_counter() - started)


def slow_consumer(packets):
    started = perf_counter()
    for number in range(packets):
        spin(number + 1)
    return packets / (perf_counter() - started)


if __name__ == "__main__":
    main({**globals(), "payload": payload_case})
