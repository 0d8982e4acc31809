//! What the language means, case by case.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use reflow_expr::{ExprError, Expression, Scope, Template};
use reflow_message::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn evaluate(source: &str, data: &str) -> Result<Value, ExprError> {
    let data = json(data);
    Expression::compile(source)?.evaluate(&|name: &str| (name == "data").then(|| data.clone()))
}

fn check(data: &str, cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        let found = evaluate(source, data).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(found.to_json_string(), *expected, "{source}");
    }
}

#[test]
fn operators() {
    check(
        "null",
        &[
            ("1 + 2 * 3 ** 2", "19"),
            ("2 ** 3 ** 2", "512"),
            ("(1 + 2) * 3", "9"),
            ("7 % 3 + -7 % 3", "0"),
            ("5 / 2", "2.5"),
            ("4 / 2", "2"),
            ("1 / 0", "null"),
            ("'a' + 1 + 2", "\"a12\""),
            ("1 + 2 + 'a'", "\"3a\""),
            ("[1, 2] + ''", "\"1,2\""),
            ("({}) + ''", "\"[object Object]\""),
            ("true + 1", "2"),
            ("null + 1", "1"),
            ("undefined + 1", "null"),
            ("'5' * '2'", "10"),
            ("1 < 2 && 2 < 3 || false", "true"),
            ("'b' > 'a'", "true"),
            ("'10' < '9'", "true"),
            ("'10' < 9", "false"),
            ("NaN < 1 || NaN >= 1", "false"),
            ("1 == '1'", "true"),
            ("1 === '1'", "false"),
            ("null == undefined", "true"),
            ("null === undefined", "false"),
            ("null == 0", "false"),
            ("[1] == 1", "true"),
            ("NaN !== NaN", "true"),
            ("0 || 'x'", "\"x\""),
            ("0 ?? 'x'", "0"),
            ("null ?? 'x'", "\"x\""),
            ("'' && 1", "\"\""),
            ("!0 + !1", "1"),
            ("-'3'", "-3"),
            ("+'  0x10 '", "16"),
            ("+true", "1"),
            (
                "typeof 1 + typeof 'a' + typeof null + typeof nowhere + typeof (x => x)",
                "\"numberstringobjectundefinedfunction\"",
            ),
            ("1 ? 2 : 3 ? 4 : 5", "2"),
            ("0 ? 2 : 0 ? 4 : 5", "5"),
            ("'a' in {a: 1}", "true"),
            ("1 in [5]", "false"),
            ("5 & 3 | 8", "9"),
            ("1 << 4 >> 2", "4"),
            ("-1 >>> 28", "15"),
            ("~5 ^ 1", "-5"),
            ("3.7 | 0", "3"),
        ],
    );
}

