"""Measure the runtime beside its peers, all in one run, and print one table of ratios.

    python benches/run.py [--rounds N] [--only TEXT] [--json FILE]

Every number is the median of several rounds. In a round each peer measures each case once, in a process of its own, so that
what the machine does meanwhile falls on all of them. `n/a` says that a peer cannot do the case, `hangs` that it did not end
within the time limit.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from cases import CASES, Case
from environments import NATIVE, Environments, Unavailable
from table import lines

#: Longest time for one measurement, in seconds.
LIMIT = 60.0

Measured = dict[tuple[str, str], list[float]]


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds, 5 by default")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with this text in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers")
    arguments = parser.parse_args()
    cases = [case for case in CASES if arguments.only in case.name]
    if not cases:
        parser.error(f"no case has {arguments.only!r} in its name")

    numbers, notes = measure(cases, arguments.rounds)
    medians = {key: statistics.median(values) for key, values in numbers.items()}
    print(f"{platform.platform()}, CPython {platform.python_version()}, median of {arguments.rounds} rounds\n")
    print("\n".join(lines(cases, medians, notes)))
    if arguments.json:
        rows = [{"case": case, "peer": peer, "values": values} for (case, peer), values in numbers.items()]
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def measure(cases: list[Case], rounds: int) -> tuple[Measured, dict[tuple[str, str], str]]:
    """Measure all cases; the numbers, and for those without one the reason. Ctrl-C ends it with what there is."""
    environments = Environments()
    numbers: Measured = defaultdict(list)
    notes: dict[tuple[str, str], str] = {}
    try:
        for number in range(1, rounds + 1):
            for case in cases:
                print(f"round {number} of {rounds}: {case.name}", file=sys.stderr)
                for peer in case.peers:
                    attempt(environments, case, peer, numbers, notes)
    except KeyboardInterrupt:
        print("interrupted: the table shows what was measured by then", file=sys.stderr)
    return {key: values for key, values in numbers.items() if values and key not in notes}, notes


def attempt(
    environments: Environments, case: Case, peer: str, numbers: Measured, notes: dict[tuple[str, str], str]
) -> None:
    """Measure one case of one peer, or note why that cannot be."""
    key = (case.name, peer)
    if key in notes:
        return  # it failed before and would fail again
    try:
        numbers[key].append(once(environments, case, peer))
        return
    except Unavailable as reason:
        notes[key] = "n/a"
        print(f"  {peer}: {reason}", file=sys.stderr)
    except subprocess.TimeoutExpired:
        notes[key] = "hangs"
        print(f"  {peer}: no end after {LIMIT:.0f} s", file=sys.stderr)


def once(environments: Environments, case: Case, peer: str) -> float:
    """Measure one case of one peer in a process of its own."""
    command = environments.command(peer, case.function, case.peers[peer])
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    if run.returncode:
        raise Unavailable((run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1])
    if case.function == "native" and peer in NATIVE:
        rows = [json.loads(line) for line in run.stdout.splitlines()]
        return next(row["hops_per_s"] for row in rows if row["contender"] == NATIVE[peer])
    return json.loads(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
