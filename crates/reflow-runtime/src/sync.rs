//! The primitives that hand-made concurrency is built on, named in one place so that a model checker can take theirs.

pub(crate) use std::sync::Arc;

#[cfg(not(all(test, feature = "model-checker")))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(not(all(test, feature = "model-checker")))]
pub(crate) use parking_lot::Mutex;

#[cfg(all(test, feature = "model-checker"))]
pub(crate) use self::modelled::Mutex;
#[cfg(all(test, feature = "model-checker"))]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(all(test, feature = "model-checker"))]
mod modelled {
    /// Loom's mutex, locked as `parking_lot`'s is.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("a model has no panics to poison it")
        }
    }
}
