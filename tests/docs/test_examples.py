"""Whatever the documentation shows, runs: README, guides, concepts, and the docstrings of the package."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import offbit_reflow

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    *sorted((ROOT / "docs" / "concepts").glob("*.md")),
    ROOT / "docs" / "index.md",
]
MODULES = sorted(module.name for module in pkgutil.walk_packages(offbit_reflow.__path__, "offbit_reflow."))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS, encoding="utf-8")
    assert tried > 0, "the page shows nothing that runs"
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("_native", "__main__"))])
def test_module(name):
    assert doctest.testmod(importlib.import_module(name), optionflags=OPTIONS).failed == 0
