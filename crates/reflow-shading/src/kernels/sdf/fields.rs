//! Fields of nodes: how each kind of field is read from JSON and written to it.

use glam::{UVec3, Vec3};
use reflow_message::Value;

/// A kind of field.
pub(crate) trait Field: Sized {
    /// What a field of this kind is, for people.
    const EXPECTED: &'static str;

    /// The field that `value` stands for; `None` when it is none.
    fn read(value: &Value) -> Option<Self>;

    /// The normal form: numbers are rounded to `f32`.
    fn write(&self) -> Value;
}

impl Field for f32 {
    const EXPECTED: &'static str = "a finite number of 32 bits";

    fn read(value: &Value) -> Option<Self> {
        value.as_number().map(|number| number as Self).filter(|number| number.is_finite())
    }

    fn write(&self) -> Value {
        f64::from(*self).into()
    }
}

impl Field for Vec3 {
    const EXPECTED: &'static str = "a list of 3 finite numbers of 32 bits";

    fn read(value: &Value) -> Option<Self> {
        let [x, y, z] = value.as_array()? else { return None };
        Some(Self::new(f32::read(x)?, f32::read(y)?, f32::read(z)?))
    }

    fn write(&self) -> Value {
        Value::array(self.to_array().map(|number| number.write()))
    }
}

impl Field for u32 {
    const EXPECTED: &'static str = "a whole number of at least 0";

    fn read(value: &Value) -> Option<Self> {
        value.as_integer().and_then(|number| number.try_into().ok())
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Field for UVec3 {
    const EXPECTED: &'static str = "a list of 3 whole numbers of at least 0";

    fn read(value: &Value) -> Option<Self> {
        let [x, y, z] = value.as_array()? else { return None };
        Some(Self::new(u32::read(x)?, u32::read(y)?, u32::read(z)?))
    }

    fn write(&self) -> Value {
        Value::array(self.to_array())
    }
}

impl Field for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &Value) -> Option<Self> {
        value.as_boolean()
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Field for String {
    const EXPECTED: &'static str = "a text";

    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(Into::into)
    }

    fn write(&self) -> Value {
        self.as_str().into()
    }
}

impl<F: Field> Field for Vec<F> {
    const EXPECTED: &'static str = "a list whose items fit";

    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(F::read).collect()
    }

    fn write(&self) -> Value {
        Value::array(self.iter().map(Field::write))
    }
}

/// A field that may be left out, or be null.
impl<F: Field> Field for Option<F> {
    const EXPECTED: &'static str = F::EXPECTED;

    fn read(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { F::read(value).map(Some) }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::write)
    }
}
