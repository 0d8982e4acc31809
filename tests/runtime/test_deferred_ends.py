"""Ticks that somebody else ends are waited for like calls: within the grace of a shutdown, and after their time is over."""

from __future__ import annotations

import contextlib
import threading

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, add


class Later(Actor):
    """Hands its tick to a thread, which ends it when it may."""

    inports = ["in"]
    outports = ["out"]
    log: list[str]

    def setup(self, ctx):
        self.log.append("setup")

    def teardown(self):
        self.log.append("teardown")

    def run(self, ctx):
        later = ctx.defer()

        def work():
            self.begun.release()
            assert self.may_end.wait(SOON)
            self.log.append("worked")
            later.done()

        threading.Thread(target=work).start()


@pytest.fixture
def later():
    return type("Mine", (Later,), {"log": [], "begun": threading.Semaphore(0), "may_end": threading.Event()})


@pytest.mark.parametrize("end", ["shutdown", "cancel"])
def test_the_grace_is_for_them_too(later, end):
    with Network() as net:
        add(net, "a", later)
        net.start()
        net.send("a", "in", 1)
        assert later.begun.acquire(timeout=SOON)
        stopping = threading.Thread(target=getattr(net, end), kwargs={"grace": SOON})
        stopping.start()
        assert later.log == ["setup"]
        later.may_end.set()
        stopping.join()
        assert later.log == ["setup", "worked", "teardown"]


def test_one_that_nobody_ends_holds_nothing_longer_than_the_grace(later):
    with Network() as net:
        add(net, "a", later)
        net.start()
        net.send("a", "in", 1)
        assert later.begun.acquire(timeout=SOON)
        assert net.shutdown(grace=0.1) == []
        assert later.log == ["setup", "teardown"]
        later.may_end.set()


def test_one_that_is_dropped_is_waited_for_no_longer():
    held = []
    begun = threading.Event()

    class Keeps(Actor):
        inports = ["in"]

        def run(self, ctx):
            held.append(ctx.defer())
            begun.set()

    with Network() as net:
        add(net, "a", Keeps)
        net.start()
        net.send("a", "in", 1)
        assert begun.wait(SOON)
        stopping = threading.Thread(target=net.shutdown, kwargs={"grace": 10 * SOON})
        stopping.start()
        held.clear()
        stopping.join(SOON)
        assert not stopping.is_alive()


@pytest.mark.parametrize("shared", [False, True], ids=["class", "instance"])
@pytest.mark.parametrize("attempts", [1, 2])
def test_ticks_of_one_instance_do_not_overlap_when_their_time_is_over(shared, attempts):
    lock, at_work, together = threading.Lock(), {}, []

    class Slow(Actor):
        inports = ["in"]

        def run(self, ctx):
            later = ctx.defer()

            def work():
                with lock:
                    at_work[id(self)] = at_work.get(id(self), 0) + 1
                    together.append(at_work[id(self)])
                done.wait(0.06)
                with lock:
                    at_work[id(self)] -= 1
                with contextlib.suppress(RuntimeError):  # it was given up
                    later.done()

            threading.Thread(target=work).start()

    done = threading.Event()
    keep = Slow()
    with Network() as net:
        net.register_actor("slow", keep if shared else Slow)
        net.add_node("a", "slow", policy={"timeout_ms": 40, "attempts": attempts})
        for number in range(4):
            net.add_initial("a", "in", number)
        net.run(timeout=SOON)
    assert len(together) == 4 * attempts
    assert set(together) == {1}


def test_a_tick_that_nobody_ends_holds_up_its_node_for_twice_its_time_at_most():
    kept = []

    class Forgets(Actor):
        inports = ["in"]

        def run(self, ctx):
            kept.append(ctx.defer())

    forgets = Forgets()
    with Network() as net:
        net.register_actor("forgets", forgets)
        net.add_node("a", "forgets", policy={"timeout_ms": 5})
        for number in range(3):
            net.add_initial("a", "in", number)
        result = net.run(timeout=SOON)
    assert [failure.reason for failure in result.failures] == ["timeout"] * 3
