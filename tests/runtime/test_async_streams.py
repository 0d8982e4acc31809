"""Streams in async actors: both ends live on one loop."""

from __future__ import annotations

import asyncio

import pytest

from offbit_reflow import Actor, Message, Network, Stream

from .support import SOON, add

pytestmark = pytest.mark.timeout(60)


def pipe(writer: type[Actor], reader: type[Actor]) -> Network:
    net = Network()
    add(net, "writer", writer)
    add(net, "reader", reader)
    net.add_connection("writer", "stream", "reader", "stream")
    net.add_outport("out", "reader", "out")
    return net


class Writer(Actor):
    outports = ["stream"]
    buffer = 2

    async def run(self, ctx):
        async with Stream.create(self.buffer, content_type="text/plain") as stream:
            await ctx.send_async({"stream": stream.into_message()})
            await self.write(stream)
        ctx.finish()
        ctx.done()

    async def write(self, stream):
        for number in range(50):
            await stream.send(bytes([number]))


class Reader(Actor):
    inports = ["stream"]
    outports = ["out"]

    async def run(self, ctx):
        kinds = []
        async with ctx.message("stream").take_stream() as reader:
            async for frame in reader:
                kinds.append(frame["data"][0] if frame["kind"] == "data" else frame["kind"])
        return {"out": kinds}


def test_writer_and_reader_share_the_loop():
    with pipe(Writer, Reader) as net:
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert result.outputs["out"] == [[*range(50), "end"]]


def test_every_frame_has_an_async_form():
    class Frames(Writer):
        async def write(self, stream):
            await stream.send_begin_async("text/html", 3, {"a": 1})
            await stream.send({"kind": "begin", "content_type": "x/y"})
            await stream.send_bytes_async(bytearray(b"one"))
            await stream.send({"kind": "data", "data": memoryview(b"two")})
            await stream.send({"kind": "error", "error": "three"})

    class Frame(Reader):
        async def run(self, ctx):
            frames.extend([frame async for frame in ctx.message("stream").take_stream()])
            return {"out": 1}

    frames: list[dict] = []

    with pipe(Frames, Frame) as net:
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert frames == [
        {"kind": "begin", "content_type": "text/html", "size_hint": 3, "metadata": {"a": 1}},
        {"kind": "begin", "content_type": "x/y"},
        {"kind": "data", "data": b"one"},
        {"kind": "data", "data": b"two"},
        {"kind": "error", "error": "three"},
        {"kind": "end"},
    ]


def test_what_is_no_frame_is_refused():
    async def main():
        stream = Stream.create()
        for wrong in ("text", 5, None, {"kind": "music"}, {"kind": "data"}, {"data": b"x"}, {}):
            with pytest.raises(TypeError, match="frame"):
                await stream.send(wrong)

    asyncio.run(main())


def test_an_exception_ends_the_stream_with_an_error():
    class Breaks(Writer):
        async def write(self, stream):
            await stream.send(b"x")
            raise ValueError("broken")

    with pipe(Breaks, Reader) as net:
        result = net.run(timeout=SOON)
    assert result.outputs["out"] == [[120, "error"]]
    assert [failure.reason for failure in result.failures] == ["ValueError"]


def test_polling_with_time_outs_loses_nothing():
    async def main():
        stream = Stream.create(4)
        reader = stream.into_message().take_stream()
        assert await reader.recv_async(0) == {"kind": "timeout"}
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(reader), 0.001)
            assert await reader.recv_async(1) == {"kind": "timeout"}
        waiting = asyncio.ensure_future(reader.recv_async())
        await asyncio.sleep(0)
        for number in range(4):
            await stream.send(bytes([number]))
        got = [await waiting] + [await reader.recv_async(1_000) for _ in range(3)]
        assert [frame["data"][0] for frame in got] == [0, 1, 2, 3]
        for _ in range(4):
            await stream.send(b"full")
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.send(b"never"), 0.001)
        stream.end()
        stream.close()
        assert [frame["kind"] async for frame in reader] == ["data"] * 4 + ["end"]
        assert await reader.recv_async() == {"kind": "closed"}

    asyncio.run(asyncio.wait_for(main(), SOON))


def test_two_tasks_may_wait_for_one_reader():
    async def main():
        stream = Stream.create()
        reader = stream.into_message().take_stream()
        waiting = [asyncio.ensure_future(reader.recv_async()) for _ in range(3)]
        await asyncio.sleep(0.01)
        for number in range(3):
            stream.send_bytes(bytes([number]))
        assert sorted(frame["data"] for frame in await asyncio.gather(*waiting)) == [b"\0", b"\1", b"\2"]
        closed = asyncio.ensure_future(reader.recv_async())
        await asyncio.sleep(0.01)
        reader.close()
        assert await closed == {"kind": "closed"}

    asyncio.run(asyncio.wait_for(main(), SOON))


def test_a_reader_that_is_gone_is_told_to_a_waiting_writer():
    async def main():
        stream = Stream.create(1)
        reader = stream.into_message().take_stream()
        await stream.send(b"x")
        waiting = asyncio.ensure_future(stream.send(b"y"))
        await asyncio.sleep(0.01)
        reader.close()
        with pytest.raises(RuntimeError, match="reader is gone"):
            await waiting

    asyncio.run(asyncio.wait_for(main(), SOON))


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (lambda stream, reader: stream.send_bytes(b"x"), "stream.send"),
        (lambda stream, reader: stream.send_begin("x"), "stream.send"),
        (lambda stream, reader: reader.recv(100), "recv_async"),
        (lambda stream, reader: next(reader), "async for"),
        (lambda stream, reader: reader.read_all(), "async for"),
    ],
)
def test_a_blocking_call_on_the_loop_names_the_async_form(call, instead):
    class Blocks(Actor):
        outports = ["out"]

        async def run(self, ctx):
            full, empty = Stream.create(1), Stream.create(1)
            readers = [stream.into_message().take_stream() for stream in (full, empty)]
            full.send_bytes(b"there is room")
            empty.send_bytes(b"there is a frame")
            assert readers[1].recv(100)["data"] == b"there is a frame"
            assert readers[1].recv(0) == {"kind": "timeout"}
            call(full, readers[1])

    with Network() as net:
        add(net, "a", Blocks)
        (failure,) = net.run(timeout=SOON).failures
    assert failure.reason == "ContextError"
    assert instead in failure.error


def test_streams_in_a_program_of_ones_own_may_block():
    """It is the user's loop, and their thread."""

    async def main():
        stream = Stream.create(1)
        message: Message = stream.into_message()
        stream.send_bytes(b"x")
        with pytest.raises(TimeoutError):
            stream.send_bytes(b"y", timeout=0.01)
        assert message.take_stream().recv(10)["data"] == b"x"

    asyncio.run(main())
