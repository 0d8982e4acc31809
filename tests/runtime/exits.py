"""A program that ends, again and again, while daemon threads are inside of what we offer; prints what was wrong with its ends.

Each end is that of a forked child, so that the package is imported once.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import json
import logging
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

from offbit_reflow import (
    Actor,
    AssetStore,
    Graph,
    Message,
    Network,
    Store,
    Stream,
    SubgraphBuilder,
    TickBatch,
    _exit,
    compose_graphs,
    node,
)

#: How often each program ends.
ENDS = 6
#: How long one may take, in seconds.
LIMIT = 20


class Slow(Mapping):
    """A mapping of somebody: every look into it runs Python code."""

    def __init__(self) -> None:
        self.values_of = {f"key{number}": [number] * 3 for number in range(50)}

    def __getitem__(self, key: str) -> list[int]:
        return self.values_of[key]

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self.values_of)

    def __len__(self) -> int:
        return sum(1 for _ in self.values_of)

    def __repr__(self) -> str:
        return "".join(str(key) for key in self)

    def __del__(self) -> None:
        sum(range(100))


class Own(dict):
    """A dict that knows how it is copied."""

    def __copy__(self) -> Own:
        return Own({key: self[key] for key in list(self)})


class Made(Actor):
    """An actor that takes some time to make."""

    inports = ("in",)
    outports = ("out",)

    def __init__(self) -> None:
        sum(range(1000))

    def run(self, ctx: Mapping[str, object]) -> dict[str, object]:
        return {"out": ctx["in"]}


class AsyncMade(Made):
    async def run(self, ctx: Mapping[str, object]) -> dict[str, object]:
        return {"out": ctx["in"]}


class Yields(Made):
    def run(self, ctx: Mapping[str, object]) -> Iterator[dict[str, object]]:
        yield {"out": ctx["in"]}


class AsyncYields(Made):
    async def run(self, ctx: Mapping[str, object]) -> AsyncIterator[dict[str, object]]:
        yield {"out": ctx["in"]}


class Batches(Made):
    batch_size = 10

    def run(self, batch: TickBatch) -> None:
        batch.done({"out": batch["in"]})


STYLES = (Made, AsyncMade, Yields, AsyncYields, Batches)


#: Networks that nobody else keeps.
KEPT: list[Network] = []


def network(**options: str) -> Network:
    net = Network(**options)
    for style in STYLES:
        net.register_actor(style.__name__, style)
    for number, name in enumerate("abcdefgh"):
        net.add_node(name, STYLES[number % len(STYLES)].__name__)
    for left, right in zip("abcdefg", "bcdefgh", strict=True):
        net.add_connection(left, "out", right, "in")
    net.add_outport("out", "h", "out")
    return net


def started() -> Network:
    net = network()
    net.start()
    return net


def big_graph(size: int = 200) -> Graph:
    graph = Graph("big", True)
    for number in range(size):
        graph.add_node(f"n{number}", "made")
    for number in range(size - 1):
        graph.add_connection(f"n{number}", "out", f"n{number + 1}", "in")
    return graph


def of_graph(operation: Callable[[Graph, dict[str, object]], object]) -> Callable[[], object]:
    graph = big_graph()
    exported = graph.to_json()
    return lambda: operation(graph, exported)


def start() -> None:
    with network() as net:
        net.start()


def starts_again() -> Callable[[], object]:
    net = network()
    return lambda: (net.start(), net.shutdown())


def run() -> None:
    network().run({"a.in": range(20)})


def run_async() -> None:
    asyncio.run(network().run_async({"a.in": range(20)}))


def of_a_graph() -> Callable[[], object]:
    graph = network().to_graph()

    def build() -> None:
        net = network()
        builder = SubgraphBuilder(graph)
        for style in STYLES:
            builder.register_actor(style.__name__, style)
        net.register_actor("inner", builder.build())
        net.add_node("more", "inner")
        net.check()

    return build


def feeds() -> None:
    """Give what a generator makes."""
    network().run({"a.in": (Own(number=number) for number in range(50))})


def sends() -> Callable[[], object]:
    net = started()
    return lambda: net.send("a", "in", [Own(key=[1, 2, 3]), {"key": Own(key=1)}])


def listens() -> Callable[[], object]:
    net = started()
    listener = net.listen("h", "out")
    threading.Thread(target=lambda: [net.send("a", "in", number) for number in count()], daemon=True).start()
    return lambda: next(listener)


def hears() -> Callable[[], object]:
    net = started()
    events = net.events()
    threading.Thread(target=lambda: [net.send("a", "in", number) for number in count()], daemon=True).start()
    return lambda: repr(events.recv(1))


def looks() -> Callable[[], object]:
    net = started()
    return lambda: (net.stats(), net.to_svg(), net.to_text(), net.vars.all(), net.result())


def asks() -> Callable[[], object]:
    net = started()
    return lambda: net.ask({"a.in": [Own(key=1)]}, timeout=5)


def flows() -> None:
    def double(number: int) -> int:
        return number * 2

    node(double).run(number=range(20))


def streams() -> None:
    stream = Stream.create()
    reader = stream.into_message().take_stream()
    stream.send_bytes(b"1")
    stream.end()
    reader.read_all()


def changes() -> Callable[[], object]:
    graph = Graph("changing", True)
    listener = graph.subscribe()
    numbers = count()
    return lambda: (graph.add_node(f"n{next(numbers)}", "made", Slow()), listener.drain())


def keeps() -> Callable[[], object]:
    """Keep runs in a file."""
    store = Store(Path(tempfile.mkdtemp()) / "runs.db")

    def keep() -> None:
        with Network(store=store) as net:
            net.register_actor("made", Made)
            net.add_node("a", "made")
            net.run({"a.in": [Own(key=[1])]})

    return keep


def assets() -> Callable[[], object]:
    store = AssetStore(Path(tempfile.mkdtemp()))
    return lambda: (store.put("some:json", Slow().values_of), store.get("some:json"), store.query(), store.stats())


def rings() -> Callable[[], object]:
    """Swallow what ends a tick, on a clock that never stops to ring."""

    class Stays(Actor):
        inports = ("in",)

        async def run(self, ctx: object) -> None:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)

    for _ in range(8):
        net = Network(clock="virtual")
        net.register_actor("stays", Stays)
        net.add_node("a", "stays")
        net.start()
        net.send("a", "in", 1)
        KEPT.append(net)
    return lambda: time.sleep(0.001)


class Cycle:
    """Garbage that only a collection finds, which then takes its time, without the interpreter."""

    alive = 0

    def __init__(self) -> None:
        self.me = self
        Cycle.alive += 1

    def __del__(self) -> None:
        Cycle.alive -= 1
        time.sleep(0.0001)


def collects(operation: Callable[[], object]) -> Callable[[], Callable[[], object]]:
    """Leave garbage that the next object to be made collects, in CPython 3.11: one of ours."""

    def work() -> None:
        gc.set_threshold(1)
        for _ in range(100):
            with contextlib.suppress(Exception):
                if Cycle.alive < 5:
                    Cycle()
                operation()

    return lambda: work


#: What gives a thread something to do, again and again.
OPERATIONS: dict[str, Callable[[], Callable[[], object]]] = {
    "Graph.to_json": lambda: of_graph(lambda graph, _: graph.to_json()),
    "Graph.from_json": lambda: of_graph(lambda _, exported: Graph.from_json(exported)),
    "Graph.check": lambda: of_graph(lambda graph, _: graph.check()),
    "Graph.nodes": lambda: of_graph(lambda graph, _: graph.nodes()),
    "Graph.to_svg": lambda: of_graph(lambda graph, _: graph.to_svg()),
    "Graph.subscribe": changes,
    "compose_graphs": lambda: of_graph(
        lambda _, exported: compose_graphs({"graphs": [exported], "properties": {"name": "x"}})
    ),
    "Message.from_value": lambda: lambda: Message.from_value(Slow()).as_json(),
    "Message.any": lambda: lambda: repr(Message.any(Slow())),
    "Message ==": lambda: lambda: Message.from_value([Own(key=Slow())]) == Message.from_value([Own(key=Slow())]),
    "Network.add_node": lambda: lambda: network().add_node("more", "Made", Slow()),
    "Network.start": lambda: start,
    "Network.start again": starts_again,
    "Network.run": lambda: run,
    "Network.run_async": lambda: run_async,
    "SubgraphBuilder": of_a_graph,
    "Network.run of a generator": lambda: feeds,
    "Network.send": sends,
    "Network.listen": listens,
    "Network.events": hears,
    "Network.stats": looks,
    "Network.ask": asks,
    "Flow.run": lambda: flows,
    "Stream": lambda: streams,
    "Store": keeps,
    "AssetStore": assets,
    "a virtual clock": rings,
    "Message.from_value, collecting": collects(lambda: Message.from_value(1.5)),
    "a number that is too large, collecting": collects(lambda: Message.from_value(1 << 70)),
    "a text that is none, collecting": collects(lambda: Message.string("\ud800")),
}


def again_and_again(operation: Callable[[], object], began: threading.Event) -> None:
    began.set()
    while True:
        try:
            operation()
        except Exception:
            continue  # what is refused at the end is no matter


def child(make: Callable[[], Callable[[], object]]) -> None:
    """Begin to work in daemon threads; the main thread is about to end then."""
    operation = make()
    operation()  # as one that works
    for _ in range(2):
        began = threading.Event()
        threading.Thread(target=again_and_again, args=(operation, began), daemon=True).start()
        began.wait()
    time.sleep(random.uniform(0.0, 0.05))


def fork(make: Callable[[], Callable[[], object]]) -> tuple[int, int]:
    """Have a child do it; its number, and a file that has what it wrote."""
    told, path = tempfile.mkstemp()
    os.unlink(path)
    process = os.fork()
    if process:
        return process, told
    os.dup2(told, 2)
    faulthandler.enable()
    faulthandler.dump_traceback_later(LIMIT - 5, exit=True)
    child(make)
    sys.exit(0)


def problem(process: int, told: int) -> str | None:
    """Wait for a child; what was wrong with its end."""
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.lseek(told, 0, os.SEEK_SET)
    text = os.read(told, 100_000).decode()
    os.close(told)
    if status == 0 and "panic" not in text and "Fatal" not in text:
        return None
    return f"ended with {status}: {text[:2000]}"


def main(names: list[str]) -> None:
    # What is to be told of ticks that go on is no matter here, nor are forks beside threads.
    warnings.simplefilter("ignore")
    logging.disable()
    _exit.GRACE = _exit.INTERRUPTED_GRACE = 0.1
    gc.freeze()
    for name in names or OPERATIONS:
        children = [fork(OPERATIONS[name]) for _ in range(ENDS)]
        problems = [told for told in (problem(*one) for one in children) if told]
        print(json.dumps([name, problems]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
