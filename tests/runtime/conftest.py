"""Fixtures of the runtime tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from offbit_reflow import Network


@pytest.fixture
def net() -> Iterator[Network]:
    """An empty network that is shut down after the test."""
    network = Network()
    yield network
    network.shutdown(grace=5)
