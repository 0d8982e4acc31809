"""Tasks of one asyncio loop, joined by bounded queues."""

from __future__ import annotations

import asyncio
from asyncio import Queue
from time import perf_counter

from bodies import spin
from harness import FRAME, main, payload, peak, percentile, resident

#: Room in a queue, as in a connection of ours.
CAPACITY = 128
END = object()


async def feed(out, values):
    for value in values:
        await out.put(value)
    await out.put(END)


async def relay(get, put, function):
    while (value := await get.get()) is not END:
        await put.put(function(value))
    await put.put(END)


async def count(get, ends=1):
    total = 0
    while ends:
        if await get.get() is END:
            ends -= 1
        else:
            total += 1
    return total


async def row(nodes, values, function):
    queues = [Queue(CAPACITY) for _ in range(nodes + 1)]
    started = perf_counter()
    tasks = [asyncio.create_task(feed(queues[0], values))]
    tasks += [asyncio.create_task(relay(queues[at], queues[at + 1], function)) for at in range(nodes)]
    total = await count(queues[-1])
    elapsed = perf_counter() - started
    await asyncio.gather(*tasks)
    return total, elapsed


def chain(nodes, packets):
    total, elapsed = asyncio.run(row(nodes, range(packets), lambda value: value + 1))
    assert total == packets
    return nodes * packets / elapsed


async def add_async(value):
    return value + 1


async def add_pausing(value):
    await asyncio.sleep(0)
    return value + 1


def coroutines(nodes, packets, style):
    """Run a task for each tick, so that it can be cancelled by itself and has context variables of its own."""
    function = {"async": add_async, "pausing": add_pausing}[style]

    async def relay_in_tasks(get, put):
        while (value := await get.get()) is not END:
            await put.put(await asyncio.create_task(function(value)))
        await put.put(END)

    async def measure():
        queues = [Queue(CAPACITY) for _ in range(nodes + 1)]
        started = perf_counter()
        tasks = [asyncio.create_task(feed(queues[0], range(packets)))]
        tasks += [asyncio.create_task(relay_in_tasks(queues[at], queues[at + 1])) for at in range(nodes)]
        total = await count(queues[-1])
        elapsed = perf_counter() - started
        await asyncio.gather(*tasks)
        return total, elapsed

    total, elapsed = asyncio.run(measure())
    assert total == packets
    return nodes * packets / elapsed


def payload_case(kind, nodes, packets):
    total, elapsed = asyncio.run(row(nodes, [payload(kind)] * packets, lambda value: value))
    assert total == packets
    return packets / elapsed


def increase(value):
    value["key 0"] += 1
    return value


def changed(nodes, packets):
    values = (dict(value) for value in [payload("dict")] * packets)
    total, elapsed = asyncio.run(row(nodes, values, increase))
    assert total == packets
    return packets / elapsed


def slow_consumer(packets):
    async def measure():
        queues = [Queue(CAPACITY) for _ in range(2)]
        started = perf_counter()
        tasks = [asyncio.create_task(feed(queues[0], range(packets)))]
        tasks.append(asyncio.create_task(relay(queues[0], queues[1], lambda value: value + 1)))
        while (value := await queues[1].get()) is not END:
            spin(value)
        elapsed = perf_counter() - started
        await asyncio.gather(*tasks)
        return elapsed

    return packets / asyncio.run(measure())


def diamond(packets):
    async def measure():
        inputs, outputs = [Queue(CAPACITY) for _ in "ab"], [Queue(CAPACITY) for _ in "ab"]

        async def spread():
            for number in [*range(packets), END]:
                for queue in inputs:
                    await queue.put(number)

        started = perf_counter()
        tasks = [asyncio.create_task(spread())]
        tasks += [
            asyncio.create_task(relay(get, put, lambda value: value + 1))
            for get, put in zip(inputs, outputs, strict=True)
        ]
        total = 0
        while (one := await outputs[0].get()) is not END and (other := await outputs[1].get()) is not END:
            total += one == other
        elapsed = perf_counter() - started
        assert total == packets
        await outputs[1].get()
        await asyncio.gather(*tasks)
        return elapsed

    return packets / asyncio.run(measure())


def fan(width, packets):
    async def measure():
        inputs, output = [Queue(CAPACITY) for _ in range(width)], Queue(CAPACITY)

        async def spread():
            for number in range(packets):
                for queue in inputs:
                    await queue.put(number)
            for queue in inputs:
                await queue.put(END)

        started = perf_counter()
        tasks = [asyncio.create_task(spread())]
        tasks += [asyncio.create_task(relay(queue, output, lambda value: value + 1)) for queue in inputs]
        total = await count(output, ends=width)
        assert total == width * packets
        await asyncio.gather(*tasks)
        return perf_counter() - started

    return width * packets / asyncio.run(measure())


def latency(rounds, percent):
    async def measure():
        there, back, times = Queue(CAPACITY), Queue(CAPACITY), []
        echo = asyncio.create_task(relay(there, back, lambda value: value + 1))
        for number in range(rounds):
            started = perf_counter()
            await there.put(number)
            await back.get()
            times.append(perf_counter() - started)
        await there.put(END)
        await echo
        return times

    return percentile(asyncio.run(measure()), percent)


def stream(frames):
    data = b"x" * FRAME
    total, elapsed = asyncio.run(row(0, [data] * frames, lambda value: value))
    return total * FRAME / elapsed / 2**20


async def spawn(nodes):
    queues = [Queue(CAPACITY) for _ in range(nodes + 1)]
    tasks = [asyncio.create_task(relay(queues[at], queues[at + 1], lambda value: value)) for at in range(nodes)]
    await asyncio.sleep(0)
    return queues, tasks


def start_stop(nodes):
    async def measure():
        started = perf_counter()
        _, tasks = await spawn(nodes)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return (perf_counter() - started) * 1e3

    return asyncio.run(measure())


def idle_nodes(nodes, what):
    async def measure():
        started = perf_counter()
        queues, tasks = await spawn(nodes)
        if what != "start":
            started = perf_counter()
            await queues[0].put(0)
            await queues[-1].get()
        elapsed = perf_counter() - started
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return elapsed

    return asyncio.run(measure())


def growth(packets):
    asyncio.run(row(2, range(10_000), lambda value: value + 1))
    before = peak()
    asyncio.run(row(2, range(packets), lambda value: value + 1))
    return (peak() - before) / 2**20


def memory(nodes):
    async def measure():
        before = resident()
        held = await spawn(nodes)
        return (resident() - before) / len(held[1]) / 1024

    return asyncio.run(measure())


def flood(packets):
    async def measure():
        queue = Queue(CAPACITY)
        before = resident()
        feeder = asyncio.create_task(feed(queue, (b"%d" % number + b"x" * 10_000 for number in range(packets))))
        while await queue.get() is not END:
            await asyncio.sleep(0.0001)
        await feeder
        return max(0, peak() - before) / 2**20

    return asyncio.run(measure())


if __name__ == "__main__":
    main({**globals(), "payload": payload_case})
