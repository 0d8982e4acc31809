"""The helpers for those who test their own actors."""

import pytest

from offbit_reflow import Actor, actor, template_actor
from offbit_reflow.exceptions import RunFailed, RunTimeout
from offbit_reflow.testing import run_actor

pytest_plugins = ["offbit_reflow.testing.plugin"]


class Sieve(Actor):
    inports = ["value"]
    outports = ["high", "low"]

    def run(self, ctx):
        ctx.done({"high" if ctx["value"] > ctx.config["limit"] else "low": ctx["value"]})


def test_every_form_of_an_actor():
    assert run_actor(Sieve, {"value": 5}, config={"limit": 3}).outputs == {"high": [5], "low": []}
    assert run_actor(Sieve(), {"value": iter([1, 2])}, config={"limit": 3}).outputs["low"] == [1, 2]
    assert run_actor(lambda a, b: a + b, [{"a": 1, "b": 2}, {"a": 3, "b": 4}]).outputs == {"out": [3, 7]}
    assert run_actor(template_actor("tpl_math_add"), {"a": 1, "b": 2}).ok
    assert run_actor(actor(lambda: 7)).outputs == {"out": [7]}


def test_failures_retries_and_time():
    tried = []

    @actor
    def unsteady(x):
        tried.append(x)
        if len(tried) < 3:
            raise OSError("not yet")
        return x

    result = run_actor(unsteady, {"x": 1}, policy={"attempts": 3})
    assert (result.outputs, result.nodes["actor"]["retries"]) == ({"out": [1]}, 2)
    with pytest.raises(RunFailed, match="KeyError: 'limit'"):
        run_actor(Sieve, {"value": 1}).raise_for_failure()

    @actor
    def endless(x):
        while True:
            yield x

    with pytest.raises(RunTimeout):
        run_actor(endless, {"x": 1}, timeout=0.1)
    with pytest.raises(TypeError, match="tick 2: expected a mapping"):
        run_actor(Sieve, [{"value": 1}, 2])


def test_an_outport_that_is_not_declared():
    class Open(Actor):
        inports = ["x"]

        def run(self, ctx):
            ctx.done({"extra": ctx["x"]})

    assert run_actor(Open, {"x": 1}, outports=["extra"]).outputs == {"extra": [1]}


@pytest.mark.parametrize("inputs", [3, "text", b"bytes"])
def test_inputs_that_are_none(inputs):
    with pytest.raises(TypeError, match="expected a mapping of inports to packets, or a list of them, got"):
        run_actor(Sieve, inputs)


def test_fixtures(network, request):
    network.register_actor("sieve", Sieve)
    network.add_node("a", "sieve", {"limit": 1})
    network.start()
    assert network.is_running
    assert request.getfixturevalue("run_actor") is run_actor
