"""`ActorCallContext`: inputs, outputs, pools, config, and the ends of a tick."""

from __future__ import annotations

import gc
import json
import threading

import pytest

from offbit_reflow import Actor, Message, Network

from .support import SOON, Collect, Forward, add, run_one, running


def observe(look, value=1, **options):
    """Call `look(ctx)` in a tick; what it returns."""
    seen = []

    def run(self, ctx):
        seen.append(look(ctx))
        ctx.done()

    result = run_one(running(run), [value], **options)
    assert result.ok, result.failures
    return seen[0]


class TestInputs:
    def test_tagged_form(self):
        inputs = observe(lambda ctx: dict(ctx.inputs), 5)
        assert inputs == {"in": {"type": "Integer", "data": 5}}
        assert isinstance(inputs["in"], dict)
        assert json.loads(json.dumps(inputs)) == inputs

    def test_flow_has_no_data(self):
        assert observe(lambda ctx: ctx.inputs["in"], Message.flow()) == {"type": "Flow"}

    def test_bytes_show_a_list_and_give_bytes(self):
        payload = b"\x00\xff"
        value = observe(lambda ctx: ctx.inputs["in"], payload)
        assert value["data"] == [0, 255]
        assert value.get("data") == [0, 255]
        assert value == {"type": "Bytes", "data": [0, 255]}
        assert set(value) == {"type", "data"}
        assert value.as_bytes() is payload
        assert json.loads(json.dumps(dict(value))) == {"type": "Bytes", "data": [0, 255]}

    def test_bytes_are_json_able_as_they_are(self):
        """The C encoder reads dict subclasses through `items()`."""
        value = observe(lambda ctx: ctx.inputs["in"], b"\x01")
        assert json.loads(json.dumps(value)) == {"type": "Bytes", "data": [1]}
        assert json.loads(json.dumps({"x": [value]})) == {"x": [{"type": "Bytes", "data": [1]}]}
        assert {**value} == {"type": "Bytes", "data": [1]}
        assert dict(value) == {"type": "Bytes", "data": [1]}
        assert value | {} == {"type": "Bytes", "data": [1]}
        assert str(value) == "{'type': 'Bytes', 'data': [1]}"

    def test_a_tick_keeps_its_inputs_when_later_ones_come(self):
        """The dict of a tick serves the next one only if nobody has it."""
        dicts, values, data = [], [], []

        def run(self, ctx):
            for kept, what in ((dicts, ctx.inputs), (values, ctx.inputs["in"]), (data, ctx.inputs["in"]["data"])):
                if ctx.tick % 3 == 1 or what is not ctx.inputs:
                    kept.append(what)
            ctx.done()

        assert run_one(running(run), range(9)).ok
        assert data == list(range(9))
        assert values == [{"type": "Integer", "data": number} for number in range(9)]
        assert dicts == [{"in": {"type": "Integer", "data": number}} for number in (0, 3, 6)]

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda inputs: inputs["in"].update(extra=1),
            lambda inputs: inputs["in"].pop("type"),
            lambda inputs: inputs["in"].clear(),
            lambda inputs: inputs["in"].__setitem__("type", "Float"),
            lambda inputs: inputs.__setitem__("other", 1),
            lambda inputs: inputs.__setitem__("in", {"type": "Integer", "data": 1}),
            lambda inputs: inputs.__setitem__("in", 1),
            lambda inputs: inputs.clear(),
            lambda inputs: None,
        ],
    )
    def test_what_a_tick_does_to_its_inputs_ends_with_it(self, spoil):
        seen = []

        def run(self, ctx):
            seen.append(json.loads(json.dumps(ctx.inputs)))
            assert ctx.inputs["in"].to_message() == ctx.message("in")
            spoil(ctx.inputs)
            ctx.done()

        sent = [1, 2, 0.5, True, "x", 3, None, 4]
        result = run_one(running(run), sent)
        assert result.ok, result.failures
        assert seen == [{"in": Message.from_value(value).as_json()} for value in sent]

    @pytest.mark.parametrize(
        ("change", "left"),
        [
            (lambda value: value.pop("data"), {"type": "Bytes"}),
            (lambda value: value.__delitem__("data"), {"type": "Bytes"}),
            (lambda value: value.setdefault("data", 9), {"type": "Bytes", "data": [1]}),
            (lambda value: value.update(z=1), {"type": "Bytes", "data": [1], "z": 1}),
            (lambda value: value.popitem(), {"type": "Bytes"}),
            (lambda value: value.clear(), {}),
            (lambda value: list(reversed(value)), {"type": "Bytes", "data": [1]}),
        ],
    )
    def test_bytes_that_nobody_looked_at_are_there_when_they_are_changed(self, change, left):
        value = observe(lambda ctx: ctx.inputs["in"], b"\x01")
        change(value)
        assert dict(value.items()) == left

    def test_from_json_takes_port_values(self):
        for sent in (5, b"abc", "x", {"a": 1}, [1], None, True, 0.5):
            value = observe(lambda ctx: ctx.inputs["in"], sent)
            assert Message.from_json(value) == Message.from_value(sent)
            assert value.to_message() == Message.from_value(sent)
            assert Message.from_json(dict(value)) == Message.from_value(sent)

    def test_a_port_value_can_be_sent_on(self):
        for sent in (5, b"abc", {"a": [1]}):
            out = run_one(running(lambda self, ctx: ctx.done({"out": ctx.inputs["in"]})), [sent]).outputs["out"]
            assert out == [sent]

    def test_a_changed_port_value_is_what_is_sent(self):
        def run(self, ctx):
            value = ctx.inputs["in"]
            value["data"] = {"b": 2}
            ctx.done({"out": value})

        assert run_one(running(run), [{"a": 1}]).outputs["out"] == [{"b": 2}]

    def test_only_the_ports_of_this_tick(self):
        assert observe(lambda ctx: (list(ctx.inputs), "in" in ctx, "other" in ctx)) == (["in"], True, False)

        def missing(ctx):
            for access in (lambda: ctx.inputs["other"], lambda: ctx["other"]):
                with pytest.raises(KeyError):
                    access()
            return ctx.get("other"), ctx.get("other", 7), ctx.get("in", 7)

        assert observe(missing) == (None, 7, 1)

    def test_not_assignable(self):
        def assign(ctx):
            with pytest.raises(AttributeError):
                ctx.inputs = {}
            with pytest.raises(AttributeError):
                ctx.config = {}

        observe(assign)

    def test_mutating_inputs_changes_no_other_node(self):
        seen = []

        def run(self, ctx):
            seen.append(json.dumps(ctx.inputs["in"]))
            ctx.inputs["in"]["data"]["x"].append(1)
            ctx.done()

        with Network() as net:
            add(net, "s", Forward)
            net.register_actor("sink", running(run))
            for name in "ab":
                net.add_node(name, "sink")
                net.add_connection("s", "out", name, "in")
            net.add_initial("s", "in", {"x": []})
            assert net.run(timeout=SOON).ok
        assert seen[0] == seen[1]

    def test_message_gives_the_message(self):
        assert observe(lambda ctx: ctx.message("in"), 5) == Message.integer(5)


