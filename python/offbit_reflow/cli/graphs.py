"""Graphs from files, for the commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..exceptions import GraphCheckError, NetworkError, ReflowError
from ..graph import Graph
from ..network import Network
from . import actors
from .exit import UsageError
from .files import read_export


def load(name: str) -> Graph:
    """Read a `Graph` from a GraphExport file."""
    export = read_export(name)
    try:
        return Graph.from_json(export)
    except ReflowError as error:
        raise UsageError(f"{name}: {error}") from error


@dataclass
class Findings:
    """What there is to say about a graph before it runs: the same for every command."""

    errors: list[str]
    warnings: list[str] = field(default_factory=list)
    #: Ready to run, if there are no errors.
    network: Network | None = None

    def runnable(self, name: str) -> Network:
        """Give the network, or say why it cannot run."""
        if self.errors or self.network is None:
            raise UsageError("\n- ".join([f"{name} cannot run:", *self.errors]))
        return self.network


def examine(
    name: str,
    modules: Sequence[str],
    inputs: Sequence[str] = (),
    register: Callable[[Network, list[str]], Mapping[str, str]] = actors.register,
) -> Findings:
    """Make a network of a GraphExport file and find everything that is wrong or odd.

    Without modules of actors, components that are not in the catalog are taken for known. `register` registers those of the
    modules, and gives the functions that were not made actors of.
    """
    export = read_export(name)
    try:
        network = Network.from_graph(export)
        plain = register(network, list(modules))
    except GraphCheckError as error:
        return Findings([str(finding) for finding in error.diagnostics])
    except ReflowError as error:
        raise UsageError(f"{name}: {error}") from error
    try:
        ends = network._endpoints(inputs)
    except NetworkError as error:
        raise UsageError(f"--input: {error}") from error
    errors, warnings = network._findings(ends)
    errors = [error + _without_decorator(error, plain) + _with_objects(error) for error in errors]
    return Findings(errors, warnings, network)


def _with_objects(error: str) -> str:
    """Say what a component is that a flow made of a step and options that a graph cannot hold, ``step(option=…)``."""
    _, _, component = error.partition("there is no component `")
    step, _, options = component.rpartition("`")[0].partition("(")
    if not error.startswith("error G001 ") or not options.endswith("=…)"):
        return ""
    return (
        f"\n  hint: a flow gave `{step}` functions or objects as options ({options}, which are not in a graph file; run the "
        f"flow from Python, or write a subclass of `{step}` that has them"
    )


def _without_decorator(error: str, plain: Mapping[str, str]) -> str:
    """Say that a component is there, but as a plain function."""
    for name, module in plain.items():
        if error.startswith("error G001 ") and f"`{name}`" in error:
            return f"\n  hint: `{name}` in {module} is a plain function; write @actor above it"
    return ""
