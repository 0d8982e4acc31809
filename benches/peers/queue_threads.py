"""A thread a node, joined by bounded `queue.Queue`s."""

from __future__ import annotations

from queue import Queue
from threading import Thread
from time import perf_counter, sleep

from harness import FRAME, main, payload, peak, percentile, resident

#: Room in a queue, as in a connection of ours.
CAPACITY = 128
END = object()


def feed(out, values):
    for value in values:
        out.put(value)
    out.put(END)


def relay(get, put, function):
    while (value := get.get()) is not END:
        put.put(function(value))
    put.put(END)


def count(get, ends=1):
    total = 0
    while ends:
        if get.get() is END:
            ends -= 1
        else:
            total += 1
    return total


def spawn(target, *arguments):
    thread = Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def row(nodes, values, function):
    queues = [Queue(CAPACITY) for _ in range(nodes + 1)]
    started = perf_counter()
    spawn(feed, queues[0], values)
    for at in range(nodes):
        spawn(relay, queues[at], queues[at + 1], function)
    total = count(queues[-1])
    return total, perf_counter() - started


def chain(nodes, packets):
    total, elapsed = row(nodes, range(packets), lambda value: value + 1)
    assert total == packets
    return nodes * packets / elapsed


def payload_case(kind, nodes, packets):
    total, elapsed = row(nodes, [payload(kind)] * packets, lambda value: value)
    assert total == packets
    return packets / elapsed


def fan(width, packets):
    inputs, output = [Queue(CAPACITY) for _ in range(width)], Queue(CAPACITY)

    def spread():
        for number in range(packets):
            for queue in inputs:
                queue.put(number)
        for queue in inputs:
            queue.put(END)

    started = perf_counter()
    spawn(spread)
    for queue in inputs:
        spawn(relay, queue, output, lambda value: value + 1)
    assert count(output, ends=width) == width * packets
    return width * packets / (perf_counter() - started)


def latency(rounds, percent):
    there, back, times = Queue(CAPACITY), Queue(CAPACITY), []
    spawn(relay, there, back, lambda value: value + 1)
    for number in range(rounds):
        started = perf_counter()
        there.put(number)
        back.get()
        times.append(perf_counter() - started)
    return percentile(times, percent)


def stream(frames):
    total, elapsed = row(0, [b"x" * FRAME] * frames, None)
    return total * FRAME / elapsed / 2**20


def nodes_of(number):
    queues = [Queue(CAPACITY) for _ in range(number + 1)]
    return queues, [spawn(relay, queues[at], queues[at + 1], lambda value: value) for at in range(number)]


def start_stop(nodes):
    started = perf_counter()
    queues, threads = nodes_of(nodes)
    queues[0].put(END)
    for thread in threads:
        thread.join()
    return (perf_counter() - started) * 1e3


def memory(nodes):
    before = resident()
    held = nodes_of(nodes)
    sleep(0.2)
    return (resident() - before) / len(held[1]) / 1024


def growth(packets):
    row(2, range(10_000), lambda value: value + 1)
    before = peak()
    row(2, range(packets), lambda value: value + 1)
    return (peak() - before) / 2**20


def flood(packets):
    queue = Queue(CAPACITY)
    before = resident()
    spawn(feed, queue, (b"%d" % number + b"x" * 10_000 for number in range(packets)))
    while queue.get() is not END:
        sleep(0.0001)
    return max(0, peak() - before) / 2**20


if __name__ == "__main__":
    main({**globals(), "payload": payload_case, "outside_latency": latency})