class TestIdentity:
    def test_who_and_where(self):
        assert observe(lambda ctx: (ctx.node_id, ctx.component, ctx.attempt, ctx.tick)) == ("a", "a", 1, 1)
        assert observe(lambda ctx: "a" in repr(ctx))
        assert observe(lambda ctx: ctx.resolved) is False
        assert observe(lambda ctx: ctx.cancelled) is False
        assert observe(lambda ctx: ctx.connected_inports()) == ["in"]

    def test_outports_that_somebody_takes_from(self):
        seen = []

        class Look(Actor):
            inports, outports = ["in"], ["left", "right", "shown", "nobody"]

            def run(self, ctx):
                seen.append(ctx.connected_outports())
                ctx.done()

        net = Network()
        net.register_actor("look", Look)
        net.add_node("a", "look")
        net.add_node("b", "tpl_passthrough")
        net.add_connection("a", "left", "b", "input")
        net.add_outport("out", "a", "shown")
        with net, net.listen("a", "right"):
            net.start()
            net.send("a", "in", 1)
            assert net.wait(timeout=SOON).ok
        assert sorted(seen[0]) == ["left", "right", "shown"]

    def test_every_run_has_its_own_id(self):
        assert observe(lambda ctx: ctx.run_id) != observe(lambda ctx: ctx.run_id)


