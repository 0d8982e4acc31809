//! `tpl_data_operations`.

use std::cmp::Ordering;
use std::sync::Arc;

use reflow_expr::{Expression, Scope, Template, try_sort_by};
use reflow_runtime::KINDS;

use crate::path::Field;
use crate::prelude::*;

/// Runs data through a configurable pipeline of map, filter, sort, transform, group and aggregate steps.
///
/// `dataOperations` is a list of sets, a set is `{operations: […]}`, an operation is `{type, enabled, …}`. Every set starts from
/// the input, and the result of the last one leaves by `output`; when no operation did anything the input itself does. The
/// pipeline starts with the tagged form of the message, `{"type": …, "data": …}`, so the plain value is `data.data` in the first
/// expression. All operations but `transform` work on lists (a tagged list counts) and leave anything else alone.
///
/// * `transform`: the value of `transformExpression`, in which `data` is the current data.
/// * `filter`: the items for which `filterExpression` is true; `item` and `data` are the item.
/// * `sort`: by `sortField`, an expression of the item; numbers by size, texts by code points, other pairs count as equal and
///   keep their order. `sortDirection` is `asc` or `desc`.
/// * `group`: an object of lists by the value of `groupByField`, an expression of the item; what is no text, number or boolean
///   goes under `undefined`.
/// * `aggregate`: `{"count": …}`, or with `aggregateField`, an expression of the item, `{FUNCTION: …}` for the
///   `aggregateFunction` `sum`, `avg`, `count`, `min`, `max`, `first` or `last`; what is no number counts as 0.
/// * `map`: for each item that is an object and each `{sourceField, targetField, transform}` of `mapping`, in order, the member
///   `targetField` becomes the value of the expression `transform`, or else a copy of `sourceField` (`a.b[0]` leads further
///   down, a text with `${…}` is filled in and read as JSON).
///
/// `crates/reflow-expr/docs/expressions.md` describes the expressions. Beside `data` and `item` there is `input.get('data')`, the tagged form of the
/// input. Where an expression has `${…}` outside of a template string, that is evaluated first and its text pasted in; `data` is
/// then the whole list, for `map` the item. Expressions are compiled once.
///
/// # Errors
///
/// Nothing but an Error leaves when an expression fails: `Operation 2: …`.
#[derive(Component)]
#[component(id = "tpl_data_operations", title = "Data Operations", category = "data", prepare)]
#[inport(data: any, required, "The data to work on.")]
#[outport(output: any, "The result.")]
#[outport(error: error, "Why there is none.")]
#[example(
    config = r#"{"dataOperations": [{"operations": [
        {"type": "filter", "filterExpression": "item.price > 1"},
        {"type": "sort", "sortField": "data.price"},
        {"type": "map", "mapping": [{"sourceField": "name", "targetField": "label", "transform": "data.name.toUpperCase()"}]}]}]}"#,
    steps = r#"[{"data": [{"name": "b", "price": 2.5}, {"name": "a", "price": 0.5}]}]"#,
    outputs = r#"[{"output": [[{"label": "B", "name": "b", "price": 2.5}]]}]"#
)]
pub(super) struct DataOperations {
    /// Sets of operations; without it the input passes.
    #[config(key = "dataOperations", lenient)]
    operations: Option<Vec<Value>>,
    #[state]
    sets: Vec<Vec<Operation>>,
}

struct Operation {
    number: usize,
    step: Step,
}

enum Step {
    Transform(Formula),
    Filter(Formula),
    Sort {
        key: Formula,
        descending: bool,
    },
    Group(Formula),
    Aggregate {
        function: String,
        field: Option<Formula>,
    },
    Map(Vec<Assignment>),
    /// An operation with a mistake; every packet is told.
    Broken(String),
}

/// One member that `map` sets.
struct Assignment {
    target: Arc<str>,
    source: Source,
}

enum Source {
    Formula(Formula),
    Member(Field),
    Json(Template),
}

/// An expression, or the template of one.
enum Formula {
    Direct(Expression),
    /// Text that is pasted together first; the last one made is kept.
    Pasted(Template, Option<(String, Expression)>),
}

impl Formula {
    fn read(operation: &Value, key: &str) -> Result<Option<Self>, String> {
        match operation.get(key).and_then(Value::as_str).filter(|source| !source.trim().is_empty()) {
            Some(source) => Self::compile(source).map(Some).map_err(|error| format!("{key}: {error}")),
            None => Ok(None),
        }
    }

    fn compile(source: &str) -> Result<Self, String> {
        let direct = Expression::compile(source);
        let is_pasted = Template::is_template(source) && (direct.is_err() || !source.contains('`'));
        if is_pasted {
            return Template::compile(source).map(|template| Self::Pasted(template, None)).map_err(|e| e.to_string());
        }
        direct.map(Self::Direct).map_err(|error| error.to_string())
    }

