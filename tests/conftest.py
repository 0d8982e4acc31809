"""What all tests share: a time limit for each of them."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator

import pytest

#: Seconds that a test may take unless it says otherwise with ``@pytest.mark.timeout``.
LIMIT = 30.0
#: Seconds after its limit at which a test that cannot even be interrupted takes the whole run down.
LAST_RESORT = 15.0

_stderr = 2


def pytest_configure(config: pytest.Config) -> None:
    global _stderr
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        _stderr = os.dup(2)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background; tests of Ctrl-C would wait for ever
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "timeout(seconds): the time limit of a test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("timeout", None):
        return
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.fixture(autouse=True)
def _time_limit(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the process with the stacks of all threads when a test holds the interpreter lock for ever."""
    marker = request.node.get_closest_marker("timeout")
    limit = float(marker.args[0]) if marker is not None and marker.args else LIMIT
    faulthandler.dump_traceback_later(limit + LAST_RESORT, exit=True, file=_stderr)
    yield
    faulthandler.cancel_dump_traceback_later()
