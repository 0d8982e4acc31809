"""List the components of the catalog, or describe one.

reflow components --search add
reflow components tpl_math_add
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

import offbit_reflow

from .._printable import printable, printable_line
from .exit import FAILED, OK, UsageError
from .streams import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", metavar="ID", nargs="?", help="describe this component")
    parser.add_argument("--search", metavar="TEXT", help="list those whose id, title or summary has these words")
    parser.add_argument("--json", action="store_true", help="write JSON")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    info = offbit_reflow.template_info
    if arguments.id is not None:
        try:
            described = info(arguments.id)
        except ValueError as error:
            raise UsageError(str(error)) from error
        put(printable(_json(described) if arguments.json else describe(described)))
        return OK
    found = [row for row in map(info, offbit_reflow.template_list()) if matches(row, arguments.search or "")]
    if arguments.json:
        put(printable(_json(found)))
        return OK
    width = max((len(row["id"]) for row in found), default=0)
    for row in found:
        put(printable_line(f"{row['id']:<{width}}  {row['summary']}".rstrip()))
    return OK if found else FAILED


def matches(row: Mapping[str, Any], text: str) -> bool:
    """Tell whether every word of the text is in what a component says about itself."""
    about = " ".join(str(row.get(key, "")) for key in ("id", "title", "category", "summary")).lower()
    return all(word in about for word in text.lower().split())


def describe(row: Mapping[str, Any]) -> str:
    """Write a component down for people: what it does, its ports, its config."""
    parts = [f"{row['id']}  ({row['category']})" if row.get("category") else row["id"], row.get("summary", "")]
    for side in ("inports", "outports"):
        if row[side]:
            parts.append(f"\n{side}:")
            parts += [_port(port) for port in row[side]]
    properties = (row.get("config_schema") or {}).get("properties") or {}
    if properties:
        parts.append("\nconfig:")
        parts += [_option(name, schema) for name, schema in properties.items()]
    if row.get("documentation"):
        parts.append("\n" + row["documentation"].strip())
    return "\n".join(part for part in parts if part)


def _port(port: Mapping[str, Any]) -> str:
    required = ", required" if port.get("required") else ""
    return f"  {port['name']} ({port['type']}{required})  {port.get('summary', '')}".rstrip()


def _option(name: str, schema: Mapping[str, Any]) -> str:
    default = f", default {json.dumps(schema['default'])}" if "default" in schema else ""
    return f"  {name} ({schema.get('type', 'any')}{default})  {schema.get('description', '')}".rstrip()


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