    /// The expression for one evaluation; `scope` is what pasted parts see.
    fn expression(&mut self, scope: &Names<'_>) -> Result<&Expression, String> {
        match self {
            Self::Direct(expression) => Ok(expression),
            Self::Pasted(template, last) => {
                let text = template.render(scope).map_err(|error| error.to_string())?;
                if !matches!(last, Some((known, _)) if *known == text) {
                    let expression = Expression::compile(&text).map_err(|error| format!("`{text}`: {error}"))?;
                    *last = Some((text, expression));
                }
                last.as_ref().map(|(_, expression)| expression).ok_or_else(String::new)
            }
        }
    }

    fn value(&mut self, whole: &Names<'_>, item: &Value) -> Result<Value, String> {
        let scope = Names { data: item, ..*whole };
        self.expression(whole)?.evaluate(&scope).map_err(|error| error.to_string())
    }

    fn holds(&mut self, whole: &Names<'_>, item: &Value) -> Result<bool, String> {
        let scope = Names { data: item, ..*whole };
        self.expression(whole)?.test(&scope).map_err(|error| error.to_string())
    }
}

/// What an expression sees.
#[derive(Clone, Copy)]
struct Names<'a> {
    data: &'a Value,
    wire: &'a Value,
}

impl Scope for Names<'_> {
    fn lookup(&self, name: &str) -> Option<Value> {
        matches!(name, "data" | "item").then(|| self.data.clone())
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let is_data = arguments.first().and_then(Value::as_str) == Some("data");
        (name == "input.get").then(|| Ok(if is_data { self.wire.clone() } else { Value::Null }))
    }
}

impl DataOperations {
    fn prepare(&mut self) {
        let sets = self.operations.as_deref().unwrap_or_default();
        let operations = |set: &Value| {
            let operations = set.get("operations")?.as_array()?;
            let enabled = |(_, operation): &(usize, &Value)| operation.get("enabled") != Some(&Value::Boolean(false));
            Some(operations.iter().enumerate().filter(enabled).filter_map(Operation::read).collect())
        };
        self.sets = sets.iter().filter_map(operations).collect();
    }

    /// The result of the last set; `None` when it did nothing.
    fn result(&mut self, wire: &Value) -> Result<Option<Value>, String> {
        let mut result = None;
        for set in &mut self.sets {
            let mut current = None;
            for operation in set {
                let data = current.as_ref().unwrap_or(wire);
                let made = operation.step.run(data, wire);
                current = made.map_err(|text| format!("Operation {}: {text}", operation.number))?.or(current);
            }
            result = current;
        }
        Ok(result)
    }
}

impl Operation {
    /// Reads an operation; `None` when it has nothing to do.
    fn read((index, operation): (usize, &Value)) -> Option<Self> {
        let step = Step::read(operation).unwrap_or_else(|text| Some(Step::Broken(text)))?;
        Some(Self { number: index + 1, step })
    }
}

impl Step {
    fn read(operation: &Value) -> Result<Option<Self>, String> {
        let word =
            |key: &str, otherwise: &str| operation.get(key).and_then(Value::as_str).unwrap_or(otherwise).to_string();
        Ok(match word("type", "transform").as_str() {
            "transform" => Formula::read(operation, "transformExpression")?.map(Self::Transform),
            "filter" => Formula::read(operation, "filterExpression")?.map(Self::Filter),
            "sort" => {
                let descending = word("sortDirection", "asc") == "desc";
                Formula::read(operation, "sortField")?.map(|key| Self::Sort { key, descending })
            }
            "group" => Formula::read(operation, "groupByField")?.map(Self::Group),
            "aggregate" => {
                let field = Formula::read(operation, "aggregateField")?;
                Some(Self::Aggregate { function: word("aggregateFunction", "sum"), field })
            }
            "map" => {
                let mapping = operation.get("mapping").and_then(Value::as_array).unwrap_or_default();
                let assignments: Result<Vec<_>, _> = mapping.iter().filter_map(Assignment::read).collect();
                Some(Self::Map(assignments?)).filter(|step| !matches!(step, Self::Map(list) if list.is_empty()))
            }
            _ => None,
        })
    }

