"""The example on the page of every component is a program that runs, and what it says comes out."""

import re
from pathlib import Path

import pytest

from offbit_reflow import template_list

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "components"
EXAMPLES = [
    pytest.param(example, id=f"{page.stem}-{number}")
    for page in sorted(FOLDER.glob("tpl_*.md"))
    for number, example in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL), 1)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example):
    assert "assert " in example, "it shows no result"
    exec(compile(example, "example", "exec"), {})


#: Those of the package: before other tests load packs.
BUNDLED = set(template_list())


def test_every_component_has_an_example():
    assert {param.id.rsplit("-", 1)[0] for param in EXAMPLES} == BUNDLED


def test_every_picture_is_on_its_page():
    shown = {
        picture
        for page in FOLDER.glob("tpl_*.md")
        for picture in re.findall(r"!\[\w+\]\((pictures/[^)]+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == {f"pictures/{path.name}" for path in (FOLDER / "pictures").iterdir() if path.suffix != ".py"}
