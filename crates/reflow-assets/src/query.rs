//! `Query`: which entries somebody wants, as JSON says it.

use std::cmp::Ordering;
use std::sync::Arc;

use reflow_message::Value;

use crate::entry::{AssetType, Entry};
use crate::table::Table;

/// Which entries somebody wants, in which order and how many.
///
/// A query is an object. `$limit`, `$offset` and `$sort` control the result; every other key names a field, and all of them
/// must hold: a scalar equals it, a list holds it, an object of operators restricts it. See the guide for the operators of
/// each field.
#[derive(Debug, Default)]
pub struct Query {
    filters: Vec<(Field, Vec<Test>)>,
    /// Sort keys, the most important first.
    order: Vec<Order>,
    offset: usize,
    limit: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Type,
    Name,
    Tags,
    Size,
    Id,
    Metadata(Vec<Arc<str>>),
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Newest,
    Oldest,
    Largest,
    Smallest,
    Name,
}

/// What a field must be.
#[derive(Debug, Clone)]
enum Test {
    Equals(Value),
    Not(Value),
    In(Vec<Value>),
    /// Has any of these: tags.
    Any(Vec<Value>),
    /// Has all of these: tags.
    All(Vec<Value>),
    Contains(Option<String>),
    StartsWith(Option<String>),
    Exists(bool),
    /// A number within bounds, each with whether it belongs to them.
    Within(Option<(f64, bool)>, Option<(f64, bool)>),
    /// Nothing fulfils it.
    Never,
}

impl Query {
    /// Reads a query. Anything but an object finds everything.
    pub fn read(query: &Value) -> Self {
        let mut this = Self::default();
        for (key, value) in query.as_object().into_iter().flatten() {
            match &**key {
                "$limit" => this.limit = count(value),
                "$offset" => this.offset = count(value).unwrap_or(0),
                "$sort" => {
                    let words = value.as_array().unwrap_or(std::slice::from_ref(value));
                    this.order = words.iter().filter_map(|word| Order::of(word.as_str()?)).collect();
                }
                control if control.starts_with('$') => {}
                name => {
                    if let Some(field) = Field::of(name) {
                        let tests = tests(&field, value);
                        this.filters.push((field, tests));
                    }
                }
            }
        }
        this
    }

    /// The entries that the query finds, in its order.
    pub fn find(&self, table: &Table) -> Vec<Arc<Entry>> {
        let mut found: Vec<Arc<Entry>> = match self.candidates(table) {
            Some(candidates) => candidates.into_iter().filter(|entry| self.matches(entry)).collect(),
            None => table.entries().filter(|entry| self.matches(entry)).cloned().collect(),
        };
        if !self.order.is_empty() {
            found.sort_by(|a, b| {
                self.order.iter().fold(Ordering::Equal, |order, key| order.then_with(|| key.compare(a, b)))
            });
        }
        if self.offset > 0 {
            found.drain(..self.offset.min(found.len()));
        }
        found.truncate(self.limit.unwrap_or(usize::MAX));
        found
    }

    /// Whether an entry fulfils all filters.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.filters.iter().all(|(field, tests)| tests.iter().all(|test| field.holds(test, entry)))
    }

    /// Entries among which all that are wanted are, where an index tells.
    fn candidates(&self, table: &Table) -> Option<Vec<Arc<Entry>>> {
        for (field, tests) in &self.filters {
            for test in tests {
                match (field, test) {
                    (Field::Id, Test::Equals(Value::String(id))) => {
                        return Some(table.entry(id).cloned().into_iter().collect());
                    }
                    (Field::Name, Test::Equals(Value::String(name))) => {
                        let mut found = table.of_entity(name);
                        found.extend(table.entry(name).cloned());
                        // The order in which they came is not known of what stands alone: no index then.
                        return (found.len() < 2 || table.entry(name).is_none()).then_some(found);
                    }
                    (Field::Type, Test::Equals(Value::String(word))) if AssetType::known(word).is_none() => {
                        return Some(table.with_component(&[word], None));
                    }
                    _ => {}
                }
            }
        }
        None
    }
}

fn count(value: &Value) -> Option<usize> {
    usize::try_from(value.as_integer()?).ok()
}

