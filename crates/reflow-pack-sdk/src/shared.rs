//! What the nodes of a process share: a device, an event loop, a client, a model. The last node to let go frees it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One value for all nodes of the process, made when the first one asks and freed when the last one has let go.
///
/// ```
/// use reflow_pack_sdk::Shared;
///
/// static DEVICE: Shared<String> = Shared::new();
///
/// let one = DEVICE.get(|| Ok::<_, ()>("gpu".to_string()))?;
/// let other = DEVICE.get(|| Err(()))?;
/// assert!(std::sync::Arc::ptr_eq(&one, &other));
/// drop((one, other));
/// assert!(DEVICE.get(|| Err(())).is_err());
/// # Ok::<_, ()>(())
/// ```
#[derive(Debug)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The value; `make` makes it if nobody has it. Others who ask meanwhile wait.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        get(&mut lock(&self.0), make)
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// One value for each key, as [`Shared`] is one for all.
#[derive(Debug)]
pub struct SharedMap<K, T>(Mutex<Option<HashMap<K, Weak<T>>>>);

impl<K: Eq + Hash, T> SharedMap<K, T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The value of a key; `make` makes it if nobody has it. Others who ask meanwhile, for whatever key, wait.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get<E>(&self, key: K, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut values = lock(&self.0);
        let values = values.get_or_insert_default();
        values.retain(|_, value| value.strong_count() > 0);
        get(values.entry(key).or_default(), make)
    }
}

impl<K: Eq + Hash, T> Default for SharedMap<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

fn get<T, E>(place: &mut Weak<T>, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
    if let Some(value) = place.upgrade() {
        return Ok(value);
    }
    let value = Arc::new(make()?);
    *place = Arc::downgrade(&value);
    Ok(value)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A maker that panicked has left the place as it was.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_one_value_until_nobody_has_it() {
        let map = SharedMap::new();
        let make = |value| move || Ok::<_, ()>(value);
        let one = map.get("a", make(1)).unwrap();
        assert_eq!(*map.get("a", make(2)).unwrap(), 1);
        assert_eq!(*map.get("b", make(3)).unwrap(), 3);
        drop(one);
        assert_eq!(*map.get("a", make(4)).unwrap(), 4);
        assert_eq!(map.get("c", || Err::<i32, _>("no")), Err("no"));
    }
}
