//! `tpl_data_operations`.

use std::cmp::Ordering;
use std::sync::Arc;

use reflow_expr::{Budget, Expression, Limits, Scope, Template, try_sort_by};
use reflow_runtime::{KINDS, Object, SharedArray};

use crate::conditions::{closed, list_of, typed};
use crate::config::brief;
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
/// Nothing but an Error leaves when an expression fails: `Operation 2: …`. All expressions of one packet share ten million steps and
/// 64 MiB; every item that an operation works on adds a hundred steps and a KiB.
#[derive(Component)]
#[component(id = "tpl_data_operations", title = "Data Operations", category = "data", prepare)]
#[inport(data: Any, required, "The data to work on.")]
#[outport(output: Any, "The result.")]
#[outport(error: ErrorText, "Why there is none.")]
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
    #[config(key = "dataOperations")]
    operations: Shaped<OperationSets>,
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
    fn expression(&mut self, scope: &Names<'_>, budget: &mut Budget) -> Result<&Expression, String> {
        match self {
            Self::Direct(expression) => Ok(expression),
            Self::Pasted(template, last) => {
                let text = template.render_within(scope, budget).map_err(|error| error.to_string())?;
                if !matches!(last, Some((known, _)) if *known == text) {
                    look_at(budget, text.len())?;
                    let shown = || brief(&text.as_str().into());
                    let expression = Expression::compile(&text).map_err(|error| format!("`{}`: {error}", shown()))?;
                    *last = Some((text, expression));
                }
                last.as_ref().map(|(_, expression)| expression).ok_or_else(String::new)
            }
        }
    }

    fn value(&mut self, whole: &Names<'_>, item: &Value, budget: &mut Budget) -> Result<Value, String> {
        let scope = Names { data: item, ..*whole };
        self.expression(whole, budget)?.evaluate_within(&scope, budget).map_err(|error| error.to_string())
    }

    fn holds(&mut self, whole: &Names<'_>, item: &Value, budget: &mut Budget) -> Result<bool, String> {
        let scope = Names { data: item, ..*whole };
        self.expression(whole, budget)?.test_within(&scope, budget).map_err(|error| error.to_string())
    }
}

/// Sets of operations.
struct OperationSets;

impl Shape for OperationSets {
    fn schema() -> Value {
        let text = || typed("string");
        let assignment = closed([("sourceField", text()), ("targetField", text()), ("transform", text())]);
        let operation = closed([
            ("type", Kind::schema()),
            ("enabled", typed("boolean")),
            ("transformExpression", text()),
            ("filterExpression", text()),
            ("sortField", text()),
            ("sortDirection", Direction::schema()),
            ("groupByField", text()),
            ("aggregateField", text()),
            ("aggregateFunction", Function::schema()),
            ("mapping", list_of(assignment)),
        ]);
        list_of(closed([("operations", list_of(operation))]))
    }
}

/// What an operation does.
#[derive(Choice, Clone, Copy)]
enum Kind {
    /// The value of an expression.
    Transform,
    /// The items for which an expression is true.
    Filter,
    /// The items in the order of an expression of each.
    Sort,
    /// Lists of the items by an expression of each.
    Group,
    /// One number for all items.
    Aggregate,
    /// The items with further members.
    Map,
}

/// The order of `sort`.
#[derive(Choice, Clone, Copy, PartialEq)]
enum Direction {
    /// The smallest first.
    Asc,
    /// The largest first.
    Desc,
}

/// What `aggregate` computes.
#[derive(Choice, Clone, Copy)]
enum Function {
    /// The sum.
    Sum,
    /// The mean; 0 of nothing.
    Avg,
    /// How many there are.
    Count,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The first; 0 of nothing.
    First,
    /// The last; 0 of nothing.
    Last,
}

