"""A picture that others write around."""

import io
import logging
import re
import sys

import pytest

from offbit_reflow.cli.screen import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


def seen(text: str) -> list[str]:
    """What a terminal shows in the end: the picture is erased by going up and clearing to the end."""
    lines: list[str] = []
    for part in re.split(r"(\x1b\[\d+A\x1b\[J)", text):
        if up := re.fullmatch(r"\x1b\[(\d+)A\x1b\[J", part):
            del lines[len(lines) - int(up[1]) :]
        else:
            lines += part.split("\n")[:-1]
    return lines


def test_what_is_printed_stands_above_the_picture(monkeypatch: pytest.MonkeyPatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", out)
    handler = logging.StreamHandler(out)
    with Screen(out) as screen:
        screen.draw(["one", "two"])
        print("printed")
        screen.draw(["three", "four", "five"])
        print("half ", end="")
        screen.draw(["six"])
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "logged", (), None))
        print("done")
        screen.draw(["seven"])
        print("left over", end="")
    assert seen(out.getvalue()) == ["printed", "half logged", "done", "seven", "left over"]
    assert "write" not in vars(out)
    print("later")
    assert out.getvalue().endswith("left over\nlater\n")


def test_streams_that_are_no_terminal_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    out, file = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    with Screen(out) as screen:
        screen.draw(["picture"])
        print("to a file")
    assert file.getvalue() == "to a file\n"
    assert out.getvalue() == "picture\n"
