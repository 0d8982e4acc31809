"""Runs as files: what came from outside, and the order in which things happened, so that a run can be repeated tick by tick."""

from __future__ import annotations

import gzip
import json
import random
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from . import _native
from .exceptions import NetworkError, RunTimeout, UnknownComponentError

if TYPE_CHECKING:
    from ._runs import Runs
    from .network import Network
    from .result import RunResult

#: The version of the format.
VERSION = 1
#: More ticks than any run has.
_ALL = 2**62
#: How often a wait looks whether the run goes on, in seconds.
_LOOK = 0.001


class Recorder:
    """Writes a run down, and into a file when it has ended."""

    def __init__(self, network: Runs, path: str | PathLike[str], inputs: list[tuple[str, str]] | None) -> None:
        self._network, self._path, self._inputs = network, Path(path), inputs
        self._path.parent.resolve(strict=True)  # told before the run, not after it
        # As text: a graph would take two equal connections for one.
        self._graph = network._to_graph()
        self._script = _native._Script.recorder()
        self._seed = random.SystemRandom().getrandbits(64)
        self._began = time.time()

    def __enter__(self) -> Self:
        """Let the next start write it."""
        self._network._set_script(self._script)
        random.seed(self._seed)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._network._set_script(None)
        if kind is not None:  # nothing was started
            self._network._recording = None

    def write(self, run: _native.Run) -> None:
        """Write the file."""
        ticks, arrivals, outside = self._script.recording()
        pulls, leaves = self._script.choices()
        report = run.report()
        data = {
            "format": "rfltrace",
            "version": VERSION,
            "package": _native.__version__,
            "began": self._began,
            "seed": self._seed,
            "state": report["state"],
            "failures": [
                {key: failure[key] for key in ("node", "error", "reason", "traceback", "attempt", "tick")}
                for failure in report["failures"]
            ],
            "graph": _without_secrets(json.loads(self._graph)),
            "inputs": self._inputs,
            "nodes": run.node_ids(),
            "ticks": ticks,
            "arrivals": arrivals,
            "pulls": pulls,
            "leaves": leaves,
            "outside": [
                {"at": at, "tick": tick, "node": node, "name": name, "kind": kind}
                | ({} if message is None else {"data": _written(message)})
                for at, tick, node, name, kind, message in outside
            ],
        }
        with gzip.open(self._path, "wt", encoding="utf-8") as file:
            json.dump(data, file)


def _without_secrets(graph: dict[str, Any]) -> dict[str, Any]:
    """Leave out what templates call secret in their config: a recording is there to be given away."""
    known: dict[str, list[re.Pattern[str]]] = {}
    for process in graph["processes"].values():
        component, config = process["component"], process.get("metadata") or {}
        if component not in known:
            known[component] = _secret_keys(component)
        for key in [key for key in config if any(pattern.search(key) for pattern in known[component])]:
            del config[key]
    return graph


def _secret_keys(component: str) -> list[re.Pattern[str]]:
    """Say which keys of the config of a template are ``writeOnly``."""
    try:
        schema = _native.template_info(component)["config_schema"] or {}
    except UnknownComponentError:  # an actor of the program
        return []
    keys = {f"^{re.escape(key)}$": told for key, told in schema.get("properties", {}).items()}
    keys |= schema.get("patternProperties", {})
    return [re.compile(pattern) for pattern, told in keys.items() if told.get("writeOnly") is True]


def _written(message: _native.Message) -> Any:
    try:
        return message.as_json()
    except (ValueError, TypeError) as error:
        return {"type": "Error", "data": f"not in the recording: {error}"}


@dataclass(frozen=True, slots=True)
class Step:
    """A tick of a replay.

    Attributes
    ----------
    number : int
        Its number in the run, from 1.
    node : str
        The node that it is of.
    events : list of dict
        What happened: ``MessageSent``, ``ActorCompleted``, ``ActorFailed``.
    """

    number: int
    node: str
    events: list[dict[str, Any]] = field(repr=False)

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """The packets that the node sent: outport and value."""
        sent: list[tuple[str, Any]] = []
        for event in self.events:
            if event["_type"] == "MessageSent" and event["fromActor"] == self.node:
                sent.append((event["fromPort"], event["message"]))
        # What leads nowhere but out of the network is known by the end of the tick only.
        for event in self.events:
            if event["_type"] == "ActorCompleted" and event["actorId"] == self.node:
                ports = {port for port, _ in sent}
                outputs = (event["outputs"] or {}).items()
                sent.extend((port, wire["data"]) for port, wire in outputs if port not in ports)
        return sent


