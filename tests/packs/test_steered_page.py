"""The example that joins three packs, under a display of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(170)
def test_a_page_is_steered_by_the_keys_of_a_window(first_party: Callable[[str], list[str]]) -> None:
    for program in ("chromium", "Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"the Debian package {program.lower()} is missing")
    for name in ("browser", "api_services", "window_events"):
        first_party(f"reflow.pack.{name}")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp"], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            environment = {**os.environ, "DISPLAY": ":" + told.readline().strip()}
        command = [sys.executable, "examples/steered_page/steer.py", "build/packs"]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as example:
            assert example.stdout is not None
            try:
                assert '"count": 1' in example.stdout.readline()
                find = ["xdotool", "search", "--sync", "--name", "Steered page"]
                window = subprocess.run(
                    find, env=environment, check=True, capture_output=True, text=True
                ).stdout.split()[0]
                for words in (["windowfocus", "--sync", window], ["key", "Up"]):
                    subprocess.run(["xdotool", *words], env=environment, check=True)
                assert '"count": 2' in example.stdout.readline()
                subprocess.run(["xdotool", "key", "Escape"], env=environment, check=True)
                assert example.stdout.readline() == "orders [1, 2]\n"
                assert example.wait(timeout=30) == 0
            finally:
                example.kill()
    finally:
        server.kill()
        server.wait()