class TestConfig:
    def test_default_is_empty(self):
        assert observe(lambda ctx: ctx.config) == {}

    def test_given_and_fresh(self):
        def look(ctx):
            ctx.config["x"].append(9)
            return ctx.config

        assert observe(look, config={"x": [1], "n": None}) == {"x": [1], "n": None}

    def test_environment(self, monkeypatch):
        monkeypatch.setenv("REFLOW_TEST_SET", "here")
        monkeypatch.delenv("REFLOW_TEST_UNSET", raising=False)
        rules = {"REFLOW_TEST_SET": "required", "REFLOW_TEST_UNSET": "optional:fallback"}
        config = observe(lambda ctx: ctx.config, config={"a": 1, "env_vars": rules})
        assert config == {"a": 1, "env_vars": rules, "REFLOW_TEST_SET": "here", "REFLOW_TEST_UNSET": "fallback"}

    @pytest.mark.parametrize("rule", ["required", "required: because", 5])
    def test_missing_required_variable(self, net, monkeypatch, rule):
        monkeypatch.delenv("REFLOW_TEST_UNSET", raising=False)
        add(net, "a", Collect(), config={"env_vars": {"REFLOW_TEST_UNSET": rule}})
        with pytest.raises(RuntimeError, match="REFLOW_TEST_UNSET"):
            net.start()

    def test_optional_without_default_and_unset_is_absent(self, monkeypatch):
        monkeypatch.delenv("REFLOW_TEST_UNSET", raising=False)
        config = observe(lambda ctx: ctx.config, config={"env_vars": {"REFLOW_TEST_UNSET": "whatever"}})
        assert "REFLOW_TEST_UNSET" not in config

    @pytest.mark.parametrize("config", [5, "x", [1], object()])
    def test_config_must_be_a_mapping(self, net, config):
        net.register_actor("t", Forward)
        with pytest.raises(ValueError):  # noqa: PT011  # any text
            net.add_node("a", "t", config)


class TestOutputs:
    def test_done_overlays_emit(self):
        def run(self, ctx):
            ctx.emit("out", 1)
            ctx.emit("out", 2)
            ctx.emit("other", "kept")
            ctx.done({"out": 3})

        with Network() as net:
            add(net, "a", running(run))
            net.add_outport("out", "a", "out")
            net.add_outport("other", "a", "other")
            result = net.run({"a.in": 0}, timeout=SOON)
        assert result.outputs == {"out": [3], "other": ["kept"]}

    def test_send_leaves_before_done(self):
        def run(self, ctx):
            ctx.emit("out", "emitted")
            ctx.send({"out": 1})
            ctx.send({"out": 2})
            ctx.send({})
            ctx.done()

        assert run_one(running(run)).outputs["out"] == [1, 2, "emitted"]

    def test_a_dict_returned_is_done(self):
        assert run_one(running(lambda self, ctx: {"out": 4})).outputs["out"] == [4]
        assert run_one(running(lambda self, ctx: {})).ok

    def test_bad_arguments(self):
        def run(self, ctx):
            for call, error in [
                (lambda: ctx.send([1]), ValueError),
                (lambda: ctx.send({1: 2}), TypeError),
                (lambda: ctx.emit(5, 1), TypeError),
                (lambda: ctx.done([1]), ValueError),
                (lambda: ctx.send({"out": {"type": "Object", "data": object()}}), ValueError),
                (lambda: ctx.emit("out", {"type": "Integer"}), RuntimeError),
                (lambda: ctx.done({"out": {"type": "Integer"}}), RuntimeError),
                (lambda: ctx.fail(5), TypeError),
            ]:
                with pytest.raises(error):
                    call()
            ctx.done({"out": "after all"})

        result = run_one(running(run))
        assert result.outputs["out"] == ["after all"]

    def test_a_refused_done_keeps_what_was_emitted(self):
        def run(self, ctx):
            ctx.emit("out", 1)
            with pytest.raises(ValueError):  # noqa: PT011  # any text
                ctx.done([1])
            ctx.done()

        assert run_one(running(run)).outputs["out"] == [1]

    def test_a_bad_send_sends_nothing_of_that_call(self):
        def run(self, ctx):
            with pytest.raises(ValueError):  # noqa: PT011  # any text
                ctx.send({"out": 1, "other": {"type": "Integer", "data": "x"}})
            ctx.done()

        assert run_one(running(run)).outputs["out"] == []

    def test_undeclared_outports_work_when_connected(self):
        with Network() as net:
            add(net, "a", running(lambda self, ctx: ctx.done({"secret": 1, "nowhere": 2})))
            sink = add(net, "b", Collect())
            net.add_connection("a", "secret", "b", "in")
            net.add_initial("a", "in", 0)
            assert net.run(timeout=SOON).ok
        assert sink.values == [1]