class Replay:
    """A recorded run, again.

    The graph is the recorded one, with a virtual clock; its actors are registered as for `Network.from_graph`. Ticks start in
    the recorded order and get the recorded packets, so actors that depend on nothing else give the same outputs.

    Parameters
    ----------
    path : path-like
        A file that ``run(record=)`` or ``start(record=)`` has written.

    Raises
    ------
    NetworkError
        If the file is no recording, or of a newer version.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from offbit_reflow import Network, Replay, actor
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "run.rfltrace"
    >>> @actor
    ... def double(x):
    ...     return 2 * x
    >>> net = Network()
    >>> net.register_actor("double", double)
    >>> net.add_node("d", "double")
    >>> net.add_outport("out", "d", "out")
    >>> result = net.run({"d.x": iter([1, 2])}, record=file)
    >>> with Replay(file) as replay:
    ...     replay.register_actor("double", double)
    ...     print(replay.step())
    ...     replay.run().outputs
    Step(number=1, node='d')
    {'out': [2, 4]}
    >>> folder.cleanup()
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        from .network import Network

        self._data = _read(Path(path))
        self.network: Network = Network.from_graph(self._data["graph"], clock="virtual")
        self._run: _native.Run | None = None
        self._script: _native._Script | None = None
        self._events: Any = None
        self._feeder: threading.Thread | None = None
        self._breaks: list[tuple[str, str | None]] = []
        self._ends = list(accumulate(count for _, count in self._data["ticks"]))
        self._closed = False

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The failures of the recorded run: node, error, reason, traceback, attempt, tick.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.failures[0]["reason"]
        'ZeroDivisionError'
        >>> folder.cleanup()
        """
        return list(self._data["failures"])

    @property
    def ticks(self) -> int:
        """How many ticks were recorded.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.ticks
        2
        >>> folder.cleanup()
        """
        return self._ends[-1] if self._ends else 0

    @property
    def position(self) -> int:
        """How many have started.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     _ = replay.step()
        ...     replay.position
        1
        >>> folder.cleanup()
        """
        place = None if self._script is None else self._script.position()
        return 0 if place is None else min(place[0], self.ticks)

    def node_of(self, number: int) -> str:
        """Give the node of a tick, by its number from 1.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.node_of(1)
        'a'
        >>> folder.cleanup()
        """
        node, _ = self._data["ticks"][bisect_right(self._ends, number - 1)]
        name: str = self._data["nodes"][node]
        return name

    def register_actor(self, template_id: str, actor: Any) -> None:
        """Register a component, see `Network.register_actor`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.step()
        Step(number=1, node='a')
        >>> folder.cleanup()
        """
        self.network.register_actor(template_id, actor)

    def break_on(self, source: str, target: str | None = None) -> None:
        """Let `run` stop when a packet goes over a connection.

        Parameters
        ----------
        source : str
            ``"node.outport"``.
        target : str, optional
            ``"node.inport"``; any by default.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.break_on("a.out")
        >>> folder.cleanup()
        """
        self._breaks.append((source, target))

    def step(self, *, timeout: float | None = None) -> Step | None:
        """Run the next tick to its end; None when there is none.

        Raises
        ------
        RunTimeout
            When it took longer than `timeout` seconds (a TimeoutError).
        NetworkError
            When the run does something else than the recorded one.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.step(), replay.step().events[0]["error"]
        (Step(number=1, node='a'), 'ZeroDivisionError: division by zero')
        >>> folder.cleanup()
        """
        run = self._begin()
        number = self.position + 1
        if number > self.ticks:
            return None
        self._advance(run, number, timeout)
        events = self._seen()
        return Step(number, self.node_of(number), events)

    def run(self, until: int | None = None, *, timeout: float | None = None) -> RunResult:
        """Run on: to a breakpoint, to the end of tick number `until`, or to the end.

        Raises
        ------
        RunTimeout, NetworkError
            As `step`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.run().state
        'finished'
        >>> folder.cleanup()
        """
        run = self._begin()
        last = self.ticks if until is None else min(until, self.ticks)
        if self._breaks:
            while self.position < last:
                step = self.step(timeout=timeout)
                if step is None or any(self._stops(event) for event in step.events):
                    return self.network._result(run)
        elif self.position < last:
            self._advance(run, last, timeout)
            self._seen()
        if until is None:
            if self._data["state"] in ("finished", "failed"):  # else it was stopped: what it had yet to do was not done
                run.allow(_ALL)
            end = None if timeout is None else time.monotonic() + timeout
            while self._feeder is not None and self._feeder.is_alive():  # it may yet say that nothing more comes
                if end is not None and time.monotonic() > end:
                    raise RunTimeout(f"what came from outside was not all taken within {timeout} s")
                self._feeder.join(0.05)
                self._tell(run)
            self._wait(run, timeout)
        return self.network._result(run)

    def close(self) -> None:
        """End it.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Replay, actor
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.rfltrace"
        >>> @actor
        ... def inverse(x):
        ...     return 1 / x
        >>> net = Network()
        >>> net.register_actor("inverse", inverse)
        >>> net.add_node("a", "inverse")
        >>> _ = net.run({"a.x": iter([4, 0])}, record=file)
        >>> with Replay(file) as replay:
        ...     replay.register_actor("inverse", inverse)
        ...     replay.close()
        >>> folder.cleanup()
        """
        self._closed = True
        self.network.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Step]:
        """Step through all of it."""
        while (step := self.step()) is not None:
            yield step

    def _begin(self) -> _native.Run:
        if self._run is not None:
            return self._run
        data = self._data
        ticks = [(node, count) for node, count in data["ticks"]]
        arrivals = [[(link, count) for link, count in rows] for rows in data["arrivals"]]
        pulls = [[(shelf, [tuple(one) for one in made]) for shelf, made in rows] for rows in data.get("pulls", [])]
        leaves = data.get("leaves", [])
        script = self._script = _native._Script.player(data["nodes"], ticks, arrivals, 0, pulls, leaves)
        self._events = self.network.events(types=["MessageSent", "ActorCompleted", "ActorFailed"], capacity=1 << 20)
        self.network._set_script(script)
        random.seed(data["seed"])
        inputs = None if data["inputs"] is None else [tuple(end) for end in data["inputs"]]
        begun: list[_native.Run] = []
        self.network._start(begun, inputs, collect=True)
        self._run = run = begun[0]
        run.begun()
        if run.node_ids() != data["nodes"]:
            self.close()
            raise NetworkError("the graph has other nodes than the recording")
        self._feeder = threading.Thread(target=self._feed, args=(run,), name="reflow-replay", daemon=True)
        self._feeder.start()
        return run

    def _feed(self, run: _native.Run) -> None:
        """Send what came from outside."""
        with suppress(NetworkError):  # it was closed meanwhile
            self._send_all(run)

    def _send_all(self, run: _native.Run) -> None:
        script = self._script
        for entry in self._data["outside"]:
            if self._closed or script is None:
                return
            if entry["kind"] == "packet":
                message = _native.Message.from_json(entry["data"])
                if not run.feed(entry["node"], entry["name"], message):
                    return
            elif entry["kind"] == "signal":
                while not self._closed and (script.position() or (0,))[0] < entry["tick"]:
                    time.sleep(_LOOK)
                data = _native.Message.from_json(entry["data"]).data()
                self.network.signal(entry["node"], entry["name"], data)
            else:
                run.close_inputs()
        run.note_fed()

    def _advance(self, run: _native.Run, to: int, timeout: float | None) -> None:
        """Let ticks start up to a number, and wait until nothing moves."""
        run.allow(to)
        end = None if timeout is None else time.monotonic() + timeout
        while self.position < to:
            if end is not None and time.monotonic() > end:
                raise RunTimeout(f"tick {self.position + 1} of {to} did not come within {timeout} s")
            self._tell(run)
            run.wait(0.05)
            if self.position < to:
                time.sleep(_LOOK)
        self._wait(run, timeout)

    def _wait(self, run: _native.Run, timeout: float | None) -> None:
        if not run.wait(timeout):
            raise RunTimeout(f"the replay was still at work after {timeout} s")
        self._tell(run)

    def _tell(self, run: _native.Run) -> None:
        reason = run.report()["reason"]
        if reason is not None:
            raise NetworkError(reason)

    def _seen(self) -> list[dict[str, Any]]:
        events = []
        while (event := self._events.recv(timeout_ms=1)) is not None:
            events.append(event)
        return events

    def _stops(self, event: dict[str, Any]) -> bool:
        if event["_type"] != "MessageSent":
            return False
        source, target = f"{event['fromActor']}.{event['fromPort']}", f"{event['toActor']}.{event['toPort']}"
        return any(source == one and other in (None, target) for one, other in self._breaks)


def _read(path: Path) -> dict[str, Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            data: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError) as error:
        raise NetworkError(f"{path} is no recording of a run: {error}") from error
    if not isinstance(data, dict) or data.get("format") != "rfltrace":
        raise NetworkError(f"{path} is no recording of a run")
    if data.get("version") != VERSION:
        raise NetworkError(f"{path} is a recording of version {data.get('version')}; this release reads {VERSION}")
    return data


__all__ = ["Recorder", "Replay", "Step"]
