"""Reading and writing the files that commands name; ``-`` is standard input or output."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from .._printable import printable
from .exit import UsageError
from .streams import put


def read_text(name: str) -> str:
    """Read a text file."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {'standard input' if name == '-' else name}: {reason}") from error


def read_json(name: str) -> Any:
    """Read a JSON file."""
    try:
        return json.loads(read_text(name).removeprefix("\ufeff"), object_pairs_hook=partial(_object, name))
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}:{error.colno}: no JSON: {error.msg}") from error
    except RecursionError as error:
        raise UsageError(f"{name}: the JSON is nested too deeply") from error


def _object(name: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that is there twice would silently lose one of its values."""
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UsageError(f"{name}: the key `{twice}` is in one object twice")
    return members


def read_export(name: str) -> dict[str, Any]:
    """Read a GraphExport file."""
    export = read_json(name)
    if not isinstance(export, dict):
        raise UsageError(f"{name}: a GraphExport is a JSON object, this is {type(export).__name__}")
    if "graphs" in export and "processes" not in export:
        raise UsageError(
            f"{name}: this is a request to compose graphs; `reflow compose {name} -o graph.json` makes a graph"
        )
    return export


def write_text(name: str | None, text: str) -> None:
    """Write a text file; standard output without a name, where control characters are written out."""
    if not text.endswith("\n"):
        text += "\n"
    if name is None or name == "-":
        put(printable(text))
        return
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from error
