//! Further pages of an answer, and how they are asked for.

use reflow_pack_sdk::Value;
use reqwest::Url;
use reqwest::header::LINK;

use crate::request::encode;
use crate::response::Answer;

/// How further pages are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paging {
    kind: Kind,
    /// Where the items of a page are: names with dots; by default the page itself, or its first list.
    items: Option<String>,
    pub(crate) most: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// By the `Link` header of an answer.
    Link,
    /// By a value of an answer, which becomes a member of the query (or an address of its own).
    Cursor {
        path: String,
        parameter: String,
    },
    Page {
        parameter: String,
        start: i64,
    },
    Offset {
        parameter: String,
        limit_parameter: String,
        limit: Option<i64>,
    },
}

impl Paging {
    /// Reads what a config says; nothing when there is none, or it is off.
    pub(crate) fn read(said: Option<&Value>, most: usize) -> Result<Option<Self>, String> {
        let Some(said) = said else { return Ok(None) };
        let text = |key: &str| said.get(key).and_then(Value::as_str).map(Into::into);
        let word = said.as_str().map(Into::into).or_else(|| text("type"));
        let number = |key: &str| match said.get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => value.as_integer().map(Some).ok_or_else(|| {
                format!("config `pagination`: `{key}` is a whole number, found {}", value.to_json_string())
            }),
        };
        let kind = match word.as_deref() {
            _ if *said == Value::Boolean(false) => return Ok(None),
            Some("off" | "none") => return Ok(None),
            Some("link") => Kind::Link,
            Some("cursor") => Kind::Cursor {
                path: text("responsePath")
                    .ok_or("config `pagination`: `cursor` needs `responsePath`, where an answer has the cursor")?,
                parameter: text("parameter")
                    .ok_or("config `pagination`: `cursor` needs `parameter`, the member of the query")?,
            },
            Some("page") => Kind::Page {
                parameter: text("parameter").unwrap_or_else(|| "page".into()),
                start: number("start")?.unwrap_or(1),
            },
            Some("offset") => Kind::Offset {
                parameter: text("parameter").unwrap_or_else(|| "offset".into()),
                limit_parameter: text("limitParameter").unwrap_or_else(|| "limit".into()),
                limit: number("limit")?,
            },
            // `{"responsePath": …, "parameter": …}` says enough.
            None if said.get("responsePath").is_some() => Kind::Cursor {
                path: text("responsePath").unwrap_or_default(),
                parameter: text("parameter").ok_or("config `pagination`: `cursor` needs `parameter`")?,
            },
            _ => {
                let found = said.to_json_string();
                return Err(format!(
                    "config `pagination`: expected `link`, `cursor`, `page`, `offset` or `off`, found {found}"
                ));
            }
        };
        let most = match number("maxPages")? {
            None => most,
            Some(own) => usize::try_from(own).ok().filter(|own| *own > 0).ok_or_else(|| {
                format!("config `pagination`: `maxPages` is a whole number of at least 1, found {own}")
            })?,
        };
        Ok(Some(Self { kind, items: text("itemsPath"), most }))
    }

    /// The address of the first page.
    pub(crate) fn first(&self, url: &Url) -> Url {
        match &self.kind {
            Kind::Page { parameter, start } if query(url, parameter).is_none() => {
                with(url, parameter, &start.to_string())
            }
            Kind::Offset { parameter, limit_parameter, limit } => {
                let mut url = url.clone();
                if let Some(limit) = limit.filter(|_| query(&url, limit_parameter).is_none()) {
                    url = with(&url, limit_parameter, &limit.to_string());
                }
                if query(&url, parameter).is_none() { with(&url, parameter, "0") } else { url }
            }
            _ => url.clone(),
        }
    }

    /// The address of the page after an answer from `url`; nothing after the last one.
    pub(crate) fn next(&self, url: &Url, answer: &Answer) -> Option<Url> {
        let items = self.items(&answer.body).map_or(0, <[Value]>::len);
        let next = match &self.kind {
            Kind::Link => answer
                .raw_headers
                .get_all(LINK)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .find_map(next_link)
                .and_then(|link| url.join(&link).ok())?,
            Kind::Cursor { path, parameter } => match at(&answer.body, path)? {
                Value::String(cursor) if cursor.is_empty() => return None,
                Value::String(cursor) if cursor.starts_with("http://") || cursor.starts_with("https://") => {
                    cursor.parse().ok()?
                }
                Value::String(cursor) => with(url, parameter, cursor),
                Value::Integer(number) => with(url, parameter, &number.to_string()),
                _ => return None,
            },
            _ if items == 0 => return None,
            Kind::Page { parameter, start } => {
                let page = query(url, parameter).and_then(|page| page.parse().ok()).unwrap_or(*start);
                with(url, parameter, &(page + 1).to_string())
            }
            Kind::Offset { parameter, limit_parameter, .. } => {
                let offset: i64 = query(url, parameter).and_then(|offset| offset.parse().ok()).unwrap_or(0);
                let limit: Option<i64> = query(url, limit_parameter).and_then(|limit| limit.parse().ok());
                if limit.is_some_and(|limit| (items as i64) < limit) {
                    return None;
                }
                with(url, parameter, &(offset + items as i64).to_string())
            }
        };
        (next != *url).then_some(next)
    }

    fn items<'a>(&self, body: &'a Value) -> Option<&'a [Value]> {
        at(body, &self.place(body)?)?.as_array().map(|items| items as _)
    }

    /// Where the items of a page are.
    fn place(&self, body: &Value) -> Option<String> {
        if let Some(place) = &self.items {
            return Some(place.clone());
        }
        match body {
            Value::Array(_) => Some(String::new()),
            Value::Object(members) => {
                members.iter().find(|(_, value)| value.as_array().is_some()).map(|(key, _)| key.to_string())
            }
            _ => None,
        }
    }

    /// All pages as one: the last one, with the items of all.
    pub(crate) fn joined(&self, pages: &[Answer]) -> Option<Answer> {
        let mut whole = pages.last()?.clone();
        let Some(place) = self.place(&whole.body).or_else(|| pages.iter().find_map(|page| self.place(&page.body)))
        else {
            return Some(whole);
        };
        let items = pages
            .iter()
            .filter_map(|page| at(&page.body, &place))
            .filter_map(Value::as_array)
            .flat_map(|items| items.iter().cloned());
        let items = Value::array(items);
        whole.body = put(&whole.body, &place, items);
        Some(whole)
    }
}

