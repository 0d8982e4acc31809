"""The exceptions of the package.

All derive from `ReflowError`, and each also from the builtin exceptions that a user would expect, so that existing
``except ValueError`` and ``except RuntimeError`` clauses keep working.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .diagnostic import Diagnostic
    from .result import Failure


class ReflowError(Exception):
    """The root of all exceptions of this package.

    Attributes
    ----------
    code : str
        A stable word for programs.
    node, port : str or None
        Where it happened, if it happened at a node.
    hint : str or None
        What would help.

    Examples
    --------
    >>> from offbit_reflow import ReflowError, node
    >>> try:
    ...     node("tpl_math_ad")
    ... except ReflowError as error:
    ...     print(error.code, "-", error)
    unknown-component - there is no template `tpl_math_ad`; did you mean `tpl_math_add`?
    """

    code = "reflow"

    def __init__(
        self, message: str = "", *, node: str | None = None, port: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.node = node
        self.port = port
        self.hint = hint


class ConversionError(ReflowError, ValueError):
    """A Python value that cannot be turned into JSON-shaped data."""

    code = "conversion"


class MessageError(ReflowError, ValueError, RuntimeError):
    """A message of the wrong shape: an unknown kind, or data that does not fit the kind."""

    code = "message"


class ContextError(ReflowError, RuntimeError):
    """A call that the tick does not allow any more, such as a second `done`."""

    code = "context"


class NetworkError(ReflowError, RuntimeError):
    """A network that is not as it should be, or not in the state that the call needs."""

    code = "network"


class UnknownComponentError(NetworkError, ValueError):
    """A component that nobody registered and no catalog has."""

    code = "unknown-component"


class ConfigError(NetworkError, ValueError):
    """A config or policy that is not what it should be."""

    code = "config"


class GraphError(ReflowError, RuntimeError, ValueError):
    """A graph that is not as it should be."""

    code = "graph"


class GraphCheckError(GraphError, NetworkError):
    """A graph with mistakes, which must not run.

    Attributes
    ----------
    diagnostics : list of Diagnostic
        All of the mistakes.
    """

    code = "graph-check"

    def __init__(self, message: str = "", diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics = list(diagnostics)


class UnknownComponentsError(GraphCheckError, UnknownComponentError):
    """A graph whose only mistakes are components that nobody registered and no catalog has."""

    code = "unknown-component"


class StreamError(ReflowError, RuntimeError):
    """A stream that cannot be used as asked: taken, handed over, or its other end is gone."""

    code = "stream"


class StoreError(ReflowError, RuntimeError):
    """A store of runs that cannot be used as asked: no store, damaged, locked, full, or another process has the run."""

    code = "store"


class UnknownRunError(StoreError, LookupError):
    """A run that a store does not have."""

    code = "unknown-run"


class EventsClosed(ReflowError, RuntimeError):
    """The network was shut down and all its events were read."""

    code = "events-closed"


class RunTimeout(ReflowError, TimeoutError, RuntimeError):
    """Something did not happen within its time limit."""

    code = "timeout"


class RunFailed(ReflowError, RuntimeError):
    """A run that did not come to a good end; its `RunResult` is the attribute `result`."""

    code = "run-failed"


class QuestionFailed(RunFailed):
    """A question in which ticks failed.

    Where the failure was a builtin exception such as ValueError, it is one of those, too. The Python traceback is a note.

    Attributes
    ----------
    failures : list of Failure
        The ticks that failed; the first hundred.
    outputs : dict of str to list
        What came of the question nevertheless.
    """

    code = "question-failed"

    __str__ = Exception.__str__

    def __init__(
        self, message: str = "", *, node: str | None = None, port: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, node=node, port=port, hint=hint)
        self.failures: list[Failure] = []
        self.outputs: dict[str, list[Any]] = {}


class AssetError(ReflowError, RuntimeError):
    """A database of assets that cannot be read or written."""

    code = "assets"


class AssetNotFoundError(AssetError, KeyError):
    """An asset that there is not."""

    code = "asset-not-found"

    __str__ = Exception.__str__


class PackError(ReflowError, RuntimeError):
    """A pack that was refused."""

    code = "pack"
