"""What a function does after a call, read from its bytecode."""

from __future__ import annotations

import dis
import inspect
from types import CodeType

#: What has no effect between a call and the end of its function, and the rest of the call itself.
_NOTHING = {"POP_TOP", "LOAD_CONST", "LOAD_CONST_IMMORTAL", "NOP", "CACHE"}
_RETURNS = {"RETURN_VALUE", "RETURN_CONST"}
_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def ends_after(code: CodeType, at: int) -> bool:
    """Whether a plain function does nothing but return after the call at an offset. What is not known says no."""
    if code.co_flags & _SUSPENDS or code.co_exceptiontable:
        return False  # a handler may go on with what the call raises
    rest = [instruction for instruction in dis.get_instructions(code) if instruction.offset >= at]
    if not rest or rest[0].offset != at:
        return False
    after = rest[1:]
    if rest[0].opname == "PRECALL" and after and after[0].opname == "CALL":
        after = after[1:]  # in CPython 3.11 the one may do the work of both
    elif "CALL" not in rest[0].opname:
        return False
    for instruction in after:
        if instruction.opname in _RETURNS:
            return True
        if instruction.opname not in _NOTHING:
            return False
    return False
