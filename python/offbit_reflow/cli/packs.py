"""``--pack``, ``--trusted-key`` and ``--allow-python``: load packs before anything looks for their templates."""

from __future__ import annotations

import argparse

from ..exceptions import PackError
from ..packs import load_pack
from .exit import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of a command that needs packs."""
    parser.add_argument(
        "--pack",
        metavar="FILE",
        action="append",
        default=[],
        help="load this pack (.rflpack) first; may be given again",
    )
    add_trust(parser)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Declare what may be loaded."""
    parser.add_argument(
        "--trusted-key",
        # `--trust` is its name of old.
        *("--trust",),
        dest="trusted_key",
        metavar="K",
        action="append",
        default=[],
        help="load only packs that this public key (64 hex digits) has signed; may be given again",
    )
    parser.add_argument(
        "--allow-python", action="store_true", help="run Python code of packs that no trusted key has signed"
    )


def load(arguments: argparse.Namespace) -> None:
    """Load the packs that were asked for."""
    for path in arguments.pack:
        try:
            load_pack(path, allow_python=arguments.allow_python, trusted_keys=arguments.trusted_key or None)
        except PackError as error:
            how = (
                str(error)
                .replace("`allow_python=True`", "--allow-python")
                .replace("trust the key", "give --trusted-key, the key")
            )
            raise UsageError(f"--pack {how if how.startswith(path) else f'{path}: {how}'}") from error
    if arguments.trusted_key and not arguments.pack:
        raise UsageError("--trusted-key says whose packs may be loaded; give the packs with --pack FILE")
