"""`Step`: actors with options."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

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


class StepType(FunctionType):
    """The class of steps: a call is always a flow."""

    def __call__(cls, /, *inputs: Any, **keywords: Any) -> Any:  # noqa: N805  # of a metaclass
        """Make a flow of one step, see `node`. A path is the text that a graph has for it."""
        from .flow import is_flow, node

        options = cls._options()  # type: ignore[attr-defined]  # every class of this kind is a Step
        keywords = {
            name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in keywords.items()
        }
        given = {
            name: value
            for name, value in keywords.items()
            if name in options and not is_flow(value) and why_no_data(name, value) is not None
        }
        if not given:
            return node(cls, *inputs, **keywords)
        data = {name: value for name, value in keywords.items() if name not in given}
        members = {
            "_given": given,
            # A graph that is stored does not have them: it must not be run with the step that goes without.
            "_template_id": f"{cls.__name__}({', '.join(f'{name}=…' for name in given)})",
            "__doc__": cls.__doc__,
            "__module__": cls.__module__,
        }
        return node(type(cls)(cls.__name__, (cls,), members), *inputs, **data)

    def make(cls) -> Any:  # noqa: N805  # as above
        """Make an instance, as a node does."""
        return type.__call__(cls)


class Step(Actor, metaclass=StepType):
    """An actor with options, which stands in a flow as functions do: ``batch(size=10)``.

    Subclass it, and declare each option as an annotated attribute with its default; one without a default must be given. A
    node's options come from its config: `prepare` is called once they are attributes of the instance. An option that JSON has
    no form for, such as a function, can be given where the step is called, and not in a graph file: the component of such a
    node is called ``Scale(factor=…)``, which no module has.

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
    >>> Scale(factor=2).run(number=21).outputs
    {'Scale': [42]}
    """

    _open_ports = False
    #: Options that were given where the step was called, and that are no data.
    _given: ClassVar[dict[str, Any]] = {}
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
            known = ", ".join(f"`{name}`" for name in options) or "none"
            raise ValueError(f"`{self.component}` has no option `{next(iter(settings))}`; there are {known}")
        return self.prepare(ctx)

    def prepare(self, ctx: ActorCallContext) -> Any:
        """Prepare; called once for a node, before its first tick, when its options are there."""


__all__ = ["Step", "StepType"]
