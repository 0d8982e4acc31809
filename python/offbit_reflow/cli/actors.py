"""``--actors``: load a module or a file and find the actors in it."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from .._actor import Actor
from ..network import Network
from .exit import UsageError


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the argument."""
    parser.add_argument(
        "--actors",
        metavar="MODULE",
        action="append",
        default=[],
        help="a module or .py file whose actors the graph uses; may be given again",
    )


def load(name: str) -> ModuleType:
    """Import a module by its name, or a file by its path.

    The folder of a file, or the working folder for a module, can be imported from.
    """
    path = Path(name)
    if path.suffix != ".py":
        return _import(name, str(Path.cwd()), lambda: importlib.import_module(name))
    if not path.is_file():
        raise UsageError(f"--actors {name}: there is no such file")
    return _import(name, str(path.resolve().parent), lambda: _execute(path))


def _import(name: str, folder: str, load: Any) -> ModuleType:
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module: ModuleType = load()
    except Exception as error:
        raise UsageError(f"--actors {name}: {_where(error)}{type(error).__name__}: {error}") from error
    return module


def _where(error: Exception) -> str:
    """Say in which line of the module, or of one that it imports, an error happened."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Known by its name while it runs: dataclasses and pickle look their module up.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def find(module: ModuleType) -> dict[str, Any]:
    """Find the actors of a module, under every name that a graph may know them by.

    These are the name in the module, the name of the class or function, and its `component`.
    """
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        if name.startswith("_") or not _is_actor(value):
            continue
        for alias in _names(name, value):
            if found.setdefault(alias, value) is not value:
                raise UsageError(f"--actors {module.__name__}: two actors are called `{alias}`")
    return found


def _is_actor(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, Actor) and value is not Actor
    return isinstance(value, Actor)


def _names(name: str, value: Any) -> list[str]:
    cls = value if isinstance(value, type) else type(value)
    names = [name, cls.__name__] if cls is value else [name]
    # A component name that is inherited belongs to the base.
    if "component" in vars(cls):
        names.append(str(value.component))
    return list(dict.fromkeys(names))


def plain_functions(module: ModuleType) -> list[str]:
    """Name the functions that a module defines and made no actors of."""
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]


def collect(names: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Load all modules; give their actors, and the functions that were not made actors of, with their modules."""
    known: dict[str, Any] = {}
    origins: dict[str, str] = {}
    plain: dict[str, str] = {}
    for module_name in names:
        module = load(module_name)
        found = find(module)
        functions = plain_functions(module)
        plain |= dict.fromkeys(functions, module_name)
        if not found:
            text = f"--actors {module_name}: there are no actors in it"
            if functions:
                text += f"; write @actor above a function to make one of it ({', '.join(functions[:5])})"
            raise UsageError(text)
        for alias, value in found.items():
            if alias in known:
                if known[alias] is value:  # imported by the one from the other, or both from a third
                    continue
                raise UsageError(f"--actors: `{alias}` is both in {origins[alias]} and in {module_name}")
            known[alias], origins[alias] = value, module_name
    return known, plain


def register(network: Network, names: list[str]) -> dict[str, str]:
    """Register the actors of all modules; give the functions that were not made actors of, with their modules."""
    known, plain = collect(names)
    for alias, value in known.items():
        network.register_actor(alias, value)
    return plain
