"""Windows: lists of values that belong together, by count, by time, or by pauses."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime
from math import floor, isclose, isfinite
from typing import Any

from ._key import key_of, member, original
from ._memory import RememberingStep
from ._options import check_above_0, check_whole

#: How many spans from 1970 a time may be away: beyond, the numbers of spans are finer than times.
MOST_SPANS = 2**50


class window_by_count(RememberingStep):
    """Gather `size` values of a key; a new window begins with every `every` values.

    What leaves is ``{"key": key, "values": [...]}``; what is left over leaves at the end, if `partial`.

    Attributes
    ----------
    size : int
        Values of a window. Must be given.
    every : int, optional
        After how many values the next window begins; `size` by default. Fewer make windows that overlap.
    key : str or callable, optional
        A member, a path, or a function of the value; all values have one key by default.
    partial : bool
        Whether windows that are not full leave at the end (true).

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import window_by_count
    >>> @actor
    ... def numbers(upto):
    ...     yield from range(upto)
    >>> flow = numbers >> window_by_count(size=3, every=1, partial=False)
    >>> [window["values"] for window in flow.run(upto=5).outputs["window_by_count"]]
    [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    """

    component = "window_by_count"
    inports = ["value"]
    outports = ["out"]

    size: int
    every: int | None = None
    key: str | Callable[[Any], Hashable] | None = None
    partial: bool = True

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        if self.every is None:
            self.every = self.size
        check_whole("size", self.size)
        check_whole("every", self.every)
        self._find = key_of(self.key)
        #: By key: how many values came, and the windows that are open.
        self._open: dict[Hashable, tuple[int, list[list[Any]]]] = {}

    def run(self, ctx: Any) -> None:
        """Put the value into the open windows of its key; at most one of them is full then."""
        assert self.every is not None
        value = ctx["value"]
        key = self._find(value)
        if ctx.resolved:  # given up meanwhile
            return
        count, windows = self._open.get(key, (0, []))
        if count % self.every == 0:
            windows.append([])
        for window in windows:
            window.append(value)
        full = windows.pop(0) if windows and len(windows[0]) >= self.size else None
        self._open[key] = (count + 1, windows)
        ctx.done({} if full is None else {"out": {"key": original(key), "values": full}})

    def finalize(self, ctx: Any) -> None:
        """Send what is left."""
        for key, (_, windows) in self._open.items():
            for window in windows if self.partial else []:
                ctx.send({"out": {"key": original(key), "values": window}})
        self._open.clear()


class _TimedStep(RememberingStep):
    """What windows by time share: the clock of the values, its watermark, and what comes too late."""

    inports = ["value"]
    outports = ["out", "late"]
    _main = "out"

    time: str | Callable[[Any], Any] = "time"
    lateness: float = 0.0
    key: str | Callable[[Any], Hashable] | None = None

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        if not isinstance(self.lateness, (int, float)) or not self.lateness >= 0:
            raise ValueError(f"lateness must be a number of at least 0, got {self.lateness!r}")
        self._key = key_of(self.key)
        self._time = member(self.time)
        #: Nothing that is older is waited for any more.
        self.watermark = float("-inf")
        #: How many values came too late, and nothing takes them.
        self._lost = 0

    def _done(self, ctx: Any, value: Any, *, is_late: bool) -> None:
        if is_late and "late" not in ctx.connected_outports():
            self._lost += 1
        ctx.done({"late": value} if is_late else {})

    def _tell_lost(self, ctx: Any) -> None:
        if self._lost:
            ctx.log(
                f"{self._lost:,} {'value' if self._lost == 1 else 'values'} came too late, and nothing leads from the outport "
                f"`late`; a greater `lateness` waits for them",
                "warning",
            )

    def _seconds(self, value: Any) -> float:
        moment: Any = self._time(value)
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        elif type(moment).__name__ == "datetime64":  # NumPy's, whose number is of whatever unit
            moment = moment.astype("datetime64[us]").item()
        if isinstance(moment, date):
            if not isinstance(moment, datetime):
                moment = datetime(moment.year, moment.month, moment.day)
            # Without a zone it is taken as UTC: so windows are the same on every machine, and no hour comes twice.
            zoned: datetime = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return zoned.timestamp()
        seconds = float(moment)
        if not isfinite(seconds):
            raise ValueError(f"the time of a value must be a number of seconds, got {moment!r}")
        return seconds


class window_by_time(_TimedStep):
    """Gather the values of a key whose times fall into the same span.

    Spans are ``[start, start + length)``, begun at multiples of `every` since 1970. The clock is that of the values: once one
    comes that is `lateness` later than the end of a span, the span is over, for all keys. What leaves is
    ``{"key", "start", "end", "values"}``, times in seconds, values in the order of their times; spans without values do not
    leave. A value for a span that is over leaves by ``late``; where nothing leads from there, a warning tells at the end how
    many there were. All open spans leave at the end.

    Attributes
    ----------
    length : float
        How long a span is, in seconds. Must be given.
    every : float, optional
        From one begin to the next, in seconds; `length` by default. Less makes spans that overlap, more leaves out what is
        between them.
    time : str or callable
        Where the time of a value is (``"time"``): a member, a path, a function. Seconds, a date or datetime, or ISO 8601 text;
        UTC where it does not say its zone.
    lateness : float
        How long values of a span are waited for, in seconds (0).
    key : str or callable, optional
        A member, a path, or a function of the value; all values have one key by default.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import window_by_time
    >>> @actor
    ... def readings(n):
    ...     yield from ({"time": at, "value": at * 10} for at in (0, 4, 11, 9, 22, 3))
    >>> result = (readings >> window_by_time(length=10, lateness=5)).run(n=1)
    >>> for window in result.outputs["window_by_time.out"]:
    ...     print(window["start"], [reading["time"] for reading in window["values"]])
    0.0 [0, 4, 9]
    10.0 [11]
    20.0 [22]
    >>> result.outputs["window_by_time.late"]
    [{'time': 3, 'value': 30}]
    """

    component = "window_by_time"
    _first = "length"

    length: float
    every: float | None = None

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        super().prepare(ctx)
        if self.every is None:
            self.every = self.length
        check_above_0("length", self.length)
        check_above_0("every", self.every)
        if self.length / self.every > 10_000:
            raise ValueError(
                f"a value would be in {self.length / self.every:,.0f} spans; every is too small for the length"
            )
        # Where spans end where others begin, it is at the same number; a sum of floats may miss it.
        steps = round(self.length / self.every)
        self._steps = steps if steps and isclose(steps * self.every, self.length) else None
        #: By number of the span, by key: the values with their times.
        self._spans: dict[int, dict[Hashable, list[tuple[float, Any]]]] = {}

    def _start(self, number: int) -> float:
        assert self.every is not None
        return float(number * self.every)

    def _end(self, number: int) -> float:
        return self._start(number) + self.length if self._steps is None else self._start(number + self._steps)

    def _spans_of(self, at: float) -> range:
        """Give the numbers of the spans that a time falls into: those with ``start <= at < end``, however that is rounded."""
        assert self.every is not None
        if abs(at) / self.every > MOST_SPANS:
            raise ValueError(f"the time {at} is too far from 1970 for spans that begin every {self.every} seconds")
        last = floor(at / self.every)
        while self._start(last) > at:
            last -= 1
        while self._start(last + 1) <= at:
            last += 1
        first = floor((at - self.length) / self.every) + 1
        while self._end(first - 1) > at:
            first -= 1
        while self._end(first) <= at:
            first += 1
        return range(first, last + 1)

    def run(self, ctx: Any) -> None:
        """Put the value into its spans, and send those that are over."""
        value = ctx["value"]
        at, key = self._seconds(value), self._key(value)
        if ctx.resolved:  # given up meanwhile
            return
        spans = self._spans_of(at)
        numbers = [number for number in spans if self._end(number) > self.watermark]
        for number in numbers:
            self._spans.setdefault(number, {}).setdefault(key, []).append((at, value))
        self.watermark = max(self.watermark, at - self.lateness)
        for number in sorted(number for number in self._spans if self._end(number) <= self.watermark):
            self._leave(ctx, number)
        is_late = spans and not numbers  # between spans, where `every` is more than `length`, it is in none
        self._done(ctx, value, is_late=bool(is_late))

    def _leave(self, ctx: Any, number: int) -> None:
        for key, values in self._spans.pop(number).items():
            values.sort(key=lambda entry: entry[0])
            span = {"key": original(key), "start": self._start(number), "end": self._end(number)}
            ctx.send({"out": span | {"values": [value for _, value in values]}})

    def finalize(self, ctx: Any) -> None:
        """Send what is left."""
        for number in sorted(self._spans):
            self._leave(ctx, number)
        self._tell_lost(ctx)


def _time_of(entry: tuple[float, Any]) -> float:
    return entry[0]


class window_by_session(_TimedStep):
    """Gather the values of a key until none has come for `gap` seconds, by the times of the values.

    What leaves is ``{"key", "start", "end", "values"}``: the times of its first and last value, in seconds. A session is over
    once a value comes that is `gap` and `lateness` later than its last one. A value of a session that is over leaves by
    ``late``.

    Attributes
    ----------
    gap : float
        The pause that ends a session, in seconds. Must be given.
    time, lateness, key
        As for `window_by_time`.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import window_by_session
    >>> @actor
    ... def clicks(n):
    ...     yield from ({"time": at} for at in (0, 2, 3, 20, 21))
    >>> flow = clicks >> window_by_session(gap=5) >> (lambda one: (one["start"], one["end"], len(one["values"])))
    >>> for session in flow.run(n=1).outputs["<lambda>"]:
    ...     print(*session)
    0.0 3.0 3
    20.0 21.0 2
    """

    component = "window_by_session"
    _first = "gap"

    gap: float

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        super().prepare(ctx)
        check_above_0("gap", self.gap)
        #: By key: sessions that are open, each its values with their times.
        self._sessions: dict[Hashable, list[list[tuple[float, Any]]]] = {}
        #: No session is over before.
        self._first_end = float("inf")

    def run(self, ctx: Any) -> None:
        """Put the value into a session, and send those that are over."""
        value = ctx["value"]
        at, key = self._seconds(value), self._key(value)
        if ctx.resolved:  # given up meanwhile
            return
        sessions = self._sessions.get(key, [])
        # A value between two sessions makes one of them; with one that goes on, it is not late.
        near = [one for one in sessions if one[0][0] < at + self.gap and at < one[-1][0] + self.gap]
        late = not near and at + self.gap <= self.watermark
        if not late:
            joined = near[0] if near else []
            if len(near) > 1:
                joined += (entry for other in near[1:] for entry in other)
                joined.sort(key=_time_of)
            insort(joined, (at, value), key=_time_of)
            self._sessions[key] = [joined, *(one for one in sessions if not any(one is other for other in near))]
            self._first_end = min(self._first_end, at + self.gap)
        self.watermark = max(self.watermark, at - self.lateness)
        self._leave(ctx, self.watermark)
        self._done(ctx, value, is_late=late)

    def _leave(self, ctx: Any, until: float) -> None:
        if until < self._first_end:
            return
        over = [
            (one[0][0], key, one)
            for key, sessions in self._sessions.items()
            for one in sessions
            if one[-1][0] + self.gap <= until
        ]
        for start, key, one in sorted(over, key=lambda entry: entry[0]):
            self._sessions[key] = [other for other in self._sessions[key] if other is not one]
            if not self._sessions[key]:
                del self._sessions[key]
            session = {"key": original(key), "start": start, "end": one[-1][0], "values": [value for _, value in one]}
            ctx.send({"out": session})
        ends = (one[-1][0] + self.gap for sessions in self._sessions.values() for one in sessions)
        self._first_end = min(ends, default=float("inf"))

    def finalize(self, ctx: Any) -> None:
        """Send what is left."""
        self._leave(ctx, float("inf"))
        self._tell_lost(ctx)
