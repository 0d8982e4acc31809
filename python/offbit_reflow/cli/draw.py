"""Draw a graph as SVG, PNG, Mermaid, DOT or text.

reflow draw graph.json -o graph.svg
reflow draw graph.json --format text
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..graph import Graph
from . import graphs
from .exit import OK, UsageError
from .files import write_text

_METHODS = {"svg": "to_svg", "png": "to_png", "mermaid": "to_mermaid", "dot": "to_dot", "text": "to_text"}
_SUFFIXES = {
    ".svg": "svg",
    ".png": "png",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".txt": "text",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graph", metavar="GRAPH.json", help="a GraphExport; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write it; standard output by default")
    parser.add_argument(
        "-f", "--format", choices=list(_METHODS), help="by default what the name of FILE says, else text"
    )
    parser.add_argument("--theme", choices=("auto", "light", "dark"), help="of an SVG; auto is what the viewer prefers")
    parser.add_argument(
        "--fold",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="draw each group as one box; by default in graphs of more than 200 nodes",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    suffix = Path(arguments.output or "").suffix.lower()
    graph = graphs.load(arguments.graph)
    wanted = arguments.format or _SUFFIXES.get(suffix)
    if wanted is None and suffix:
        known = ", ".join(_SUFFIXES)
        raise UsageError(f"-o {arguments.output}: what is a `{suffix}`? There are {known}; or say the format with -f")
    if wanted == "png":
        _write_png(graph, arguments)
        return OK
    text = _svg(graph, arguments) if wanted == "svg" else getattr(graph, _METHODS[wanted or "text"])()
    write_text(arguments.output, text)
    return OK


def _svg(graph: Graph, arguments: argparse.Namespace) -> str:
    return graph.to_svg(theme=arguments.theme or "auto", fold=arguments.fold)


def _write_png(graph: Graph, arguments: argparse.Namespace) -> None:
    if arguments.output in (None, "-"):
        raise UsageError("a PNG is no text; say where to write it, -o graph.png")
    theme = "dark" if arguments.theme == "dark" else "light"
    try:
        Path(arguments.output).write_bytes(graph.to_png(theme=theme, fold=arguments.fold))
    except OSError as error:
        raise UsageError(f"cannot write {arguments.output}: {error.strerror}") from error
