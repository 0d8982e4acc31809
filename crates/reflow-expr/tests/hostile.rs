//! Whatever the text and the data: a result or a clear error, soon, and never a panic or a full stack.

use proptest::prelude::*;
use reflow_expr::{Budget, ExprError, Expression, Limits, Template};
use reflow_message::Value;

fn evaluate(source: &str, data: &Value) -> Result<Value, ExprError> {
    Expression::compile(source)?.evaluate(&|name: &str| (name == "data").then(|| data.clone()))
}

/// A tenth of what is usual, so that unoptimised builds get there soon: what is charged for takes no longer than this allows.
const LITTLE: Limits = Limits { steps: 1_000_000, bytes: 6 << 20 };

fn evaluate_with(limits: Limits, source: &str, data: &Value) -> Result<Value, ExprError> {
    Expression::compile(source)?.with_limits(limits).evaluate(&|name: &str| (name == "data").then(|| data.clone()))
}

fn is_limit(result: &Result<Value, ExprError>) -> bool {
    matches!(result, Err(ExprError::Limit { .. }))
}

#[test]
fn deep_text_is_refused() {
    for n in [90, 1_000, 15_000] {
        for source in [
            format!("{}1{}", "(".repeat(n), ")".repeat(n)),
            format!("{}1{}", "[".repeat(n), "]".repeat(n)),
            format!("{}1{}", "{a:".repeat(n), "}".repeat(n)),
            format!("{}1", "-".repeat(n).replace("--", "- ")),
            format!("{}1", "!".repeat(n)),
            format!("1{}", "+1".repeat(n)),
            format!("1{}", "**1".repeat(n)),
            format!("1{}", "?1:1".repeat(n)),
            format!("data{}", ".a".repeat(n)),
            format!("data{}", "?.a".repeat(n)),
            format!("data{}", "()".repeat(n)),
            format!("{}1", "x=>".repeat(n)),
            format!("{}1{}", "`${".repeat(n), "}`".repeat(n)),
            format!("{}a => 1", "[".repeat(n)),
            format!("({}", "[".repeat(n)),
        ] {
            let result = evaluate(&source, &Value::Null);
            assert!(n < 300 || result.is_err(), "{}", &source[..40]);
        }
    }
    let long = format!("data == 0{}", " || data == 1".repeat(200));
    assert_eq!(evaluate(&long, &Value::Integer(1)).unwrap(), Value::Boolean(true));
    assert!(matches!(Expression::compile(&" ".repeat(70_000)), Err(ExprError::Limit { .. })));
}

#[test]
fn recursion_ends() {
    for source in [
        "(f => f(f))(f => f(f))",
        "(f => f(f))(f => [1].map(x => f(f)))",
        "(f => f(f))(f => [f(f)])",
        "(f => f(f))(f => 'a'.replace('a', x => f(f)))",
        "(f => f(f))(f => [2, 1].sort((a, b) => f(f)))",
    ] {
        assert!(is_limit(&evaluate(source, &Value::Null)), "{source}");
    }
}

#[test]
fn growth_ends() {
    let many: Value = vec![Value::Integer(1); 100_000].into();
    for source in [
        "data.reduce((a, x) => [a], [])",
        "data.reduce((a, x) => ({a}), {})",
        "data.reduce((f, x) => y => f(y), z => z)",
        "data.reduce((a, x) => a + a, 'x')",
        "data.reduce((a, x) => [...a, ...a], [1])",
        "data.map(x => data.map(y => data.map(z => z)))",
        "data.map(x => data.includes(2))",
        "data.map(x => data.join().length)",
        "'x'.repeat(1e15)",
        "'x'.repeat(1e7).split('').map(x => 'x'.repeat(1e7))",
        "'x'.padStart(1e15, 'ab')",
        "Array.from({length: 1e15})",
        "'x'.repeat(1e6).replaceAll('', 'x'.repeat(1e6))",
        "data.map(x => 'y'.repeat(1e6).includes('z'))",
        "data.reduce((a, x) => JSON.stringify(a), 'a')",
        "data.map(x => JSON.parse('[' + '1,'.repeat(1e5) + '1]'))",
        "data.flatMap(x => data)",
        "data.map(x => Object.keys(data))",
    ] {
        let result = evaluate_with(LITTLE, source, &many);
        assert!(is_limit(&result), "{source}: {:?}", result.map(|value| value.kind()));
    }
}

