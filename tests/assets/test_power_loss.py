"""After a loss of power at any moment, the store opens, and what was flushed is there."""

from __future__ import annotations

import random
import shutil
import sys

import pytest

from offbit_reflow import AssetStore

from ..runtime import power_loss

WRITER = """
import sys
from offbit_reflow import AssetStore

store = AssetStore(sys.argv[1])
for number in range(30):
    store.put(f"asset{number % 7}:mesh", bytes([number]) * (100 if number % 3 else 5000))
    if number % 5 == 4:
        store.flush()
        print("flushed", number, flush=True)
"""


def content(number: int) -> bytes:
    return bytes([number]) * (100 if number % 3 else 5000)


@pytest.mark.skipif(sys.platform != "linux", reason="records by what is loaded before the C library of Linux")
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_what_was_flushed_survives_a_loss_of_power(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    library = power_loss.shim(tmp_path)
    log = power_loss.record(library, root, [sys.executable, "-c", WRITER, str(root / "db")], 60)
    chance = random.Random(0)
    for at, disk in enumerate(power_loss.losses(log, root, chance, 60)):
        folder = tmp_path / str(at)
        folder.mkdir()
        disk.after_loss(folder, chance if at % 3 else None)
        flushed = [int(line.split()[1]) for line in disk.said.decode().split("\n")[:-1]]
        done = flushed[-1] + 1 if flushed else 0
        store = AssetStore(folder / "db")
        for asset in range(7):
            versions = range(asset, 30, 7)
            last = max((number for number in versions if number < done), default=None)
            if f"asset{asset}:mesh" not in store:
                assert last is None
                continue
            found = store.get(f"asset{asset}:mesh").data
            assert found in [content(number) for number in versions if last is None or number >= last]
        store.put("after", 1)
        assert store["after"] == 1
