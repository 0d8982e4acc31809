//! Any text as an expression on itself: a result or an error, soon. `cargo +nightly fuzz run expression`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reflow_expr::{Expression, Limits, Template};
use reflow_message::Value;

fuzz_target!(|text: &str| {
    let data = Value::from_json(text).unwrap_or_else(|_| text.into());
    let scope = |name: &str| (name == "data").then(|| data.clone());
    if let Ok(expression) = Expression::compile(text) {
        let _ = expression.with_limits(Limits { steps: 100_000, bytes: 1 << 20 }).evaluate(&scope);
    }
    if let Ok(template) = Template::compile(text) {
        let _ = template.render(&scope);
    }
});