impl Order {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "newest" => Self::Newest,
            "oldest" => Self::Oldest,
            "largest" => Self::Largest,
            "smallest" => Self::Smallest,
            "name" => Self::Name,
            _ => return None,
        })
    }

    fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        match self {
            Self::Newest => b.created_at.cmp(&a.created_at),
            Self::Oldest => a.created_at.cmp(&b.created_at),
            Self::Largest => b.size.cmp(&a.size),
            Self::Smallest => a.size.cmp(&b.size),
            Self::Name => a.name.cmp(&b.name),
        }
    }
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "type" => Self::Type,
            "name" => Self::Name,
            "tags" => Self::Tags,
            "size" => Self::Size,
            "id" => Self::Id,
            _ => Self::Metadata(name.strip_prefix("metadata.")?.split('.').map(Into::into).collect()),
        })
    }

    fn holds(&self, test: &Test, entry: &Entry) -> bool {
        match self {
            Self::Type => match test {
                Test::Equals(word) => is_type(entry, word),
                Test::Not(word) => !is_type(entry, word),
                Test::In(words) => words.iter().any(|word| is_type(entry, word)),
                _ => false,
            },
            Self::Name => text(&entry.name, test),
            Self::Id => text(&entry.id, test),
            Self::Tags => {
                let has = |tag: &Value| tag.as_str().is_some_and(|tag| entry.tags.iter().any(|own| **own == *tag));
                match test {
                    Test::Any(tags) => tags.iter().any(has),
                    Test::All(tags) => tags.iter().all(has),
                    _ => false,
                }
            }
            Self::Size => number(Some(&Value::from(entry.size)), test),
            Self::Metadata(path) => {
                let found = path.iter().try_fold(&entry.metadata, |value, key| value.get(key));
                match test {
                    Test::Exists(wanted) => found.is_some() == *wanted,
                    Test::Equals(value) => found == Some(value),
                    Test::Not(value) => found != Some(value),
                    Test::In(values) => found.is_some_and(|found| values.contains(found)),
                    Test::Contains(part) => {
                        let text = found.and_then(Value::as_str).map(str::to_lowercase);
                        text.zip(part.as_ref()).is_some_and(|(text, part)| text.contains(part))
                    }
                    _ => number(found, test),
                }
            }
        }
    }
}

/// Whether an entry is of a type, or, where the word is none, a component of that name.
fn is_type(entry: &Entry, word: &Value) -> bool {
    word.as_str().is_some_and(|word| match AssetType::known(word) {
        Some(known) => entry.asset_type == known,
        None => entry.component() == Some(word),
    })
}

fn text(text: &Arc<str>, test: &Test) -> bool {
    let is = |value: &Value| value.as_str() == Some(text);
    match test {
        Test::Equals(value) => is(value),
        Test::Not(value) => !is(value),
        Test::In(values) => values.iter().any(is),
        Test::Contains(part) => part.as_ref().is_some_and(|part| text.to_lowercase().contains(part)),
        Test::StartsWith(part) => part.as_ref().is_some_and(|part| text.to_lowercase().starts_with(part)),
        _ => false,
    }
}

fn number(found: Option<&Value>, test: &Test) -> bool {
    let Some(number) = found.and_then(Value::as_number) else { return false };
    match test {
        Test::Equals(value) => value.as_number() == Some(number),
        Test::In(values) => values.iter().any(|value| value.as_number() == Some(number)),
        Test::Within(low, high) => {
            let above = low.is_none_or(|(low, is_in)| number > low || is_in && number == low);
            let below = high.is_none_or(|(high, is_in)| number < high || is_in && number == high);
            above && below
        }
        _ => false,
    }
}

/// What a value asks of a field.
fn tests(field: &Field, value: &Value) -> Vec<Test> {
    let is_tags = *field == Field::Tags;
    match value {
        Value::Object(operators) => {
            operators.iter().filter_map(|(name, operand)| operator(field, name, operand)).collect()
        }
        Value::Array(items) if is_tags => vec![Test::Any(items.to_vec())],
        Value::Array(items) => vec![Test::In(items.to_vec())],
        scalar if is_tags => vec![Test::Any(vec![scalar.clone()])],
        scalar => vec![Test::Equals(scalar.clone())],
    }
}

