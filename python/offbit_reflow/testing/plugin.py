"""Fixtures for pytest; ``pytest_plugins = ["offbit_reflow.testing.plugin"]`` in a ``conftest.py`` brings them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..network import Network
from ..result import RunResult
from . import run_actor as run_one

#: How long the nodes of a network get to stop at the end of a test, in seconds.
GRACE = 5.0


@pytest.fixture
def run_actor() -> Callable[..., RunResult]:
    """Run one actor to its end: `offbit_reflow.testing.run_actor`."""
    return run_one


@pytest.fixture
def network() -> Iterator[Network]:
    """Give a network; at the end of the test it is shut down, and the test fails if a node does not stop."""
    network = Network()
    yield network
    left = network.shutdown(grace=GRACE)
    assert not left, f"these nodes have not stopped within {GRACE:g} s: {', '.join(left)}"