class TestEnds:
    @pytest.mark.parametrize("first", ["done", "fail"])
    @pytest.mark.parametrize("second", ["done", "fail"])
    def test_exactly_once(self, first, second):
        errors = []

        def run(self, ctx):
            getattr(ctx, first)(*(["no"] if first == "fail" else [{"out": 1}]))
            assert ctx.resolved
            try:
                getattr(ctx, second)(*(["no"] if second == "fail" else [{"out": 2}]))
            except RuntimeError as error:
                errors.append(str(error))

        result = run_one(running(run))
        assert result.outputs["out"] == ([1] if first == "done" else [])
        assert len(result.failures) == (first == "fail")
        assert "already resolved" in errors[0]

    def test_fail_drops_what_was_emitted_not_what_was_sent(self):
        def run(self, ctx):
            ctx.send({"out": "sent"})
            ctx.emit("out", "emitted")
            ctx.fail("no", reason="because")

        result = run_one(running(run), [1, 2])
        assert result.outputs["out"] == ["sent", "sent"]
        assert [(failure.error, failure.reason) for failure in result.failures] == [("no", "because")] * 2

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("text"),
            NotImplementedError(),
            KeyboardInterrupt(),
            SystemExit(3),
            GeneratorExit(),
            MemoryError("m"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_any_exception_fails_the_tick_and_nothing_more(self, error):
        def run(self, ctx):
            if ctx["in"] == 1:
                raise error
            return {"out": ctx["in"]}

        result = run_one(running(run), [0, 1, 2])
        assert result.outputs["out"] == [0, 2]
        (failure,) = result.failures
        assert failure.error == (f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        assert failure.reason == type(error).__name__
        assert "raise error" in failure.traceback
        assert (failure.node, failure.port, failure.message) == ("a", "in", Message.integer(1))

    def test_recursion(self):
        def run(self, ctx):
            return run(self, ctx)

        assert run_one(running(run)).failures[0].reason == "RecursionError"

    @pytest.mark.parametrize("text", ["raises", "surrogate", "not a str"])
    def test_exceptions_that_cannot_be_shown(self, text):
        class Nasty(Exception):
            def __str__(self):
                if text == "raises":
                    raise ValueError("in __str__")
                return "\ud800" if text == "surrogate" else 5

        def run(self, ctx):
            raise Nasty

        result = run_one(running(run), [1, 2])
        assert [failure.reason for failure in result.failures] == ["Nasty", "Nasty"]
        assert all(failure.error.startswith("Nasty") for failure in result.failures)

    def test_an_exception_after_done_changes_nothing(self):
        def run(self, ctx):
            ctx.done({"out": 1})
            raise ValueError("too late")

        result = run_one(running(run))
        assert result.outputs["out"] == [1]
        assert not result.failures

    def test_neither_done_nor_fail(self):
        (failure,) = run_one(running(lambda self, ctx: None)).failures
        assert failure.reason == "unresolved"
        assert "done" in failure.error
        assert "fail" in failure.error

    def test_the_base_class_has_no_run(self):
        class Nothing(Actor):
            inports = ["in"]

        (failure,) = run_one(Nothing).failures
        assert failure.reason == "NotImplementedError"

    def test_emit_after_the_end_is_accepted_and_lost(self):
        def run(self, ctx):
            ctx.done({"out": 1})
            ctx.emit("out", 2)

        assert run_one(running(run), [0, 0]).outputs["out"] == [1, 1]

    def test_send_after_done_is_delivered(self):
        def run(self, ctx):
            ctx.done({"out": "done"})
            ctx.send({"out": "later"})

        assert sorted(run_one(running(run)).outputs["out"]) == ["done", "later"]


class TestDeferred:
    @pytest.mark.parametrize("how", ["kept", "deferred"])
    def test_done_from_another_thread_later(self, how):
        kept = []
        waiting = threading.Semaphore(0)

        def run(self, ctx):
            kept.append(ctx if how == "kept" else ctx.defer())
            waiting.release()

        with Network() as net:
            add(net, "a", running(run))
            sink = add(net, "b", Collect())
            net.add_connection("a", "out", "b", "in")
            for number in range(3):
                net.add_initial("a", "in", number)
            net.start()
            for number in range(3):
                assert waiting.acquire(timeout=SOON)
                assert len(kept) == number + 1, "the node must wait for its tick"
                ctx = kept[number]
                thread = threading.Thread(target=lambda ctx=ctx: ctx.done({"out": ctx["in"] * 10}))
                thread.start()
                thread.join()
                with pytest.raises(RuntimeError):
                    ctx.fail("twice")
            del ctx
            net.wait(timeout=SOON)
        assert sink.values == [0, 10, 20]

    def test_dropping_the_context_is_a_failure(self):
        def run(self, ctx):
            ctx.defer()

        result = run_one(running(run), [1, 2])
        assert [failure.reason for failure in result.failures] == ["unresolved"] * 2

    def test_dropped_in_a_cycle_is_found_by_the_collector(self):
        entered = threading.Event()

        def run(self, ctx):
            cycle = [ctx.defer()]
            cycle.append(cycle)
            entered.set()

        with Network() as net:
            add(net, "a", running(run))
            net.add_initial("a", "in", 1)
            net.start()
            assert entered.wait(SOON)
            thread = threading.Thread(target=net.wait)
            thread.start()
            while thread.is_alive():
                gc.collect()
                thread.join(0.02)
            assert net.result().failures[0].reason == "unresolved"

    def test_fail_later(self):
        def run(self, ctx):
            handle = ctx.defer()
            threading.Thread(target=lambda: handle.fail("later", reason="r")).start()

        assert [failure.reason for failure in run_one(running(run), [1, 2]).failures] == ["r", "r"]

    def test_after_the_run_is_over(self):
        kept = []
        entered = threading.Event()

        def run(self, ctx):
            kept.append(ctx.defer())
            entered.set()

        net = Network()
        add(net, "a", running(run))
        net.add_initial("a", "in", {"x": 1})
        net.start()
        assert entered.wait(SOON)
        assert net.shutdown() == []
        ctx = kept[0]
        assert ctx.cancelled
        assert ctx["in"] == {"x": 1}
        assert ctx.inputs == {"in": {"type": "Object", "data": {"x": 1}}}
        assert (ctx.node_id, ctx.config, ctx.pool("p")) == ("a", {}, {})
        repr(ctx)
        ctx.log("nobody listens")
        # Whoever resolves it late need not know; whoever goes on sending has to.
        assert ctx.done({"out": 1}) is None
        assert ctx.fail("x") is None
        for call in (lambda: ctx.send({"out": 1}), ctx.check_cancelled):
            with pytest.raises(RuntimeError):
                call()


class TestPools:
    def test_life_of_an_entry(self):
        def look(ctx):
            ctx.pool_upsert("p", "a", {"x": 1})
            ctx.pool_upsert("p", "b", 2)
            ctx.pool_upsert("p", "a", [3])
            first = (ctx.pool("p"), ctx.pool_count("p"), ctx.pool("q"), ctx.pool_count("q"))
            ctx.pool("p")["c"] = 1
            ctx.pool_remove("p", "b")
            ctx.pool_remove("p", "absent")
            ctx.pool_remove("q", "absent")
            second = ctx.pool("p")
            ctx.pool_clear("p")
            ctx.pool_clear("q")
            return first, second, ctx.pool("p")

        assert observe(look) == (({"a": [3], "b": 2}, 2, {}, 0), {"a": [3]}, {})

    def test_refusals(self):
        def look(ctx):
            for arguments, error in [
                (("p", "a", object()), ValueError),
                (("p", "a", Message.integer(1)), ValueError),
                ((1, "a", 1), TypeError),
                (("p", 1, 1), TypeError),
            ]:
                with pytest.raises(error):
                    ctx.pool_upsert(*arguments)

        observe(look)

    def test_pools_outlive_failed_ticks_and_belong_to_the_node(self):
        def run(self, ctx):
            count = ctx.pool_count("seen")
            ctx.pool_upsert("seen", str(count), ctx["in"])
            if count % 2:
                raise ValueError
            ctx.done({"out": count})

        shared = running(run)()
        with Network() as net:
            net.register_actor("t", shared)
            for name in "ab":
                net.add_node(name, "t")
                net.add_outport(name, name, "out")
                for number in range(4):
                    net.add_initial(name, "in", number)
            first = net.run(timeout=SOON)
            second = net.run(timeout=SOON)
        assert first.outputs == second.outputs == {"a": [0, 2], "b": [0, 2]}


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in a thread"])
def test_a_tick_fails_with_an_exception_as_if_it_had_been_raised(elsewhere):
    kept = []

    def work(ctx):
        try:
            {}["nothing"]  # the exception is what is wanted
        except KeyError as error:
            kept.append(error)
            ctx.fail(error)

    def run(self, ctx):
        if elsewhere:
            ctx.defer()
            threading.Thread(target=work, args=(ctx,)).start()
        else:
            work(ctx)

    result = run_one(running(run), [1])
    (failure,) = result.failures
    assert (failure.reason, failure.error.splitlines()[0]) == ("KeyError", "KeyError: 'nothing'")
    assert '{}["nothing"]' in failure.traceback
    assert kept[0].__traceback__ is not None


def test_a_tick_fails_with_a_text_or_an_exception():
    def run(self, ctx):
        with pytest.raises(TypeError, match="a text or an exception, got int"):
            ctx.fail(7)
        ctx.fail(ValueError(), reason="odd", permanent=True)

    (failure,) = run_one(running(run), [1]).failures
    assert (failure.reason, failure.error.splitlines()[0]) == ("odd", "ValueError")