/// What an operation may use more for each item that it works on.
const PER_ITEM: Limits = Limits { steps: 100, bytes: 1024 };

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
        let sets = self.operations.as_array().unwrap_or_default();
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
        let mut budget = Budget::default();
        for set in &mut self.sets {
            let mut current = None;
            for operation in set {
                let data = current.as_ref().unwrap_or(wire);
                let made = operation.step.run(data, wire, &mut budget);
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
        let word = |key: &str, otherwise: &'static str| operation.get(key).and_then(Value::as_str).unwrap_or(otherwise);
        let Some(kind) = Kind::from_word(word("type", "transform")) else { return Ok(None) };
        Ok(match kind {
            Kind::Transform => Formula::read(operation, "transformExpression")?.map(Self::Transform),
            Kind::Filter => Formula::read(operation, "filterExpression")?.map(Self::Filter),
            Kind::Sort => {
                let descending = Direction::from_word(word("sortDirection", "asc")) == Some(Direction::Desc);
                Formula::read(operation, "sortField")?.map(|key| Self::Sort { key, descending })
            }
            Kind::Group => Formula::read(operation, "groupByField")?.map(Self::Group),
            Kind::Aggregate => {
                let field = Formula::read(operation, "aggregateField")?;
                Some(Self::Aggregate { function: word("aggregateFunction", "sum").to_string(), field })
            }
            Kind::Map => {
                let mapping = operation.get("mapping").and_then(Value::as_array).unwrap_or_default();
                let assignments: Result<Vec<_>, _> = mapping.iter().filter_map(Assignment::read).collect();
                Some(Self::Map(assignments?)).filter(|step| !matches!(step, Self::Map(list) if list.is_empty()))
            }
        })
    }

    /// What the step makes of `data`; `None` when it leaves it alone.
    fn run(&mut self, data: &Value, wire: &Value, budget: &mut Budget) -> Result<Option<Value>, String> {
        let whole = Names { data, wire };
        match self {
            Self::Broken(text) => return Err(text.clone()),
            Self::Transform(formula) => return formula.value(&whole, data, budget).map(Some),
            _ => {}
        }
        let Some(items) = list(data) else { return Ok(None) };
        let items_count = items.len() as u64;
        budget.add(Limits { steps: PER_ITEM.steps * items_count, bytes: PER_ITEM.bytes * items_count });
        let data = Value::Array(items.clone());
        let whole = Names { data: &data, wire };
        let made = match self {
            Self::Filter(formula) => {
                let mut kept = Vec::new();
                for item in items {
                    if formula.holds(&whole, item, budget)? {
                        kept.push(item.clone());
                    }
                }
                kept.into()
            }
            Self::Sort { key, descending } => sorted(items, key, *descending, &whole, budget)?,
            Self::Group(key) => grouped(items, key, &whole, budget)?,
            Self::Aggregate { function, field } => aggregated(items, function, field.as_mut(), &whole, budget)?,
            Self::Map(assignments) => {
                let mut mapped = Vec::with_capacity(items.len());
                for item in items {
                    mapped.push(assigned(item, assignments, wire, budget)?);
                }
                mapped.into()
            }
            Self::Transform(_) | Self::Broken(_) => return Ok(None),
        };
        Ok(Some(made))
    }
}

/// Accounts for work beside the expressions.
fn look_at(budget: &mut Budget, bytes: usize) -> Result<(), String> {
    if budget.look_at(bytes) { Ok(()) } else { Err("the expressions take too many steps".to_string()) }
}

/// The list that `data` is, or holds in the tagged form.
fn list(data: &Value) -> Option<&SharedArray> {
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

fn sorted(
    items: &[Value],
    key: &mut Formula,
    descending: bool,
    whole: &Names<'_>,
    budget: &mut Budget,
) -> Result<Value, String> {
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        keyed.push((key.value(whole, item, budget)?, item.clone()));
    }
    let sorted = try_sort_by(keyed, |(left, _), (right, _)| -> Result<_, String> {
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => {
                look_at(budget, left.len().min(right.len()))?;
                left.cmp(right)
            }
            _ => match (left.as_number(), right.as_number()) {
                (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
                _ => Ordering::Equal,
            },
        };
        Ok(if descending { order.reverse() } else { order })
    })?;
    Ok(Value::array(sorted.into_iter().map(|(_, item)| item)))
}

