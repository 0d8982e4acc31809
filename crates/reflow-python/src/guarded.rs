//! Functions of the interpreter that may run Python code, as what a thread stays in when the interpreter goes meanwhile.
//!
//! Before 3.14, that ends a thread which wants to come back from there; on Linux by unwinding its stack. In native code this would abort
//! the process, and what is dropped on the way would be dropped without the interpreter. pyo3 waits for ever where it attaches a thread,
//! but every other function that runs code can let go of the interpreter, too: any call, any conversion by a class of somebody, any
//! reference that is the last one; in 3.11 also whatever makes an object, an exception above all, since that may collect garbage. So the
//! linker puts these in front of all of them, for pyo3 as for us; `build.rs` tells it, by the lines of this table. Its test
//! (`test_guarded.py`) knows the functions that need none.
#![allow(unsafe_code, reason = "functions of the interpreter are called as what may unwind")]

use std::ffi::{c_char, c_double, c_int, c_long, c_ulonglong, c_void};
use std::mem::{forget, transmute};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::{
    self, Py_buffer, Py_ssize_t, PyFrameObject, PyGILState_STATE, PyMethodDef, PySendResult, PyThreadState,
    PyType_Spec, PyTypeObject,
};

use crate::exit::sleep_for_good;

type Object = *mut ffi::PyObject;

/// Keeps the thread if the stack is unwound through this: nothing is between the interpreter and it.
struct Unwound;

impl Drop for Unwound {
    fn drop(&mut self) {
        sleep_for_good();
    }
}

macro_rules! guard {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)?;)*) => {$(
        #[allow(non_snake_case, reason = "it is named like the function that it guards")]
        // SAFETY: nobody else has such a name.
        #[unsafe(export_name = concat!("__wrap_", stringify!($name)))]
        unsafe extern "C" fn $name($($argument: $kind),*) $(-> $result)? {
            unsafe extern "C-unwind" {
                #[link_name = concat!("__real_", stringify!($name))]
                fn real($($argument: $kind),*) $(-> $result)?;
            }
            let unwound = Unwound;
            // SAFETY: whoever calls this keeps to what the interpreter asks for.
            let result = unsafe { real($($argument),*) };
            forget(unwound);
            result
        }
    )*};
}

