//! The language gives what JavaScript gives: `javascript.jsonl` holds expressions and what Node.js 18 or later made of
//! them, `JSON.stringify(result)` or an error.

use reflow_expr::Expression;
use reflow_message::Value;

const DATA: &str = r#"{"n":4,"s":"Héllo","list":[10,9,1,0],"o":{"p":{"q":[1]}},"t":true}"#;

/// Equality of data where 2 and 2.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }
        _ => a == b || a.as_number().is_some_and(|a| Some(a) == b.as_number()),
    }
}

#[test]
fn what_node_gives() {
    let data: Value = serde_json::from_str(DATA).unwrap();
    let scope = |name: &str| (name == "data").then(|| data.clone());
    let mut wrong = Vec::new();
    for line in include_str!("javascript.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let source = case.get("source").and_then(Value::as_str).unwrap();
        let found = Expression::compile(source).and_then(|expression| expression.evaluate(&scope));
        let is_right = match (&found, case.get("result")) {
            (Ok(found), Some(result)) => same(found, result),
            (Err(_), None) => true,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{line}\n  {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
