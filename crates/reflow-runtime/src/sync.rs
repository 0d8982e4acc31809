//! The primitives that hand-made concurrency is built on, named in one place so that a model checker can take theirs.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) use parking_lot::Mutex;
