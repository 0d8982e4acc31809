//! How lists and objects are written in addresses and headers (RFC 6570, and the styles of OpenAPI).

use serde_json::Value;

use super::encode;
use super::value::{Part, plain};
use crate::error::Refusal;
use crate::model::{Parameter, Style};

fn value<'a>(parameter: &Parameter, part: &'a Part) -> Result<&'a Value, Refusal> {
    match part {
        Part::Json(value) => Ok(value),
        Part::Bytes(_) => {
            let why = format!("`{}`: bytes cannot stand in the {}", parameter.port, parameter.place.word());
            Err(Refusal::invalid(why, vec![parameter.port.clone()]))
        }
    }
}

/// A value in a path.
pub(super) fn path(parameter: &Parameter, part: &Part, is_reserved: bool) -> Result<String, Refusal> {
    let keep = is_reserved || parameter.allow_reserved;
    let write = |text: &str| if keep { encode(text, true) } else { encode(text, false) };
    let value = value(parameter, part)?;
    let (name, explode) = (encode(&parameter.name, false), parameter.explode);
    let item = |value: &Value| write(&plain(value));
    Ok(match (parameter.style, value) {
        (Style::Json, value) => write(&value.to_string()),
        (Style::Label, Value::Array(items)) => {
            let separator = if explode { "." } else { "," };
            format!(".{}", joined(items.iter().map(item), separator))
        }
        (Style::Label, Value::Object(members)) => {
            let (between, separator) = if explode { ("=", ".") } else { (",", ",") };
            let pairs = members.iter().map(|(key, value)| format!("{}{between}{}", write(key), item(value)));
            format!(".{}", joined(pairs, separator))
        }
        (Style::Label, value) => format!(".{}", item(value)),
        (Style::Matrix, Value::Array(items)) if explode => {
            items.iter().map(|value| format!(";{name}={}", item(value))).collect()
        }
        (Style::Matrix, Value::Array(items)) => format!(";{name}={}", joined(items.iter().map(item), ",")),
        (Style::Matrix, Value::Object(members)) if explode => {
            members.iter().map(|(key, value)| format!(";{}={}", write(key), item(value))).collect()
        }
        (Style::Matrix, Value::Object(members)) => {
            let pairs = members.iter().map(|(key, value)| format!("{},{}", write(key), item(value)));
            format!(";{name}={}", joined(pairs, ","))
        }
        (Style::Matrix, value) => format!(";{name}={}", item(value)),
        (_, Value::Array(items)) => joined(items.iter().map(item), ","),
        (_, Value::Object(members)) => {
            let between = if explode { "=" } else { "," };
            joined(members.iter().map(|(key, value)| format!("{}{between}{}", write(key), item(value))), ",")
        }
        (_, value) => item(value),
    })
}

/// A value in a header or a cookie.
pub(super) fn simple(parameter: &Parameter, part: &Part) -> Result<String, Refusal> {
    let value = value(parameter, part)?;
    Ok(match value {
        _ if parameter.style == Style::Json => value.to_string(),
        Value::Array(items) => joined(items.iter().map(plain), ","),
        Value::Object(members) => {
            let between = if parameter.explode { "=" } else { "," };
            joined(members.iter().map(|(key, value)| format!("{key}{between}{}", plain(value))), ",")
        }
        value => plain(value),
    })
}