#[test]
fn looking_at_text_is_paid_for() {
    let long: Value = "é".repeat(1_000_000).into();
    let key = "k".repeat(1_000_000);
    let data = Value::object([("text", long), ("list", vec![Value::Integer(1); 10_000].into()), ("key", key.into())]);
    for source in [
        "data.list.filter(x => x < data.text.length)",
        "data.list.map(x => data.text[x])",
        "data.list.map(x => data.text['1'])",
        "data.list.map(({length}) => data.text.length)",
        "data.list.map(x => 'a'.indexOf(data.text))",
        "data.list.map(x => data[data.key])",
        "data.list.map(x => data.key in data)",
        "data.list.map(x => ({[data.key]: x}))",
        "data.list.map(x => Object.keys({...{[data.key]: 1}}))",
        "data.list.map(x => Object.hasOwn(data, data.key))",
        "data.list.map(x => [data.text] == data.text)",
        "data.list.map(x => data.list.map(y => 1e308.toString(2)))",
    ] {
        let result = evaluate_with(LITTLE, source, &data);
        assert!(is_limit(&result), "{source}: {:?}", result.map(|value| value.kind()));
    }
}

#[test]
fn what_is_in_a_result_several_times_counts_each_time() {
    let text: Value = "x".repeat(1_000_000).into();
    let data = Value::object([("list", vec![text.clone(); 100].into()), ("text", text)]);
    for source in [
        "Array.from({length: 21}).reduce((a, x) => [a, a], 1)",
        "Array.from({length: 21}).reduce((a, x) => ({a, b: a}), 1)",
        "Array.from({length: 100}, x => data.text)",
        "Array.from({length: 3}, x => data.list)",
        "Array.from({length: 2}, x => Array.from({length: 40}, y => [data.text]))",
        "(row => Array.from({length: 5000}, x => row))(Array.from({length: 1000}, x => 1))",
    ] {
        let result = evaluate(source, &data);
        assert!(is_limit(&result), "{source}: {:?}", result.map(|value| value.kind()));
    }
    // Once is free however large it is, and a little sharing is no harm.
    evaluate("[data.list]", &data).unwrap();
    evaluate("({...data, n: 1})", &data).unwrap();
    evaluate("Array.from({length: 12}).reduce((a, x) => [a, a], 1)", &data).unwrap();
    evaluate("data.list.map((text, i) => ({i, n: text.length}))", &data).unwrap();
}

#[test]
fn one_budget_for_several_evaluations() {
    let expression = Expression::compile("Array.from({length: 1000}).length").unwrap();
    let scope = |_: &str| None;
    let mut budget = Budget::new(Limits { steps: 30_000, ..Limits::default() });
    let evaluations = std::iter::repeat_with(|| expression.test_within(&scope, &mut budget)).take_while(Result::is_ok);
    assert!((2..10).contains(&evaluations.count()));
    budget.add(Limits { steps: 10_000, bytes: 0 });
    assert!(expression.evaluate_within(&scope, &mut budget).is_ok());
    assert!(Template::compile("${Array.from({length: 1e4})}").unwrap().render_within(&scope, &mut budget).is_err());
}

#[test]
fn own_limits() {
    let expression = Expression::compile("[1, 2, 3].map(x => x + 1)").unwrap();
    let scope = |_: &str| None;
    expression.evaluate(&scope).unwrap();
    let tight = expression.with_limits(Limits { steps: 6, ..Limits::default() });
    let error = tight.evaluate(&scope).unwrap_err().to_string();
    assert!(error.starts_with("the expression takes too many steps (at column"), "{error}");
}

#[test]
fn deep_data_passes_and_deeper_is_refused() {
    let deep = (0..500).fold(Value::Null, |inner, _| Value::Array([inner].into()));
    evaluate("JSON.stringify(data).length", &deep).unwrap();
    evaluate("data", &deep).unwrap();
    evaluate("String(data)", &deep).unwrap();
    evaluate("data.flat(Infinity)", &deep).unwrap();
    evaluate("[[data]]", &deep).unwrap();
    let wrapped = format!("{}data{}", "[".repeat(60), "]".repeat(60));
    assert!(is_limit(&evaluate(&wrapped, &deep)));
    assert!(evaluate("JSON.parse('['.repeat(5000) + ']'.repeat(5000))", &Value::Null).is_err());
}

