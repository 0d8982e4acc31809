"""The six jobs of the documentation beside their peers, each as its page shows it, in one run: ``python benches/jobs.py``.

Peers that are not installed are left out. A job runs three times, the best one counts; each run is a process of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "jobs"
#: What makes the jobs large enough to be measured.
LARGER = {
    "n=7": "n=1000",
    '"n": 7': '"n": 1000',
    "range(20)": "range(400)",
    "count=20": "count=400",
    "frames=30": "frames=300",
}
ROWS = 20_000
TIMED = "import time\nstarted = time.perf_counter()\n{code}\nprint('seconds', time.perf_counter() - started)\n"


def seconds(code: str) -> float | None:
    """Run a program, and give its time without that of the interpreter's start; None if it cannot run here."""
    best = None
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            rows = (f"{n},{'abcdefgh'[n % 8]},{n % 100}\n" for n in range(ROWS))
            (Path(folder) / "orders.csv").write_text("id,customer,amount\n" + "".join(rows), encoding="utf-8")
            imports = "".join(line + "\n" for line in code.splitlines() if re.match(r"(from|import) ", line))
            program = imports + TIMED.format(code=code)
            done = subprocess.run(
                [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
            )
        if done.returncode:
            return None
        taken = float(re.search(r"seconds (\S+)", done.stdout)[1])
        best = taken if best is None else min(best, taken)
    return best


def python(text: str) -> str:
    """Give the program of a page, made larger."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    for small, large in LARGER.items():
        code = code.replace(small, large)
    return code


def main() -> None:
    """Print a table."""
    print(f"{'job':<16} {'lines':>6} {'peer':>6} {'here':>10} {'peer':>10} {'ratio':>7}")
    for page in sorted(FOLDER.glob("*.md")):
        ours, peer = page.read_text(encoding="utf-8").split("\n## Beside ", 1)
        lines = [int(number) for number in re.search(r"(\d+) lines here, (\d+) there", peer).groups()]
        times = [
            seconds(python(text)) if "```python" in text and page.stem != "pack" else None for text in (ours, peer)
        ]
        shown = [f"{one * 1000:.1f} ms" if one is not None else "-" for one in times]
        ratio = f"{times[1] / times[0]:.2f}" if None not in times else "-"
        print(f"{page.stem:<16} {lines[0]:>6} {lines[1]:>6} {shown[0]:>10} {shown[1]:>10} {ratio:>7}")


if __name__ == "__main__":
    main()
