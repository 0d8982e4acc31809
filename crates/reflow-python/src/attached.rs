//! `Attached`: state that only threads attached to the interpreter touch. Where there is an interpreter lock, that is all the
//! locking it needs, which matters for state that every tick touches several times; elsewhere it has a lock of its own.

#[cfg(Py_GIL_DISABLED)]
use std::sync::PoisonError;

use pyo3::gc::PyVisit;
use pyo3::prelude::*;

#[cfg(not(Py_GIL_DISABLED))]
type Cell<T> = std::cell::RefCell<T>;
#[cfg(Py_GIL_DISABLED)]
type Cell<T> = std::sync::Mutex<T>;

/// A value for attached threads.
pub(crate) struct Attached<T>(Cell<T>);

// SAFETY: `lock` asks for proof that the thread is attached, and the guard lives no longer than the proof and stays on its
// thread. The interpreter lock then keeps every other thread out, from the look at the borrow flag to its reset; a thread
// that comes in while the holder is detached finds the flag set and goes no further.
#[cfg(not(Py_GIL_DISABLED))]
#[allow(unsafe_code, reason = "the interpreter lock is the lock of this value, which the compiler cannot know")]
unsafe impl<T: Send> Sync for Attached<T> {}

impl<T> Attached<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    /// The value. Run no Python code while it is held, not even by dropping an object: that code may want it, too.
    #[cfg(not(Py_GIL_DISABLED))]
    pub(crate) fn lock<'a>(&'a self, _py: Python<'a>) -> impl std::ops::DerefMut<Target = T> + 'a {
        self.0.borrow_mut()
    }

    /// The value. Run no Python code while it is held, not even by dropping an object: that code may want it, too. Who waits for it is
    /// detached meanwhile: the garbage collector stops all who are attached, also who holds it and makes an object.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) fn lock<'a>(&'a self, py: Python<'a>) -> impl std::ops::DerefMut<Target = T> + 'a {
        pyo3::sync::MutexExt::lock_py_attached(&self.0, py).unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, for the garbage collector; `None` while it is held.
    pub(crate) fn seen_by<'a>(&'a self, _collector: &'a PyVisit<'_>) -> Option<impl std::ops::Deref<Target = T> + 'a> {
        // The collector runs on an attached thread, while no other one runs Python code.
        #[cfg(not(Py_GIL_DISABLED))]
        return self.0.try_borrow().ok();
        #[cfg(Py_GIL_DISABLED)]
        return self.0.try_lock().ok();
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        #[cfg(not(Py_GIL_DISABLED))]
        return self.0.get_mut();
        #[cfg(Py_GIL_DISABLED)]
        return self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
    }
}