guard! {
    fn PyBuffer_Release(a: *mut Py_buffer);
    fn PyCMethod_New(a: *mut PyMethodDef, b: Object, c: Object, d: *mut PyTypeObject) -> Object;
    fn PyDict_Copy(a: Object) -> Object;
    fn PyDict_DelItem(a: Object, b: Object) -> c_int;
    fn PyDict_GetItemWithError(a: Object, b: Object) -> Object;
    fn PyDict_New() -> Object;
    fn PyDict_SetItem(a: Object, b: Object, c: Object) -> c_int;
    fn PyDict_Update(a: Object, b: Object) -> c_int;
    fn PyDict_Values(a: Object) -> Object;
    fn PyErr_CheckSignals() -> c_int;
    fn PyErr_Clear();
    fn PyErr_NewExceptionWithDoc(a: *const c_char, b: *const c_char, c: Object, d: Object) -> Object;
    fn PyErr_NormalizeException(a: *mut Object, b: *mut Object, c: *mut Object);
    fn PyErr_PrintEx(a: c_int);
    fn PyErr_Restore(a: Object, b: Object, c: Object);
    fn PyErr_SetObject(a: Object, b: Object);
    fn PyErr_SetString(a: Object, b: *const c_char);
    fn PyErr_WriteUnraisable(a: Object);
    fn PyEval_GetFrame() -> *mut PyFrameObject;
    fn PyEval_RestoreThread(a: *mut PyThreadState);
    fn PyException_SetCause(a: Object, b: Object);
    fn PyException_SetTraceback(a: Object, b: Object) -> c_int;
    fn PyFloat_AsDouble(a: Object) -> c_double;
    fn PyGILState_Release(a: PyGILState_STATE);
    fn PyImport_Import(a: Object) -> Object;
    fn PyIter_Next(a: Object) -> Object;
    fn PyIter_Send(a: Object, b: Object, c: *mut Object) -> PySendResult;
    fn PyList_New(a: Py_ssize_t) -> Object;
    fn PyList_GetSlice(a: Object, b: Py_ssize_t, c: Py_ssize_t) -> Object;
    fn PyList_SetItem(a: Object, b: Py_ssize_t, c: Object) -> c_int;
    fn PyLong_AsLong(a: Object) -> c_long;
    fn PyLong_AsUnsignedLongLong(a: Object) -> c_ulonglong;
    fn PyMapping_Items(a: Object) -> Object;
    fn PyMemoryView_FromObject(a: Object) -> Object;
    fn PyModule_GetNameObject(a: Object) -> Object;
    fn PyNumber_Index(a: Object) -> Object;
    fn PyOS_FSPath(a: Object) -> Object;
    fn PyObject_Call(a: Object, b: Object, c: Object) -> Object;
    fn PyObject_CallNoArgs(a: Object) -> Object;
    fn PyObject_ClearWeakRefs(a: Object);
    fn PyObject_DelItem(a: Object, b: Object) -> c_int;
    fn PyObject_GenericGetAttr(a: Object, b: Object) -> Object;
    fn PyObject_GetAttr(a: Object, b: Object) -> Object;
    fn PyObject_GetBuffer(a: Object, b: *mut Py_buffer, c: c_int) -> c_int;
    fn PyObject_GetItem(a: Object, b: Object) -> Object;
    fn PyObject_GetIter(a: Object) -> Object;
    fn PyObject_IsInstance(a: Object, b: Object) -> c_int;
    fn PyObject_IsSubclass(a: Object, b: Object) -> c_int;
    fn PyObject_IsTrue(a: Object) -> c_int;
    fn PyObject_Repr(a: Object) -> Object;
    fn PyObject_RichCompare(a: Object, b: Object, c: c_int) -> Object;
    fn PyObject_SetAttr(a: Object, b: Object, c: Object) -> c_int;
    fn PyObject_SetAttrString(a: Object, b: *const c_char, c: Object) -> c_int;
    fn PyObject_SetItem(a: Object, b: Object, c: Object) -> c_int;
    fn PyObject_Size(a: Object) -> Py_ssize_t;
    fn PyObject_Str(a: Object) -> Object;
    fn PySet_Add(a: Object, b: Object) -> c_int;
    fn PySet_Discard(a: Object, b: Object) -> c_int;
    fn PySet_New(a: Object) -> Object;
    fn PyTraceBack_Print(a: Object, b: Object) -> c_int;
    fn PyTuple_New(a: Py_ssize_t) -> Object;
    fn PyType_FromSpec(a: *mut PyType_Spec) -> Object;
    fn PyUnicode_AsEncodedString(a: Object, b: *const c_char, c: *const c_char) -> Object;
    fn PyUnicode_AsUTF8AndSize(a: Object, b: *mut Py_ssize_t) -> *const c_char;
    fn PyUnicode_DecodeFSDefaultAndSize(a: *const c_char, b: Py_ssize_t) -> Object;
    fn PyUnicode_EncodeFSDefault(a: Object) -> Object;
    fn PyWeakref_NewRef(a: Object, b: Object) -> Object;
    fn _Py_DecRef(a: Object);
    // It takes any number of arguments; pyo3 gives none, and the end of them.
    fn PyObject_CallMethodObjArgs(a: Object, b: Object, end: Object) -> Object;
}

/// What makes the objects of our classes. pyo3 calls it by its address, which is none that the linker knows.
static OBJECT_NEW: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Gives the guard of what makes objects instead of that itself.
// SAFETY: nobody else has such a name.
#[unsafe(export_name = "__wrap_PyType_GetSlot")]
unsafe extern "C" fn slot_of(class: *mut PyTypeObject, slot: c_int) -> *mut c_void {
    unsafe extern "C" {
        #[link_name = "__real_PyType_GetSlot"]
        fn real(class: *mut PyTypeObject, slot: c_int) -> *mut c_void;
    }
    // SAFETY: whoever calls this keeps to what the interpreter asks for.
    let found = unsafe { real(class, slot) };
    if slot != ffi::Py_tp_new || class != &raw mut ffi::PyBaseObject_Type {
        return found;
    }
    OBJECT_NEW.store(found, Ordering::Relaxed);
    new_object as *mut c_void
}

unsafe extern "C" fn new_object(class: *mut PyTypeObject, arguments: Object, named: Object) -> Object {
    type New = unsafe extern "C-unwind" fn(*mut PyTypeObject, Object, Object) -> Object;
    // SAFETY: nobody has this function before what it calls is known, which is of this type.
    let real = unsafe { transmute::<*mut c_void, New>(OBJECT_NEW.load(Ordering::Relaxed)) };
    let unwound = Unwound;
    // SAFETY: whoever calls this keeps to what the interpreter asks for.
    let object = unsafe { real(class, arguments, named) };
    forget(unwound);
    object
}
