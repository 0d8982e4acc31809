"""``reflow run --watch``: load actors and the graph again when their files change, and go on.

Where an actor changes in its code alone, its nodes go on in the middle of the run: their next tick runs the new code, with the
attributes that they have. Where its ports change, or the graph does, the network starts anew, and nodes of the same name and
class get their attributes back.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import sysconfig
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from .._actor import Actor
from .._declaration import declare
from ..exceptions import ReflowError, RunTimeout
from ..network import Network
from . import actors, graphs, inputs, outputs, report, run, signals
from .exit import OK, UsageError
from .files import read_export
from .progress import Progress
from .trace import Trace

#: Time between two looks at the files, in seconds.
INTERVAL = 0.2
#: Where modules are that nobody works on.
_INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def main(arguments: argparse.Namespace) -> int:
    """Run the command until Ctrl-C."""
    if arguments.graph == "-":
        raise UsageError("--watch needs a file to look at, not standard input")
    style = report.Style.of(arguments)
    live = Live(arguments.actors)
    files = Files([Path(arguments.graph)])
    status = OK
    try:
        while True:
            files.watch(live.files())
            try:
                status = _run_once(arguments, live, files, style)
            except (UsageError, ReflowError) as error:
                style.note(f"reflow: {error}", "error")
                status = 2 if isinstance(error, UsageError) else 1
                files.watch(live.files())
            else:
                if status is None:
                    continue  # something has changed that the run could not take in
            style.note("waiting for changes; Ctrl-C ends", "info")
            changed: set[Path] = set()
            while not changed:
                changed = files.changed(INTERVAL)
            style.note(f"{', '.join(sorted(path.name for path in changed))}: changed", "info")
            live.loaded = live.loaded and changed == {Path(arguments.graph)}
    except KeyboardInterrupt as error:
        style.note(f"reflow: ended by {str(error) or 'Ctrl-C'}", "error")
        return signals.exit_code(error)


def _run_once(arguments: argparse.Namespace, live: Live, files: Files, style: report.Style) -> Any:
    """Run the graph as it is now; None if it was stopped because of a change."""
    packets = inputs.parse(arguments.input)
    export = read_export(arguments.graph)
    found = graphs.examine(arguments.graph, arguments.actors, list(packets), live.register)
    for warning in found.warnings:
        style.note(f"{arguments.graph}: {warning}", "warning")
    network = found.runnable(arguments.graph)
    files.watch(live.files())
    changed = threading.Event()
    over = threading.Event()

    def goes_on(paths: set[Path]) -> bool:
        """Take in what has changed; whether the nodes go on with it."""
        graph = Path(arguments.graph)
        if paths != {graph} and not live.reload(style, paths):
            return False
        files.watch(live.files())
        return graph not in paths or not _is_another(arguments, export, list(packets), live, style)

    def look() -> None:
        while not over.is_set():
            paths = files.changed(INTERVAL, only_if=over)
            if paths and not over.is_set() and not goes_on(paths):
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


def _is_another(
    arguments: argparse.Namespace, export: dict[str, Any], packets: list[str], live: Live, style: report.Style
) -> bool:
    """Tell whether the file of the graph holds another one than that which runs, and one that can run."""
    try:
        if read_export(arguments.graph) == export:
            return False
        graphs.examine(arguments.graph, arguments.actors, packets, live.offer).runnable(arguments.graph)
    except UsageError as error:
        style.note(_not_taken(error), "error")
        return False
    style.note(f"{arguments.graph} has changed; the network starts anew", "info")
    return True


def _not_taken(error: UsageError) -> str:
    text = str(error)
    return "".join(["reflow: ", text, "\n" if "\n" in text else "; ", "the nodes go on as they were"])


class Files:
    """Files that are looked at for changes."""

    def __init__(self, paths: list[Path]) -> None:
        self._seen: dict[Path, Any] = {}
        self.watch(paths)

    def watch(self, paths: list[Path]) -> None:
        """Look at these files too."""
        for path in paths:
            if path not in self._seen:
                self._seen[path] = _stamp(path)

    def changed(self, seconds: float, only_if: threading.Event | None = None) -> set[Path]:
        """Wait so long, or less if the event is set; give the files that have changed since the last look."""
        (only_if or threading.Event()).wait(seconds)
        found = set()
        for path, before in self._seen.items():
            now = _stamp(path)
            if now != before and now is not None:  # an editor may be in the middle of replacing it
                self._seen[path] = now
                found.add(path)
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
        #: What was imported before, and stays.
        self._others = set(sys.modules)
        self.loaded = False
        #: What each module calls its actors.
        self._actors: dict[str, Any] = {}
        #: Functions that were not made actors of, with their modules.
        self._plain: dict[str, str] = {}
        #: Of the last run, also when it has ended: their attributes are to be kept.
        self._instances: list[tuple[str, Actor]] = []
        #: Attributes of the instances of the last run, by node.
        self._kept: dict[str, tuple[str, dict[str, Any]]] = {}
        self._nodes: dict[int, str] = {}
        self._lock = threading.RLock()

    def files(self) -> list[Path]:
        """Name the files of the modules, and of what they import from beside them."""
        own = [path for path in map(_file_of, self._names) if path is not None]
        # What could not be imported is not known.
        beside = self._beside().values() if self.loaded else (file for path in own for file in path.parent.glob("*.py"))
        return [*own, *beside]

    def _beside(self) -> dict[str, Path]:
        """Find the modules that were imported from the folders of the actors, or from below."""
        folders = {path.parent for path in map(_file_of, self._names) if path is not None}
        found = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) if name not in self._others else None
            if file is None or not file.endswith(".py") or name.partition(".")[0] == "offbit_reflow":
                continue
            path = Path(file).resolve()
            parents = set(path.parents)
            if folders & parents and not _INSTALLED & parents:
                found[name] = path
        return found

    def _load(self, changed: set[Path] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        """Load the modules, and what they import from beside them unless it is none of the files that have `changed`."""
        own = set(map(_file_of, self._names))
        beside = self._beside()
        if changed is not None and not changed & (set(beside.values()) - own):
            beside = {name: path for name, path in beside.items() if path in own}
        before = {name: sys.modules.pop(name) for name in beside}
        importlib.invalidate_caches()
        try:
            return actors.collect(self._names)
        except BaseException:
            # Those that could not be imported now are looked at all the same.
            for name, module in before.items():
                sys.modules.setdefault(name, module)
            raise

    def register(self, network: Network, names: list[str] | None = None) -> dict[str, str]:
        """Register the actors with a network that is to run; its instances are remembered."""
        if not self.loaded:
            self._actors, self._plain = self._load()
            self.loaded = True
        with self._lock:
            self._instances, self._nodes = [], {}
        return self.offer(network)

    def offer(self, network: Network, names: list[str] | None = None) -> dict[str, str]:
        """Register the actors with a network; give the functions that were not made actors of, with their modules."""
        for name, value in self._actors.items():
            if isinstance(value, type):
                network.register_actor(name, value, factory=partial(self._make, name))
            else:
                network.register_actor(name, value)
        return self._plain

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

    def reload(self, style: report.Style, changed: set[Path]) -> bool:
        """Load the modules again. True if nodes that run can go on with what came of it."""
        started = monotonic()
        try:
            fresh, plain = self._load(changed)
        except UsageError as error:
            style.note(_not_taken(error), "error")
            return True
        with self._lock:
            before, self._actors, self._plain = self._actors, fresh, plain
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


def _file_of(name: str) -> Path | None:
    """Find the file of a module, also of one that cannot be imported as it is."""
    if name.endswith(".py"):
        return Path(name).resolve()
    module = sys.modules.get(name)
    if module is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):  # the package that it is in
            return None
        file = spec.origin if spec is not None else None
    else:
        file = module.__file__
    return Path(file).resolve() if file is not None and file.endswith(".py") else None


def _fits(before: Any, after: Any) -> bool:
    """Tell whether instances of the one can go on as instances of the other."""
    if not isinstance(before, type) or not isinstance(after, type):
        return False
    try:
        return bool(declare(before, before) == declare(after, after))
    except (TypeError, ValueError):
        return False


__all__ = ["Files", "Live", "main"]
