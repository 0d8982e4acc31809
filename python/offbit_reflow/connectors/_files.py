"""What sources and sinks of text files share: how a file is opened."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import IO, Any, cast


def opened(path: Any, mode: str, encoding: str, newline: str | None = None) -> IO[str]:
    """Open a text file; one whose name ends with ``.gz`` is compressed."""
    if os.fsdecode(path).endswith(".gz"):
        return cast("IO[str]", gzip.open(path, f"{mode}t", encoding=encoding, newline=newline))
    return cast("IO[str]", open(path, mode, encoding=encoding, newline=newline))


def has_content(path: Path) -> bool:
    """Tell whether there is a file with something in it."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            return file.read(1) != b""
    return True


def not_in_encoding(path: Any, encoding: str, error: UnicodeError) -> ValueError:
    """Say that a file is not in the encoding that it is read by."""
    return ValueError(f"{path}: {error}; is it in another encoding than {encoding.removesuffix('-sig')}?")
