"""Draw a graph as SVG, PNG, Mermaid, DOT or text.

reflow draw graph.json -o graph.svg
reflow draw graph.json --format text
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
from pathlib import Path

from ..graph import Graph
from . import graphs
from .exit import OK, UsageError
from .files import write_text

#: Names of pictures that are made of an SVG by another program.
_CONVERTED = (".png", ".pdf")
_METHODS = {"svg": "to_svg", "mermaid": "to_mermaid", "dot": "to_dot", "text": "to_text"}
_SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".txt": "text"}


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
    if arguments.format is None and suffix in _CONVERTED:
        _convert(_svg(graph, arguments, theme="light"), arguments.output, suffix[1:])
        return OK
    wanted = arguments.format or _SUFFIXES.get(suffix)
    if wanted is None and suffix:
        known = ", ".join([*_SUFFIXES, *_CONVERTED])
        raise UsageError(f"-o {arguments.output}: what is a `{suffix}`? There are {known}; or say the format with -f")
    text = _svg(graph, arguments) if wanted == "svg" else getattr(graph, _METHODS[wanted or "text"])()
    write_text(arguments.output, text)
    return OK


def _svg(graph: Graph, arguments: argparse.Namespace, theme: str | None = None) -> str:
    return graph.to_svg(theme=arguments.theme or theme or "auto", fold=arguments.fold)


def _convert(svg: str, name: str, kind: str) -> None:
    """Make a picture of an SVG by what this machine has for that, or refuse."""
    try:
        cairosvg = importlib.import_module("cairosvg")
    except ImportError:
        pass
    else:
        getattr(cairosvg, f"svg2{kind}")(bytestring=svg.encode(), write_to=name, scale=2)
        return
    program = shutil.which("rsvg-convert")
    if program is None:
        raise UsageError(
            f"-o {name}: a {kind.upper()} needs cairosvg (pip install cairosvg) or rsvg-convert, and there is neither; "
            f"-o {Path(name).with_suffix('.svg')} needs nothing"
        )
    try:
        subprocess.run([program, "--format", kind, "--zoom", "2", "--output", name], input=svg.encode(), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(f"-o {name}: {error}") from error
