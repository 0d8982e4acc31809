"""JSON Lines files: a JSON value a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ._file_source import BadRow, RowSource
from ._files import not_in_encoding, opened
from ._json import encode
from ._text_sink import TextSink


class read_jsonl(RowSource):
    r"""Read the values of JSON Lines files; empty lines are passed over, and names that end with ``.gz`` are decompressed.

    A packet on `path` is the name of a file, a pattern such as ``logs/*.jsonl``, whose files are read in the order of their
    names, or a list of both.

    Attributes
    ----------
    encoding : str
        That of the file (UTF-8, with or without a byte order mark).
    on_bad_row : str
        What becomes of a line that is no JSON. ``error`` (default): it fails with the names of file and line, and the file is
        not read on. ``ignore``: it is passed over, which a warning tells. ``route``: it leaves by the outport ``error``, as
        ``{"error", "path", "line", "row"}``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from offbit_reflow.connectors import read_jsonl
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "in.jsonl"
    >>> _ = path.write_text('{"n": 1}\n[2, 3]\n')
    >>> read_jsonl(path).run().outputs
    {'read_jsonl': [{'n': 1}, [2, 3]]}
    """

    component = "read_jsonl"

    encoding: str = "utf-8-sig"
    on_bad_row: str = "error"

    def rows(self, path: Any) -> Iterator[Any]:
        """Read a file."""
        decode = json.JSONDecoder().decode
        with opened(path, "r", self.encoding) as file:
            try:
                for number, line in enumerate(file, 1):
                    line = line.rstrip()
                    if line:
                        try:
                            value = decode(line)
                        except json.JSONDecodeError as error:
                            hint = "; a value must be whole in its line" if line in ("[", "{") else ""
                            value = BadRow(number, f", column {error.colno}: no JSON: {error.msg}{hint}", line, error)
                        except RecursionError as error:
                            value = BadRow(number, ": the JSON is nested too deeply", line, error)
                        yield value
            except UnicodeError as error:
                raise not_in_encoding(path, self.encoding, error) from error


class write_jsonl(TextSink):
    r"""Write values to a JSON Lines file; what leaves at the end is ``{"path", "rows"}``.

    Attributes
    ----------
    path : str or path
        The file. Must be given; its folder is made if there is none. One whose name ends with ``.gz`` is compressed.
    append : bool
        Whether values are added to the file if there is one (false).
    encoding : str
        That of the file (``utf-8``).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.connectors import write_jsonl
    >>> @actor
    ... def numbers(n):
    ...     yield from range(n)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.jsonl"
    >>> (numbers >> write_jsonl(path=str(path))).run(n=2).outputs["write_jsonl"][0]["rows"]
    2
    >>> path.read_text()
    '0\n1\n'
    """

    component = "write_jsonl"
    _first = "path"

    def text(self, row: Any) -> str:
        """Give the line of a value."""
        return encode(row) + "\n"
