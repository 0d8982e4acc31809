"""What a generator or an iterator has given is its receivers' alone while it goes on."""

import asyncio

import pytest

from offbit_reflow import Actor, Network, Stream, actor
from offbit_reflow.exceptions import StreamError

from .support import add

SOON = 40


def items(told):
    """Give a stream, and fill it until its writer hears that nobody takes it."""
    stream = Stream.create(1)
    yield stream.into_message()
    try:
        while True:
            stream.send_bytes(b"x", timeout=SOON)
    except StreamError as error:
        told.append(str(error))


async def async_items(told):
    stream = Stream.create(1)
    yield stream.into_message()
    try:
        while True:
            await stream.send(b"x")
    except StreamError as error:
        told.append(str(error))


class Ignores(Actor):
    inports = ["in"]

    def run(self, ctx):
        ctx.done()


def of_async_class(told):
    class Writes(Actor):
        inports = ["go"]
        outports = ["out"]

        async def run(self, ctx):
            given = async_items(told)
            yield {"out": await anext(given)}
            async for _ in given:
                pass

    return Writes


def of_function(told):
    @actor
    def writes(go):
        yield from items(told)

    return writes


def of_async_function(told):
    @actor
    async def writes(go):
        given = async_items(told)
        yield await anext(given)
        async for _ in given:
            pass

    return writes


def of_returned_generator(told):
    return actor(lambda go: items(told))


def of_returned_async_generator(told):
    return actor(lambda go: async_items(told))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "writes",
    [
        of_async_class,
        of_function,
        of_async_function,
        of_returned_generator,
        of_returned_async_generator,
    ],
)
def test_a_stream_nobody_takes_tells_the_generator_that_gave_it(writes):
    told = []
    net = Network()
    add(net, "writes", writes(told))
    add(net, "ignores", Ignores)
    net.add_connection("writes", "out", "ignores", "in")
    assert net.run(inputs={"writes.go": 1}, timeout=SOON).ok
    assert "the reader is gone" in told[0]


def ran(net, told):
    net.run(inputs={"ignores.in": items(told)}, timeout=SOON)


def ran_async(net, told):
    asyncio.run(net.run_async(inputs={"ignores.in": async_items(told)}, timeout=SOON))


def asked(net, told):
    with net:
        net.start()
        net.ask({"ignores.in": items(told)}, timeout=SOON)


def asked_async(net, told):
    async def main():
        async with net:
            net.start()
            await net.ask_async({"ignores.in": async_items(told)}, timeout=SOON)

    asyncio.run(main())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("begin", [ran, ran_async, asked, asked_async])
def test_a_stream_nobody_takes_tells_the_input_that_gave_it(begin):
    told = []
    net = Network()
    add(net, "ignores", Ignores)
    begin(net, told)
    assert "the reader is gone" in told[0]
