"""The live table."""

import pytest

from offbit_reflow.cli import table

ROW = {"state": "running", "ticks": 1200, "queued": 64, "queue_fill": 0.5, "failures": 1}


def draw(stats, *, width=100, height=20, **texts):
    pace = table.Pace(ticks=950.0, out=1900.0, busy=0.42, blocked=0.5)
    return table.lines(stats, {"a": pace}, texts, width=width, height=height, colour=False)


def test_a_line_a_node():
    head, line = draw({"a": ROW}, width=120, a="50% reading")
    assert head.split() == [
        *("node", "state", "ticks", "ticks/s", "out/s", "busy", "blocked", "queue", "waiting", "failures"),
    ]
    assert line.split() == [
        "a",
        "running",
        "1,200",
        "950",
        "1900",
        "42%",
        "50%",
        "████····",
        "64",
        "1",
        "50%",
        "reading",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_a_narrow_terminal_keeps_the_columns_that_matter(width):
    head, line = draw({"a": ROW}, width=width, a="50%")
    assert len(line) <= width
    if width >= 60:
        assert {"state", "ticks", "busy", "blocked", "failures"} <= set(head.split())
        assert line.endswith("50%")


def test_the_busiest_and_the_blocked_come_before_those_that_only_count():
    stats = {f"n{number}": ROW | {"failures": 0} for number in range(50)}
    rates = {"n7": table.Pace(busy=0.9), "n8": table.Pace(blocked=0.8), "n9": table.Pace(ticks=1e6)}
    lines = table.lines(stats, rates, {}, width=100, height=5, colour=False)
    assert [line.split()[0] for line in lines[1:-1]] == ["n7", "n8", "n9"]


def test_names_and_words_cannot_command_the_terminal():
    lines = draw({"a\x1b[2J": ROW}, **{"a\x1b[2J": "\x1b]0;title\x07"})
    assert "\x1b" not in "".join(lines)


def test_a_small_terminal_shows_those_with_something_to_say():
    stats = {f"node {number}": ROW | {"failures": 0} for number in range(50)} | {"bad": ROW}
    lines = draw(stats, height=6, width=70)
    assert len(lines) == 6
    assert lines[1].startswith("bad")
    assert lines[-1] == "and 47 more nodes"
    assert all(len(line) <= 70 for line in lines)


def test_rates_are_taken_over_the_last_second():
    rates = table.Rates()

    def ticks(now, **counts):
        stats = {node: {"ticks": count} for node, count in counts.items()}
        return {node: pace.ticks for node, pace in rates.update(stats, now).items()}

    assert ticks(1.0, a=100) == {"a": 0.0}
    assert ticks(1.5, a=300) == {"a": 400.0}
    assert ticks(2.5, a=300) == {"a": 0.0}
    assert ticks(3.0, a=450, b=3) == {"a": 100.0, "b": 2.0}


def test_shares_of_time_and_packets_of_generators_are_told():
    rates = table.Rates()
    rates.update({"a": {"ticks": 1, "packets_out": 0, "busy_s": 0.0, "blocked_s": 0.0}}, 1.0)
    pace = rates.update({"a": {"ticks": 1, "packets_out": 50, "busy_s": 0.25, "blocked_s": 0.125}}, 1.5)["a"]
    assert pace == table.Pace(ticks=0.0, out=100.0, busy=0.5, blocked=0.25)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9999"), (12_345, "12.3k"), (4_100_000, "4100.0k"), (12.6e6, "12.6M"), (2e10, "20.0G")],
)
def test_numbers_stay_short(number, text):
    assert table.short(number) == text
