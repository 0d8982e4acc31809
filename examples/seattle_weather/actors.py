"""The steps of the Seattle weather report: read a CSV as a stream, look at it in five ways, write one page."""

from __future__ import annotations

import csv
import io
from collections import Counter, deque
from datetime import date
from pathlib import Path

import charts
import page
from offbit_reflow import Actor, Graph, Stream, actor

#: What this is part of.
GRAPH = Path(__file__).parent / "graph.json"
#: Bytes in a frame of the stream.
FRAME = 4096


class OpenFile(Actor):
    """Hand a file over as a stream, and fill the stream while it is being read."""

    inports = ["path"]
    outports = ["bytes"]

    def run(self, ctx):
        path = Path(ctx["path"])
        with path.open("rb") as file, Stream.create(8, content_type="text/csv") as stream:
            ctx.send({"bytes": stream.into_message(size_hint=path.stat().st_size)})
            stream.send_begin(content_type="text/csv", metadata={"name": path.name})
            while frame := file.read(FRAME):
                stream.send_bytes(frame)
        ctx.done()


class ParseRows(Actor):
    """Read a stream of CSV, and send a row as soon as its line is complete."""

    inports = ["bytes"]
    outports = ["row"]

    def run(self, ctx):
        header: list[str] = []
        for line in lines(ctx.message("bytes").take_stream()):
            fields = next(csv.reader([line]))
            if header:
                yield {"row": dict(zip(header, fields, strict=True))}
            else:
                header = fields


def lines(reader):
    """Give the complete lines of a stream of bytes."""
    rest = b""
    for frame in reader:
        if frame["kind"] == "error":
            raise OSError(frame["error"])
        *complete, rest = (rest + frame.get("data", b"")).split(b"\n")
        yield from (line.decode() for line in complete if line)
    if rest:
        yield rest.decode()


@actor(outports=["day"])
def clean_row(row):
    """Turn the texts of a row into a day; a row that cannot be read fails, and leaves by the port `error`."""
    day = {
        "date": date(*map(int, row["date"].split("/"))).isoformat(),
        "rain": float(row["precipitation"]),
        "high": float(row["temp_max"]),
        "low": float(row["temp_min"]),
        "wind": float(row["wind"]),
        "kind": row["weather"],
    }
    return {"day": day}


class CountRejected(Actor):
    """Count the rows that could not be read."""

    inports = ["error"]
    outports = ["count"]

    def setup(self, ctx):
        self.count = 0

    def run(self, ctx):
        self.count += 1
        ctx.done()

    def finalize(self, ctx):
        ctx.done({"count": self.count})


class Smooth(Actor):
    """Send the mean high of the last `days` days, for every day once there are so many."""

    inports = ["day"]
    outports = ["point"]

    def setup(self, ctx):
        self.window: deque[float] = deque(maxlen=ctx.config.get("days", 15))

    def run(self, ctx):
        day = ctx["day"]
        self.window.append(day["high"])
        if len(self.window) == self.window.maxlen:
            ctx.emit("point", {"date": day["date"], "mean": sum(self.window) / len(self.window)})
        ctx.done()


class DrawTemperature(Actor):
    """Draw every day from its low to its high, and the smoothed highs over them."""

    inports = ["day", "point"]
    outports = ["figure"]

    def setup(self, ctx):
        self.days: list[dict] = []
        self.points: list[dict] = []

    def run(self, ctx):
        if "day" in ctx:
            self.days.append(ctx["day"])
        else:
            self.points.append(ctx["point"])
        ctx.done()

    def finalize(self, ctx):
        ctx.done({"figure": charts.temperature(self.days, self.points)})


class MeanByMonth(Actor):
    """Average the days of each month over the years; a batch actor, it takes many days at once."""

    inports = ["day"]
    outports = ["months"]
    batch_size = 64

    def setup(self, ctx):
        self.sums = [dict.fromkeys(("days", "high", "low", "rain"), 0.0) for _ in range(12)]
        self.years: set[str] = set()

    def run(self, batch):
        for day in batch["day"]:
            sums = self.sums[month(day)]
            sums["days"] += 1
            for key in ("high", "low", "rain"):
                sums[key] += day[key]
            self.years.add(day["date"][:4])
        batch.done()

    def finalize(self, ctx):
        years = len(self.years) or 1
        months = [
            {
                "high": sums["high"] / (sums["days"] or 1),
                "low": sums["low"] / (sums["days"] or 1),
                "rain": sums["rain"] / years,
            }
            for sums in self.sums
        ]
        ctx.done({"months": months})


@actor
def draw_climate(months):
    """Draw the mean year."""
    return charts.climate(months)


class CountKinds(Actor):
    """Count the kinds of weather of each month."""

    inports = ["day"]
    outports = ["counts"]

    def setup(self, ctx):
        self.counts = [Counter() for _ in range(12)]

    def run(self, ctx):
        day = ctx["day"]
        self.counts[month(day)][day["kind"]] += 1
        ctx.done()

    def finalize(self, ctx):
        ctx.done({"counts": [dict(counts) for counts in self.counts]})


@actor
def draw_kinds(counts):
    """Draw how often each kind of weather comes."""
    return charts.kinds(counts)


class FindRecords(Actor):
    """Find the extreme days, and the longest times without and with rain."""

    inports = ["day"]
    outports = ["records"]

    def setup(self, ctx):
        self.best: dict[str, dict] = {}
        self.spells: dict[str, tuple[int, str]] = {"dry": (0, ""), "wet": (0, "")}
        self.current, self.length = "", 0

    def run(self, ctx):
        day = ctx["day"]
        for name, key, sign in (
            ("hottest", "high", 1),
            ("coldest", "low", -1),
            ("wettest", "rain", 1),
            ("windiest", "wind", 1),
        ):
            if name not in self.best or sign * day[key] > sign * self.best[name][key]:
                self.best[name] = day
        kind = "wet" if day["rain"] > 0 else "dry"
        self.length = self.length + 1 if kind == self.current else 1
        self.current = kind
        self.spells[kind] = max(self.spells[kind], (self.length, day["date"]))
        ctx.done()

    def finalize(self, ctx):
        ctx.done({"records": {"days": self.best, "spells": self.spells}})


class WriteReport(Actor):
    """Put the figures on one page and write it."""

    inports = ["path", "temperature", "climate", "kinds", "records", "rejected"]
    outports = ["written"]
    await_all_inports = True

    def run(self, ctx):
        path = Path(ctx["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        page.write(
            text,
            records=ctx["records"],
            rejected=ctx["rejected"],
            figures=[ctx["temperature"], ctx["climate"], ctx["kinds"]],
            graph=Graph.from_json(GRAPH.read_text(encoding="utf-8")).to_svg(),
        )
        path.write_text(text.getvalue(), encoding="utf-8")
        ctx.done({"written": str(path)})


def month(day):
    """Give the month of a day, from 0."""
    return int(day["date"][5:7]) - 1
