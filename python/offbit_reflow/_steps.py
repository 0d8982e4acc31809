"""`Step`: actors with options."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

from . import _native
from ._actor import Actor
from ._data import why_no_data
from ._functions import FunctionType

if TYPE_CHECKING:
    from ._native import ActorCallContext


def _annotated(cls: type) -> list[str]:
    """Name the annotated attributes of a class, whatever their annotations mean."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return list(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return list(inspect.get_annotations(cls))


def _is_led(value: Any, *, may_call: bool) -> bool:
    """Tell whether a value leads into a step; a function that `may_call` is meant as one of its options."""
    from .flow import is_flow

    if isinstance(value, (list, tuple)):
        return bool(value) and all(_is_led(one, may_call=may_call) for one in value)
    return is_flow(value) or isinstance(value, _native.Actor) or (callable(value) and not may_call)


def _as_data(value: Any) -> Any:
    """Give what a graph has for a path, which is a text, and for a time, which is a number of seconds."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if type(value) in (list, tuple):
        return [_as_data(one) for one in value] if any(isinstance(one, os.PathLike) for one in value) else value
    return value


class StepType(FunctionType):
    """The class of steps: a call is always a flow."""

    def __call__(cls, /, *inputs: Any, **keywords: Any) -> Any:  # noqa: N805  # of a metaclass
        """Make a flow of one step, see `node`. A value that is no flow is its first option, or its path, query or address."""
        from .flow import is_flow, node

        step: Any = cls  # every class of this kind is a Step
        options = step._options()
        flows = [value for value in inputs if _is_led(value, may_call=step._first in options)]
        values = [value for value in inputs if not any(value is flow for flow in flows)]
        if values:
            first = step._first or next(iter(options), None)
            if first is None or len(values) > 1:
                raise TypeError(f"`{cls.__name__}`: which option is {values[-1]!r}? Give it by name")
            if first in keywords:
                raise TypeError(f"`{cls.__name__}`: two values for `{first}`")
            keywords[first] = values[0]
        # An option that is a time by default stays one.
        keywords = {
            name: value if isinstance(options.get(name), timedelta) else _as_data(value)
            for name, value in keywords.items()
        }
        given = {
            name: value
            for name, value in keywords.items()
            if name in options and not is_flow(value) and why_no_data(name, value) is not None
        }
        if not given:
            return node(cls, *flows, **keywords)
        data = {name: value for name, value in keywords.items() if name not in given}
        members = {
            "_given": given,
            # A graph that is stored does not have them: it must not be run with the step that goes without.
            "_template_id": f"{cls.__name__}({', '.join(f'{name}=…' for name in given)})",
            "__doc__": cls.__doc__,
            "__module__": cls.__module__,
        }
        return node(type(cls)(cls.__name__, (cls,), members), *flows, **data)

    def make(cls) -> Any:  # noqa: N805  # as above
        """Make an instance, as a node does."""
        return type.__call__(cls)


class Step(Actor, metaclass=StepType):
    """An actor with options, which stands in a flow as functions do: ``batch(size=10)``.

    Subclass it, and declare each option as an annotated attribute with its default; one without a default must be given. The
    first may be given without its name; a `timedelta` stands for its seconds, a path for its text. A node's options come from
    its config: `prepare` is called once they are attributes of the instance. An option that JSON has no form for, such as a
    function, can be given where the step is called, and not in a graph file: the component of such a node is called
    ``Scale(factor=…)``, which no module has.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import Step
    >>> class Scale(Step):
    ...     factor: float = 1.0
    ...     inports = ["number"]
    ...     outports = ["out"]
    ...
    ...     def run(self, ctx):
    ...         return ctx["number"] * self.factor
    >>> Scale(2).run(number=21).outputs
    {'Scale': [42]}
    """

    _open_ports = False
    #: Options that were given where the step was called, and that are no data.
    _given: ClassVar[dict[str, Any]] = {}
    #: What a value is for that is given without a name: an option or an inport; the first option where it is not said.
    _first: ClassVar[str | None] = None
    #: The outport that leads on where a flow names none of several.
    _main: ClassVar[str | None] = None
    #: The same as the attributes of `Actor`: no options.
    _DECLARED: ClassVar[frozenset[str]] = frozenset(
        ("component", "inports", "outports", "await_all_inports", "latest_inports", "batch_size")
    )

    @classmethod
    def _options(cls) -> dict[str, Any]:
        """Give the options with their defaults; `...` where there is none."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Step) and base is not Step:
                for name in _annotated(base):
                    if not name.startswith("_") and name not in cls._DECLARED:
                        found[name] = getattr(cls, name, ...)
        return found

    @classmethod
    def _policy_for(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Give the policy that a node needs for what it is asked to do."""
        return {}

    @classmethod
    def _outports_for(cls, options: Mapping[str, Any]) -> list[str]:
        """Name the outports that a step has in a flow for what it is asked to do."""
        return list(cls.outports)

    @classmethod
    def _refuse(cls, settings: Mapping[str, Any]) -> None:
        """Refuse options that there are not, and those that are missing, where a flow is written down."""
        options = cls._options()
        for name in settings:
            if name not in options:
                raise TypeError(cls._unknown(name))
        for name, default in options.items():
            if default is ... and name not in settings and name not in cls._given:
                raise TypeError(f"`{cls.component}` needs the option `{name}`")

    @classmethod
    def _unknown(cls, name: str) -> str:
        options = cls._options()
        near = get_close_matches(name, options, 1)
        meant = f"; did you mean `{near[0]}`?" if near else ""
        known = ", ".join(f"`{one}`" for one in options) or "none"
        return f"`{cls.component}` has no option `{name}`{meant or f'; there are {known}'}"

    def setup(self, ctx: ActorCallContext) -> Any:
        """Make attributes of the options, then prepare."""
        options = self._options()
        settings = {**ctx.config, **self._given}
        for name, default in options.items():
            value = settings.pop(name, default)
            if value is ...:
                raise ValueError(f"`{self.component}` needs the option `{name}`")
            setattr(self, name, value)
        settings = {name: value for name, value in settings.items() if name not in ("policy", "firing")}
        if settings:
            raise ValueError(self._unknown(next(iter(settings))))
        return self.prepare(ctx)

    def prepare(self, ctx: ActorCallContext) -> Any:
        """Prepare; called once for a node, before its first tick, when its options are there."""


__all__ = ["Step", "StepType"]
