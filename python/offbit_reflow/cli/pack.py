"""Make, pack, look at, check, sign and strip actor packs (.rflpack).

reflow pack new my-pack
reflow pack build my-pack
reflow pack inspect my-pack.rflpack
"""

from __future__ import annotations

import argparse
import sys

from .. import _native
from .._printable import printable
from ..exceptions import PackError
from ..packs import list_packs, load_pack
from .exit import FAILED, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND ...",
        help="new, build, inspect, verify, keygen, sign, strip, list or abi; `reflow pack help` explains them",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.words[:1] == ["list"]:
        return _list(arguments.words[1:])
    said, error = _native._pack_command(arguments.words)
    sys.stdout.write(printable(said))
    if error is not None:
        print(printable(f"error: {error}"), file=sys.stderr)
        return FAILED
    return OK


def _list(words: list[str]) -> int:
    """Load packs as `load_pack` does, with all that it refuses, and list their templates."""
    parser = argparse.ArgumentParser(prog="reflow pack list")
    parser.add_argument("packs", nargs="+", metavar="BUNDLE_OR_LIBRARY")
    parser.add_argument("--allow-python", action="store_true", help="run Python code that no trusted key has signed")
    parser.add_argument("--trust", action="append", metavar="PUBLIC_KEY", help="load only what this key has signed")
    options = parser.parse_args(words)
    for path in options.packs:
        try:
            templates = load_pack(path, allow_python=options.allow_python, trusted_keys=options.trust)
        except PackError as error:
            print(printable(f"error: {error}"), file=sys.stderr)
            return FAILED
        pack = next(pack for pack in list_packs() if pack["templates"] == templates)
        print(printable("\n  ".join([f"{pack['name']} {pack['version']} ({pack['source_path']})", *templates])))
    return OK
