//! Vectors, quaternions and matrices: the kinds of ports that carry them, and the arithmetic that families share.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use reflow_message::{Message, Object, PortType, Value};

use crate::kind::{PortKind, payload};

/// Column-major: the element of a row and a column is at `column * 4 + row`.
pub type Elements = [f64; 16];

/// The matrix that changes nothing.
pub const IDENTITY: Elements = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];

/// Lengths below are none.
pub const TINY: f64 = 1e-10;

/// The member names, made once: a result shares them.
static KEYS: LazyLock<[Arc<str>; 4]> = LazyLock::new(|| ["x", "y", "z", "w"].map(Into::into));

/// A vector `{x, y, z}`.
pub struct Vec3;

impl PortKind for Vec3 {
    type Value = [f64; 3];

    fn word() -> Cow<'static, str> {
        "vec3".into()
    }

    fn text() -> Cow<'static, str> {
        "an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number stands for all \
         three parts; anything else is the zero vector"
            .into()
    }

    fn made() -> Cow<'static, str> {
        "an Object `{x, y, z}` of Floats".into()
    }

    fn port_type() -> PortType {
        PortType::object("Vec3")
    }

    fn also() -> Vec<PortType> {
        vec![PortType::Float, PortType::array(PortType::Float)]
    }

    fn read(message: &Message) -> Option<[f64; 3]> {
        Some(match message {
            Message::Float(number) => [*number; 3],
            Message::Integer(number) => [*number as f64; 3],
            Message::Array(items) => elements(items),
            other => match payload(other) {
                Some(Value::Array(items)) => elements(items),
                Some(value @ Value::Object(_)) => ["x", "y", "z"].map(|key| member(value, key).unwrap_or(0.0)),
                Some(value) => [value.as_number().unwrap_or(0.0); 3],
                None => [0.0; 3],
            },
        })
    }

    fn make(value: [f64; 3]) -> Message {
        parts(value)
    }
}

/// A quaternion `{x, y, z, w}`.
pub struct Quaternion;

impl PortKind for Quaternion {
    type Value = [f64; 4];

    fn word() -> Cow<'static, str> {
        "quaternion".into()
    }

    fn text() -> Cow<'static, str> {
        "an Object `{x, y, z, w}` or a list of four numbers, with 0 for what is missing or no number; an Object that names \
         no part is the identity, anything else is all zero"
            .into()
    }

    fn made() -> Cow<'static, str> {
        "an Object `{x, y, z, w}` of Floats".into()
    }

    fn port_type() -> PortType {
        PortType::object("Quaternion")
    }

    fn also() -> Vec<PortType> {
        vec![PortType::array(PortType::Float)]
    }

    fn read(message: &Message) -> Option<[f64; 4]> {
        if let Message::Array(items) = message {
            return Some(elements(items));
        }
        Some(match payload(message) {
            Some(Value::Array(items)) => elements(items),
            Some(value @ Value::Object(members)) => {
                let names_none = KEYS.iter().all(|key| !members.contains_key(key));
                let w = if names_none { 1.0 } else { 0.0 };
                let part = |key| member(value, key).unwrap_or(0.0);
                [part("x"), part("y"), part("z"), member(value, "w").unwrap_or(w)]
            }
            _ => [0.0; 4],
        })
    }

    fn make(value: [f64; 4]) -> Message {
        parts(value)
    }
}

/// A 4×4 matrix, a list of 16 numbers by columns.
pub struct Matrix4;

impl PortKind for Matrix4 {
    type Value = Elements;

    fn word() -> Cow<'static, str> {
        "mat4".into()
    }

    fn text() -> Cow<'static, str> {
        "a list of 16 numbers, column by column, with 0 for what is missing or no number; anything else is the identity"
            .into()
    }

    fn made() -> Cow<'static, str> {
        "an Object message that carries a list of 16 Floats, column by column: a translation stands in elements 12, 13 and 14"
            .into()
    }

    fn port_type() -> PortType {
        PortType::object("Mat4")
    }

    fn also() -> Vec<PortType> {
        vec![PortType::array(PortType::Float)]
    }

    fn read(message: &Message) -> Option<Elements> {
        Some(match message {
            Message::Array(items) => elements(items),
            other => payload(other).and_then(Value::as_array).map_or(IDENTITY, elements),
        })
    }

    fn make(value: Elements) -> Message {
        Message::Object(Value::array(value))
    }
}

fn member(value: &Value, key: &str) -> Option<f64> {
    value.get(key)?.as_number()
}

fn elements<const N: usize>(items: &[Value]) -> [f64; N] {
    std::array::from_fn(|at| items.get(at).and_then(Value::as_number).unwrap_or(0.0))
}

/// A vector or a quaternion as an Object of Floats.
fn parts<const N: usize>(parts: [f64; N]) -> Message {
    let members: Object = KEYS.iter().cloned().zip(parts.map(Value::Float)).collect();
    Message::Object(members.into())
}

/// The rotation by an angle in degrees that turns the first of two axes towards the second.
pub fn rotation(angle: f64, [from, to]: [usize; 2]) -> Elements {
    let (sin, cos) = angle.to_radians().sin_cos();
    let mut matrix = IDENTITY;
    for (column, row, value) in [(from, from, cos), (from, to, sin), (to, from, -sin), (to, to, cos)] {
        matrix[column * 4 + row] = value;
    }
    matrix
}

/// The inner product.
pub fn dot<const N: usize>(a: [f64; N], b: [f64; N]) -> f64 {
    a.into_iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// The cross product.
pub fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The length, also of vectors whose squares would overflow or vanish.
pub fn length<const N: usize>(a: [f64; N]) -> f64 {
    let plain = dot(a, a).sqrt();
    if plain.is_finite() && plain > 1e-150 {
        return plain;
    }
    let largest = a.iter().fold(0.0_f64, |largest, part| largest.max(part.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return plain;
    }
    let scaled = a.map(|part| part / largest);
    dot(scaled, scaled).sqrt() * largest
}

/// `a` with length 1; `None` when it has next to none.
pub fn normalized<const N: usize>(a: [f64; N]) -> Option<[f64; N]> {
    let length = length(a);
    (length > TINY).then(|| a.map(|part| part / length))
}

/// Combines two vectors part by part.
pub fn zip<const N: usize>(a: [f64; N], b: [f64; N], combine: impl Fn(f64, f64) -> f64) -> [f64; N] {
    std::array::from_fn(|at| combine(a[at], b[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = [f64; 3]> {
        prop::array::uniform3(-1e3..1e3_f64)
    }

    proptest! {
        #[test]
        fn a_cross_product_is_orthogonal_to_its_factors(a in vectors(), b in vectors()) {
            let product = cross(a, b);
            let scale = length(a) * length(b) + 1.0;
            prop_assert!(dot(product, a).abs() <= 1e-9 * scale * (length(a) + 1.0));
            prop_assert!(dot(product, b).abs() <= 1e-9 * scale * (length(b) + 1.0));
            prop_assert_eq!(cross(b, a), product.map(|part| 0.0 - part));
        }

        #[test]
        fn normalized_vectors_have_length_one(a in prop::array::uniform3(-1e200..1e200_f64)) {
            prop_assume!(length(a) > 1.0);
            prop_assert!((length(normalized(a).unwrap()) - 1.0).abs() < 1e-12);
        }

        #[test]
        fn lengths_agree_with_hypot(x in -1e300..1e300_f64, y in -1e300..1e300_f64) {
            let expected = x.hypot(y);
            prop_assert!((length([x, y]) - expected).abs() <= expected * 1e-12);
        }
    }
}
