"""Where each peer runs: virtual environments of their own under `build/bench`, and the native program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
PUBLIC = "offbit-reflow==0.2.9"
SCRIPTS = {
    "reflow": "ours",
    "by position": "ours",
    "0.2.9": "public",
    "direct call": "direct",
    "asyncio.Queue": "asyncio_queue",
    "threads": "queue_threads",
    "bytewax": "bytewax_flow",
    "pykka": "pykka_actors",
}
#: Names of the contenders of the native program.
NATIVE = {"reflow": "reflow", "tokio mpsc": "tokio_mpsc", "crossbeam": "crossbeam_threads"}


class Unavailable(Exception):
    """A peer that cannot take part here."""


class Environments:
    """The interpreters of the peers; each is made when it is first asked for."""

    def __init__(self) -> None:
        groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
        self._packages = {"0.2.9": [PUBLIC], "bytewax": groups["bench"], "pykka": groups["bench"]}
        self._made: dict[str, str] = {}

    def command(self, peer: str, function: str, arguments: dict[str, object]) -> list[str]:
        """Make the command that measures one case of one peer."""
        if function == "native" and peer in NATIVE:
            return [self._native(), str(arguments["nodes"]), str(arguments["packets"]), "1"]
        python = _free_threaded() if function == "cores" else self.python(peer)
        script = ROOT / "benches" / "peers" / f"{SCRIPTS[peer]}.py"
        return [python, str(script), function, json.dumps(arguments)]

    def python(self, peer: str) -> str:
        """Give the interpreter of a peer."""
        packages = self._packages.get(peer)
        if packages is None:
            return sys.executable
        name = "public" if peer == "0.2.9" else "peers"
        if name not in self._made:
            self._made[name] = str(_make(BUILD / name, packages))
        return self._made[name]

    def _native(self) -> str:
        if "native" not in self._made:
            self._made["native"] = str(_build_native())
        return self._made["native"]


def _free_threaded() -> str:
    """Find the interpreter that runs threads side by side: this one, or that of `make build PYTHON=python3.14t`."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return sys.executable
    for python in sorted(ROOT.glob(".venv-*t/bin/python"), reverse=True):
        return str(python)
    raise Unavailable("needs a free-threaded interpreter: make build PYTHON=python3.14t")


def _make(folder: Path, packages: list[str]) -> Path:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "packages.json"
    if not done.is_file() or json.loads(done.read_text(encoding="utf-8")) != packages:
        print(f"installing {', '.join(packages)} into {folder.relative_to(ROOT)}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        run = subprocess.run(
            [python, "-m", "pip", "-q", "install", *packages], capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise Unavailable(run.stderr.strip().splitlines()[-1])
        done.write_text(json.dumps(packages), encoding="utf-8")
    return python


def _build_native() -> Path:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise Unavailable("there is no cargo")
    print("building the native chains", file=sys.stderr)
    command = [
        cargo,
        "build",
        "--release",
        "-p",
        "reflow-runtime",
        "--example",
        "native_chain",
        "--message-format=json",
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "native_chain":
            return Path(message["executable"])
    raise Unavailable((run.stderr.strip().splitlines() or ["no executable"])[-1])
