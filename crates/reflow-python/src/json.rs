//! Python data as JSON-shaped data, and back. Neither way recurses: legal depth fits the stack of any thread.

use std::sync::Arc;

use crate::once::{Once, intern};
use crate::references;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyIterator, PyList, PyMapping, PyRange,
    PySequence, PySet, PyString, PyTuple, PyType,
};
use reflow_runtime::{MAX_DEPTH, Object, SharedArray, Value, ValueError, max_bytes};
use rustc_hash::FxHashMap;

use crate::classes;
use crate::convert;
use crate::errors::ConversionError;

/// What a scalar counts as, beside its text, against the limit of a conversion, and what a container does: about the memory that
/// they take.
const SCALAR: u64 = 16;
const CONTAINER: u64 = 80;

/// Python data as JSON-shaped data.
///
/// # Errors
/// Says where in the data something has no JSON form, and what it is.
pub(crate) fn to_value(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    Reader { open: Vec::new(), bytes: 0, shared: FxHashMap::default() }.read(object)
}

/// Reads one piece of data.
struct Reader<'py> {
    /// The containers around the value that is being read, the outermost first.
    open: Vec<Container<'py>>,
    bytes: u64,
    /// Containers that may occur in several places, by their addresses, and what they have become: that is made once.
    shared: FxHashMap<usize, (Bound<'py, PyAny>, Value)>,
}

/// A container that is being read.
struct Container<'py> {
    left: Left<'py>,
    made: Made,
    /// The object itself, if it may occur in other places, too.
    shared: Option<Bound<'py, PyAny>>,
}

