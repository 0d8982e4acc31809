"""Make, build, check, sign and list actor packs (.rflpack).

reflow pack new my-pack
reflow pack build my-pack
reflow pack inspect my-pack.rflpack
reflow run graph.json --pack my-pack.rflpack --trusted-key K
"""

from __future__ import annotations

import argparse

from .. import _native
from .._printable import printable
from ..exceptions import PackError
from ..packs import list_packs, load_pack
from . import packs
from .exit import FAILED, OK
from .streams import put, say

#: Words of the command: what it does, its positional arguments, and its options with their help.
_COMMANDS: dict[str, tuple[str, tuple[tuple[str, str, str], ...], tuple[tuple[str, str | None, str], ...]]] = {
    "new": (
        "Make the files of a new pack, ready to be built",
        (("directory", "1", "a folder that is not there yet, or is empty"),),
        (
            ("--name", "NAME", "the name of the pack; that of the folder by default"),
            ("--language", "LANGUAGE", "rust (default), c or python"),
            ("--sdk", "PATH", "the SDK to build against, of a source tree"),
        ),
    ),
    "build": (
        "Build a pack, and pack it into a .rflpack",
        (("directory", "*", "its folder, or the bundles of --collect; the working folder by default"),),
        (
            ("--library", "FILE", "pack this library instead of building one"),
            ("--profile", "NAME", "the cargo profile"),
            ("--features", "LIST", "features of the package beside its defaults"),
            ("--output", "PATH", "where to write the bundle"),
            ("--key", "FILE", "sign with this secret key"),
            ("--collect", None, "make one bundle for several targets of bundles for one each"),
        ),
    ),
    "inspect": ("Show the manifest of a pack, without loading it", (("bundle", "1", "a .rflpack"),), ()),
    "verify": (
        "Check that packs are whole, and who signed them",
        (("bundles", "+", ".rflpack files"),),
        (("--trusted-key", "K", "only this public key will do; may be given again"),),
    ),
    "keygen": ("Make a secret key, and print its public one", (("file", "1", "where to write the secret key"),), ()),
    "sign": (
        "Sign a pack",
        (("bundle", "1", "a .rflpack"),),
        (("--key", "FILE", "the secret key (required)"),),
    ),
    "strip": (
        "Write a copy of a pack with the libraries of one target",
        (("bundle", "1", "a .rflpack"),),
        (
            ("--output", "FILE", "where to write it (required)"),
            ("--target", "TRIPLE", "the target; that of this machine by default"),
            ("--key", "FILE", "sign with this secret key"),
        ),
    ),
    "abi": ("Print the ABI that packs are built against", (), ()),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (summary, positionals, options) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary.lower(), description=summary + ".")
        for positional, count, text in positionals:
            command.add_argument(
                positional, nargs=None if count == "1" else count, metavar=positional.upper(), help=text
            )
        for option, metavar, text in options:
            if metavar is None:
                command.add_argument(option, action="store_true", help=text)
            elif option == "--trusted-key":
                command.add_argument(option, "--trust", dest="trusted_key", metavar=metavar, action="append", help=text)
            else:
                command.add_argument(option, metavar=metavar, help=text, required="required" in text)
        command.set_defaults(pack_command=name)
    listing = commands.add_parser(
        "list", help="load packs, and list their templates", description="Load packs, and list their templates."
    )
    listing.add_argument("packs", nargs="+", metavar="BUNDLE_OR_LIBRARY")
    packs.add_trust(listing)
    listing.set_defaults(pack_command="list")
    commands.add_parser("help", help="show this help").set_defaults(pack_command="help", pack_parser=parser)


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.pack_command == "help":
        arguments.pack_parser.print_help()
        return OK
    if arguments.pack_command == "list":
        return _list(arguments)
    said, error = _native._pack_command(_words(arguments))
    if said:
        put(printable(said))
    if error is not None:
        say(printable(f"error: {error}"))
        return FAILED
    return OK


def _words(arguments: argparse.Namespace) -> list[str]:
    """Give the arguments as the native half reads them."""
    name = arguments.pack_command
    _, positionals, options = _COMMANDS[name]
    words = [name]
    for option, metavar, _ in options:
        value = getattr(arguments, option.removeprefix("--").replace("-", "_"))
        if metavar is None:
            words += [option] * bool(value)
        else:
            for one in value if isinstance(value, list) else [value] if value is not None else []:
                words += [option, one]
    for positional, _, _ in positionals:
        value = getattr(arguments, positional)
        words += value if isinstance(value, list) else [value]
    return words


def _list(arguments: argparse.Namespace) -> int:
    """Load packs as `load_pack` does, with all that it refuses, and list their templates."""
    for path in arguments.packs:
        try:
            templates = load_pack(path, allow_python=arguments.allow_python, trusted_keys=arguments.trusted_key or None)
        except PackError as error:
            say(printable(f"error: {error}"))
            return FAILED
        pack = next(pack for pack in list_packs() if pack["templates"] == templates)
        put(printable("\n  ".join([f"{pack['name']} {pack['version']} ({pack['source_path']})", *templates])))
    return OK