    /// What the step makes of `data`; `None` when it leaves it alone.
    fn run(&mut self, data: &Value, wire: &Value) -> Result<Option<Value>, String> {
        let whole = Names { data, wire };
        match self {
            Self::Broken(text) => return Err(text.clone()),
            Self::Transform(formula) => return formula.value(&whole, data).map(Some),
            _ => {}
        }
        let Some(items) = list(data) else { return Ok(None) };
        let data = Value::Array(Arc::clone(items));
        let whole = Names { data: &data, wire };
        let made = match self {
            Self::Filter(formula) => {
                let mut kept = Vec::new();
                for item in items.iter() {
                    if formula.holds(&whole, item)? {
                        kept.push(item.clone());
                    }
                }
                kept.into()
            }
            Self::Sort { key, descending } => sorted(items, key, *descending, &whole)?,
            Self::Group(key) => grouped(items, key, &whole)?,
            Self::Aggregate { function, field } => aggregated(items, function, field.as_mut(), &whole)?,
            Self::Map(assignments) => {
                let mut mapped = Vec::with_capacity(items.len());
                for item in items.iter() {
                    mapped.push(assigned(item, assignments, wire)?);
                }
                mapped.into()
            }
            Self::Transform(_) | Self::Broken(_) => return Ok(None),
        };
        Ok(Some(made))
    }
}

/// The list that `data` is, or holds in the tagged form.
fn list(data: &Value) -> Option<&Arc<[Value]>> {
    match data {
        Value::Array(items) => Some(items),
        Value::Object(members) if members.len() == 2 => {
            let is_tagged = members.get("type").and_then(Value::as_str).is_some_and(|kind| KINDS.contains(&kind));
            match members.get("data") {
                Some(Value::Array(items)) if is_tagged => Some(items),
                _ => None,
            }
        }
        _ => None,
    }
}

fn sorted(items: &[Value], key: &mut Formula, descending: bool, whole: &Names<'_>) -> Result<Value, String> {
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        keyed.push((key.value(whole, item)?, item.clone()));
    }
    let sorted = try_sort_by(keyed, |(left, _), (right, _)| -> Result<_, String> {
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => left.cmp(right),
            _ => match (left.as_number(), right.as_number()) {
                (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
                _ => Ordering::Equal,
            },
        };
        Ok(if descending { order.reverse() } else { order })
    })?;
    Ok(Value::array(sorted.into_iter().map(|(_, item)| item)))
}

fn grouped(items: &[Value], key: &mut Formula, whole: &Names<'_>) -> Result<Value, String> {
    let mut groups = std::collections::BTreeMap::<Arc<str>, Vec<Value>>::new();
    for item in items {
        let key = match key.value(whole, item)? {
            Value::String(text) => text,
            Value::Null | Value::Array(_) | Value::Object(_) => "undefined".into(),
            other => other.to_json_string().into(),
        };
        groups.entry(key).or_default().push(item.clone());
    }
    Ok(Value::object(groups))
}

fn aggregated(
    items: &[Value],
    function: &str,
    field: Option<&mut Formula>,
    whole: &Names<'_>,
) -> Result<Value, String> {
    let Some(field) = field else { return Ok(Value::object([("count", items.len())])) };
    let mut numbers = Vec::with_capacity(items.len());
    for item in items {
        numbers.push(field.value(whole, item)?.as_number().unwrap_or(0.0));
    }
    let sum = || numbers.iter().fold(0.0, |sum, number| sum + number);
    let result = match function {
        "sum" => Some(sum()),
        "avg" => Some(if numbers.is_empty() { 0.0 } else { sum() / numbers.len() as f64 }),
        "count" => Some(numbers.len() as f64),
        "min" => numbers.iter().copied().reduce(f64::min),
        "max" => numbers.iter().copied().reduce(f64::max),
        "first" => Some(numbers.first().copied().unwrap_or(0.0)),
        "last" => Some(numbers.last().copied().unwrap_or(0.0)),
        _ => Some(0.0),
    };
    Ok(Value::object([(function, result)]))
}

impl Assignment {
    fn read(mapping: &Value) -> Option<Result<Self, String>> {
        let text = |key: &str| mapping.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (source, target) = (text("sourceField")?, text("targetField")?.into());
        let source = match Formula::read(mapping, "transform") {
            Ok(Some(formula)) => Ok(Source::Formula(formula)),
            Ok(None) if Template::is_template(source) => {
                Template::compile(source).map(Source::Json).map_err(|error| format!("sourceField: {error}"))
            }
            Ok(None) => Ok(Source::Member(Field::new(source))),
            Err(text) => Err(text),
        };
        Some(source.map(|source| Self { target, source }))
    }
}

fn assigned(item: &Value, assignments: &mut [Assignment], wire: &Value) -> Result<Value, String> {
    let Value::Object(members) = item else { return Ok(item.clone()) };
    let mut item = Value::Object(Arc::clone(members));
    for Assignment { target, source } in assignments {
        let names = Names { data: &item, wire };
        let value = match source {
            Source::Formula(formula) => Some(formula.value(&names, &item)?),
            Source::Member(field) => field.get(&item).cloned(),
            Source::Json(template) => {
                let text = template.render(&names).map_err(|error| error.to_string())?;
                Some(
                    serde_json::from_str(&text)
                        .map_err(|error| format!("sourceField: `{text}` is not JSON: {error}"))?,
                )
            }
        };
        if let (Some(value), Value::Object(members)) = (value, &mut item) {
            Arc::make_mut(members).insert(Arc::clone(target), value);
        }
    }
    Ok(item)
}

