"""Write the page of the command line, from what the command line says about itself: ``python docs/site/command_line.py``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from offbit_reflow.cli import build_parser

PAGE = Path(__file__).resolve().parents[1] / "reference" / "command-line.md"


def page() -> str:
    """Write the page."""
    parser = build_parser()
    parts = [
        "# The command line\n",
        "Made from what `reflow --help` and the help of each command say; `make site` makes it anew.\n",
    ]
    parts += sections(parser, ("reflow",), 2)
    return "\n".join(parts)


def sections(parser: argparse.ArgumentParser, words: tuple[str, ...], level: int) -> list[str]:
    """Write a command and those below it."""
    parts = [f"{'#' * level} `{' '.join(words)}`\n"]
    if parser.description:
        parts.append(parser.description.strip() + "\n")
    below = []
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below = list(action.choices.items())
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            rows += [f"| `{name}` | {helps.get(name, '')} |" for name in action.choices]
        elif action.help is not argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
            names = [name for name in action.option_strings if name != "--trust"] or [
                str(action.metavar or action.dest)
            ]
            value = f" {action.metavar or action.dest.upper()}" if action.option_strings and action.nargs != 0 else ""
            choices = f" ({', '.join(map(str, action.choices))})" if action.choices and not action.metavar else ""
            rows.append(f"| `{', '.join(names)}{value}` | {(action.help or '').replace('%%', '%')}{choices} |")
    if rows:
        parts += ["| | |", "| --- | --- |", *rows, ""]
    if parser.epilog and level > 2:
        text = parser.epilog.split("\n")
        prose = [line for line in text if not line.startswith("  ")]
        code = [line for line in text if line.startswith("  ")]
        parts.append("\n".join(prose).strip() + "\n")
        if code:
            parts += ["\n".join("  " + line for line in code), ""]
    for name, inner in below:
        if name != "help":
            parts += sections(inner, (*words, name), level + 1)
    return parts


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv and PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is not what the command line says; run {sys.argv[0]}")
    PAGE.write_text(text, encoding="utf-8")
