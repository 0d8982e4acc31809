//! What an operation of a web API is, whatever it was read from.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::auth::Scheme;

/// A web API: what its operations have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// A word, part of every id.
    pub(crate) id: String,
    /// A name to show.
    pub(crate) name: String,
    /// The family of its templates.
    pub(crate) category: String,
    /// Where its operations are; may hold `{variables}`.
    pub(crate) base_url: String,
    /// The variables of the address that have a value unless a node says another.
    pub(crate) variables: Vec<(String, Option<String>)>,
    /// How requests say who asks, unless an operation says otherwise.
    pub(crate) auth: Scheme,
    /// Whether the address takes GraphQL, whatever the path of an operation.
    pub(crate) is_graphql: bool,
}

/// A name for things of a service in the environment and in configs: `PETSTORE_API_KEY` of `petstore` and `API_KEY`.
pub(crate) fn variable(service: &str, suffix: &str) -> String {
    let word: String =
        service.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{word}_{suffix}")
}

/// One request that can be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operation {
    pub(crate) service: Arc<Service>,
    /// The ids of its template: the one that graphs of old use, if it has one, then its own.
    pub(crate) ids: Vec<String>,
    /// What the document calls it.
    pub(crate) operation_id: String,
    /// In capitals.
    pub(crate) method: String,
    /// Below the address of the service, with `{placeholders}`.
    pub(crate) path: String,
    /// Where it is, if not where its service is.
    pub(crate) base_url: Option<String>,
    pub(crate) summary: String,
    pub(crate) text: String,
    pub(crate) parameters: Vec<Parameter>,
    /// How the body is written, if there is one.
    pub(crate) body: Option<Body>,
    /// What the answer may be, for `Accept`.
    pub(crate) accept: String,
    /// How it says who asks, if not as its service does.
    pub(crate) auth: Option<Scheme>,
    /// What every request has.
    pub(crate) headers: Vec<(String, String)>,
    /// Whether it takes whatever comes, beside the parameters that it names.
    pub(crate) is_free: bool,
    /// Whether it came along with the pack.
    pub(crate) is_built_in: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) is_deprecated: bool,
    /// The document that is sent if nobody says another, and the name of the operation in it.
    pub(crate) graphql: Option<Graphql>,
}

/// An operation of a GraphQL API.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graphql {
    pub(crate) operation_name: String,
    /// What is sent unless a node says otherwise.
    pub(crate) query: Option<String>,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    #[default]
    Query,
    Header,
    Cookie,
    /// A member of a JSON body.
    Body,
    /// A field of a form.
    Form,
    /// The whole body.
    Raw,
}

impl Place {
    pub(crate) const ALL: [(&str, Self); 7] = [
        ("path", Self::Path),
        ("query", Self::Query),
        ("header", Self::Header),
        ("cookie", Self::Cookie),
        ("body", Self::Body),
        ("form", Self::Form),
        ("raw", Self::Raw),
    ];

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, place)| *place)
    }

    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, place)| *place == self).map_or("", |(word, _)| word)
    }
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Type {
    #[default]
    Any,
    Text,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
    /// Bytes.
    File,
}

impl Type {
    pub(crate) const ALL: [(&str, Self); 8] = [
        ("any", Self::Any),
        ("string", Self::Text),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("array", Self::Array),
        ("object", Self::Object),
        ("file", Self::File),
    ];

    pub(crate) fn from_word(word: &str) -> Self {
        Self::ALL.iter().find(|(known, _)| *known == word).map_or(Self::Any, |(_, kind)| *kind)
    }

    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("any", |(word, _)| word)
    }
}

/// How lists and objects are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// `a,b` in paths and headers.
    #[default]
    Simple,
    /// `.a.b` in paths.
    Label,
    /// `;name=a;name=b` in paths.
    Matrix,
    /// `name=a&name=b` in queries.
    Form,
    /// `name=a%20b`.
    Space,
    /// `name=a|b`.
    Pipe,
    /// `name=a%09b`.
    Tab,
    /// `name[key]=value`.
    Deep,
    /// As JSON text.
    Json,
}

/// Something that an operation takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// The inport, and the key of configs.
    pub(crate) port: String,
    pub(crate) place: Place,
    pub(crate) kind: Type,
    pub(crate) required: bool,
    pub(crate) style: Style,
    pub(crate) explode: bool,
    /// Whether characters with a meaning in addresses are left as they are.
    pub(crate) allow_reserved: bool,
    pub(crate) description: String,
    /// Sent where the parameter is required and nobody says a value.
    pub(crate) default: Option<Value>,
    /// The only values that make sense.
    pub(crate) choices: Vec<Value>,
    /// The media type of a part of a form.
    pub(crate) content_type: Option<String>,
}

impl Parameter {
    pub(crate) fn new(name: impl Into<String>, place: Place, kind: Type, required: bool) -> Self {
        let name = name.into();
        let (style, explode) = match place {
            Place::Query | Place::Cookie | Place::Form => (Style::Form, true),
            _ => (Style::Simple, false),
        };
        Self { port: crate::naming::port(&name), name, place, kind, required, style, explode, ..Self::default() }
    }
}

/// How a body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) content_type: String,
    pub(crate) required: bool,
}

impl Body {
    pub(crate) fn is_json(&self) -> bool {
        is_json(&self.content_type)
    }

    pub(crate) fn is_multipart(&self) -> bool {
        self.content_type.starts_with("multipart/")
    }
}

/// Whether a media type is one of JSON.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json") || essence == "text/json"
}