/// What is left of it.
enum Left<'py> {
    Items(Bound<'py, PyIterator>),
    List(Bound<'py, PyList>, usize),
    Members(std::vec::IntoIter<(Bound<'py, PyAny>, Bound<'py, PyAny>)>),
}

/// What it has become so far, and for members the key of the next.
enum Made {
    Items(Vec<Value>),
    Members(Object, Arc<str>),
}

/// What a Python object is.
enum Read<'py> {
    Scalar(Value),
    Container(Container<'py>),
}

impl<'py> Reader<'py> {
    fn read(mut self, object: &Bound<'py, PyAny>) -> PyResult<Value> {
        let mut object = object.clone();
        loop {
            let mut value = match self.one(&object)? {
                Read::Scalar(value) => value,
                Read::Container(container) => {
                    self.nest(1)?;
                    self.open.push(container);
                    match self.next()? {
                        Some(inner) => {
                            object = inner;
                            continue;
                        }
                        None => self.close(),
                    }
                }
            };
            // The value goes into the container around it, which may be complete now, and so on.
            loop {
                let Some(container) = self.open.last_mut() else { return Ok(value) };
                match &mut container.made {
                    Made::Items(items) => items.push(value),
                    Made::Members(members, key) => {
                        members.insert(std::mem::take(key), value);
                    }
                }
                match self.next()? {
                    Some(inner) => {
                        object = inner;
                        break;
                    }
                    None => value = self.close(),
                }
            }
        }
    }

    /// The next value of the innermost container.
    fn next(&mut self) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(container) = self.open.last_mut() else { return Ok(None) };
        match &mut container.left {
            Left::Items(items) => items.next().transpose(),
            Left::List(list, at) => {
                *at += 1;
                // It may have become shorter meanwhile: conversions run code of their own.
                Ok(if *at <= list.len() { Some(list.get_item(*at - 1)?) } else { None })
            }
            Left::Members(pairs) => {
                let Some((key, value)) = pairs.next() else { return Ok(None) };
                let Ok(text) = key.cast::<PyString>() else {
                    // The path leads to the mapping, not into it.
                    self.open.pop();
                    let found = type_name(&key);
                    return Err(self.refusal(&format!("the keys of a mapping must be str, got {found}")));
                };
                let name = text_of(&key, text)?;
                self.charge(SCALAR + name.len() as u64)?;
                if let Some(Container { made: Made::Members(_, key), .. }) = self.open.last_mut() {
                    *key = name;
                }
                Ok(Some(value))
            }
        }
    }

    /// The innermost container, which is complete.
    fn close(&mut self) -> Value {
        let Some(container) = self.open.pop() else { return Value::Null };
        let value: Value = match container.made {
            Made::Items(items) => items.into(),
            Made::Members(members, _) => members.into(),
        };
        if let Some(object) = container.shared {
            self.shared.insert(object.as_ptr() as usize, (object, value.clone()));
        }
        value
    }

    /// Refuses so many levels more where that would be too many.
    fn nest(&self, levels: usize) -> PyResult<()> {
        if self.open.len() + levels > MAX_DEPTH {
            return Err(ConversionError::new_err(format!(
                "python → json: nested more than {MAX_DEPTH} levels deep (or a container that holds itself)"
            )));
        }
        Ok(())
    }

    fn charge(&mut self, bytes: u64) -> PyResult<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        let limit = max_bytes();
        if self.bytes > limit {
            return Err(refused(ValueError::TooLarge { bytes: self.bytes, limit }));
        }
        Ok(())
    }

    fn one(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Read<'py>> {
        let value = if let Ok(text) = object.cast::<PyString>() {
            let text = text_of(object, text)?;
            self.charge(SCALAR + text.len() as u64)?;
            return Ok(Read::Scalar(Value::String(text)));
        } else if let Ok(boolean) = object.cast_exact::<PyBool>() {
            Value::Boolean(boolean.is_true())
        } else if object.is_instance_of::<PyInt>() {
            integer(object).ok_or_else(|| self.refusal("an integer must be from -2**63 to 2**64-1"))?
        } else if let Ok(float) = object.cast::<PyFloat>() {
            Value::Float(float.value())
        } else if object.is_none() {
            Value::Null
        } else {
            if let Some((_, value)) = self.shared.get(&(object.as_ptr() as usize)) {
                // In each of its places it counts in full, as wherever it is written out.
                let value = value.clone();
                self.nest(value.depth())?;
                self.charge(value.bytes())?;
                return Ok(Read::Scalar(value));
            }
            // Beside this reference there is one of the container around it.
            let shared = (references::count(object) > 2).then(|| object.clone());
            let read = match object.cast::<PyList>() {
                Ok(list) => container(Left::List(list.clone(), 0), Made::Items(Vec::with_capacity(list.len()))),
                Err(_) => self.other(object)?,
            };
            return match read {
                Read::Container(container) => {
                    self.charge(CONTAINER)?;
                    Ok(Read::Container(Container { shared, ..container }))
                }
                scalar @ Read::Scalar(_) => Ok(scalar),
            };
        };
        self.charge(SCALAR)?;
        Ok(Read::Scalar(value))
    }

    /// What is neither a scalar nor a list.
    fn other(&mut self, object: &Bound<'py, PyAny>) -> PyResult<Read<'py>> {
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            // Taken out first: converting a value may run code that changes the dict.
            return Ok(members(convert::pairs_of(dict).into_vec()));
        }
        if is_known_sequence(object)? {
            return items(object);
        }
        if classes::is_mapping(object) {
            let items = object.get_type().getattr(intern!(object.py(), "items"))?.call1((object,))?;
            return Ok(members(items.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?));
        }
        if !classes::may_convert(object) {
            return Err(self.has_no_form(object));
        }
        // From here on it may say itself that it is of another class.
        let is_raw = object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyByteArray>();
        if !is_raw && object.cast::<PySequence>().is_ok() {
            return items(object);
        }
        if let Ok(mapping) = object.cast::<PyMapping>() {
            return Ok(members(mapping.items()?.iter().map(|pair| pair.extract()).collect::<PyResult<_>>()?));
        }
        if object.hasattr("dtype")? && object.hasattr("item")? && !object.hasattr("__len__")? {
            // A NumPy scalar stands for its Python value.
            let plain = object.call_method0("item")?;
            // That has one itself only if it is none of NumPy's.
            if !plain.hasattr("item")? {
                return self.one(&plain);
            }
        }
        if object.hasattr("__index__")?
            && let Ok(integer) = object.extract::<i64>()
        {
            self.charge(SCALAR)?;
            return Ok(Read::Scalar(Value::Integer(integer)));
        }
        Err(self.has_no_form(object))
    }

    fn has_no_form(&self, object: &Bound<'_, PyAny>) -> PyErr {
        self.refusal(&format!(
            "a value of type {} has no JSON form; use None, bool, int, float, str, list, tuple, set or dict",
            type_name(object)
        ))
    }

    /// An error that says where in the data it came up.
    fn refusal(&self, problem: &str) -> PyErr {
        let step = |container: &Container<'_>| match &container.made {
            Made::Items(items) => format!("[{}]", items.len()),
            Made::Members(_, key) => format!("[{:?}]", &**key),
        };
        let path: String = self.open.iter().map(step).collect();
        let place = if path.is_empty() { String::new() } else { format!("at {path}: ") };
        ConversionError::new_err(format!("python → json: {place}{problem}"))
    }
}

fn items<'py>(object: &Bound<'py, PyAny>) -> PyResult<Read<'py>> {
    Ok(container(Left::Items(object.try_iter()?), Made::Items(Vec::new())))
}

fn members<'py>(pairs: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>) -> Read<'py> {
    container(Left::Members(pairs.into_iter()), Made::Members(Object::new(), Arc::default()))
}

