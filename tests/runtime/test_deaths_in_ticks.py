"""Processes that die in the middle of a tick: what it did is done again or not, all of it together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import deaths_in_ticks

pytestmark = pytest.mark.timeout(120)


def _gone_on_with(tmp_path: Path, way: str) -> Any:
    """Run it in a process that dies, then here to its end."""
    store = tmp_path / "runs.db"
    died = subprocess.run([sys.executable, deaths_in_ticks.__file__, store, way], capture_output=True, text=True)
    assert died.returncode == 9, died.stdout + died.stderr
    return deaths_in_ticks.run(store, way)


@pytest.mark.parametrize("way", deaths_in_ticks.PAIRS)
def test_what_leaves_again_is_no_other_turn(tmp_path: Path, way: str) -> None:
    result = _gone_on_with(tmp_path, way)
    assert result.outputs["out"] == [[number, number] for number in range(6)]
    assert result.nodes["j"]["unmatched"] == 0


@pytest.mark.parametrize("way", deaths_in_ticks.CHANGES)
def test_changes_of_variables_and_pools_are_made_once(tmp_path: Path, way: str) -> None:
    result = _gone_on_with(tmp_path, way)
    assert result.outputs["out"] == [2]
    failures = {"failing": 1}.get(way, 0)
    assert len(result.failures) == failures, result.failures


def test_a_key_for_the_world_outside_stands_for_one_packet(tmp_path: Path) -> None:
    result = _gone_on_with(tmp_path, "effects")
    assert sorted(result.outputs["out"]) == [0, 1]
    effects = {tuple(line.split()) for line in (tmp_path / "runs.db.book").read_text().splitlines()}
    assert len(effects) == len({key for key, _ in effects}) == 2, effects