/// The value at a place: names with dots, a number in a list; an empty one is the whole.
fn at<'a>(value: &'a Value, place: &str) -> Option<&'a Value> {
    place.trim_start_matches("$.").split('.').filter(|name| !name.is_empty()).try_fold(value, |value, name| match value
    {
        Value::Array(_) => value.at(name.parse().ok()?),
        value => value.get(name),
    })
}

/// The value with something else at a place.
fn put(value: &Value, place: &str, new: Value) -> Value {
    let place = place.trim_start_matches("$.");
    if place.is_empty() {
        return new;
    }
    let (name, rest) = place.split_once('.').unwrap_or((place, ""));
    let inner = value.get(name).cloned().unwrap_or_default();
    value.merged_with(&Value::object([(name, put(&inner, rest, new))]))
}

/// The address that a `Link` header calls the next one.
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        let (parameters, next) = after.split_once(",<").or_else(|| after.split_once(", <")).unwrap_or((after, ""));
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches(['"', ',', ' ']).split_whitespace().any(|rel| rel == "next")
        });
        if is_next {
            return Some(address.trim().into());
        }
        if next.is_empty() {
            return None;
        }
        // The bracket was a part of what separates them.
        rest = &header[header.len() - next.len() - 1..];
    }
    None
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The address with another value of a member of its query.
fn with(url: &Url, name: &str, value: &str) -> Url {
    let coded = encode(name, false);
    let kept = url.query().unwrap_or_default().split('&').filter(|pair| {
        let known = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && known != coded && known != name
    });
    let mut pairs: Vec<String> = kept.map(Into::into).collect();
    pairs.push(format!("{coded}={}", encode(value, false)));
    let mut url = url.clone();
    url.set_query(Some(&pairs.join("&")));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found() {
        for (header, next) in [
            (r#"<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last""#, Some("https://a/?page=2")),
            (r#"<https://a/?page=1>; rel="prev",<https://a/?page=3>; rel=next"#, Some("https://a/?page=3")),
            (r#"<https://a/?x=1,2>; rel="first last""#, None),
            ("nonsense", None),
        ] {
            assert_eq!(next_link(header).as_deref(), next, "{header}");
        }
    }

    #[test]
    fn pages_are_joined_where_their_items_are() {
        let page = |json: &str| Answer { body: Value::from_json(json).unwrap(), ..Answer::default() };
        let paging = Paging::read(Some(&"link".into()), 5).unwrap().unwrap();
        let joined = paging.joined(&[page(r#"{"n":1,"items":[1,2]}"#), page(r#"{"n":2,"items":[3]}"#)]).unwrap();
        assert_eq!(joined.body, Value::from_json(r#"{"n":2,"items":[1,2,3]}"#).unwrap());
        let joined = paging.joined(&[page("[1]"), page("[2]")]).unwrap();
        assert_eq!(joined.body, Value::array([1_i64, 2]));
        let said = Value::from_json(
            r#"{"type":"cursor","responsePath":"meta.next","parameter":"after","itemsPath":"data.rows"}"#,
        )
        .unwrap();
        let paging = Paging::read(Some(&said), 5).unwrap().unwrap();
        let url: Url = "http://a/b?limit=2&after=x".parse().unwrap();
        let first = page(r#"{"meta":{"next":"y z"},"data":{"rows":[1]}}"#);
        assert_eq!(paging.next(&url, &first).unwrap().as_str(), "http://a/b?limit=2&after=y%20z");
        assert_eq!(paging.next(&url, &page(r#"{"meta":{"next":null}}"#)), None);
        let joined = paging.joined(&[first, page(r#"{"meta":{},"data":{"rows":[2]}}"#)]).unwrap();
        assert_eq!(joined.body.get("data").unwrap().get("rows").unwrap(), &Value::array([1_i64, 2]));
        assert!(Paging::read(Some(&"sideways".into()), 1).is_err());
        for wrong in
            [r#"{"type":"page","start":"x"}"#, r#"{"type":"link","maxPages":0}"#, r#"{"type":"offset","limit":1.5}"#]
        {
            assert!(Paging::read(Some(&Value::from_json(wrong).unwrap()), 1).is_err(), "{wrong}");
        }
        assert_eq!(Paging::read(Some(&"off".into()), 1), Ok(None));
    }
}