fn container(left: Left<'_>, made: Made) -> Read<'_> {
    Read::Container(Container { left, made, shared: None })
}

fn refused(error: ValueError) -> PyErr {
    ConversionError::new_err(format!("python → json: {error}"))
}

/// The name of the object's class, with its module where that is not the language itself.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    let class = object.get_type();
    class.fully_qualified_name().or_else(|_| class.name()).map_or_else(|_| "?".into(), |name| name.to_string())
}

fn integer(object: &Bound<'_, PyAny>) -> Option<Value> {
    object.extract::<i64>().map(Value::Integer).or_else(|_| object.extract::<u64>().map(Value::from)).ok()
}

fn text_of(object: &Bound<'_, PyAny>, text: &Bound<'_, PyString>) -> PyResult<Arc<str>> {
    if object.is_exact_instance_of::<PyString>() {
        return Ok(text.to_str()?.into());
    }
    // A str-based enum stands for its value.
    if classes::derives(object, enum_type(object.py())?)
        && let Ok(value) = object.getattr("value")
        && value.is_instance_of::<PyString>()
    {
        return Ok(value.extract::<String>()?.into());
    }
    Ok(text.to_str()?.into())
}

fn is_known_sequence(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.is_instance_of::<PyTuple>()
        || object.is_instance_of::<PySet>()
        || object.is_instance_of::<PyFrozenSet>()
        || object.is_instance_of::<PyRange>()
        || classes::derives(object, deque_type(object.py())?))
}

pub(crate) fn deque_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DEQUE: Once<Py<PyType>> = Once::new();
    DEQUE.import(py, "collections", "deque")
}

fn enum_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static ENUM: Once<Py<PyType>> = Once::new();
    ENUM.import(py, "enum", "Enum")
}

/// What becomes of NaN and infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotFinite {
    /// They stay.
    Kept,
    /// They are `None`, as JSON has none.
    None,
}

/// JSON-shaped data as plain Python objects.
pub(crate) fn value_to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    write(py, value, NotFinite::Kept)
}

/// The items of an Array message as a list.
pub(crate) fn items_to_python<'py>(py: Python<'py>, items: &SharedArray) -> PyResult<Bound<'py, PyAny>> {
    value_to_python(py, &Value::Array(items.clone()))
}

/// A container that is being made, and what is left of its contents.
enum Open<'v, 'py> {
    List(std::slice::Iter<'v, Value>, Bound<'py, PyList>),
    Dict(std::collections::btree_map::Iter<'v, Arc<str>, Value>, Bound<'py, PyDict>, &'v str),
}

/// JSON-shaped data as plain Python objects.
pub(crate) fn write<'py>(py: Python<'py>, value: &Value, not_finite: NotFinite) -> PyResult<Bound<'py, PyAny>> {
    value.check().map_err(|error| ConversionError::new_err(format!("json → python: {error}")))?;
    let mut open: Vec<Open<'_, 'py>> = Vec::new();
    let mut value = value;
    loop {
        let mut made = match value {
            Value::Null => py.None().into_bound(py),
            Value::Boolean(value) => PyBool::new(py, *value).to_owned().into_any(),
            Value::Integer(value) => value.into_pyobject(py)?.into_any(),
            Value::Unsigned(value) => value.into_pyobject(py)?.into_any(),
            Value::Float(value) if !value.is_finite() && not_finite == NotFinite::None => py.None().into_bound(py),
            Value::Float(value) => PyFloat::new(py, *value).into_any(),
            Value::String(text) => PyString::new(py, text).into_any(),
            Value::Array(items) => {
                let (mut items, list) = (items.iter(), PyList::empty(py));
                if let Some(first) = items.next() {
                    value = first;
                    open.push(Open::List(items, list));
                    continue;
                }
                list.into_any()
            }
            Value::Object(members) => {
                let (mut members, dict) = (members.iter(), PyDict::new(py));
                if let Some((key, first)) = members.next() {
                    value = first;
                    open.push(Open::Dict(members, dict, key));
                    continue;
                }
                dict.into_any()
            }
        };
        // What was made goes into the container around it, which may be complete now, and so on.
        value = loop {
            let next = match open.last_mut() {
                None => return Ok(made),
                Some(Open::List(items, list)) => {
                    list.append(made)?;
                    items.next()
                }
                Some(Open::Dict(members, dict, key)) => {
                    dict.set_item(PyString::new(py, key), made)?;
                    members.next().map(|(next, value)| {
                        *key = next;
                        value
                    })
                }
            };
            if let Some(next) = next {
                break next;
            }
            made = match open.pop() {
                Some(Open::List(_, list)) => list.into_any(),
                Some(Open::Dict(_, dict, _)) => dict.into_any(),
                None => return Ok(py.None().into_bound(py)),
            };
        };
    }
}
