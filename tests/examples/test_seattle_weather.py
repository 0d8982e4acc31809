"""The example on real data: its report says what a plain reading of the same file says."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "seattle_weather"
DATA = FOLDER / "data" / "seattle-weather.csv"


def run(data: Path, report: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "offbit_reflow.cli", "run", str(FOLDER / "graph.json")]
    command += [
        "--actors",
        str(FOLDER / "actors.py"),
        "--input",
        f"data={data}",
        "--input",
        f"report={report}",
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_the_report_agrees_with_the_data(tmp_path):
    report = tmp_path / "out" / "report.html"
    done = run(DATA, report, "--events", str(tmp_path / "events.jsonl"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"report": str(report)}
    page = report.read_text(encoding="utf-8")
    with DATA.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    hottest = max(float(row["temp_max"]) for row in rows)
    assert f"<b>{hottest:g} °C</b>" in page
    november = sum(float(row["precipitation"]) for row in rows if row["date"][5:7] == "11") / 4
    assert f">{november:.0f}</text>" in page
    assert len(re.findall("<figure>", page)) == 4
    assert page.count("V") == len(rows)  # a line a day in the first figure


def test_a_row_that_cannot_be_read_is_counted_and_stops_nothing(tmp_path):
    data = tmp_path / "some.csv"
    lines = DATA.read_text(encoding="utf-8").splitlines()[:40]
    lines[7] = "2012/01/07,wet,1,1,1,rain"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = tmp_path / "report.html"
    run(data, report)
    assert "Rows that could not be read: 1." in report.read_text(encoding="utf-8")


def test_the_graph_has_no_mistakes():
    command = [sys.executable, "-m", "offbit_reflow.cli", "check", str(FOLDER / "graph.json")]
    command += ["--actors", str(FOLDER / "actors.py"), "--strict"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "")
