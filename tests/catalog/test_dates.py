"""Times of ``tpl_date_time`` against the time zones of Python."""

from __future__ import annotations

import calendar
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from offbit_reflow import Network

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
)
#: Changes of daylight saving and ordinary days, 1980 to 2035.
DAYS = [
    datetime(year, month, day)
    for year in range(1980, 2036, 5)
    for month, day in ((3, 9), (3, 31), (6, 15), (9, 8), (10, 27), (12, 31))
]


def work(config: dict, values: list) -> list[dict]:
    """What the component makes of each value, a dict of its outputs."""
    net = Network()
    net.add_node("time", "tpl_date_time", config)
    net.add_node("all", "tpl_collect", {"count": len(values), "unwrap": True})
    net.add_connection("time", "output", "all", "input")
    net.add_outport("all", "all", "output")
    net.add_outport("errors", "time", "error")
    outputs = net.run(inputs={"time.input": iter(values)}, timeout=60).outputs
    assert outputs["errors"] == []
    return outputs["all"][0]


def moments(seed: int, number: int = 60) -> list[datetime]:
    """Local times near the days above, to the second."""
    chance = random.Random(seed)
    return [chance.choice(DAYS) + timedelta(seconds=chance.randrange(-86_400, 86_400)) for _ in range(number)]


def milliseconds(local: datetime, zone: ZoneInfo) -> int:
    """Skipped times are later by the gap, and of two the first is meant: what fold 0 says."""
    return round(local.replace(tzinfo=zone, fold=0).timestamp() * 1000)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ZONES)
def test_local_times_are_read_in_their_zone(name: str) -> None:
    zone, given = ZoneInfo(name), moments(1)
    read = work({"operation": "parse", "timezone": name}, [local.isoformat() for local in given])
    assert [time["timestamp"] for time in read] == [milliseconds(local, zone) for local in given]
    for pattern, text in (("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S"), ("%c", "%a %b %e %H:%M:%S %Y")):
        texts = [local.strftime(text) for local in given]
        read = work({"operation": "parse", "timezone": name, "inputFormat": pattern}, texts)
        assert [time["timestamp"] for time in read] == [milliseconds(local, zone) for local in given]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ZONES)
def test_a_formatted_time_is_the_same_moment(name: str) -> None:
    zone, given = ZoneInfo(name), [milliseconds(local, ZoneInfo("UTC")) for local in moments(2)]
    for time, stamp in zip(work({"operation": "format", "timezone": name}, given), given, strict=True):
        local = datetime.fromtimestamp(stamp / 1000, zone)
        for text in (time["formatted"], time["iso"]):
            assert datetime.fromisoformat(text) == local
        parts = [int(time[part]) for part in ("year", "month", "day", "hour", "minute", "second")]
        assert parts == list(local.timetuple()[:6])
    directives = "%Y|%m|%d|%H|%M|%S|%j|%U|%W|%w|%u|%a|%A|%b|%B|%p|%I|%y|%C|%G|%V|%e|%F|%T|%D|%R|%s|%z|%Z|%%"
    for time, stamp in zip(
        work({"operation": "format", "timezone": name, "format": directives}, given), given, strict=True
    ):
        local = datetime.fromtimestamp(stamp / 1000, zone)
        assert time["formatted"] == local.strftime(directives.replace("%s", str(stamp // 1000)))


def months_later(local: datetime, months: int) -> datetime:
    """The same day some months later, or the last one of its month."""
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize(
    ("unit", "amount"),
    [("months", 1), ("months", -7), ("years", 3), ("days", 1), ("days", -200), ("weeks", 5), ("hours", 30)],
)
def test_time_is_added_by_the_calendar_or_by_the_clock(name: str, unit: str, amount: int) -> None:
    zone = ZoneInfo(name)
    starts = [datetime.fromtimestamp(milliseconds(local, zone) / 1000, zone) for local in moments(3, 40)]
    later = work(
        {"operation": "add", "unit": unit, "amount": amount, "timezone": name},
        [round(start.timestamp() * 1000) for start in starts],
    )
    for start, time in zip(starts, later, strict=True):
        if unit == "hours":
            expected = round((start.astimezone(UTC) + timedelta(hours=amount)).timestamp() * 1000)
        else:
            local = start.replace(tzinfo=None)
            days = {"days": amount, "weeks": 7 * amount}.get(unit)
            months = amount * (12 if unit == "years" else 1)
            moved = local + timedelta(days=days) if days is not None else months_later(local, months)
            expected = milliseconds(moved, zone)
        assert time["timestamp"] == expected, (start, time)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02", "2024-01-02T00:00:00+00:00"),
        ("20240102", "2024-01-02T00:00:00+00:00"),
        ("2024-W01-2", "2024-01-02T00:00:00+00:00"),
        ("2024-01-02T03:04", "2024-01-02T03:04:00+00:00"),
        ("2024-01-02T03:04Z", "2024-01-02T03:04:00+00:00"),
        ("2024-01-02 03:04:05+00:00", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02t03:04:05z", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02T03:04:05+0530", "2024-01-01T21:34:05+00:00"),
        ("20240102T030405-08", "2024-01-02T11:04:05+00:00"),
        ("2024-01-02T03:04:05.123456789", "2024-01-02T03:04:05.123456789+00:00"),
        ("2024-01-02T03:04:05,5Z", "2024-01-02T03:04:05.500+00:00"),
        (" 2024-01-02T03:04:05+01:00[Europe/Paris] ", "2024-01-02T02:04:05+00:00"),
        ("2024-07-02T03:04:05[Europe/Paris]", "2024-07-02T01:04:05+00:00"),
        (1704164645000, "2024-01-02T03:04:05+00:00"),
        (1704164645000.25, "2024-01-02T03:04:05.000250+00:00"),
        (-1, "1969-12-31T23:59:59.999+00:00"),
    ],
)
def test_times_in_every_form(text: object, expected: str) -> None:
    assert work({"operation": "parse"}, [text])[0]["iso"] == expected


@pytest.mark.timeout(60)
def test_offsets_of_seconds_are_no_other_moment() -> None:
    # Clocks in Paris were 9 minutes and 21 seconds ahead then.
    time = work({"operation": "parse", "timezone": "Europe/Paris"}, ["1900-01-01T00:00:00Z"])[0]
    assert (
        datetime.fromisoformat(time["iso"])
        == datetime(1900, 1, 1, tzinfo=UTC)
        == datetime.fromisoformat(time["formatted"])
    )
    assert time["hour"] + time["minute"] + time["second"] == "000921"
