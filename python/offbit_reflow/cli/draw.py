"""Draw a graph as SVG, Mermaid, DOT or text.

reflow draw graph.json -o graph.svg
reflow draw graph.json --format text
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import graphs
from .exit import OK
from .files import write_text

_METHODS = {"svg": "to_svg", "mermaid": "to_mermaid", "dot": "to_dot", "text": "to_text"}
_SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".txt": "text"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graph", metavar="GRAPH.json", help="a GraphExport; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write it; standard output by default")
    parser.add_argument(
        "-f", "--format", choices=list(_METHODS), help="by default what the name of FILE says, else text"
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    wanted = arguments.format or _SUFFIXES.get(Path(arguments.output or "").suffix, "text")
    write_text(arguments.output, getattr(graphs.load(arguments.graph), _METHODS[wanted])())
    return OK
