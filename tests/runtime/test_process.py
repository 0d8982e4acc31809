"""Processes: forks, signals, and the end of the interpreter."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from .support import run_script, script_env

PRELUDE = """
import faulthandler, os, signal, sys, threading, time, warnings
faulthandler.dump_traceback_later(12, exit=True)
# From 3.12 on, Python warns of every fork beside threads, which is what these programs are about.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with it ignored
from offbit_reflow import Actor, Network, Stream

class Forward(Actor):
    inports = ["in"]
    outports = ["out"]
    def run(self, ctx):
        ctx.done({"out": ctx["in"]})

class AsyncForward(Forward):
    async def run(self, ctx):
        return {"out": ctx["in"]}

class Endless(Actor):
    inports = []
    outports = ["out"]
    def run(self, ctx):
        ctx.done({"out": 1})

class Stuck(Actor):
    inports = ["in"]
    entered = threading.Event()
    def run(self, ctx):
        Stuck.entered.set()
        while True:
            time.sleep(1000)

class Spinning(Stuck):
    def run(self, ctx):
        Stuck.entered.set()
        while True:
            pass

def network(*classes, start=True):
    net = Network()
    names = []
    for cls in classes:
        name = cls.__name__.lower() + str(len(names))
        net.register_actor(name, cls)
        net.add_node(name, name)
        names.append(name)
    for left, right in zip(names, names[1:]):
        net.add_connection(left, "out", right, "in")
    if start:
        net.start()
    return net

def once(cls=Forward, value=5):
    net = network(cls, start=False)
    name = cls.__name__.lower() + "0"
    net.add_outport("out", name, "out")
    net.add_initial(name, "in", value)
    result = net.run(timeout=5)
    assert result.outputs == {"out": [value]}, result
    net.shutdown()

def in_child(work):
    sys.stdout.flush()
    # Its thread would not be there in the child.
    faulthandler.cancel_dump_traceback_later()
    pid = os.fork()
    if pid == 0:
        faulthandler.register(signal.SIGALRM, chain=True)
        signal.alarm(6)
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(9)
        os._exit(0)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hangs"
"""


def script(body: str) -> str:
    return PRELUDE + textwrap.dedent(body)


def check(body: str, *, code: int = 0, out: str = "", quiet: bool = True) -> None:
    started = time.monotonic()
    result = run_script(script(body), timeout=25)
    assert result.returncode == code, (result.stdout, result.stderr)
    assert result.stdout.strip() == out
    if quiet:
        assert result.stderr == ""
    assert time.monotonic() - started < 15


def test_a_machine_without_files_says_so():
    """A start that cannot get what it needs is refused, and leaves nothing behind."""
    check(
        """
import os, resource
from offbit_reflow.exceptions import NetworkError

class Limited(Forward):
    pass

net = network(Limited, start=False)
native = Network()
native.add_node("a", "tpl_passthrough")
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    while True:
        os.dup(1)
except OSError:
    pass
try:
    native.start()
except NetworkError as error:
    print(error)
