"""Packs of this repository, as `make packs` builds them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from offbit_reflow import list_packs, load_pack

BUILT = Path(__file__).parents[2] / "build" / "packs"


@pytest.fixture(scope="session")
def first_party(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Load a first-party pack by its name; tests of a pack that is not built are skipped."""

    def load(name: str) -> list[str]:
        for loaded in list_packs():
            if loaded["name"] == name:
                return list(loaded["templates"])
        files = sorted(BUILT.glob(f"{name}-*.rflpack"), key=lambda file: file.stat().st_mtime)
        if not files:
            pytest.skip(f"the pack {name} is not built; `make packs` does that")
        os.environ["REFLOW_PACK_CACHE"] = str(tmp_path_factory.getbasetemp() / "pack-cache")
        try:
            return load_pack(files[-1])
        finally:
            del os.environ["REFLOW_PACK_CACHE"]

    return load
