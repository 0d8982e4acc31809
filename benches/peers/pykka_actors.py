"""pykka: an actor, and with it a thread, a node; its mailboxes have no bound."""

from __future__ import annotations

import threading
from time import perf_counter, sleep

from harness import main, percentile, resident


def chain(nodes, packets):
    import pykka

    over = threading.Event()

    class Step(pykka.ThreadingActor):
        def __init__(self, target):
            super().__init__()
            self.target = target

        def on_receive(self, message):
            self.target.tell(message + 1)

    class Sink(pykka.ThreadingActor):
        def __init__(self):
            super().__init__()
            self.arrived = 0

        def on_receive(self, message):
            self.arrived += 1
            if self.arrived == packets:
                over.set()

    target = Sink.start()
    for _ in range(nodes):
        target = Step.start(target)
    started = perf_counter()
    for number in range(packets):
        target.tell(number)
    assert over.wait(55)
    return nodes * packets / (perf_counter() - started)


def echo():
    import pykka

    class Echo(pykka.ThreadingActor):
        def on_receive(self, message):
            return message + 1

    return Echo


def latency(rounds, percent):
    actor, times = echo().start(), []
    for number in range(rounds):
        started = perf_counter()
        actor.ask(number)
        times.append(perf_counter() - started)
    return percentile(times, percent)


def start_stop(nodes):
    import pykka

    kind = echo()
    started = perf_counter()
    for _ in range(nodes):
        kind.start()
    pykka.ActorRegistry.stop_all()
    return (perf_counter() - started) * 1e3


def memory(nodes):
    kind = echo()
    kind.start()
    before = resident()
    for _ in range(nodes):
        kind.start()
    sleep(0.2)
    return (resident() - before) / nodes / 1024


def import_time():
    started = perf_counter()
    import pykka  # noqa: F401  # importing is what is measured

    return (perf_counter() - started) * 1e3


if __name__ == "__main__":
    main({**globals(), "outside_latency": latency})
