//! Vectors, quaternions and matrices: how they are read off messages and how they are sent.

use std::sync::{Arc, LazyLock};

use reflow_runtime::{Failure, Message, Object, Tick, Value};

use crate::prelude::Report;
use crate::read;

/// `x`, `y`, `z`.
pub(super) type Vec3 = [f64; 3];

/// `x`, `y`, `z`, `w`.
pub(super) type Quaternion = [f64; 4];

/// Column-major: the element of a row and a column is at `column * 4 + row`.
pub(super) type Matrix = [f64; 16];

pub(super) const IDENTITY: Matrix = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];

/// The rotation by an angle in degrees that turns the first of two axes towards the second.
pub(super) fn rotation(angle: f64, [from, to]: [usize; 2]) -> Matrix {
    let (sin, cos) = angle.to_radians().sin_cos();
    let mut matrix = IDENTITY;
    for (column, row, value) in [(from, from, cos), (from, to, sin), (to, from, -sin), (to, to, cos)] {
        matrix[column * 4 + row] = value;
    }
    matrix
}

/// Lengths below are none.
pub(super) const TINY: f64 = 1e-10;

/// What is said of infinities and NaN.
pub(super) const NOT_FINITE: &str = "Result is not a finite number";

/// The member names, made once: a result shares them.
static KEYS: LazyLock<[Arc<str>; 4]> = LazyLock::new(|| ["x", "y", "z", "w"].map(Into::into));

/// The vector on an inport: an object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; one
/// number for all three; anything else is the zero vector.
pub(super) fn vec3(tick: &Tick<'_>, port: usize) -> Vec3 {
    tick.input(port).map_or([0.0; 3], vec3_of)
}

/// The vector that a message stands for.
pub(super) fn vec3_of(message: &Message) -> Vec3 {
    match message {
        Message::Float(number) => [*number; 3],
        Message::Integer(number) => [*number as f64; 3],
        Message::Array(items) => elements(items),
        other => match read::payload(other) {
            Some(Value::Array(items)) => elements(items),
            Some(value @ Value::Object(_)) => ["x", "y", "z"].map(|key| member(value, key).unwrap_or(0.0)),
            Some(value) => [value.as_number().unwrap_or(0.0); 3],
            None => [0.0; 3],
        },
    }
}

/// The quaternion on an inport: an object `{x, y, z, w}` or a list of four numbers, with 0 for what is missing or no
/// number. An object that names no part is the identity; anything else is all zero.
pub(super) fn quaternion(tick: &Tick<'_>, port: usize) -> Quaternion {
    let Some(message) = tick.input(port) else { return [0.0; 4] };
    if let Some(items) = read::list(message) {
        return elements(items);
    }
    match read::payload(message) {
        Some(value @ Value::Object(members)) => {
            let names_none = KEYS.iter().all(|key| !members.contains_key(key));
            let w = if names_none { 1.0 } else { 0.0 };
            let part = |key| member(value, key).unwrap_or(0.0);
            [part("x"), part("y"), part("z"), member(value, "w").unwrap_or(w)]
        }
        _ => [0.0; 4],
    }
}

/// The matrix on an inport: a list of 16 numbers, column-major, with 0 for what is missing or no number; anything
/// else is the identity.
pub(super) fn matrix(tick: &Tick<'_>, port: usize) -> Matrix {
    tick.input(port).and_then(read::list).map_or(IDENTITY, elements)
}

/// The numbers on the first inports, or else these. Text is no number here.
pub(super) fn scalars<const N: usize>(tick: &Tick<'_>, otherwise: [f64; N]) -> [f64; N] {
    std::array::from_fn(|port| {
        let given = tick.input(port).filter(|message| !matches!(message, Message::String(_)));
        given.and_then(read::number).unwrap_or(otherwise[port])
    })
}

fn member(value: &Value, key: &str) -> Option<f64> {
    value.get(key)?.as_number()
}

fn elements<const N: usize>(items: &[Value]) -> [f64; N] {
    std::array::from_fn(|at| items.get(at).and_then(Value::as_number).unwrap_or(0.0))
}

/// What leaves a component of this family: one result, or an Error in place of infinities and NaN.
pub(super) trait Emit {
    /// Sends a number as a Float.
    fn emit_number(&mut self, result: usize, error: usize, number: f64) -> Result<(), Failure>;

    /// Sends a vector or a quaternion as an Object of Floats.
    fn emit_parts<const N: usize>(&mut self, result: usize, error: usize, parts: [f64; N]) -> Result<(), Failure>;

    /// Sends a matrix as an Object message that carries a list.
    fn emit_matrix(&mut self, result: usize, error: usize, matrix: Matrix) -> Result<(), Failure>;
}

impl Emit for Tick<'_> {
    fn emit_number(&mut self, result: usize, error: usize, number: f64) -> Result<(), Failure> {
        if !number.is_finite() {
            return self.report(error, NOT_FINITE);
        }
        self.emit(result, number);
        Ok(())
    }

    fn emit_parts<const N: usize>(&mut self, result: usize, error: usize, parts: [f64; N]) -> Result<(), Failure> {
        if !parts.iter().all(|part| part.is_finite()) {
            return self.report(error, NOT_FINITE);
        }
        let members: Object = KEYS.iter().cloned().zip(parts.map(Value::Float)).collect();
        self.emit(result, Message::Object(members.into()));
        Ok(())
    }

    fn emit_matrix(&mut self, result: usize, error: usize, matrix: Matrix) -> Result<(), Failure> {
        if !matrix.iter().all(|element| element.is_finite()) {
            return self.report(error, NOT_FINITE);
        }
        self.emit(result, Message::Object(Value::array(matrix)));
        Ok(())
    }
}

pub(super) fn dot<const N: usize>(a: [f64; N], b: [f64; N]) -> f64 {
    a.into_iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The length, also of vectors whose squares would overflow or vanish.
pub(super) fn length<const N: usize>(a: [f64; N]) -> f64 {
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
pub(super) fn normalized<const N: usize>(a: [f64; N]) -> Option<[f64; N]> {
    let length = length(a);
    (length > TINY).then(|| a.map(|part| part / length))
}

/// Combines two vectors part by part.
pub(super) fn zip<const N: usize>(a: [f64; N], b: [f64; N], combine: impl Fn(f64, f64) -> f64) -> [f64; N] {
    std::array::from_fn(|at| combine(a[at], b[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = Vec3> {
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
