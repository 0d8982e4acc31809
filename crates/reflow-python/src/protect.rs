//! Containers that travel are protected: what one side changes later, the other does not see. Whoever still holds a container
//! when it is sent keeps it, and a copy travels; a container that nobody else holds travels itself. Everything in containers
//! that is none itself travels by reference.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyList, PySet, PyTuple, PyType};
use reflow_runtime::MAX_DEPTH;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::borrowed::{self, Form};
use crate::classes;
use crate::errors::ConversionError;
use crate::json::deque_type;

/// Who holds a value that is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held {
    /// Perhaps others, too.
    ByOthers,
    /// As many references as this are the runtime's own.
    ByUs(isize),
}

impl Held {
    /// Whether nobody else can change the object.
    pub(crate) fn exclusively(self, object: &Bound<'_, PyAny>) -> bool {
        match self {
            // Without an interpreter lock, counts do not tell.
            Self::ByUs(ours) => {
                cfg!(not(Py_GIL_DISABLED))
                    && crate::references::count(object) <= ours
                    && !crate::references::is_reached_weakly(object)
            }
            Self::ByOthers => false,
        }
    }
}

/// The container to send for `object`: itself, or a copy; `None` for what is no container.
pub(crate) fn protected<'py>(object: &Bound<'py, PyAny>, held: Held) -> PyResult<Option<Bound<'py, PyAny>>> {
    let form = borrowed::form(object);
    if form == Form::Leaf {
        return Ok(None);
    }
    let mut work = Work {
        open: Vec::new(),
        around: FxHashSet::default(),
        copies: FxHashMap::default(),
        tuples: FxHashMap::default(),
    };
    let exclusive = held.exclusively(object);
    let root = match form {
        Form::Tuple => work.tuple(object.cast()?, 1, exclusive)?.unwrap_or_else(|| object.clone()),
        _ if exclusive => {
            work.enter(object, object, form, 1);
            object.clone()
        }
        _ => work.copy(object, form, 1)?,
    };
    work.run()?;
    Ok(Some(root))
}

/// A copy of `object`, if it is a container.
pub(crate) fn copied<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(protected(object, Held::ByOthers)?.unwrap_or_else(|| object.clone()))
}

/// What a container was, so that its address is nobody else's meanwhile, and what it became.
type Copied<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

enum Step<'py> {
    /// Look at the contents of a container of our own.
    Enter { container: Bound<'py, PyAny>, form: Form, depth: usize, address: usize },
    /// Everything inside of it was looked at.
    Leave(usize),
}

struct Work<'py> {
    /// What is still to be done, the innermost last.
    open: Vec<Step<'py>>,
    /// The containers around the one that is being looked at, by the addresses that they had.
    around: FxHashSet<usize>,
    /// What was copied, by address: what occurs twice, or inside of itself, does so in the copy.
    copies: FxHashMap<usize, Copied<'py>>,
    /// The same for tuples; `None` for those that may stay.
    tuples: FxHashMap<usize, (Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>)>,
}

impl<'py> Work<'py> {
    fn run(&mut self) -> PyResult<()> {
        while let Some(step) = self.open.pop() {
            let (container, form, depth) = match step {
                Step::Enter { container, form, depth, address } => {
                    self.around.insert(address);
                    self.open.push(Step::Leave(address));
                    (container, form, depth)
                }
                Step::Leave(address) => {
                    self.around.remove(&address);
                    continue;
                }
            };
            match form {
                Form::Dict | Form::DictLike => {
                    let dict = container.cast::<PyDict>()?;
                    for (key, value) in borrowed::containers_in_dict(dict) {
                        // The container and this pair.
                        if let Some(own) = self.own(&value, depth + 1, 2)? {
                            borrowed::set_in_dict(dict, &key, &own)?;
                        }
                    }
                }
                Form::List | Form::ListLike => {
                    let list = container.cast::<PyList>()?;
                    for (at, value) in borrowed::containers_in_list(list) {
                        if let Some(own) = self.own(&value, depth + 1, 2)? {
                            borrowed::set_in_list(list, at, &own)?;
                        }
                    }
                }
                Form::Deque => self.deque(&container, depth)?,
                // What can be in a set cannot be changed, nor can a byte.
                Form::Set | Form::ByteArray | Form::Tuple | Form::Leaf => {}
            }
        }
        Ok(())
    }

    fn enter(&mut self, container: &Bound<'py, PyAny>, original: &Bound<'py, PyAny>, form: Form, depth: usize) {
        if matches!(form, Form::Dict | Form::List) && borrowed::holds_only_leaves(container) {
            return;
        }
        let address = original.as_ptr() as usize;
        self.open.push(Step::Enter { container: container.clone(), form, depth, address });
    }

    fn deque(&mut self, deque: &Bound<'py, PyAny>, depth: usize) -> PyResult<()> {
        let list = deque.py().get_type::<PyList>().call1((deque,))?.cast_into::<PyList>()?;
        let mut changed = false;
        for (at, value) in borrowed::containers_in_list(&list) {
            // The deque, the list and this pair.
            if let Some(own) = self.own(&value, depth + 1, 3)? {
                borrowed::set_in_list(&list, at, &own)?;
                changed = true;
            }
        }
        if changed {
            let class = deque_type(deque.py())?;
            class.call_method1("clear", (deque,))?;
            class.call_method1("extend", (deque, list))?;
        }
        Ok(())
    }