impl Actor for DataOperations {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some((port, message)) = tick.inputs().next().map(|(port, message)| (port, message.clone())) else {
            return Ok(());
        };
        let mut wire = message.to_wire();
        if &*port != "data" {
            wire = Value::object([(port, wire)]);
        }
        match self.result(&wire) {
            Ok(Some(value)) => tick.emit(Self::OUT_OUTPUT, Message::from_value(value)),
            Ok(None) => tick.emit(Self::OUT_OUTPUT, message),
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::{Value as Json, json};

    fn operate(operations: &Json, data: &Json) -> Json {
        let config = json!({"dataOperations": [{"operations": operations}]});
        run::<DataOperations>(config, [json!({"data": data})]).remove(0)
    }

    #[test]
    fn lists_need_no_transform_first() {
        let items = json!([{"n": 2, "k": "x"}, {"n": 1, "k": "x"}, {"n": 3}]);
        assert_eq!(
            operate(&json!([{"type": "sort", "sortField": "data.n", "sortDirection": "desc"}]), &items),
            json!({"output": [[{"n": 3}, {"n": 2, "k": "x"}, {"n": 1, "k": "x"}]]})
        );
        assert_eq!(
            operate(&json!([{"type": "group", "groupByField": "item.k"}]), &items),
            json!({"output": [{"x": [{"n": 2, "k": "x"}, {"n": 1, "k": "x"}], "undefined": [{"n": 3}]}]})
        );
        assert_eq!(
            operate(&json!([{"type": "filter", "filterExpression": "item.k"}, {"type": "aggregate"}]), &items),
            json!({"output": [{"count": 2}]})
        );
        let largest = json!([{"type": "aggregate", "aggregateField": "data.n", "aggregateFunction": "max"}]);
        assert_eq!(operate(&largest, &items), json!({"output": [{"max": 3.0}]}));
    }

    #[test]
    fn what_does_nothing_passes_the_input() {
        let nothing = json!([{"type": "sort", "sortField": "data.n"}, {"type": "nonsense"}, {"type": "transform"}]);
        assert_eq!(operate(&nothing, &json!(5)), json!({"output": [5]}));
        assert_eq!(run::<DataOperations>(json!({"dataOperations": 7}), [json!({"data": 1})]), [json!({"output": [1]})]);
    }

    #[test]
    fn members_are_copied_or_filled_in() {
        let mapping = json!([{"type": "map", "mapping": [
            {"sourceField": "a.b", "targetField": "c"},
            {"sourceField": "${JSON.stringify(data.c)}", "targetField": "d"},
            {"sourceField": "missing", "targetField": "e"},
            {"sourceField": "", "targetField": "f"},
        ]}]);
        assert_eq!(
            operate(&mapping, &json!([{"a": {"b": "x"}}, 7])),
            json!({"output": [[{"a": {"b": "x"}, "c": "x", "d": "x"}, 7]]})
        );
    }

    #[test]
    fn pasted_parts_see_the_whole_list() {
        let filter = json!([{"type": "filter", "filterExpression": "item > ${Math.max(...data)} / 2"}]);
        assert_eq!(operate(&filter, &json!([1, 5, 8])), json!({"output": [[5, 8]]}));
        let plain = json!([{"transformExpression": "`<${data.data}>`"}]);
        assert_eq!(operate(&plain, &json!(5)), json!({"output": ["<5>"]}));
        let quoted = json!([{"transformExpression": "'<${data.data}>'"}]);
        assert_eq!(operate(&quoted, &json!(5)), json!({"output": ["<5>"]}));
    }

    #[test]
    fn errors_name_the_operation() {
        let error = |operations: Json| {
            let outputs = operate(&operations, &json!([1, 2]));
            outputs["error"][0]["data"].as_str().unwrap_or_default().to_string()
        };
        assert_eq!(
            error(json!([{"type": "transform", "enabled": false}, {"transformExpression": "1 +"}])),
            "Operation 2: transformExpression: expected a value, found the end (at column 4)"
        );
        assert_eq!(
            error(json!([{"type": "filter", "filterExpression": "item.x.y"}])),
            "Operation 1: cannot read `y` of undefined (at column 7)"
        );
        let hungry = "Array.from({length: 1e6}).map(x => Array.from({length: 1e6}))";
        assert!(
            error(json!([{"transformExpression": hungry}])).starts_with("Operation 1: the expression makes too much")
        );
    }
}