/// Pieces that a random expression is put together from.
const PIECES: &[&str] = &[
    "data",
    "x",
    "1",
    "0.5",
    "-1",
    "1e308",
    "'a'",
    "'é😀'",
    "``",
    "`${data}`",
    "null",
    "undefined",
    "NaN",
    "true",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    ":",
    "?",
    ".",
    "?.",
    "...",
    "=>",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "==",
    "===",
    "<",
    ">=",
    "&&",
    "||",
    "??",
    "!",
    "typeof ",
    " in ",
    ".length",
    ".map(",
    ".slice(",
    ".sort()",
    ".join()",
    ".at(",
    ".split(",
    ".repeat(3)",
    ".padStart(5)",
    ".toFixed(2)",
    ".charAt(",
    "Math.max(",
    "JSON.stringify(",
    "Object.keys(",
    "Array.from(",
    "x => x",
    "(a, b) => a",
    "[1,2,3]",
    "{a: 1}",
    "[...data]",
    "{...data}",
    " ",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(Value::object),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_compiles_or_says_why(source in ".{0,60}") {
        let _ = Expression::compile(&source);
        let _ = Template::compile(&source);
    }

    #[test]
    fn any_expression_ends(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 1..14),
        data in any_value(),
    ) {
        let source = pieces.concat();
        if let Ok(expression) = Expression::compile(&source) {
            let expression = expression.with_limits(Limits { steps: 100_000, bytes: 1 << 20 });
            let scope = |name: &str| (name == "data" || name == "x").then(|| data.clone());
            if let Ok(value) = expression.evaluate(&scope) {
                // What comes out is plain JSON.
                prop_assert_eq!(serde_json::from_str::<Value>(&value.to_json_string()).unwrap(), value);
            }
        }
    }

    #[test]
    fn every_method_takes_any_arguments(
        method in prop::sample::select(&[
            "at", "charAt", "charCodeAt", "codePointAt", "concat", "endsWith", "includes", "indexOf", "lastIndexOf",
            "padEnd", "padStart", "repeat", "replace", "replaceAll", "slice", "split", "startsWith", "substr",
            "substring", "localeCompare", "toLowerCase", "trim", "every", "filter", "find", "flat", "flatMap", "join", "map", "reduce", "reverse",
            "sort", "toFixed", "toString",
        ][..]),
        receiver in any_value(),
        first in any_value(),
        second in any_value(),
    ) {
        let expression = Expression::compile(&format!("receiver.{method}(first, second)")).unwrap();
        let scope = |name: &str| match name {
            "receiver" => Some(receiver.clone()),
            "first" => Some(first.clone()),
            "second" => Some(second.clone()),
            _ => None,
        };
        let _ = expression.with_limits(Limits { steps: 100_000, bytes: 1 << 20 }).evaluate(&scope);
    }

    #[test]
    fn arithmetic_is_that_of_floats(a in any::<f64>(), b in any::<f64>()) {
        let scope = |name: &str| Some(Value::Float(if name == "a" { a } else { b }));
        for (source, expected) in [("a + b", a + b), ("a * b", a * b), ("a - b", a - b), ("a / b", a / b), ("a % b", a % b)] {
            let found = Expression::compile(source).unwrap().evaluate(&scope).unwrap();
            match found.as_number() {
                Some(number) => prop_assert_eq!(number, expected),
                None => prop_assert!(!expected.is_finite()),
            }
        }
    }

    #[test]
    fn numbers_survive_text(number in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
        let scope = |_: &str| Some(Value::Float(number));
        let found = Expression::compile("Number(String(n)) === n").unwrap().evaluate(&scope).unwrap();
        prop_assert_eq!(found, Value::Boolean(true));
    }

    #[test]
    fn text_is_counted_in_utf16_units(text in ".{0,12}", start in -14_i64..14, end in -14_i64..14) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let length = units.len() as i64;
        let bound = |at: i64| if at < 0 { (length + at).max(0) } else { at.min(length) } as usize;
        let (from, to) = (bound(start), bound(end));
        let expected = if from < to { String::from_utf16_lossy(&units[from..to]) } else { String::new() };
        let scope = |name: &str| Some(match name {
            "text" => Value::from(text.as_str()),
            "start" => start.into(),
            _ => end.into(),
        });
        let found = Expression::compile("[text.slice(start, end), text.length]").unwrap().evaluate(&scope).unwrap();
        prop_assert_eq!(found, Value::array([Value::from(expected), Value::Integer(length)]));
    }
}