impl Operation {
    /// The id that it is shown under.
    pub(crate) fn id(&self) -> &str {
        self.ids.first().map_or("", String::as_str)
    }

    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(&self.service.base_url)
    }

    pub(crate) fn auth(&self) -> &Scheme {
        self.auth.as_ref().unwrap_or(&self.service.auth)
    }

    /// Its placeholders, in order.
    pub(crate) fn placeholders(&self) -> Vec<&str> {
        placeholders(&self.path)
    }

    /// The inports of its parameters, each once.
    pub(crate) fn ports(&self) -> Vec<&str> {
        let mut ports: Vec<&str> = Vec::new();
        for parameter in &self.parameters {
            if !ports.contains(&parameter.port.as_str()) {
                ports.push(&parameter.port);
            }
        }
        ports
    }

    /// Whether there is a parameter of this name or port.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|one| one.name == name || one.port == name)
    }

    /// Its parameters for people, not too many.
    pub(crate) fn named(&self) -> String {
        let names: Vec<String> = self.parameters.iter().take(8).map(|one| format!("`{}`", one.name)).collect();
        match self.parameters.len() {
            0 => "none".into(),
            1..=8 => names.join(", "),
            more => format!("{} and {} more", names.join(", "), more - 8),
        }
    }

    /// Where values go that no parameter is there for: into a body that is made of members; else nowhere, if a document says all
    /// that there is. What comes along does not name everything.
    pub(crate) fn place_of_others(&self) -> Option<Place> {
        let has = |place| self.parameters.iter().any(|one| one.place == place);
        let is_json = self.body.as_ref().map_or_else(|| has(Place::Body), Body::is_json);
        let asks = matches!(self.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS");
        if has(Place::Form) {
            Some(Place::Form)
        } else if is_json || self.graphql.is_some() || self.service.is_graphql {
            Some(Place::Body)
        } else if self.is_free || self.is_built_in {
            Some(if asks { Place::Query } else { Place::Body })
        } else {
            None
        }
    }

    /// The name of an inport that is there beside the parameters: `input`, or `input_` where a parameter is called so.
    pub(crate) fn extra_port(&self, name: &str) -> String {
        let mut port = name.to_string();
        while self.parameters.iter().any(|parameter| parameter.port == port) {
            port.push('_');
        }
        port
    }

    /// Gives every placeholder of the path a parameter. Documents are not always of one mind: a parameter of the path that it does
    /// not name stands for the next placeholder that nobody claims.
    pub(crate) fn settle(&mut self) {
        let placeholders: Vec<String> = self.placeholders().into_iter().map(Into::into).collect();
        let is_claimed = |operation: &Self, name: &str| {
            operation.parameters.iter().any(|known| known.place == Place::Path && known.name == name)
        };
        let free: Vec<String> = placeholders.iter().filter(|name| !is_claimed(self, name)).cloned().collect();
        let mut free = free.into_iter();
        for parameter in &mut self.parameters {
            if parameter.place == Place::Path && !placeholders.contains(&parameter.name) {
                match free.next() {
                    Some(name) => parameter.name = name,
                    // The path has no room for it.
                    None => parameter.required = false,
                }
            }
        }
        self.parameters.extend(free.map(|name| Parameter::new(name, Place::Path, Type::Text, true)));
    }

    /// The operation as data, for reports.
    pub(crate) fn describe(&self) -> Value {
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(|parameter| {
                serde_json::json!({
                    "name": parameter.name,
                    "port": parameter.port,
                    "in": parameter.place.word(),
                    "type": parameter.kind.word(),
                    "required": parameter.required,
                    "description": parameter.description,
                    "default": parameter.default,
                    "enum": parameter.choices,
                })
            })
            .collect();
        let mut described = Map::new();
        let texts = [
            ("id", self.id()),
            ("service", self.service.id.as_str()),
            ("operation_id", self.operation_id.as_str()),
            ("method", self.method.as_str()),
            ("path", self.path.as_str()),
            ("summary", self.summary.as_str()),
        ];
        described.extend(texts.map(|(key, text)| (key.to_string(), Value::from(text))));
        described.insert("ids".into(), self.ids.clone().into());
        described.insert("parameters".into(), parameters.into());
        described.insert("body".into(), self.body.as_ref().map(|body| body.content_type.clone()).into());
        Value::Object(described)
    }
}

/// The placeholders of a path, in order, without the signs that say how they are written.
pub(crate) fn placeholders(path: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        found.push(bare(name));
        rest = after;
    }
    found
}

/// A placeholder without what RFC 6570 puts around it.
pub(crate) fn bare(placeholder: &str) -> &str {
    placeholder.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']).trim_end_matches('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_gets_a_parameter() {
        let path = |name: &str| Parameter::new(name, Place::Path, Type::Text, true);
        let mut operation = Operation {
            path: "/a/{workspace}/b/{slug}/{+rest}".into(),
            parameters: vec![path("username"), path("slug"), path("nowhere")],
            ..Operation::default()
        };
        operation.settle();
        let names: Vec<_> = operation.parameters.iter().map(|one| (&*one.name, &*one.port)).collect();
        assert_eq!(names, [("workspace", "username"), ("slug", "slug"), ("rest", "nowhere")]);
        let mut operation = Operation { path: "/{a}/{b}".into(), ..Operation::default() };
        operation.settle();
        assert_eq!(operation.ports(), ["a", "b"]);
        assert_eq!(operation.extra_port("input"), "input");
        operation.parameters.push(Parameter::new("input", Place::Body, Type::Any, false));
        assert_eq!(operation.extra_port("input"), "input_");
    }
}