#[test]
fn literals() {
    check(
        "{\"a\": 1}",
        &[
            (".5 + 1e2 + 0x1f + 0b11 + 0o17 + 1_000", "1149.5"),
            (r"'a\n\'\u0041\x42\u{1F600}\ud83d\ude00'", "\"a\\n'AB😀😀\""),
            ("\"x\" + 'y'", "\"xy\""),
            ("`a${1 + 1}b${`c${data.a}`}`", "\"a2bc1\""),
            ("`${{a: {b: 2}}.a.b}`", "\"2\""),
            ("`$${1}$`", "\"$1$\""),
            ("[1, 'a', null, undefined, [2]]", "[1,\"a\",null,null,[2]]"),
            ("[...[1, 2], ...'ab', 3]", "[1,2,\"a\",\"b\",3]"),
            ("{b: 1, 'c d': 2, 3: 4, ['e' + 1]: 5, ...data}", r#"{"3":4,"a":1,"b":1,"c d":2,"e1":5}"#),
            ("{data}", r#"{"data":{"a":1}}"#),
            ("{a: undefined, f: x => x, b: NaN}", r#"{"b":null}"#),
            ("{...data, a: 2}", r#"{"a":2}"#),
            ("1 /* one */ + // two\n 2", "3"),
            ("[1, 2,]", "[1,2]"),
            ("-0", "0"),
            ("1e21", "1e+21"),
            ("2 ** 53", "9007199254740992"),
        ],
    );
}

#[test]
fn members_and_optional_chains() {
    check(
        r#"{"a": {"b": [10, {"c": "x"}]}, "n": null, "k e y": 1}"#,
        &[
            ("data.a.b[1].c", "\"x\""),
            ("data['a']['b'][0]", "10"),
            ("data.a.b['1'].c", "\"x\""),
            ("data.a.b.length", "2"),
            ("data['k e y']", "1"),
            ("data.missing", "null"),
            ("data.missing?.deeper.still.more()", "null"),
            ("data.n?.x", "null"),
            ("data?.a?.b?.[0]", "10"),
            ("data.a.missing?.()", "null"),
            ("data.a.b.at(-1).c", "\"x\""),
            ("'abc'[1] + 'abc'.length", "\"b3\""),
            ("data.a.b[7] ?? 'none'", "\"none\""),
            ("data.constructor ?? data.__proto__ ?? 'nothing'", "\"nothing\""),
        ],
    );
}

#[test]
fn functions() {
    check(
        r#"[{"name": "b", "price": 2.5}, {"name": "a", "price": 0.5}]"#,
        &[
            ("data.map(x => x.price)", "[2.5,0.5]"),
            ("data.map((x, i) => i + x.name)", "[\"0b\",\"1a\"]"),
            ("data.map(({name, price: p}) => name + p)", "[\"b2.5\",\"a0.5\"]"),
            ("Object.entries({x: 1, y: 2}).map(([k, v]) => k + v)", "[\"x1\",\"y2\"]"),
            ("[[1, 2, 3]].map(([, second]) => second)", "[2]"),
            ("data.filter(x => x.price > 1).map(x => ({n: x.name}))", "[{\"n\":\"b\"}]"),
            ("data.reduce((sum, x) => sum + x.price, 0)", "3"),
            ("[1, 2, 3].reduce((a, b) => a * b)", "6"),
            ("[1, 2, 3].reduceRight((a, b) => a + '-' + b)", "\"3-2-1\""),
            ("((a, ...rest) => [a, rest])(1, 2, 3)", "[1,[2,3]]"),
            ("(a => b => a + b)(1)(2)", "3"),
            ("(() => 7)()", "7"),
            ("data.map(x => { return x.name; }).length;", "2"),
            ("(a => { return { a, b: (c => { return c + a })(1) } })(2)", "{\"a\":2,\"b\":3}"),
            ("['1', '2', 'x'].map(Number)", "[1,2,null]"),
            ("['1', '1', '1'].map(parseInt)", "[1,null,1]"),
            ("[0, 1, '', 'a'].filter(Boolean)", "[1,\"a\"]"),
            ("Math.max(...data.map(x => x.price))", "2.5"),
            ("data.map(x => x.missing).filter(x => x === undefined).length", "2"),
            ("(f => f(3))(x => x * x)", "9"),
        ],
    );
}

#[test]
fn text_methods() {
    check(
        "\" héLLo wörld \"",
        &[
            ("data.trim().toUpperCase() + '!'", "\"HÉLLO WÖRLD!\""),
            ("data.toLowerCase().trimStart().trimEnd()", "\"héllo wörld\""),
            ("'abcabc'.indexOf('c') + 'abcabc'.indexOf('c', 3) + 'abc'.indexOf('z')", "6"),
            ("'abcabc'.lastIndexOf('b')", "4"),
            ("'abc'.includes('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.startsWith('b', 1)", "true"),
            ("'abcdef'.slice(1, -2)", "\"bcd\""),
            ("'abcdef'.slice(-3)", "\"def\""),
            ("'abcdef'.substring(4, 1)", "\"bcd\""),
            ("'abcdef'.substr(1, 2) + 'abcdef'.substr(-2) + 'abc'.substr(1, -1) + 'abc'.substr(9, 1)", "\"bcef\""),
            ("['b', 'é', 'a', 'b'].sort((a, b) => a.localeCompare(b))", "[\"a\",\"b\",\"b\",\"é\"]"),
            ("['a'.localeCompare('b'), 'b'.localeCompare('a'), 'a'.localeCompare('a')]", "[-1,1,0]"),
            ("'a,b,,c'.split(',')", "[\"a\",\"b\",\"\",\"c\"]"),
            ("'abc'.split('')", "[\"a\",\"b\",\"c\"]"),
            ("'abc'.split()", "[\"abc\"]"),
            ("'a,b,c'.split(',', 2)", "[\"a\",\"b\"]"),
            ("'a,b,c'.split(',', -1).length", "3"),
            ("'aXbX'.replace('X', '-') + 'aXbX'.replaceAll('X', '-')", "\"a-bXa-b-\""),
            ("'price'.replace('ice', '[$&$$]')", "\"pr[ice$]\""),
            ("'a1'.replace('1', x => Number(x) + 1)", "\"a2\""),
            ("'ab'.repeat(3)", "\"ababab\""),
            ("'5'.padStart(3, '0') + 'x'.padEnd(3) + '|'", "\"005x  |\""),
            ("'abc'.charAt(1) + 'abc'.charAt(9) + 'abc'.at(-1)", "\"bc\""),
            ("'a'.concat('b', 1)", "\"ab1\""),
            ("'😀'.length", "2"),
            ("'😀b'.indexOf('b')", "2"),
            ("'aé😀b'.slice(1, 4)", "\"é😀\""),
            ("'A'.charCodeAt(0) + 'B'.codePointAt(0)", "131"),
            ("String.fromCharCode(72, 105)", "\"Hi\""),
            ("'straße'.toUpperCase()", "\"STRASSE\""),
        ],
    );
}

#[test]
fn list_methods() {
    check(
        "[3, 1, 2]",
        &[
            ("data.sort()", "[1,2,3]"),
            ("[10, 9, 1].sort()", "[1,10,9]"),
            ("[10, 9, 1].sort((a, b) => a - b)", "[1,9,10]"),
            ("data.sort((a, b) => b - a).concat(data)", "[3,2,1,3,1,2]"),
            ("data.reverse()", "[2,1,3]"),
            ("data.slice(1).concat(9, [8, [7]])", "[1,2,9,8,[7]]"),
            ("data.join() + data.join(' ')", "\"3,1,23 1 2\""),
            ("[null, undefined, 1].join('-')", "\"--1\""),
            ("data.includes(2) && !data.includes('2') && [NaN].includes(NaN)", "true"),
            ("data.indexOf(2) + data.indexOf(5) + [1, 1].lastIndexOf(1)", "2"),
            ("data.find(x => x < 3)", "1"),
            ("data.find(x => x > 3)", "null"),
            ("data.findIndex(x => x < 3) + data.findLastIndex(x => x < 3)", "3"),
            ("data.some(x => x > 2) && data.every(x => x > 0)", "true"),
            ("[1, [2, [3, [4]]]].flat()", "[1,2,[3,[4]]]"),
            ("[1, [2, [3, [4]]]].flat(Infinity)", "[1,2,3,4]"),
            ("data.flatMap(x => [x, x])", "[3,3,1,1,2,2]"),
            ("Array.isArray(data) && !Array.isArray('a')", "true"),
            ("Array.from({length: 3}, (_, i) => i * i)", "[0,1,4]"),
            ("Array.of(1, 2)", "[1,2]"),
            ("[].concat(1)", "[1]"),
        ],
    );
}

#[test]
fn built_in_objects() {
    check(
        r#"{"b": 1, "a": [1.5, null]}"#,
        &[
            ("JSON.stringify(data)", r#""{\"a\":[1.5,null],\"b\":1}""#),
            ("JSON.stringify({b: 1, a: undefined, c: [undefined]})", r#""{\"b\":1,\"c\":[null]}""#),
            ("JSON.stringify({a: [1], b: {}}, null, 2)", r#""{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}""#),
            ("JSON.stringify('a\"b')", r#""\"a\\\"b\"""#),
            ("JSON.parse('{\"x\": [1, 2.0]}').x", "[1,2]"),
            ("Object.keys(data)", r#"["a","b"]"#),
            ("Object.keys({b: 1, a: 2, 10: 3, 9: 4})", r#"["9","10","b","a"]"#),
            ("Object.values({x: 1, y: 2})", "[1,2]"),
            ("Object.entries({x: 1})", r#"[["x",1]]"#),
            ("Object.fromEntries([['a', 1], ['b', 2]])", r#"{"a":1,"b":2}"#),
            ("Object.assign({}, data, {b: 2}).b", "2"),
            ("data.hasOwnProperty('a')", "true"),
            ("Math.round(2.5) + Math.round(-2.5)", "1"),
            ("Math.min() > Math.max()", "true"),
            ("Math.floor(-1.5) + Math.ceil(1.2) + Math.trunc(-1.9) + Math.sign(-3)", "-2"),
            ("Math.hypot(3, 4) + Math.pow(2, 3) + Math.sqrt(16) + Math.abs(-1)", "18"),
            ("Math.round(Math.PI * 100) / 100", "3.14"),
            ("(1.005).toFixed(2) + (2.5).toFixed(0) + (255).toString(16)", "\"1.003ff\""),
            ("Number.isInteger(2) && !Number.isInteger('2') && Number.isNaN(NaN)", "true"),
            ("parseInt('42px') + parseFloat('1.5e1x')", "57"),
            ("isNaN('x') && !isNaN('1') && isFinite('1')", "true"),
            ("String(null) + String([1, [2]]) + Boolean('')", "\"null1,2false\""),
        ],
    );
}

#[test]
fn results_come_back_as_json_would_bring_them() {
    check("{\"f\": 2.0, \"list\": [1, 2.0, {\"x\": 3.0}]}", &[("data", r#"{"f":2,"list":[1,2,{"x":3}]}"#)]);
    let wide = "{\"id\": 9007199254740993}";
    check(wide, &[("data.id", "9007199254740993"), ("{id: data.id}", wide.replace(": ", ":").as_str())]);
}

#[test]
fn errors_say_what_and_where() {
    for (source, expected) in [
        ("data.a.b", "cannot read `b` of undefined (at column 7)"),
        ("nobody + 1", "`nobody` is not defined (at column 1)"),
        ("1 +", "expected a value, found the end (at column 4)"),
        ("(1", "expected `)`, found the end (at column 3)"),
        ("a b", "expected an operator or the end, found `b` (at column 3)"),
        ("'abc", "a string is not closed (at column 1)"),
        ("x = 1", "an expression cannot assign; give the new value instead (at column 3)"),
        ("1; 2", "expected the end after `;`, found the number 2 (at column 4)"),
        ("[1].push(2)", "`push` would change the array; use `[...list, item]` (at column 4)"),
        ("'a'.nope()", "a string has no method `nope` (at column 4)"),
        ("Math.random()", "there is no `Math.random` (at column 5)"),
        ("[1].map(1)", "`map` needs a function, found a number (at column 4)"),
        ("new Date()", "`new` is not part of the expression language (at column 1)"),
        (
            "x => { x }",
            "a function body is an expression or `{ return … }`; write `({ … })` for an object (at column 6)",
        ),
        ("[].reduce((a, b) => a)", "`reduce` of an empty array needs a start value (at column 3)"),
        ("1 +\n  @", "the character `@` has no meaning here (at line 2, column 3)"),
        ("\"é\" + ü.x", "`ü` is not defined (at column 7)"),
    ] {
        let error = evaluate(source, "{}").unwrap_err();
        assert_eq!(error.to_string(), expected, "{source}");
    }
}

#[test]
fn a_scope_can_bring_functions() {
    struct Input;
    impl Scope for Input {
        fn lookup(&self, name: &str) -> Option<Value> {
            (name == "limit").then_some(Value::Integer(3))
        }
        fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
            (name == "input.get").then(|| match arguments.first().and_then(Value::as_str) {
                Some("data") => Ok(json(r#"{"type": "Integer", "data": 4}"#)),
                Some(other) => Err(format!("there is no input `{other}`")),
                None => Ok(Value::Null),
            })
        }
    }
    let run = |source: &str| Expression::compile(source).unwrap().evaluate(&Input);
    assert_eq!(run("input.get('data').data + limit").unwrap(), Value::Integer(7));
    assert_eq!(run("[1, 2].map(x => x * input.get('data').data)").unwrap(), Value::array([4_i64, 8]));
    assert_eq!(run("input.get('x')").unwrap_err().to_string(), "there is no input `x` (at column 10)");
    assert_eq!(run("input.put('x')").unwrap_err().to_string(), "`input` is not defined (at column 1)");
}

#[test]
fn free_names_are_known() {
    let expression = Expression::compile("data.map(x => x + offset + data.length) && Math.PI").unwrap();
    assert_eq!(expression.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["data", "offset"]);
}

#[test]
fn templates_fill_in_expressions() {
    let scope = |name: &str| (name == "value").then(|| json(r#"{"a": [1, 2], "s": "x"}"#));
    for (source, expected) in [
        ("plain \\n text", "plain \\n text"),
        ("<${value.s}|${value.a.length + 1}>", "<x|3>"),
        ("${value.a}", "1,2"),
        ("${ {a: '}'}.a }", "}"),
        ("$${value.s} costs $5", "${value.s} costs $5"),
        ("", ""),
    ] {
        assert_eq!(Template::compile(source).unwrap().render(&scope).unwrap(), expected, "{source}");
    }
    assert_eq!(Template::compile("ab ${value").unwrap_err().to_string(), "`${` is not closed (at column 4)");
    let error = Template::compile("ab ${value +}").unwrap_err();
    assert_eq!(error.to_string(), "expected a value, found the end (at column 13)");
    let error = Template::compile("ab ${nobody}").unwrap().render(&scope).unwrap_err();
    assert_eq!(error.to_string(), "`nobody` is not defined (at column 6)");
}
