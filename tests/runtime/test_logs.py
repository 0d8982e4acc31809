"""What actors log and how they fail, in Python's `logging`."""

from __future__ import annotations

import logging

import pytest

from offbit_reflow import Actor, Network, actor
from offbit_reflow.exceptions import RunFailed

from .support import SOON, add, run_one, run_script, running


@pytest.fixture(autouse=True)
def _everything(caplog):
    caplog.set_level(logging.DEBUG, logger="offbit_reflow")


def test_logs_have_the_logger_and_the_level_of_their_node(caplog):
    def run(self, ctx):
        for level in ("debug", "info", "warning", "error"):
            ctx.log("said", level)
        ctx.log({"n": 1})
        ctx.done()

    run_one(running(run))
    found = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert found == [
        ("offbit_reflow.a", "DEBUG", "a: said"),
        ("offbit_reflow.a", "INFO", "a: said"),
        ("offbit_reflow.a", "WARNING", "a: said"),
        ("offbit_reflow.a", "ERROR", "a: said"),
        ("offbit_reflow.a", "INFO", "a: {'n': 1}"),
    ]


def test_a_level_that_is_none_is_said(caplog):
    def run(self, ctx):
        ctx.log("info", "the disk is full")
        ctx.done()

    run_one(running(run))
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "WARNING",
        "a: info (with the level 'the disk is full', which is none)",
    )


def test_a_failure_is_told_once_with_its_number(caplog):
    @actor
    def fail(x):
        raise ValueError(f"no {x}")

    with Network() as net:
        add(net, "a", fail)
        net.run(inputs={"a.x": iter(range(25))}, timeout=SOON)
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors[0].startswith("node `a` failed: ValueError: no 0\nTraceback")
    assert errors[1] == "node `a` has failed 10 times: ValueError: no 9"
    assert errors[2] == "node `a` failed 25 times in all: ValueError"
    assert len(errors) == 3


def test_kinds_of_failures_are_told_apart_and_retries_are_no_errors(caplog):
    @actor
    def fail(x):
        raise (ValueError if x else KeyError)(x)

    with Network() as net:
        add(net, "a", fail, policy={"attempts": 2})
        net.run(inputs={"a.x": iter([0, 1])}, timeout=SOON)
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR", "INFO", "ERROR"]


def test_an_open_network_tells_while_it_runs():
    class Says(Actor):
        inports = ["in"]

        def run(self, ctx):
            ctx.log(ctx["in"], "warning")
            ctx.done()

    told = []

    class Handler(logging.Handler):
        def emit(self, record):
            told.append(record.getMessage())

    logger = logging.getLogger("offbit_reflow.a")
    logger.addHandler(handler := Handler())
    try:
        with Network() as net:
            add(net, "a", Says)
            events = net.events(types=["ActorLog"])
            net.start()
            for number in range(3):
                net.send("a", "in", number)
                events.recv(timeout_ms=int(SOON * 1000))
            net.shutdown(grace=SOON)
            net.start()
            net.send("a", "in", "again")
            net.wait(timeout=SOON)
            net.shutdown(grace=SOON)
    finally:
        logger.removeHandler(handler)
    assert told == ["a: 0", "a: 1", "a: 2", "a: again"]


SCRIPT = """
    import logging, sys
    from offbit_reflow import Network, actor

    @actor
    def work(x, ctx):
        ctx.log("quiet")
        ctx.log("loud", "warning")
        raise ValueError("no")

    net = Network()
    net.register_actor("work", work)
    net.add_node("a", "work")
    {configure}
    net.run(inputs={{"a.x": 1}})
"""


def test_a_script_sees_warnings_and_failures_on_stderr():
    result = run_script(SCRIPT.format(configure="pass"))
    assert result.returncode == 0, result.stderr
    assert "quiet" not in result.stderr
    assert result.stderr.count("a: loud") == 1
    assert result.stderr.count("node `a` failed: ValueError: no") == 1


def test_whoever_sets_logging_up_decides():
    configure = (
        "logging.basicConfig(stream=sys.stdout, level=logging.INFO, format='%(name)s %(levelname)s %(message)s')"
    )
    result = run_script(SCRIPT.format(configure=configure))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.splitlines()[:2] == ["offbit_reflow.a INFO a: quiet", "offbit_reflow.a WARNING a: loud"]
    assert result.stdout.count("ValueError: no") == 2  # the message, and the last line of its traceback


def test_a_handler_that_uses_the_network_does_not_hang():
    class Handler(logging.Handler):
        def emit(self, record):
            seen.append(net.stats()["a"]["ticks"])

    seen: list[int] = []
    logger = logging.getLogger("offbit_reflow.a")
    logger.addHandler(handler := Handler())
    try:
        with Network() as net:
            add(net, "a", running(lambda self, ctx: (ctx.log("x", "warning"), ctx.done())))
            net.run(inputs={"a.in": iter(range(5))}, timeout=SOON)
    finally:
        logger.removeHandler(handler)
    assert len(seen) == 5


def test_failures_of_one_class_are_told_apart_by_their_words(caplog):
    """Whatever numbers and quotes they have in them; and very many wordings do not flood."""
    words = ["no row 1", "no row 2", "the disk is full", *(f"word {chr(97 + at)}" for at in range(20))]

    @actor
    def fail(x):
        raise ValueError(words[x])

    with Network() as net:
        add(net, "a", fail)
        result = net.run(inputs={"a.x": iter(range(len(words)))}, timeout=SOON)
    errors = [record.getMessage().split("\n")[0] for record in caplog.records if record.levelname == "ERROR"]
    assert errors[:2] == ["node `a` failed: ValueError: no row 1", "node `a` failed: ValueError: the disk is full"]
    assert len(errors) < 12
    assert "the disk is full" in str(result)
    with pytest.raises(RunFailed, match=r"no row 1 \(2 times\)\n.*the disk is full"):
        result.raise_for_failure()


@pytest.mark.parametrize(
    ("level", "name"), [("WARNING", "WARNING"), ("Warn", "WARNING"), ("fatal", "CRITICAL"), ("eror", "WARNING")]
)
def test_a_level_in_other_words_is_not_lost(caplog, level, name):
    def run(self, ctx):
        ctx.log("said", level)
        ctx.done()

    run_one(running(run))
    assert [record.levelname for record in caplog.records] == [name]
