//! Numbers and vectors.

use reflow_component::table::{Constant, Row, child, list, number, word};

use super::{UV, row};

pub(super) const TABLE: &[Row] = &[
    row(
        "tpl_shader_math",
        "Math",
        "An operation on one or two values.\n\nA number and a vector are made two vectors. `sqrt` is that of |a|; `asin` and `acos` limit \
         a to -1 to 1; a divisor is not nearer to 0 than 0.00001; `log` is the natural one; `step` is 1 where b is not below a; \
         `invert` is 1 - a; `smoothstep` goes from 0 to 1 while a does, or from `b` to `c` when both are there; `lerp` is the mean \
         of a and b, or mixes them by `c`. Without b, an operation on two values gives a.",
        "mathOp",
    )
    .with(&[word("op", "op", "add", OPERATIONS, "The operation.")])
    .around(&[
        child("a", "a", "The first value; 0 where none is connected.").or_always(Constant::Number(0.0)),
        child("b", "b", "The second value.").or_given("b", "The second value where none is connected: a number, 3 or a node."),
        child("c", "c", "The weight of `lerp`, or the upper end of `smoothstep`.")
            .or_given("c", "That of `c` where none is connected."),
    ])
    .waits(),
    row(
        "tpl_shader_combine_xyz",
        "Combine XYZ",
        "A vector of three numbers.",
        "combineXYZ",
    )
    .around(&[
        child("x", "x", "Its x; 0 where none is connected.").or_always(Constant::Number(0.0)),
        child("y", "y", "Its y.").or_always(Constant::Number(0.0)),
        child("z", "z", "Its z.").or_always(Constant::Number(0.0)),
    ])
    .waits(),
    row("tpl_shader_clamp", "Clamp", "A value within limits.", "clamp")
        .with(&[
            number("minVal", "min", 0.0, "The lower limit.").rounded(),
            number("maxVal", "max", 1.0, "The upper limit.").rounded(),
        ])
        .around(&[child("input", "input", "The value; 0.5 where none came.").or_always(Constant::Number(0.5))]),
    row(
        "tpl_shader_map_range",
        "Map Range",
        "A value carried from one range to another.\n\nIt is toMin + (value - fromMin) / (fromMax - fromMin) (toMax - toMin), without \
         limits; a range of no width counts as 0.0001 wide.",
        "mapRange",
    )
    .with(&[
        number("fromMin", "fromMin", 0.0, "Where the first range begins.").rounded(),
        number("fromMax", "fromMax", 1.0, "Where it ends.").rounded(),
        number("toMin", "toMin", 0.0, "Where the second range begins.").rounded(),
        number("toMax", "toMax", 1.0, "Where it ends.").rounded(),
    ])
    .around(&[child("input", "input", "The value; 0.5 where none came.").or_always(Constant::Number(0.5))]),
    row(
        "tpl_shader_mapping",
        "Mapping",
        "A coordinate moved, scaled and turned.\n\nIt is rotate((input + location) scale), about x, then y, then z.",
        "mapping",
    )
    .with(&[
        list("location", "location", &[0.0; 3], "By how much it is moved; 0 for entries that are left out.").rounded(),
        list("rotation", "rotation", &[0.0; 3], "The angles; 0 for entries that are left out.").rounded().unit("radians"),
        list("scale", "scale", &[1.0; 3], "The factors; 1 for entries that are left out.").rounded(),
    ])
    .around(&[child("input", "input", "The coordinate; that of the texture where none came.").or_always(UV)]),
];

/// Those of [`MathOp`](crate::kernels::shader::MathOp).
const OPERATIONS: &[&str] = &[
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "sqrt",
    "abs",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan2",
    "min",
    "max",
    "floor",
    "ceil",
    "fract",
    "modulo",
    "smoothstep",
    "lerp",
    "step",
    "sign",
    "log",
    "exp",
    "dot",
    "cross",
    "normalize",
    "length",
    "distance",
    "reflect",
    "negate",
    "invert",
];

#[cfg(test)]
mod tests {
    use super::OPERATIONS;
    use crate::kernels::shader::MathOp;

    #[test]
    fn the_words_are_those_of_the_compiler() {
        assert_eq!(MathOp::all().map(|op| op.name).collect::<Vec<_>>(), OPERATIONS);
    }
}