print(native.is_running, native.shutdown())
""",
        out="the network cannot start: Too many open files (os error 24)\nFalse []",
    )


class TestExit:
    @pytest.mark.parametrize(
        "body",
        [
            "net = network(Forward)",
            "net = network(Endless, Forward)",
            "net = network(Endless, AsyncForward)",
            "nets = [network(Endless, Forward) for _ in range(10)]",
            "net = network(Endless, Forward); threading.Thread(target=lambda: net.events().recv(), daemon=True).start()",
            "net = network(Endless, Forward); listener = net.listen('endless0', 'out', capacity=1)",
            "net = network(Endless, Forward); threading.Thread(target=lambda: [0 for e in net.events()], daemon=True).start()",
            "stream = Stream.create(); message = stream.into_message(); reader = message.take_stream()",
            "once()",
            "once(AsyncForward)",
        ],
    )
    def test_with_a_running_network_is_quiet(self, body):
        check(body)

    def test_status_is_kept(self):
        check("net = network(Endless, Forward); sys.exit(7)", code=7)

    def test_an_exception_is_kept(self):
        result = run_script(script("net = network(Endless, Forward); raise ValueError('mine')"))
        assert result.returncode == 1
        assert "ValueError: mine" in result.stderr
        assert "panic" not in result.stderr

    @pytest.mark.parametrize("kind", ["Stuck", "Spinning"])
    @pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(7)", 7), ("raise ValueError('mine')", 1)])
    def test_with_a_tick_that_never_ends(self, kind, end, code):
        body = f"net = network({kind})\nnet.send('{kind.lower()}0', 'in', 1)\nStuck.entered.wait()\nprint('end')\n{end}"
        result = run_script(script(body))
        assert result.returncode == code, result.stderr
        assert result.stdout.strip() == "end"
        assert "panic" not in result.stderr

    def test_inside_a_tick(self):
        """`os._exit` is somebody else's decision; `sys.exit` in a tick is only a failure."""
        body = """
            class Leaves(Forward):
                def run(self, ctx):
                    sys.exit(3)
            net = network(Leaves)
            net.send("leaves0", "in", 1)
            print(net.wait(timeout=5).failures[0].reason)
        """
        check(body, out="SystemExit", quiet=False)

    def test_daemon_threads_that_send(self):
        body = """
            net = network(Forward)
            def work():
                while True:
                    net.send("forward0", "in", 1)
            for _ in range(5):
                threading.Thread(target=work, daemon=True).start()
            time.sleep(0.1)
        """
        result = run_script(script(body))
        assert result.returncode == 0, result.stderr
        assert "panic" not in result.stderr

    def test_a_network_kept_by_a_module_global_cycle(self):
        check("net = network(Endless, Forward); net.me = net; sys.modules['keep'] = net")

    def test_atexit_handlers_of_users_still_use_it(self):
        body = """
            import atexit
            net = network(Forward)
            atexit.register(lambda: print(net.stats()["forward0"]["ticks"]))
            net.send("forward0", "in", 1)
            net.wait(timeout=5)
        """
        check(body, out="1")

    def test_a_dropped_network_warns_and_stops(self):
        body = """
            import gc, warnings
            warnings.simplefilter("error")
            caught = []
            sys.unraisablehook = lambda args: caught.append(args.exc_type.__name__)
            ticks = []
            class Ticking(Endless):
                def run(self, ctx):
                    ticks.append(1)
                    ctx.done()
            net = network(Ticking)
            while not ticks:
                time.sleep(0.001)
            del net
            gc.collect()
            time.sleep(0.2)
            count = len(ticks)
            time.sleep(0.2)
            print(caught, len(ticks) == count)
        """
        check(body, out="['ResourceWarning'] True")


class TestSignals:
    def interrupt(self, body: str) -> tuple[int, str, float]:
        process = subprocess.Popen(
            [sys.executable, "-c", script(body)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=script_env(),
        )
        try:
            assert process.stdout.readline().strip() == "ready"
            time.sleep(0.2)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=15)
        finally:
            process.kill()
        assert "panic" not in err
        return process.returncode, out.strip(), time.monotonic() - started

    def test_ctrl_c_while_actors_are_made_is_no_fault_of_theirs(self):
        check(
            """
class Slow(Forward):
    def __init__(self):
        signal.raise_signal(signal.SIGINT)

try:
    network(Slow)
except KeyboardInterrupt:
    print("interrupted")
""",
            out="interrupted",
        )

    @pytest.mark.parametrize(
        "call",
        [
            "net.run()",
            "net.start(); net.wait() ; time.sleep(100)",
            "net.start(); net.events(types=['ActorFailed']).recv()",
            "net.start(); list(net.events(types=['ActorFailed']))",
            "net.start(); list(net.listen('forward1', 'nothing'))",
            "net.start(); [0 for _ in net.listen('forward1', 'out')]",
            "s = Stream.create(); s.into_message().take_stream().recv(100_000)",
            "s = Stream.create(1); m = s.into_message(); s.send_bytes(b'1'); s.send_bytes(b'2')",
            "time.sleep(100)",
        ],
    )
    def test_ctrl_c_ends_every_wait(self, call):
        declare = "class Endless(Endless):\n    outports = ['out', 'nothing']\n"
        declare += "class Forward(Forward):\n    outports = ['out', 'nothing']\n"
        body = f"""{declare}
net = network(Endless, Forward, start=False)
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted")
net.shutdown()
"""
        code, out, took = self.interrupt(body)
        assert (code, out) == (0, "interrupted")
        assert took < 3

    def test_ctrl_c_ends_a_send_that_waits_for_room(self):
        body = """
net = network(Stuck)
net.send("stuck0", "in", 0)
Stuck.entered.wait()
print("ready", flush=True)
try:
    while True:
        net.send("stuck0", "in", 0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
os._exit(0)
"""
        code, out, took = self.interrupt(body)
        assert (code, out) == (0, "interrupted")
        assert took < 3

    def test_ctrl_c_in_asyncio(self):
        body = """
import asyncio
net = network(Endless, Forward)
print("ready", flush=True)
try:
    asyncio.run(net.wait_async())
except KeyboardInterrupt:
    print("interrupted")
net.shutdown()
"""
        code, out, took = self.interrupt(body)
        assert (code, out) == (0, "interrupted")
        assert took < 3

    def test_ctrl_c_uncaught_with_a_stuck_tick(self):
        body = """
net = network(Stuck, start=False)
net.add_initial("stuck0", "in", 1)
print("ready", flush=True)
net.run()
"""
        code, _, took = self.interrupt(body)
        assert code in (1, 130, -signal.SIGINT)
        assert took < 8

    def test_other_handlers_run_while_waiting(self):
        body = """
            seen = []
            signal.signal(signal.SIGALRM, lambda *args: seen.append(1))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            net = network(Endless, Forward)
            try:
                net.wait(timeout=0.5)
            except TimeoutError:
                print(seen)
            net.shutdown()
        """
        check(body, out="[1]")


