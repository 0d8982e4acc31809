//! The numeric components agree with `std`, and with each other where two of them say the same thing.

use proptest::prelude::*;
use reflow_components::testing::run_id;
use serde_json::{Value as Json, json};

/// What a component answers to each step.
fn answers(id: &str, config: &Json, steps: Vec<Json>) -> Vec<Json> {
    run_id(id, config.clone(), steps).unwrap_or_else(|problem| panic!("{id}: {problem}"))
}

fn numbers(outputs: &[Json]) -> Vec<Option<f64>> {
    outputs.iter().map(|output| output["result"][0].as_f64()).collect()
}

/// Ten decimals are kept, so the result may be half a unit of the tenth off, or as far as a float can tell.
fn is_near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() <= 0.5e-10 + expected.abs() * 1e-15)
}

type Operation = (&'static str, (&'static str, &'static str), fn(f64, f64) -> f64);

const OPERATIONS: [Operation; 6] = [
    ("tpl_math_add", ("a", "b"), |a, b| a + b),
    ("tpl_math_subtract", ("a", "b"), |a, b| a - b),
    ("tpl_math_multiply", ("a", "b"), |a, b| a * b),
    ("tpl_math_divide", ("a", "b"), |a, b| a / b),
    ("tpl_math_modulo", ("a", "b"), |a, b| a % b),
    ("tpl_math_power", ("base", "exponent"), f64::powf),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn binary_operations_agree_with_std(pairs in prop::collection::vec((any::<f64>(), any::<f64>()), 1..40)) {
        for (id, (left, right), operation) in OPERATIONS {
            let steps = pairs.iter().map(|(a, b)| json!({left: a, right: b})).collect();
            for ((a, b), found) in pairs.iter().zip(numbers(&answers(id, &json!({}), steps))) {
                let expected = operation(*a, *b);
                let fits = if expected.is_finite() { is_near(found, expected) } else { found.is_none() };
                prop_assert!(fits, "{id} of {a} and {b}: {found:?} instead of {expected}");
            }
        }
    }

    #[test]
    fn integers_are_exact(a in -(1_i64 << 25)..1 << 25, b in -(1_i64 << 25)..1 << 25) {
        let steps = vec![json!({"a": a, "b": b})];
        let exact = |number: i64| vec![Some(number as f64)];
        prop_assert_eq!(numbers(&answers("tpl_math_add", &json!({}), steps.clone())), exact(a + b));
        prop_assert_eq!(numbers(&answers("tpl_math_multiply", &json!({"precision": 0}), steps)), exact(a * b));
    }

    #[test]
    fn a_rotation_is_the_same_by_matrix_and_by_quaternion(
        angle in -720.0..720.0_f64,
        vector in prop::array::uniform3(-1e3..1e3_f64),
    ) {
        for axis in ["x", "y", "z"] {
            let matrix = &answers(&format!("tpl_mat4_rotate_{axis}"), &json!({}), vec![json!({"angle": angle})])[0];
            let quaternion = &answers("tpl_quat_from_euler", &json!({}), vec![json!({axis: angle})])[0];
            let by_matrix = json!({"matrix": matrix["result"][0], "vector": vector});
            let by_quaternion = json!({"quaternion": quaternion["result"][0], "vector": vector});
            let a = &answers("tpl_mat4_transform", &json!({}), vec![by_matrix])[0]["result"][0];
            let b = &answers("tpl_quat_rotate_vec3", &json!({}), vec![by_quaternion])[0]["result"][0];
            for part in ["x", "y", "z"] {
                let difference = a[part].as_f64().zip(b[part].as_f64()).map(|(a, b)| (a - b).abs());
                prop_assert!(difference.is_some_and(|difference| difference < 1e-9), "{axis} {angle}: {a} {b}");
            }
        }
    }
}
