"""Progress on a terminal and elsewhere."""

import io

import pytest

from offbit_reflow import Network, actor
from offbit_reflow.cli.progress import Progress


@actor
def work(value, ctx):
    ctx.progress(0.5, "half")
    ctx.log("at work", "warning")
    return value


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(out):
    with Network() as net:
        net.register_actor("work", work)
        net.add_node("a", "work")
        with Progress(net, out):
            net.run(inputs={"a.value": 1})
    return out.getvalue()


def test_elsewhere_only_words_are_shown():
    assert run(io.StringIO()) == "a: warning: at work\n"


def test_a_terminal_shows_the_table_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = run(Terminal())
    assert "a: warning: at work" in shown
    last = shown.rsplit("\x1b[J", 1)[-1]
    assert "finished" in last
    assert "50% half" in last
