//! The operations of `mathOp`.

use super::code::Type;

/// An operation on one or two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MathOp {
    /// Its name in the JSON form.
    pub name: &'static str,
    /// Whether it needs the input `b`; without it the result is `a`.
    pub is_binary: bool,
    result: Of,
    text: &'static str,
}

/// What kind of value comes out, and what the operands are made to be before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Operands of one kind, and the result too.
    Same,
    /// Operands of one kind, the result is a number.
    Scalar,
    /// All are vectors of 3.
    Vec3,
}

const fn unary(name: &'static str, text: &'static str) -> MathOp {
    MathOp { name, is_binary: false, result: Of::Same, text }
}

const fn binary(name: &'static str, text: &'static str) -> MathOp {
    MathOp { name, is_binary: true, result: Of::Same, text }
}

/// All operations. In the texts, `A` and `B` are the operands and `T` is their type. What has no result for some operand (the
/// root of a negative number, a division by 0) gets the nearest operand that has one.
const OPERATIONS: [MathOp; 31] = [
    binary("add", "A + B"),
    binary("subtract", "A - B"),
    binary("multiply", "A * B"),
    binary("divide", "A / select(B, T(0.00001), abs(B) < T(0.00001))"),
    binary("power", "pow(max(A, T(0.0)), B)"),
    unary("sqrt", "sqrt(abs(A))"),
    unary("abs", "abs(A)"),
    unary("sin", "sin(A)"),
    unary("cos", "cos(A)"),
    unary("tan", "tan(A)"),
    unary("asin", "asin(clamp(A, T(-1.0), T(1.0)))"),
    unary("acos", "acos(clamp(A, T(-1.0), T(1.0)))"),
    binary("atan2", "atan2(A, B)"),
    binary("min", "min(A, B)"),
    binary("max", "max(A, B)"),
    unary("floor", "floor(A)"),
    unary("ceil", "ceil(A)"),
    unary("fract", "fract(A)"),
    binary("modulo", "A % select(B, T(0.00001), abs(B) < T(0.00001))"),
    unary("smoothstep", "smoothstep(T(0.0), T(1.0), A)"),
    binary("lerp", "mix(A, B, T(0.5))"),
    binary("step", "step(A, B)"),
    unary("sign", "sign(A)"),
    unary("log", "log(max(A, T(0.0000001)))"),
    unary("exp", "exp(A)"),
    MathOp { name: "dot", is_binary: true, result: Of::Scalar, text: "dot(A, B)" },
    MathOp { name: "cross", is_binary: true, result: Of::Vec3, text: "cross(A, B)" },
    MathOp { name: "normalize", is_binary: false, result: Of::Vec3, text: "A / max(length(A), 0.0000001)" },
    MathOp { name: "length", is_binary: false, result: Of::Scalar, text: "length(A)" },
    MathOp { name: "distance", is_binary: true, result: Of::Scalar, text: "distance(A, B)" },
    MathOp { name: "reflect", is_binary: true, result: Of::Vec3, text: "reflect(A, B)" },
];

/// Operations whose names are words for others.
const MORE: [MathOp; 2] = [unary("negate", "-A"), unary("invert", "T(1.0) - A")];

impl MathOp {
    /// The operation of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|op| op.name == name)
    }

    /// Every operation.
    pub fn all() -> impl Iterator<Item = Self> {
        OPERATIONS.into_iter().chain(MORE)
    }

    /// The kind that both operands are made to be, and that of the result.
    pub(crate) fn types(self, operands: Type) -> (Type, Type) {
        match (self.result, operands) {
            (Of::Same, kind) => (kind, kind),
            (Of::Scalar, kind) => (kind, Type::Scalar),
            (Of::Vec3, _) => (Type::Vec3, Type::Vec3),
        }
    }

    /// The operation as WGSL.
    pub(crate) fn code(self, a: &str, b: &str, operands: Type) -> String {
        let text = match (self.name, operands) {
            // WGSL has no dot product of two numbers.
            ("dot", Type::Scalar) => "A * B",
            _ => self.text,
        };
        let mut out = String::with_capacity(text.len() + a.len() + b.len());
        for letter in text.chars() {
            match letter {
                'A' => out.push_str(a),
                'B' => out.push_str(b),
                'T' => out.push_str(operands.name()),
                other => out.push(other),
            }
        }
        out
    }
}