    /// What stands for a container inside of another one, if that is not itself.
    fn own(&mut self, value: &Bound<'py, PyAny>, depth: usize, ours: isize) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.around.contains(&(value.as_ptr() as usize)) {
            return Err(ConversionError::new_err("a value holds itself; send it by reference, as Message.any(value)"));
        }
        let form = borrowed::form(value);
        let exclusive = Held::ByUs(ours).exclusively(value);
        match form {
            Form::Tuple => self.tuple(value.cast()?, depth, exclusive),
            _ if exclusive => {
                check(depth)?;
                self.enter(value, value, form, depth);
                Ok(None)
            }
            _ => self.copy(value, form, depth).map(Some),
        }
    }

    /// A copy whose contents are still those of the original.
    fn copy(&mut self, value: &Bound<'py, PyAny>, form: Form, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        let address = value.as_ptr() as usize;
        if let Some((_, copy)) = self.copies.get(&address) {
            return Ok(copy.clone());
        }
        check(depth)?;
        let py = value.py();
        let copy = match form {
            Form::Dict => borrowed::copy_of_dict(value.cast()?)?,
            Form::List => {
                let list = value.cast::<PyList>()?;
                list.get_slice(0, list.len()).into_any()
            }
            Form::Set if value.is_exact_instance_of::<PySet>() => value.call_method0("copy")?,
            Form::ByteArray if value.is_exact_instance_of::<PyByteArray>() => {
                PyByteArray::new(py, &value.cast::<PyByteArray>()?.to_vec()).into_any()
            }
            // Its own class knows how; one that does not, or gives itself, is passed by reference.
            _ => match py.import("copy")?.call_method1("copy", (value,)) {
                Ok(copy) if borrowed::form(&copy) != Form::Leaf && !copy.is(value) => copy,
                _ => return Ok(value.clone()),
            },
        };
        self.copies.insert(address, (value.clone(), copy.clone()));
        self.enter(&copy, value, borrowed::form(&copy), depth);
        Ok(copy)
    }

    /// What stands for a tuple, if that is not itself: one whose containers are our own.
    fn tuple(
        &mut self,
        tuple: &Bound<'py, PyTuple>,
        depth: usize,
        exclusive: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Tuples in tuples in tuples take no stack: the innermost is the last.
        let mut open: Vec<OpenTuple<'py>> = Vec::new();
        let mut next = OpenTuple::new(tuple, depth, exclusive);
        loop {
            if self.known_tuple(&next.tuple).is_none() {
                check(next.depth)?;
                if let Some(inner) = self.look_into(&mut next)? {
                    open.push(std::mem::replace(&mut next, inner));
                    continue;
                }
                let new = if next.own.is_empty() { None } else { Some(remade(&next.tuple, &next.own)?) };
                self.tuples.insert(next.tuple.as_ptr() as usize, (next.tuple, new));
            }
            match open.pop() {
                Some(outer) => next = outer,
                None => return Ok(self.known_tuple(tuple).flatten()),
            }
        }
    }

    /// What became of a tuple that was looked at: `None` in it if it may stay.
    fn known_tuple(&self, tuple: &Bound<'py, PyTuple>) -> Option<Option<Bound<'py, PyAny>>> {
        self.tuples.get(&(tuple.as_ptr() as usize)).map(|(_, new)| new.clone())
    }

    /// Looks at the items that are left, up to a tuple that has to be looked at before.
    fn look_into(&mut self, open: &mut OpenTuple<'py>) -> PyResult<Option<OpenTuple<'py>>> {
        // The tuple and this item.
        let ours = if open.exclusive { 2 } else { 0 };
        while open.at < open.tuple.len() {
            let item = open.tuple.get_item(open.at)?;
            let own = match (borrowed::form(&item), item.cast::<PyTuple>()) {
                (Form::Leaf, _) => None,
                (Form::Tuple, Ok(tuple)) => match self.known_tuple(tuple) {
                    Some(known) => known,
                    None => {
                        let exclusive = Held::ByUs(ours).exclusively(&item);
                        return Ok(Some(OpenTuple::new(tuple, open.depth + 1, exclusive)));
                    }
                },
                _ => self.own(&item, open.depth + 1, ours)?,
            };
            open.own.extend(own.map(|own| (open.at, own)));
            open.at += 1;
        }
        Ok(None)
    }
}

/// A tuple whose items are being looked at.
struct OpenTuple<'py> {
    tuple: Bound<'py, PyTuple>,
    depth: usize,
    /// Whether nobody else holds it.
    exclusive: bool,
    /// The item that is next.
    at: usize,
    /// What stands for items before that, where it is not themselves.
    own: Vec<(usize, Bound<'py, PyAny>)>,
}

impl<'py> OpenTuple<'py> {
    fn new(tuple: &Bound<'py, PyTuple>, depth: usize, exclusive: bool) -> Self {
        Self { tuple: tuple.clone(), depth, exclusive, at: 0, own: Vec::new() }
    }
}

/// A tuple of the same class with other items in some places.
fn remade<'py>(tuple: &Bound<'py, PyTuple>, own: &[(usize, Bound<'py, PyAny>)]) -> PyResult<Bound<'py, PyAny>> {
    let py = tuple.py();
    let mut items: Vec<_> = tuple.iter().collect();
    own.iter().for_each(|(at, own)| items[*at] = own.clone());
    let plain = PyTuple::new(py, items)?;
    if tuple.is_exact_instance_of::<PyTuple>() {
        return Ok(plain.into_any());
    }
    let base: Bound<'py, PyType> = py.get_type::<PyTuple>();
    let new = base.call_method1("__new__", (tuple.get_type(), plain))?;
    if let (Some(old), Some(own)) = (classes::members(tuple), classes::members(&new)) {
        own.update(old.as_mapping())?;
    }
    Ok(new)
}

fn check(depth: usize) -> PyResult<()> {
    if depth > MAX_DEPTH {
        return Err(ConversionError::new_err(format!("a value is nested more than {MAX_DEPTH} levels deep")));
    }
    Ok(())
}
