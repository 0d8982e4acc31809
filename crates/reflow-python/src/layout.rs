//! Where `CPython` keeps the members of its lists and dicts. Its stable interface gives them one by one, by a call each: for a
//! thousand of them that takes longer than everything else that is done with a packet. So they are read where they are, in
//! versions whose layout is known, after a look whether it is as known; elsewhere nothing here is used.

#![allow(unsafe_code, clippy::cast_ptr_alignment, reason = "memory of the interpreter is read, which aligns it")]

use std::num::NonZeroU64;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::once::{Once, intern};

/// Versions whose dicts have a number for each state that one of them was ever in (PEP 509).
const NUMBERED: std::ops::RangeInclusive<(u8, u8)> = (3, 11)..=(3, 13);
/// Versions that were looked at.
const KNOWN: std::ops::RangeInclusive<(u8, u8)> = (3, 11)..=(3, 14);

#[repr(C)]
struct Head {
    count: isize,
    class: *mut ffi::PyTypeObject,
}

#[repr(C)]
struct List {
    head: Head,
    len: isize,
    items: *const *mut ffi::PyObject,
}

#[repr(C)]
struct Dict {
    head: Head,
    len: isize,
    version: u64,
    keys: *const Keys,
    /// Where the values are, if other dicts have the same keys.
    values: *const (),
}

/// The table of a dict. Behind it are places in the entries, by hash, and behind these are the entries.
#[repr(C)]
struct Keys {
    count: isize,
    log2_places: u8,
    log2_bytes_of_places: u8,
    kind: u8,
    version: u32,
    room: isize,
    entries: isize,
}

/// What is said by the kind of a table: its keys are texts, and have their hashes with them.
const TEXTS: u8 = 1;

#[repr(C)]
struct Entry {
    hash: isize,
    key: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
}

#[repr(C)]
struct EntryOfText {
    key: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
}

/// Whether `is_it` holds for each value in an exact dict or list; `None` where that cannot be told in this way. `is_it` must run no
/// Python code, and gets live objects.
pub(crate) fn all(container: &Bound<'_, PyAny>, is_it: impl FnMut(*mut ffi::PyObject) -> bool) -> Option<bool> {
    if cfg!(Py_GIL_DISABLED) || !is_known(container.py()) {
        return None;
    }
    all_here(container, is_it)
}

/// The number of the state that an exact dict is in: as long as it is the same, so are its members. `None` where there are no such
/// numbers.
pub(crate) fn state(dict: &Bound<'_, PyAny>) -> Option<NonZeroU64> {
    static IS_NUMBERED: Once<bool> = Once::new();
    let py = dict.py();
    let is_numbered = || {
        let version = py.version_info();
        NUMBERED.contains(&(version.major, version.minor)) && is_known(py) && is_numbered(py).unwrap_or(false)
    };
    if cfg!(Py_GIL_DISABLED) || !dict.is_exact_instance_of::<PyDict>() || !*IS_NUMBERED.get_or_init(py, is_numbered) {
        return None;
    }
    NonZeroU64::new(number(dict))
}

fn number(dict: &Bound<'_, PyAny>) -> u64 {
    // SAFETY: the object is alive and of the class whose layout is read, in a version that has it.
    unsafe { (*dict.as_ptr().cast::<Dict>()).version }
}

/// Whether each change gives another number.
fn is_numbered(py: Python<'_>) -> PyResult<bool> {
    let states = py.import(intern!(py, "offbit_reflow._layout"))?.call_method0(intern!(py, "states"))?;
    let mut numbers = vec![0];
    for dict in states.try_iter()? {
        numbers.push(number(&dict?));
    }
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers.len() == count)
}

fn all_here(container: &Bound<'_, PyAny>, mut is_it: impl FnMut(*mut ffi::PyObject) -> bool) -> Option<bool> {
    // SAFETY: the object is alive and of the class whose layout is read, in a version that has it. This thread has the interpreter
    // lock, and nothing here gives it away.
    unsafe {
        if container.is_exact_instance_of::<PyList>() {
            let list = &*container.as_ptr().cast::<List>();
            return Some(slice(list.items, list.len).iter().all(|item| is_it(*item)));
        }
        if !container.is_exact_instance_of::<PyDict>() {
            return None;
        }
        let dict = &*container.as_ptr().cast::<Dict>();
        let keys = &*dict.keys;
        if !dict.values.is_null() || keys.kind > TEXTS {
            return None;
        }
        let entries = dict.keys.add(1).cast::<u8>().add(1 << keys.log2_bytes_of_places);
        // What was removed has left a place without a value.
        let mut is_it = |value: *mut ffi::PyObject| value.is_null() || is_it(value);
        Some(if keys.kind == TEXTS {
            slice(entries.cast::<EntryOfText>(), keys.entries).iter().all(|entry| is_it(entry.value))
        } else {
            slice(entries.cast::<Entry>(), keys.entries).iter().all(|entry| is_it(entry.value))
        })
    }
}

/// # Safety
/// So many of them are there, for as long as the answer is used.
unsafe fn slice<'a, T>(first: *const T, len: isize) -> &'a [T] {
    // Where there are none, there need not even be a place for them.
    // SAFETY: as said above.
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(first, len as usize) } }
}

/// Whether this interpreter has the layout above.
fn is_known(py: Python<'_>) -> bool {
    static IS_KNOWN: Once<bool> = Once::new();
    *IS_KNOWN.get_or_init(py, || {
        let version = py.version_info();
        cfg!(target_pointer_width = "64")
            && KNOWN.contains(&(version.major, version.minor))
            && is_as_known(py).unwrap_or(false)
    })
}

/// Looks at containers of all kinds, and compares with what is said to be in them.
fn is_as_known(py: Python<'_>) -> PyResult<bool> {
    let module = py.import(intern!(py, "offbit_reflow._layout"))?;
    if !module.getattr(intern!(py, "IS_CPYTHON"))?.is_truthy()? {
        return Ok(false);
    }
    for known in module.call_method0(intern!(py, "containers"))?.try_iter()? {
        let (container, values) = known?.extract::<(Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>)>()?;
        let mut read = Vec::new();
        let told = all_here(&container, |value| {
            read.push(value);
            true
        });
        if told.is_some() && !read.iter().copied().eq(values.iter().map(Bound::as_ptr)) {
            return Ok(false);
        }
    }
    Ok(true)
}
