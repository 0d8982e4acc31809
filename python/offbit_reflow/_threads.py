"""Threads of the Python host, as `threading` knows them."""

from __future__ import annotations

import sys
import threading


def enter(name: str) -> int:
    """Make the calling native thread one that `threading` knows by name, traced like others; its number."""
    threading.current_thread().name = name
    follow_tracing()
    return threading.get_ident()


def follow_tracing() -> None:
    """Trace and profile this thread as `threading.settrace` and `threading.setprofile` say for new threads."""
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not None and sys.gettrace() is None:
        sys.settrace(trace)
    if profile is not None and sys.getprofile() is None:
        sys.setprofile(profile)
