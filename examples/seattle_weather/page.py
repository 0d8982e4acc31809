"""The page that holds the figures."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TextIO

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5d6b7a; --paper: #fff; --grid: #e3e8ed;
  --high: #c8502d; --low: #2f6fb0; --band: #f3e3dc; --range: #e2b7a4; --rain: #4a8fc7;
  --sun: #f0b429; --fog: #b9c2cb; --drizzle: #8fc1dd; --snow: #7c6bb0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #9aa8b6; --paper: #14191f; --grid: #2b343d;
  --high: #ee7f5b; --low: #6faae3; --band: #35261f; --range: #744f40; --rain: #4a8fc7;
  --fog: #6d7883; --drizzle: #7fb2cf; --snow: #a99add; } }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 2rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 0; }
p { color: var(--soft); margin: 0; } figure { margin: 2.5rem 0 0; } figcaption p { font-size: .9rem; margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--ink); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem; margin: 2rem 0 0; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; } dd b { display: block; font-size: 1.4rem; }
dd span { color: var(--soft); font-size: .85rem; }
.grid, .axis { stroke: var(--grid); } .axis { stroke: var(--soft); } .tick, .key { fill: var(--soft); }
.range { stroke: var(--range); stroke-width: .6; fill: none; } .range-label { fill: var(--soft); }
.band { fill: var(--band); } .high, .low { fill: none; stroke-width: 2; stroke-linejoin: round; }
.high { stroke: var(--high); } .low { stroke: var(--low); } .high-label { fill: var(--high); } .low-label { fill: var(--low); }
.rain { fill: var(--rain); } .rain-label { fill: var(--rain); } .sun { fill: var(--sun); } .fog { fill: var(--fog); }
.drizzle { fill: var(--drizzle); } .snow { fill: var(--snow); }
/* What is wide scrolls sideways where the screen is narrow, and its letters keep their size. */
.wide { overflow-x: auto; } .wide svg { min-width: 46rem; } .graph svg { min-width: 60rem; margin-top: .5rem; }
@media (max-width: 40rem) { body { padding: 1.25rem 1rem 3rem; } h1 { font-size: 1.6rem; } dd b { font-size: 1.2rem; }
  dl { grid-template-columns: 1fr 1fr; } }
"""


def write(out: TextIO, *, records: dict, rejected: int, figures: list[str], graph: str) -> None:
    """Write the page."""
    out.write('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">')
    out.write('<meta name="viewport" content="width=device-width, initial-scale=1"><title>Seattle weather</title>')
    out.write(f"<style>{STYLE}</style></head><body>\n<h1>Seattle weather</h1>\n")
    out.write(f"<p>Daily records of NOAA (public domain). Rows that could not be read: {rejected}.</p>\n<dl>")
    for name, value, when in facts(records):
        out.write(f"<div><dt>{name}</dt><dd><b>{value}</b><span>{when}</span></dd></div>")
    out.write("</dl>\n" + "\n".join(figures))
    out.write(
        "\n<figure><figcaption><h2>How this page was made</h2><p>The graph that read the rows, looked at them in five ways"
    )
    out.write(f' and wrote this page.</p></figcaption><div class="wide graph">{graph}</div></figure>\n</body></html>\n')


def facts(records: dict) -> list[tuple[str, str, str]]:
    """Say the records in words."""
    units = {
        "hottest": ("high", "°C"),
        "coldest": ("low", "°C"),
        "wettest": ("rain", "mm"),
        "windiest": ("wind", "m/s"),
    }
    found = []
    for name, (key, unit) in units.items():
        if name in records["days"]:
            day = records["days"][name]
            found.append((f"{name.capitalize()} day", f"{day[key]:g} {unit}", day["date"]))
    for kind, words in (("dry", "Longest time without rain"), ("wet", "Longest time with rain every day")):
        length, end = records["spells"][kind]
        if length:
            start = date.fromisoformat(end) - timedelta(days=length - 1)
            found.append((words, f"{length} days", f"{start} to {end}"))
    return found
