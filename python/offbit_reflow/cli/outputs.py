"""What leaves by the outports of a graph, written as it comes: a JSON object a packet, ``{"port": value}``.

A value is the data of the packet's wire form: NaN and infinities are null, bytes are lists of numbers.
"""

from __future__ import annotations

import argparse
import json
import reprlib
import sys
import threading
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Self, TextIO

from .._native import Message
from .._printable import printable
from ..exceptions import ReflowError
from ..network import Listener, Network
from .exit import UsageError


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the argument."""
    parser.add_argument(
        "--output",
        metavar="PORT=FILE",
        action="append",
        default=[],
        help="write what leaves by this outport to a file instead; - is standard output; may be given again",
    )


def parse(arguments: Sequence[str], ports: Sequence[str]) -> dict[str, str]:
    """Read which ports go to which files."""
    files: dict[str, str] = {}
    for argument in arguments:
        port, equals, name = argument.partition("=")
        if not equals or not port or not name:
            raise UsageError(f"--output {argument}: expected port=file")
        if port not in ports:
            known = ", ".join(ports) or "none"
            raise UsageError(f"--output {argument}: the graph has no outport `{port}`; there are: {known}")
        files[port] = name
    return files


class Sink:
    """A file that several threads write lines of JSON to."""

    def __init__(self, name: str, file: TextIO) -> None:
        self.name = name
        self.file = file
        self._lock = threading.Lock()
        self._is_terminal = file.isatty()

    def write(self, value: Any) -> None:
        """Write one line, in letters that the encoding of the file has."""
        try:
            line = json.dumps(value, default=repr, ensure_ascii=False, allow_nan=False)
        except ValueError:  # NaN in what a `repr` did not replace
            line = json.dumps(value, default=repr, ensure_ascii=False)
        if self._is_terminal:
            line = printable(line)
        with self._lock:
            try:
                self.file.write(line + "\n")
            except UnicodeEncodeError:
                self.file.write(json.dumps(value, default=repr) + "\n")

    def flush(self) -> None:
        """Hand over what was written."""
        with self._lock:
            self.file.flush()

    def close(self) -> None:
        """Close the file, unless it is standard output."""
        if self.file is not sys.stdout:
            self.file.close()


def value_of(message: Message) -> Any:
    """Give the data of a message as JSON has it; objects that JSON has nothing for are described where they are."""
    try:
        return message.as_json().get("data")
    except (ValueError, RecursionError):
        value = message.data()
        try:
            return _described(value)
        except (
            Exception
        ):  # it holds itself, or cannot even be shown; the packets after it are to be written all the same
            return reprlib.repr(value)


def _described(value: Any) -> Any:
    """Give what JSON has a form for, integers of any size too, and say what the rest is."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): _described(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_described(part) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_described, value), key=repr)
    if isinstance(value, bytes | bytearray):
        return list(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value)


class Outputs:
    """Writes the outputs of a network while the block runs, each port in a thread of its own, whatever ends the run."""

    def __init__(self, network: Network, files: Mapping[str, str]) -> None:
        self._network = network
        self._files = files
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._sinks: dict[str, Sink] = {"-": Sink("standard output", sys.stdout)}

    def __enter__(self) -> Self:
        for name in self._files.values():
            if name not in self._sinks:
                try:
                    self._sinks[name] = Sink(name, open(name, "w", encoding="utf-8"))  # closed at the end of the block
                except OSError as error:
                    raise UsageError(f"cannot write {name}: {error.strerror}") from error
        for port, node, inner in self._network._outports():
            listener = self._network.listen(node, inner)
            sink = self._sinks[self._files.get(port, "-")]
            thread = threading.Thread(
                target=self._follow, args=(port, listener, sink), name=f"reflow-output-{port}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # The network is over by now, or is stopped here: either ends its listeners.
        self._network.shutdown()
        for thread in self._threads:
            thread.join()
        for sink in self._sinks.values():
            try:
                sink.close()
            except OSError as error:
                self._error = self._error or _cannot_write(sink, error)
        if self._error is not None and kind is None:
            raise self._error

    def _follow(self, port: str, listener: Listener, sink: Sink) -> None:
        try:
            with listener:
                while True:
                    message = listener.recv(0)
                    if message is None:
                        sink.flush()
                        message = listener.recv()
                    if message is None:
                        return
                    sink.write({port: value_of(message)})
        except BrokenPipeError as error:
            self._give_up(error, f"nobody reads {sink.name} any more")
        except OSError as error:
            self._give_up(_cannot_write(sink, error), f"cannot write {sink.name}")

    def _give_up(self, error: BaseException, reason: str) -> None:
        self._error = self._error or error
        self._network.cancel(reason, grace=0)


def _cannot_write(sink: Sink, error: OSError) -> ReflowError:
    return ReflowError(f"cannot write {sink.name}: {error.strerror}")
