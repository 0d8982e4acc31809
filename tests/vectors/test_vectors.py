"""Recorded inputs and outputs of the bundled components, replayed from Python."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import run_vectors

HERE = Path(__file__).parent
AT_ONCE = 4
#: Families that count time, listen on ports or share a store.
ALONE = {"a-flow", "a-integration", "c-systems"}
DEVIATIONS = json.loads((HERE / "deviations.json").read_text(encoding="utf-8"))


def cases(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def is_right(case, got):
    want = case["expect"]
    if case.get("unordered"):
        got, want = (
            [
                {port: sorted(seen, key=lambda m: json.dumps(m, sort_keys=True)) for port, seen in step.items()}
                for step in steps
            ]
            for steps in (got, want)
        )
    return run_vectors.same(got, want, case.get("tolerance", 1e-9), case.get("abs_tolerance", 0.0))


def patient(case, times):
    return case | {"settle_ms": times * case.get("settle_ms", 60)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("family", sorted(path.stem for path in HERE.glob("*.jsonl")))
def test_recorded_cases(family):
    found = [case for case in cases(HERE / f"{family}.jsonl") if case["id"] not in DEVIATIONS]
    # A case waits most of its time, and so do several at once.
    with ThreadPoolExecutor(1 if family in ALONE else AT_ONCE) as pool:
        answers = list(pool.map(lambda case: run_vectors.run_case(patient(case, 2)), found))
    missed = [case for case, got in zip(found, answers, strict=True) if not is_right(case, got)]
    # A busy machine answers late, and an answer that comes late is no other answer: those get more time, one by one.
    again = [(case, run_vectors.run_case(patient(case, 20))) for case in missed]
    assert not {case["id"]: (case["expect"], got) for case, got in again if not is_right(case, got)}