/// The pairs of a query, or of a form.
pub(super) fn query(parameter: &Parameter, part: &Part) -> Result<Vec<String>, Refusal> {
    let value = value(parameter, part)?;
    let name = encode(&parameter.name, false);
    let write = |text: &str| encode(text, parameter.allow_reserved);
    let item = |value: &Value| write(&plain(value));
    Ok(match (parameter.style, value) {
        (Style::Json, value) => vec![format!("{name}={}", write(&value.to_string()))],
        (Style::Deep, value) => {
            let mut pairs = Vec::new();
            deep(&name, value, &write, &mut pairs);
            pairs
        }
        (style, Value::Array(items)) if parameter.explode && style == Style::Form => {
            items.iter().map(|value| format!("{name}={}", item(value))).collect()
        }
        (_, Value::Array(items)) if items.is_empty() => Vec::new(),
        (style, Value::Array(items)) => {
            let separator = match style {
                Style::Space => "%20",
                Style::Pipe => "%7C",
                Style::Tab => "%09",
                _ => ",",
            };
            vec![format!("{name}={}", joined(items.iter().map(item), separator))]
        }
        (_, Value::Object(members)) if parameter.explode => {
            members.iter().map(|(key, value)| format!("{}={}", encode(key, false), item(value))).collect()
        }
        (style, Value::Object(members)) => {
            let separator = match style {
                Style::Space => "%20",
                Style::Pipe => "%7C",
                Style::Tab => "%09",
                _ => ",",
            };
            let pairs = members.iter().flat_map(|(key, value)| [write(key), item(value)]);
            vec![format!("{name}={}", joined(pairs, separator))]
        }
        (_, value) => vec![format!("{name}={}", item(value))],
    })
}

/// `name[key][inner]=value`.
fn deep(name: &str, value: &Value, write: &impl Fn(&str) -> String, pairs: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                deep(&format!("{name}%5B{}%5D", encode(key, false)), value, write, pairs);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                deep(&format!("{name}%5B{index}%5D"), value, write, pairs);
            }
        }
        Value::Null => {}
        value => pairs.push(format!("{name}={}", write(&plain(value)))),
    }
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Place, Type};
    use serde_json::json;

    fn parameter(place: Place, style: Style, explode: bool) -> Parameter {
        Parameter { style, explode, ..Parameter::new("color", place, Type::Any, true) }
    }

    #[test]
    fn every_style_is_as_the_specification_shows_it() {
        let (array, object) = (json!(["blue", "black", "brown"]), json!({"R": 100, "G": 200, "B": 150}));
        for (style, explode, of_text, of_array, of_object) in [
            (Style::Matrix, false, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
            (Style::Matrix, true, ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"),
            (Style::Label, false, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
            (Style::Label, true, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
            (Style::Simple, false, "blue", "blue,black,brown", "R,100,G,200,B,150"),
            (Style::Simple, true, "blue", "blue,black,brown", "R=100,G=200,B=150"),
        ] {
            let parameter = parameter(Place::Path, style, explode);
            for (value, expected) in [(&json!("blue"), of_text), (&array, of_array), (&object, of_object)] {
                assert_eq!(
                    path(&parameter, &Part::Json(value.clone()), false).unwrap(),
                    expected,
                    "{style:?} {explode}"
                );
            }
        }
        for (style, explode, of_array, of_object) in [
            (Style::Form, false, "color=blue,black,brown", "color=R,100,G,200,B,150"),
            (Style::Form, true, "color=blue&color=black&color=brown", "R=100&G=200&B=150"),
            (Style::Space, false, "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"),
            (Style::Pipe, false, "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"),
            (
                Style::Deep,
                true,
                "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown",
                "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150",
            ),
        ] {
            let parameter = parameter(Place::Query, style, explode);
            for (value, expected) in [(&array, of_array), (&object, of_object)] {
                assert_eq!(
                    query(&parameter, &Part::Json(value.clone())).unwrap().join("&"),
                    expected,
                    "{style:?} {explode}"
                );
            }
        }
        let one =
            |value: Value| query(&parameter(Place::Query, Style::Form, true), &Part::Json(value)).unwrap().join("&");
        for (value, text) in [
            (json!(1.0), "color=1"),
            (json!(0.1), "color=0.1"),
            (json!(true), "color=true"),
            (json!("a b/ü"), "color=a%20b%2F%C3%BC"),
        ] {
            assert_eq!(one(value), text);
        }
    }
}
