"""The live table."""

import pytest

from offbit_reflow.cli import table

ROW = {"state": "running", "ticks": 1200, "queued": 64, "queue_fill": 0.5, "failures": 1}


def draw(stats, *, width=100, height=20, **texts):
    return table.lines(stats, {"a": 950.0}, texts, width=width, height=height, colour=False)


def test_a_line_a_node():
    head, line = draw({"a": ROW}, a="50% reading")
    assert head.split() == ["node", "state", "ticks", "ticks/s", "queue", "waiting", "failures"]
    assert line.split() == ["a", "running", "1,200", "950", "████····", "64", "1", "50%", "reading"]


def test_a_small_terminal_shows_those_with_something_to_say():
    stats = {f"node {number}": ROW | {"failures": 0} for number in range(50)} | {"bad": ROW}
    lines = draw(stats, height=6, width=70)
    assert len(lines) == 6
    assert lines[1].startswith("bad")
    assert lines[-1] == "and 47 more nodes"
    assert all(len(line) <= 70 for line in lines)


def test_rates_are_taken_over_the_last_second():
    rates = table.Rates()
    assert rates.update({"a": {"ticks": 100}}, 1.0) == {"a": 0.0}
    assert rates.update({"a": {"ticks": 300}}, 1.5) == {"a": 400.0}
    assert rates.update({"a": {"ticks": 300}}, 2.5) == {"a": 0.0}
    assert rates.update({"a": {"ticks": 450}, "b": {"ticks": 3}}, 3.0) == {"a": 100.0, "b": 2.0}


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9999"), (12_345, "12.3k"), (4_100_000, "4100.0k"), (12.6e6, "12.6M"), (2e10, "20.0G")],
)
def test_numbers_stay_short(number, text):
    assert table.short(number) == text