class TestFork:
    @pytest.mark.parametrize("kind", ["Forward", "AsyncForward"])
    @pytest.mark.parametrize(
        "before",
        [
            "",
            "once(Forward); once(AsyncForward)",
            "net = network(Endless, Forward)",
            "net = network(Endless, AsyncForward); time.sleep(0.1)",
        ],
    )
    def test_a_child_has_networks_of_its_own(self, kind, before):
        check(f"{before}\nprint(in_child(lambda: once({kind})))\nonce({kind})", out="0")

    def test_many_children_of_a_busy_parent(self):
        body = """
            net = network(Endless, Forward, Forward)
            print({in_child(once) for _ in range(20)})
            net.shutdown()
        """
        check(body, out="{0}")

    def test_the_network_of_the_parent_is_not_running_in_the_child(self):
        body = """
            net = network(Forward)
            net.send("forward0", "in", 1)
            net.wait(timeout=5)
            def child():
                assert not net.is_running
                try:
                    net.send("forward0", "in", 1)
                except RuntimeError:
                    pass
                else:
                    raise AssertionError
                assert net.shutdown() == []
                net.start()
                net.send("forward0", "in", 1)
                net.wait(timeout=5)
                assert net.stats()["forward0"]["ticks"] == 1
                net.shutdown()
            print(in_child(child))
            net.send("forward0", "in", 1)
            net.wait(timeout=5)
            print(net.stats()["forward0"]["ticks"])
            net.shutdown()
        """
        check(body, out="0\n2")

    def test_a_child_that_ends_in_the_usual_way(self):
        body = """
            net = network(Endless, Forward)
            faulthandler.cancel_dump_traceback_later()
            pid = os.fork()
            if pid == 0:
                sys.exit(0)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            net.shutdown()
        """
        check(body, out="0")

    def test_in_a_tick(self):
        body = """
            class Forks(Forward):
                def run(self, ctx):
                    ctx.done({"out": in_child(lambda: os._exit(4))})
            net = network(Forks, start=False)
            net.add_outport("out", "forks0", "out")
            net.add_initial("forks0", "in", 1)
            print(net.run(timeout=10).outputs)
        """
        check(body, out="{'out': [4]}")

    @pytest.mark.parametrize("form", ["def", "async def"])
    def test_a_network_in_a_child_forked_in_a_tick(self, form):
        body = f"""
            done, ends = threading.Event(), set()
            class Forks(Forward):
                {form} run(self, ctx):
                    ends.update(in_child(once) for _ in range(10))
                    ctx.done()
                    done.set()
            net = network(Forks, Endless, start=False)
            net.add_initial("forks0", "in", 1)
            net.start()
            assert done.wait(20)
            print(ends)
            net.shutdown()
        """
        check(body, out="{0}", quiet=form == "def")  # that it holds the loop is told

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_multiprocessing(self, method, tmp_path):
        program = tmp_path / "program.py"
        program.write_text(
            script(f"""
                import multiprocessing
                def work(number):
                    once(Forward, number)
                    return number
                if __name__ == "__main__":
                    net = network(Endless, Forward)
                    with multiprocessing.get_context("{method}").Pool(2) as pool:
                        print(pool.map(work, range(6)))
                    net.shutdown()
            """)
        )
        result = subprocess.run(
            [sys.executable, str(program)], capture_output=True, text=True, timeout=25, env=script_env(), check=False
        )
        assert (result.returncode, result.stdout.strip()) == (0, "[0, 1, 2, 3, 4, 5]"), result.stderr

    def test_subprocesses_from_ticks(self):
        body = """
            import subprocess
            class Runs(Forward):
                def run(self, ctx):
                    ctx.done({"out": subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout.strip()})
            net = Network()
            net.register_actor("runs", Runs)
            for number in range(5):
                net.add_node(f"n{number}", "runs")
                net.add_initial(f"n{number}", "in", 1)
                net.add_outport(str(number), f"n{number}", "out")
            print(sorted(sum(net.run(timeout=10).outputs.values(), [])))
        """
        check(body, out=str(["hello"] * 5))