fn grouped(items: &[Value], key: &mut Formula, whole: &Names<'_>, budget: &mut Budget) -> Result<Value, String> {
    let mut groups = std::collections::BTreeMap::<Arc<str>, Vec<Value>>::new();
    for item in items {
        let key = match key.value(whole, item, budget)? {
            Value::String(text) => text,
            Value::Null | Value::Array(_) | Value::Object(_) => "undefined".into(),
            other => other.to_json_string().into(),
        };
        // A key is compared with those of about as many other groups as its number has binary digits.
        look_at(budget, key.len() * 8)?;
        groups.entry(key).or_default().push(item.clone());
    }
    Ok(Value::object(groups))
}

fn aggregated(
    items: &[Value],
    function: &str,
    field: Option<&mut Formula>,
    whole: &Names<'_>,
    budget: &mut Budget,
) -> Result<Value, String> {
    let Some(field) = field else { return Ok(Value::object([("count", items.len())])) };
    let mut numbers = Vec::with_capacity(items.len());
    for item in items {
        numbers.push(field.value(whole, item, budget)?.as_number().unwrap_or(0.0));
    }
    let sum = || numbers.iter().fold(0.0, |sum, number| sum + number);
    let result = match Function::from_word(function) {
        Some(Function::Sum) => Some(sum()),
        Some(Function::Avg) => Some(if numbers.is_empty() { 0.0 } else { sum() / numbers.len() as f64 }),
        Some(Function::Count) => Some(numbers.len() as f64),
        Some(Function::Min) => numbers.iter().copied().reduce(f64::min),
        Some(Function::Max) => numbers.iter().copied().reduce(f64::max),
        Some(Function::First) => Some(numbers.first().copied().unwrap_or(0.0)),
        Some(Function::Last) => Some(numbers.last().copied().unwrap_or(0.0)),
        None => Some(0.0),
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

fn assigned(item: &Value, assignments: &mut [Assignment], wire: &Value, budget: &mut Budget) -> Result<Value, String> {
    let Value::Object(members) = item else { return Ok(item.clone()) };
    let mut item = Value::Object(members.clone());
    for Assignment { target, source } in assignments {
        let names = Names { data: &item, wire };
        let value = match source {
            Source::Formula(formula) => Some(formula.value(&names, &item, budget)?),
            Source::Member(field) => field.get(&item).cloned(),
            Source::Json(template) => {
                let text = template.render_within(&names, budget).map_err(|error| error.to_string())?;
                look_at(budget, text.len() * 16)?;
                let not_json = |error| format!("sourceField: `{}` is not JSON: {error}", brief(&text.as_str().into()));
                Some(Value::from_json(&text).map_err(not_json)?)
            }
        };
        if let (Some(value), Value::Object(members)) = (value, &item) {
            let mut members = Object::clone(members);
            members.insert(Arc::clone(target), value);
            item = members.into();
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
    fn all_items_share_what_expressions_may_use() {
        let items: Vec<i64> = (0..2_000).collect();
        let error = |operations: Json| operate(&operations, &json!(items))["error"][0]["data"].to_string();
        let costly = "Array.from({length: 2e4}).length > item";
        assert!(error(json!([{"type": "filter", "filterExpression": costly}])).contains("the expression makes"));
        assert!(error(json!([{"type": "sort", "sortField": costly}])).contains("the expression makes"));
        let text = json!([{"type": "group", "groupByField": "'x'.repeat(1e5) + item"}]);
        assert!(error(text).contains("the expression"));
        // The more items, the more they may use.
        let many: Vec<i64> = (0..200_000).collect();
        let cheap = json!([{"type": "filter", "filterExpression": "item % 2 == 0 && item + 1 > 2 && item - 1 < 9e9 && -item < 7"}, {"type": "aggregate"}]);
        assert_eq!(operate(&cheap, &json!(many)), json!({"output": [{"count": 99_999}]}));
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
