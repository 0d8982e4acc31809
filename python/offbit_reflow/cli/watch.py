"""``reflow run --watch``: load actors and the graph again when their files change, and go on.

Where an actor changes in its code alone, its nodes go on in the middle of the run: their next tick runs the new code, with the
attributes that they have. Where its ports change, or the graph does, the network starts anew, and nodes of the same name and
class get their attributes back.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import traceback
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from .._actor import Actor
from .._declaration import declare
from ..exceptions import ReflowError, RunTimeout
from ..network import Network
from . import actors, inputs, outputs, report, run, signals
from .exit import OK, UsageError
from .files import read_export
from .progress import Progress
from .trace import Trace

#: Time between two looks at the files, in seconds.
INTERVAL = 0.2


def main(arguments: argparse.Namespace) -> int:
    """Run the command until Ctrl-C."""
    if arguments.graph == "-":
        raise UsageError("--watch needs a file to look at, not standard input")
    style = report.Style.of(arguments)
    live = Live(arguments.actors)
    files = Files([arguments.graph])
    status = OK
    try:
        while True:
            files.watch(live.files())
            try:
                status = _run_once(arguments, live, files, style)
            except (UsageError, ReflowError) as error:
                style.note(f"reflow: {error}", "error")
                status = 2 if isinstance(error, UsageError) else 1
                if not live.loaded:
                    files.watch([Path(name) for name in arguments.actors])
            else:
                if status is None:
                    continue  # something has changed that the run could not take in
            style.note("waiting for changes; Ctrl-C ends", "info")
            while not files.changed(INTERVAL):
                pass
            live.reload(style)
    except KeyboardInterrupt as error:
        style.note(f"reflow: ended by {str(error) or 'Ctrl-C'}", "error")
        return signals.exit_code(error)


def _run_once(arguments: argparse.Namespace, live: Live, files: Files, style: report.Style) -> Any:
    """Run the graph as it is now; None if it was stopped because of a change."""
    packets = inputs.parse(arguments.input)
    network = Network.from_graph(read_export(arguments.graph))
    live.register(network)
    files.watch(live.files())
    errors, warnings = network._findings(network._endpoints(packets))
    if errors:
        raise UsageError("\n- ".join([f"{arguments.graph} cannot run:", *errors]))
    for warning in warnings:
        style.note(f"{arguments.graph}: {warning}", "warning")
    changed = threading.Event()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            if files.changed(INTERVAL, only_if=over) and not over.is_set() and not live.reload(style):
                changed.set()
                network.cancel("files have changed", grace=arguments.grace)
                return

    watcher = threading.Thread(target=look, name="reflow-watch", daemon=True)
    started = monotonic()
    with ExitStack() as stack:
        stack.enter_context(network)
        if arguments.metrics is not None:
            run.serve(stack, network, arguments.metrics, style)
        stack.enter_context(Trace(network, arguments.events))
        stack.enter_context(Progress(network, sys.stderr, style))
        ports = [port for port, _, _ in network._outports()]
        stack.enter_context(outputs.Outputs(network, outputs.parse(arguments.output, ports)))
        watcher.start()
        try:
            result = network.run(inputs=packets, timeout=arguments.timeout, collect=False, grace=arguments.grace)
        except RunTimeout as error:
            style.note(f"reflow: {error}", "error")
            result = network.result()
        finally:
            over.set()
            watcher.join()
            live.keep()
    if changed.is_set():
        return None
    style.result(result, monotonic() - started)
    return run.status_of(result)


class Files:
    """Files that are looked at for changes."""

    def __init__(self, names: list[str]) -> None:
        self._seen: dict[Path, Any] = {}
        self.watch([Path(name) for name in names])

    def watch(self, paths: list[Path]) -> None:
        """Look at these files too."""
        for path in paths:
            if path not in self._seen and path.suffix:
                self._seen[path] = _stamp(path)

    def changed(self, seconds: float, only_if: threading.Event | None = None) -> bool:
        """Wait so long, or less if the event is set; tell whether a file has changed since the last look."""
        (only_if or threading.Event()).wait(seconds)
        found = False
        for path, before in self._seen.items():
            now = _stamp(path)
            if now != before and now is not None:  # an editor may be in the middle of replacing it
                self._seen[path] = now
                found = True
        return found


def _stamp(path: Path) -> Any:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class Live:
    """The actors of modules that may be loaded again, and the instances that nodes made of them."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.loaded = False
        #: What each module calls its actors.
        self._actors: dict[str, Any] = {}
        self._plain: dict[str, str] = {}
        self._files: list[Path] = []
        #: Of the last run, also when it has ended: their attributes are to be kept.
        self._instances: list[tuple[str, Actor]] = []
        #: Attributes of the instances of the last run, by node.
        self._kept: dict[str, tuple[str, dict[str, Any]]] = {}
        self._nodes: dict[int, str] = {}
        self._lock = threading.RLock()

    def files(self) -> list[Path]:
        """Name the files of the modules."""
        return self._files

    def _load(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        files = []
        for name in self._names:
            if not name.endswith(".py"):
                sys.modules.pop(name, None)
            module = actors.load(name)
            files.append(Path(module.__file__ or name))
            found |= actors.find(module)
        self._files = files
        return found

    def register(self, network: Network) -> None:
        """Register the actors with a network; its instances are remembered."""
        if not self.loaded:
            self._actors = self._load()
            self.loaded = True
        with self._lock:
            self._instances, self._nodes = [], {}
        for name, value in self._actors.items():
            if isinstance(value, type):
                network.register_actor(name, value, factory=partial(self._make, name))
            else:
                network.register_actor(name, value)

    def _make(self, name: str) -> Actor:
        instance: Actor = self._actors[name]()
        kept = self._kept

        def run(ctx: Any) -> Any:
            if id(instance) not in self._nodes:
                node = getattr(ctx, "node_id", None) or ctx[0].node_id
                self._nodes[id(instance)] = node
                component, attributes = kept.get(node, ("", {}))
                if component == name:
                    vars(instance).update(attributes)
            return type(instance).run(instance, ctx)

        instance.run = run  # type: ignore[method-assign]  # looks the class up each time: it may be another by then
        with self._lock:
            self._instances.append((name, instance))
        return instance

    def keep(self) -> None:
        """Remember the attributes of all instances for the next run."""
        with self._lock:
            for name, instance in self._instances:
                if id(instance) in self._nodes:
                    attributes = {key: value for key, value in vars(instance).items() if key != "run"}
                    self._kept[self._nodes[id(instance)]] = (name, attributes)

    def reload(self, style: report.Style) -> bool:
        """Load the modules again. True if nodes that run can go on with what came of it."""
        started = monotonic()
        try:
            fresh = self._load()
        except UsageError as error:
            style.note(f"reflow: {error}; the nodes go on as they were", "error")
            return True
        except Exception:
            style.note(f"reflow: {traceback.format_exc()}; the nodes go on as they were", "error")
            return True
        with self._lock:
            before, self._actors = self._actors, fresh
            fits = before.keys() == fresh.keys() and all(_fits(before[name], fresh[name]) for name in fresh)
            if fits:
                for name, instance in self._instances:
                    try:
                        instance.__class__ = fresh[name]
                    except TypeError:  # another layout
                        fits = False
        how = "nodes go on with it" if fits else "the network starts anew"
        style.note(f"loaded again in {(monotonic() - started) * 1000:.0f} ms; {how}", "info")
        return fits


def _fits(before: Any, after: Any) -> bool:
    """Tell whether instances of the one can go on as instances of the other."""
    if not isinstance(before, type) or not isinstance(after, type):
        return False
    try:
        return bool(declare(before, before) == declare(after, after))
    except (TypeError, ValueError):
        return False


__all__ = ["Files", "Live", "main"]
