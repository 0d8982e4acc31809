"""What the documentation points at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"]
PAGES += sorted((ROOT / "docs" / "guides").glob("*.md")) + sorted((ROOT / "docs" / "concepts").glob("*.md"))
PAGES += sorted((ROOT / "examples").glob("**/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_verb_that_is_mentioned_exists():
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for command in re.findall(r"(?:^    |`)make ([a-z -]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert set(command.split()) <= verbs, f"{page.name}: make {command}"


def test_crates_of_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for crate in re.findall(r"`crates/([a-z-]+)`", text):
        assert (ROOT / "crates" / crate / "Cargo.toml").is_file(), crate
