"""What the scripts of all peers share: how they are called, clocks, and memory."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

#: Bytes in a frame of the stream case.
FRAME = 65_536


def main(functions: Mapping[str, Any]) -> None:
    """Call the function that the command line names and print the number that it gives."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    function: Callable[..., float] | None = functions.get(name)
    if function is None:
        sys.exit(f"{name}: this peer cannot do that")
    print(json.dumps(function(**arguments)), flush=True)
    # Peers that leave threads behind must not keep the process.
    sys.stdout.flush()
    os._exit(0)


def percentile(values: list[float], percent: int) -> float:
    """Give a percentile of times in seconds, in microseconds."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] * 1e6


def resident() -> int:
    """Give the memory of this process, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """Give the most memory that this process ever had, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def payload(kind: str) -> Any:
    """Make the payload of a case."""
    if kind == "bytes":
        return b"x" * (1 << 20)
    if kind == "dict":
        return {f"key {number}": number for number in range(1_000)}
    if kind == "floats":
        return [number / 7 for number in range(1_000)]
    if kind == "array":
        import numpy

        return numpy.arange(1 << 17, dtype=numpy.float64)
    if kind == "frame":
        import pandas

        return pandas.DataFrame({"number": range(10_000), "half": [number / 2 for number in range(10_000)]})
    raise ValueError(kind)