/// What an operator asks of a field; `None` where it says nothing about it.
fn operator(field: &Field, name: &str, operand: &Value) -> Option<Test> {
    let bound = |is_in| operand.as_number().map(|number| (number, is_in));
    let list = || operand.as_array().map(<[Value]>::to_vec);
    let part = || operand.as_str().map(str::to_lowercase);
    let is_text = matches!(field, Field::Name);
    let is_number = matches!(field, Field::Size | Field::Metadata(_));
    Some(match (name, field) {
        ("$not", Field::Type | Field::Name | Field::Metadata(_)) => Test::Not(operand.clone()),
        ("$in", Field::Type | Field::Name | Field::Id) => list().map_or(Test::Never, Test::In),
        ("$contains", Field::Tags) => Test::Any(list().unwrap_or_else(|| vec![operand.clone()])),
        ("$all", Field::Tags) => list().map_or(Test::Never, Test::All),
        ("$contains", Field::Metadata(_)) => Test::Contains(part()),
        ("$contains", _) if is_text => Test::Contains(part()),
        ("$startsWith", _) if is_text => Test::StartsWith(part()),
        ("$exists", Field::Metadata(_)) => Test::Exists(operand.as_boolean() != Some(false)),
        ("$gt", _) if is_number => bound(false).map_or(Test::Never, |low| Test::Within(Some(low), None)),
        ("$gte", _) if is_number => bound(true).map_or(Test::Never, |low| Test::Within(Some(low), None)),
        ("$lt", _) if is_number => bound(false).map_or(Test::Never, |high| Test::Within(None, Some(high))),
        ("$lte", _) if is_number => bound(true).map_or(Test::Never, |high| Test::Within(None, Some(high))),
        ("$between", _) if is_number => list().map_or(Test::Never, |bounds| {
            let bound = |at: usize| bounds.get(at).and_then(Value::as_number).map(|number| (number, true));
            Test::Within(bound(0), bound(1))
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::Transaction;

    fn value(json: &str) -> Value {
        Value::from_json(json).unwrap()
    }

    fn table() -> Table {
        let mut table = Table::default();
        let mut transaction = Transaction::new(&mut table, None);
        let mut put = |id: &str, content: &[u8], metadata: &str, tags: &[&str]| {
            transaction.put(id, content, value(metadata)).unwrap();
            let tags: Vec<Arc<str>> = tags.iter().map(|tag| Arc::from(*tag)).collect();
            transaction.tag(id, &tags).unwrap();
        };
        put("snake_body:mesh", &[0; 48], r#"{"stride": 24, "lod": {"level": 0}}"#, &["snake", "procedural"]);
        put("Snake_head:mesh", &[1; 9], r#"{"stride": 36.0, "lod": {"level": 1}}"#, &["snake"]);
        put("grass:texture", &[2; 200], r#"{"format": "PNG"}"#, &["nature"]);
        put("hero:transform", &[3; 20], r#"{"stride": 12}"#, &[]);
        put("hero", &[4; 5], "{}", &[]);
        drop(transaction.commit().unwrap());
        table
    }

    fn found(query: &str) -> String {
        let found = Query::read(&value(query)).find(&table());
        found.iter().map(|entry| &*entry.id).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn fields_and_operators() {
        for (query, ids) in [
            ("7", "snake_body:mesh Snake_head:mesh grass:texture hero:transform hero"),
            (r#"{"type": "mesh"}"#, "snake_body:mesh Snake_head:mesh"),
            (r#"{"type": "image"}"#, "grass:texture"),
            (r#"{"type": "generic"}"#, "hero:transform hero"),
            (r#"{"type": "transform"}"#, "hero:transform"),
            (r#"{"type": {"$not": "mesh"}, "name": "hero"}"#, "hero:transform hero"),
            (r#"{"type": {"$in": ["texture", "transform"]}}"#, "grass:texture hero:transform"),
            (r#"{"type": {"$contains": "x"}, "id": "hero"}"#, "hero"),
            (r#"{"name": {"$startsWith": "SNAKE"}}"#, "snake_body:mesh Snake_head:mesh"),
            (r#"{"name": {"$contains": 4}}"#, ""),
            (r#"{"name": ["hero", "grass"]}"#, "grass:texture hero:transform hero"),
            (r#"{"tags": "snake"}"#, "snake_body:mesh Snake_head:mesh"),
            (r#"{"tags": ["nature", "procedural"]}"#, "snake_body:mesh grass:texture"),
            (r#"{"tags": {"$all": ["snake", "procedural"]}}"#, "snake_body:mesh"),
            (r#"{"size": {"$gt": 9, "$lte": 48}}"#, "snake_body:mesh hero:transform"),
            (r#"{"size": {"$between": [9, 20]}}"#, "Snake_head:mesh hero:transform"),
            (r#"{"size": {"$between": [null, 9]}}"#, "Snake_head:mesh hero"),
            (r#"{"metadata.lod.level": 1}"#, "Snake_head:mesh"),
            (r#"{"metadata.stride": 36}"#, ""),
            (r#"{"metadata.stride": {"$exists": false}}"#, "grass:texture hero"),
            (r#"{"metadata.stride": {"$not": 24}}"#, "Snake_head:mesh grass:texture hero:transform hero"),
            (r#"{"metadata.format": {"$contains": "pn"}}"#, "grass:texture"),
            (r#"{"id": ["hero", "nobody"]}"#, "hero"),
            (r#"{"whatever": 1, "type": "mesh", "$limit": 1, "$offset": 1}"#, "Snake_head:mesh"),
            (r#"{"$sort": "largest", "$limit": 2}"#, "grass:texture snake_body:mesh"),
            (r#"{"$sort": ["name", "smallest"], "name": "hero"}"#, "hero hero:transform"),
            (r#"{"$limit": -1, "id": "hero"}"#, "hero"),
        ] {
            assert_eq!(found(query), ids, "{query}");
        }
    }
}
