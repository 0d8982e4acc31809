"""What the documentation points at is there."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"]
PAGES += sorted((ROOT / "docs" / "guides").glob("*.md")) + sorted((ROOT / "docs" / "concepts").glob("*.md"))
PAGES += (
    sorted((ROOT / "examples").glob("**/*.md"))
    + sorted((ROOT / "docs" / "jobs").glob("*.md"))
    + [ROOT / "docs" / "index.md"]
)


#: Made with the site, and checked there.
MADE = "reference/api.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists() or target == MADE, target


def test_every_verb_that_is_mentioned_exists():
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for command in re.findall(r"(?:^    |`)make ([a-z -]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert set(command.split()) <= verbs, f"{page.name}: make {command}"


def test_crates_of_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for crate in re.findall(r"`crates/([a-z-]+)`", text):
        assert (ROOT / "crates" / crate / "Cargo.toml").is_file(), crate


def test_the_page_of_the_command_line_has_every_option():
    from offbit_reflow.cli import build_parser, completion

    page = runpy.run_path(str(ROOT / "docs" / "site" / "command_line.py"))["page"]()
    for command in completion._commands(build_parser()):
        section = page.split(f"`{' '.join(('reflow', *command.words))}`\n", 1)
        if command.words == ("pack", "help"):
            continue
        assert len(section) == 2, command.words
        text = section[1].split("\n#", 1)[0]
        for name in [*command.commands, *(name for name in command.option_names if name not in ("-h", "--help"))]:
            assert f"`{name}" in text or f", {name}" in text, f"{command.words}: {name}"
