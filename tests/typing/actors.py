"""How a typed program uses the package; checked by mypy, never run."""

from collections.abc import Iterator
from typing import Any, assert_type

from offbit_reflow import (
    Actor,
    ActorCallContext,
    Listener,
    Message,
    Network,
    RunResult,
    Stream,
    StreamReader,
    TickBatch,
    actor,
)


class Plain(Actor):
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx: ActorCallContext) -> None:
        assert_type(ctx.message("in"), Message)
        assert_type(ctx.inputs["in"].as_bytes(), bytes | None)
        assert_type(ctx.inputs["in"].take_stream(), StreamReader)
        assert_type(ctx.remaining_ms, float | None)
        ctx.done({"out": ctx["in"]})


class Batch(Actor):
    batch_size = 10

    def run(self, batch: TickBatch) -> None:
        assert_type(batch["in"], list[Any])
        assert_type(batch[0], ActorCallContext)
        batch.done({"out": [1 for _ in batch]})


class Async(Actor):
    async def run(self, ctx: ActorCallContext) -> dict[str, Any]:
        await ctx.send_async({"out": 1})
        return {"out": 2}


class Generator(Actor):
    def run(self, ctx: ActorCallContext) -> Iterator[dict[str, Any]]:
        yield {"out": 1}


@actor
def double(value: int) -> int:
    return value * 2


@actor(outports=["low", "high"])
def split(value: int) -> dict[str, int]:
    return {"low": value & 255, "high": value >> 8}


assert_type(double, type[Actor])
assert_type(split, type[Actor])


def program() -> None:
    with Network({"capacity": 10}) as net:
        assert_type(net, Network)
        net.register_actor("plain", Plain)
        net.register_actor("shared", Plain())
        net.add_node("a", "plain", {"some": "config"}, policy={"attempts": 3}, firing="all")
        assert_type(net.run(inputs={"a.in": 1}, timeout=1.0), RunResult)
        assert_type(net.listen("a", "out"), Listener)
        assert_type(net.shutdown(), list[str])
    stream = Stream.create(8)
    stream.send_bytes(memoryview(b"data"))
    assert_type(stream.into_message(), Message)


def mistakes(net: Network, ctx: ActorCallContext) -> None:
    Message()  # made by its static methods only
    net.add_node("a", 3)  # type: ignore[arg-type]
    ctx.done(3)  # type: ignore[arg-type]
    ctx.inputs["in"].take_stream(1)  # type: ignore[call-arg]
    Stream.create(8).send_bytes("text")  # type: ignore[arg-type]
