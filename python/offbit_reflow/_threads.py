"""Threads of the Python host, as `threading` knows them."""

from __future__ import annotations

import sys
import threading
from typing import Any


def enter(name: str) -> int:
    """Make the calling native thread one that `threading` knows by name, traced like others; its number."""
    threading.current_thread().name = name
    follow_tracing()
    return threading.get_ident()


def follow_tracing() -> None:
    """Trace and profile this thread as `threading` says now, unless somebody told it otherwise."""
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not _followed.trace and sys.gettrace() is _followed.trace:
        sys.settrace(trace)
        _followed.trace = trace
    if profile is not _followed.profile and sys.getprofile() is _followed.profile:
        sys.setprofile(profile)
        _followed.profile = profile


class _Followed(threading.local):
    """The functions that this thread was given here."""

    trace: Any = None
    profile: Any = None


_followed = _Followed()
