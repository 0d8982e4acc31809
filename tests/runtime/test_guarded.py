"""Every function of the interpreter that the extension calls either has a guard for the end of the interpreter, or needs none.

What may let go of the interpreter does so once in a thousand ends, and the process is aborted then; so the names are compared.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from offbit_reflow import _native

SOURCE = Path(__file__).parents[2] / "crates/reflow-python/src/guarded.rs"

#: Functions that, as we call them, run no Python code, drop no reference and make nothing that starts a collection of garbage.
HARMLESS = set(
    re.findall(
        r"\w+",
        """
    Py_GetVersion _Py_IncRef Py_IsInitialized Py_NewRef PyBuffer_IsContiguous PyByteArray_AsString
    PyByteArray_FromStringAndSize PyByteArray_Size PyBytes_AsString PyBytes_FromStringAndSize PyBytes_Size PyDict_Next
    PyDict_Size PyErr_ExceptionMatches PyErr_Fetch PyErr_GivenExceptionMatches PyErr_Occurred PyException_GetCause
    PyException_GetTraceback PyFloat_FromDouble PyIndex_Check PyIter_Check PyList_Append PyList_GetItem PyList_Size
    PyLong_AsLongLongAndOverflow PyLong_FromLong PyLong_FromSsize_t PyLong_FromUnsignedLongLong PyModuleDef_Init
    PyObject_CheckBuffer PyObject_GC_IsTracked PyObject_GC_UnTrack PySequence_Check PyTuple_GetItem PyTuple_SetItem
    PyTuple_Size PyType_GetFlags PyType_GetName PyType_GetQualName PyType_IsSubtype PyUnicode_FromStringAndSize
    PyUnicode_InternInPlace PyWeakref_GetObject
    """,
    )
)
#: Functions that have no native code between the interpreter and them.
OTHERWISE = {
    "PyEval_SaveThread": "it lets go, and does not come back",
    "PyGILState_Ensure": "pyo3 has a guard in front of it",
    "PyObject_GenericGetDict": "a slot of classes, which the interpreter calls",
    "PyObject_GenericSetDict": "the same",
}
DATA = re.compile(r"PyExc_\w+|\w+_Type|_PyWeakref_\w+Type|_Py_\w+Struct")


@pytest.mark.skipif(
    sys.platform != "linux" or ".abi3." not in Path(_native.__file__).name,
    reason="only what CPython before 3.14 loads on Linux has guards",
)
@pytest.mark.skipif(not shutil.which("nm"), reason="the names are read by nm")
def test_what_the_extension_calls_has_a_guard_or_needs_none():
    listed = subprocess.run(
        ["nm", "-D", "--undefined-only", "--format=posix", _native.__file__], capture_output=True, text=True, check=True
    )
    called = {line.split()[0].split("@")[0] for line in listed.stdout.splitlines()}
    called = {name for name in called if re.match("_?Py", name) and not DATA.fullmatch(name)}
    guarded = set(re.findall(r'^ {4}fn (_?Py\w+)|"__wrap_(_?Py\w+)"', SOURCE.read_text(), re.MULTILINE))
    guarded = {name for names in guarded for name in names if name}
    assert len(called) > 80
    assert called - guarded - HARMLESS - OTHERWISE.keys() == set()
    # A guard is linked in for each line of the table, so all of them are called.
    assert guarded <= called
    assert (HARMLESS | OTHERWISE.keys()) & guarded == set()
