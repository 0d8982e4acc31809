"""What a disk may hold after a loss of power at any moment of a run that ``power_loss.c`` has recorded.

Certain is what was synced: the content of a file by its own `fsync`, its name by that of its folder. What was done since may be
there up to some moment, another one for each page and the length of a file, and for the names of each folder.
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORD = struct.Struct("<ciqII")
PAGE = 4096
#: What is not durable and is made anew: the index of a write-ahead log, which processes share in memory.
VOLATILE = ("-shm",)


@dataclass(eq=False)
class File:
    """A file, whatever its name is."""

    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    #: What was done since: writes, and lengths.
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def write(self, at: int, data: bytes) -> None:
        overwrite(self.content, at, data)
        self.since.append((at, data))

    def cut(self, length: int) -> None:
        resize(self.content, length)
        self.since.append((length, None))

    def sync(self) -> None:
        self.synced, self.since = bytes(self.content), []

    def after_loss(self, chance: random.Random | None) -> bytes:
        if chance is None or not self.since:
            return self.synced
        moments = [self.until(moment) for moment in sorted(chance.randint(0, len(self.since)) for _ in range(4))]
        content = bytearray(chance.choice(moments))
        for at in range(0, len(content), PAGE):
            page = chance.choice(moments)[at : at + PAGE]
            content[at : at + PAGE] = page.ljust(len(content[at : at + PAGE]), b"\0")[:PAGE]
        return bytes(content)

    def until(self, moment: int) -> bytes:
        """Give the content as it was so many changes after it was synced."""
        content = bytearray(self.synced)
        for at, data in self.since[:moment]:
            if data is None:
                resize(content, at)
            else:
                overwrite(content, at, data)
        return bytes(content)


def overwrite(content: bytearray, at: int, data: bytes) -> None:
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(data)] = data


def resize(content: bytearray, length: int) -> None:
    if len(content) < length:
        content.extend(bytes(length - len(content)))
    del content[length:]


#: A name: a file, or None for a folder.
Entry = File | None


@dataclass
class Names:
    """Names of files and folders."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def change(self, change: tuple[Any, ...]) -> None:
        what, path, *more = change
        if what == "link":
            self.entries[path] = more[0]
        elif what == "unlink":
            self.entries.pop(path, None)
        else:
            to, entry = more
            self.entries.pop(path, None)
            self.entries[to] = entry


class Disk:
    """The files of a recorded run, as they are and as far as they are certain."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.now, self.certain = Names({root: None}), Names({root: None})
        #: Changes of folders since they were synced.
        self.since: dict[str, list[tuple[Any, ...]]] = {}
        self.open: dict[int, str | File] = {}
        self.said = b""

    def change(self, *change: Any) -> None:
        self.now.change(change)
        self.since.setdefault(os.path.dirname(change[1]), []).append(change)

    def follow(self, op: str, fd: int, number: int, first: bytes, second: bytes) -> None:
        path = os.path.normpath(os.fsdecode(first)) if op in "OUMDR" else ""
        if op == "O":
            entry = self.now.entries.get(path)
            if entry is None and path not in self.now.entries:
                entry = File()
                self.change("link", path, entry)
            if entry is not None and number & os.O_TRUNC and entry.content:
                entry.cut(0)
            self.open[fd] = path if entry is None else entry
        elif op == "C":
            self.open.pop(fd, None)
        elif op == "W":
            self.file(fd).write(number, first)
        elif op == "T":
            self.file(fd).cut(number)
        elif op == "S":
            held = self.open[fd]
            if isinstance(held, File):
                held.sync()
            else:
                for change in self.since.pop(held, []):
                    self.certain.change(change)
        elif op in "UD":
            self.change("unlink", path)
        elif op == "M":
            self.change("link", path, None)
        elif op == "R":
            to = os.path.normpath(os.fsdecode(second))
            assert os.path.dirname(path) == os.path.dirname(to), "a move between folders is not modelled"
            self.change("rename", path, to, self.now.entries[path])
        elif op == "P":
            self.said += first
        else:
            raise ValueError(f"a record of another kind: {op}")

    def file(self, fd: int) -> File:
        held = self.open[fd]
        assert isinstance(held, File), held
        return held

    def after_loss(self, folder: Path, chance: random.Random | None) -> None:
        """Write what is left when the power goes now; without `chance`, only what is certain."""
        names = Names(dict(self.certain.entries))
        for changes in self.since.values() if chance else ():
            for change in changes[: chance.randint(0, len(changes))]:
                names.change(change)
        for path, entry in sorted(names.entries.items()):
            if path.endswith(VOLATILE) or not self.is_reachable(path, names):
                continue
            place = folder / os.path.relpath(path, self.root)
            if entry is None:
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.write_bytes(entry.after_loss(chance))

    def is_reachable(self, path: str, names: Names) -> bool:
        while path != self.root:
            path = os.path.dirname(path)
            if path not in names.entries:
                return False
        return True


def shim(folder: Path) -> Path:
    """Compile what records."""
    library = folder / "power_loss.so"
    source = Path(__file__).with_suffix(".c")
    command = [
        "cc",
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Werror",
        "-o",
        str(library),
        str(source),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True, timeout=120)
    return library


def record(library: Path, root: Path, command: list[str], timeout: float) -> bytes:
    """Run a command to its end, and give what it did to the folder and said."""
    log = root.parent / (root.name + ".log")
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "POWER_LOSS_ROOT": str(root),
        "POWER_LOSS_LOG": str(log),
        "PYTHONUNBUFFERED": "1",
    }
    subprocess.run(command, env=environment, capture_output=True, timeout=timeout, check=True)
    return log.read_bytes()


def records(log: bytes) -> Iterator[tuple[str, int, int, bytes, bytes]]:
    """Give the records of a log."""
    at = 0
    while at < len(log):
        op, fd, number, first, second = RECORD.unpack_from(log, at)
        at += RECORD.size
        yield op.decode(), fd, number, log[at : at + first], log[at + first : at + first + second]
        at += first + second


def losses(log: bytes, root: Path, chance: random.Random, count: int) -> Iterator[Disk]:
    """Give the disk at so many moments of a run, in order."""
    steps = list(records(log))
    moments = sorted(chance.randrange(len(steps) + 1) for _ in range(count))
    disk, done = Disk(os.path.normpath(root)), 0
    for moment in moments:
        for step in steps[done:moment]:
            disk.follow(*step)
        done = moment
        yield disk
