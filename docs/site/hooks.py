"""What the site has beside the pages: the reference of the API, from docstrings, and names of pages in plain links."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "offbit_reflow": "Everything that most programs need.",
    "offbit_reflow.connectors": None,
    "offbit_reflow.operators": None,
    "offbit_reflow.testing": None,
    "offbit_reflow.metrics": None,
    "offbit_reflow.telemetry": None,
    "offbit_reflow.media": None,
    "offbit_reflow.exceptions": None,
}


def on_config(config):
    """Put pages that the navigation does not name at the end of their section."""
    for section in config.nav:
        for title, pages in section.items() if isinstance(section, dict) else ():
            folder = {"Guides": "guides", "Concepts": "concepts"}.get(title)
            if folder:
                found = sorted(f"{folder}/{page.name}" for page in (ROOT / "docs" / folder).glob("*.md"))
                pages += [page for page in found if page not in pages]
    return config


def on_files(files: Files, config) -> Files:
    """Add the generated pages."""
    sys.path.insert(0, str(ROOT / "python"))
    files.append(File.generated(config, "reference/api.md", content=api()))
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Make links to files outside of the documentation readable as text: they are in the source, not in the site."""
    folder = (ROOT / "docs" / page.file.src_uri).parent

    def link(match: re.Match) -> str:
        text, target = match.groups()
        path = target.split("#", 1)[0]
        if "://" in target or not path:
            return match[0]
        outside = not (folder / path).resolve().is_relative_to(ROOT / "docs")
        return f"{text} (`{(folder / path).resolve().relative_to(ROOT)}`)" if outside else match[0]

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, markdown)


def api() -> str:
    """Write the reference of the API."""
    parts = ["# API\n"]
    for name, about in MODULES.items():
        module = importlib.import_module(name)
        parts.append(f"## `{name}`\n")
        parts.append((about or markdown_of(inspect.getdoc(module) or "")) + "\n")
        public = getattr(module, "__all__", None) or [
            one
            for one, value in vars(module).items()
            if not one.startswith("_") and getattr(value, "__module__", None) == name
        ]
        for one in public:
            value = getattr(module, one)
            if inspect.ismodule(value) or isinstance(value, str) or not (callable(value) or inspect.getdoc(value)):
                continue
            parts.append(entry(one, value, 3))
            if inspect.isclass(value) and not issubclass(value, BaseException):
                parts += [entry(f"{one}.{member}", inner, 4) for member, inner in members(value)]
    return "\n".join(parts)


def members(cls: type) -> list[tuple[str, object]]:
    """Give the public methods and properties of a class."""
    found = []
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        if name.startswith("_") or any(name in vars(base) for base in (dict, str, tuple, object)):
            continue
        shown = getattr(cls, name, None)
        if callable(shown) or inspect.isdatadescriptor(value):
            found.append((name, shown if callable(shown) else value))
    return found


def entry(name: str, value: object, level: int) -> str:
    """Write one name down."""
    try:
        signature = re.sub(r"(<[^>]*>|'[^']*?')", lambda m: m[0].strip("'"), str(inspect.signature(value)))
    except (ValueError, TypeError):
        signature = ""
    signature = re.sub(r"^\((self|cls|\$self)(, )?", "(", signature)
    text = inspect.getdoc(value) or ""
    code = f"```python\n{name.rsplit('.', 1)[-1]}{signature}\n```\n" if signature else ""
    return f"{'#' * level} `{name}`\n\n{code}\n{markdown_of(text)}\n"


_SECTIONS = ("Parameters", "Returns", "Raises", "Attributes", "Notes", "Examples", "Yields", "See Also")


def markdown_of(docstring: str) -> str:
    """Write a docstring, with the sections that numpy knows, as Markdown."""
    lines = docstring.split("\n")
    parts: list[str] = []
    section, block = "", []
    for number, line in enumerate([*lines, "", "End", "---"]):
        following = [*lines, "", "End", "---"][number + 1 : number + 2]
        begins = line in (*_SECTIONS, "End") and following and set(following[0]) == {"-"}
        if begins:
            parts.append(_section(section, block))
            section, block = line, []
        elif set(line) != {"-"} or not line:
            block.append(line)
    return "\n".join(part for part in parts if part)


def _section(name: str, lines: list[str]) -> str:
    text = "\n".join(lines).strip("\n")
    if not text.strip():
        return ""
    if name == "":
        return _prose(text) + "\n"
    if name in ("Notes", "See Also"):
        return f"**{name}**\n\n{_prose(text)}\n"
    if name == "Examples":
        return f"**Example**\n\n{_prose(text)}\n"
    items, current = [], None
    for line in text.split("\n"):
        if line and not line.startswith(" "):
            current = [line.strip(), []]
            items.append(current)
        elif current is not None:
            current[1].append(line.strip())
    rows = []
    for head, about in items:
        term, _, kind = head.partition(" : ")
        rows.append(
            f"- `{term}`" + (f" ({_prose(kind)})" if kind else "") + (f": {_prose(' '.join(about))}" if about else "")
        )
    return f"**{name}**\n\n" + "\n".join(rows) + "\n"


def _prose(text: str) -> str:
    """Turn literals into code, and prompts into blocks of code."""
    out, block = [], []
    for line in text.split("\n"):
        if line.startswith((">>> ", "... ")) or (block and line.strip() and not line.startswith("**")):
            block.append(line)
            continue
        if block:
            out += ["```pycon", *block, "```"]
            block = []
        out.append(re.sub(r"``([^`]+)``", r"`\1`", line))
    if block:
        out += ["```pycon", *block, "```"]
    return "\n".join(out)
