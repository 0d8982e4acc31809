//! What a node's config says.

use std::time::Duration;

use reflow_pack_sdk::Value;
use serde_json::{Map, Value as Json, json};

use crate::model::{Operation, Parameter, Service};
use crate::paging::Paging;

/// Keys that mean something beside the names of parameters.
pub(crate) const KEYS: [&str; 18] = [
    "params",
    "baseUrl",
    "timeoutMs",
    "retries",
    "errorStatus",
    "firing",
    "pagination",
    "maxPages",
    "maxResponseBytes",
    "concurrency",
    "headers",
    "rateLimit",
    "streamResponse",
    "useEnvironment",
    "tokenUrl",
    "tokenParameters",
    "env_vars",
    "policy",
];

/// The config of a node.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) config: Value,
    /// Values of parameters, by their names or ports.
    defaults: Map<String, Json>,
    base_url: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) error_status: bool,
    pub(crate) each: bool,
    pub(crate) paging: Option<Paging>,
    pub(crate) max_response_bytes: usize,
    pub(crate) concurrency: usize,
    pub(crate) headers: Vec<(String, String)>,
    /// Requests in so much time.
    pub(crate) rate: Option<(f64, Duration)>,
    pub(crate) stream_response: bool,
    pub(crate) use_environment: bool,
}

impl Settings {
    /// Reads a config; the error names the key, what was found and what would be right.
    pub(crate) fn read(config: &Value) -> Result<Self, String> {
        let get = |key: &str| config.get(key).filter(|value| !value.is_null());
        let wrong = |key: &str, expected: &str| {
            let found = get(key).map_or_else(String::new, Value::to_json_string);
            format!("config `{key}`: expected {expected}, found {found}")
        };
        let whole = |key: &str, least: i64, default: i64| match get(key) {
            None => Ok(default),
            Some(value) => {
                let number =
                    value.as_integer().or_else(|| value.as_number().filter(|n| n.fract() == 0.0).map(|n| n as i64));
                number
                    .filter(|number| *number >= least)
                    .ok_or_else(|| wrong(key, &format!("a whole number of at least {least}")))
            }
        };
        let flag = |key: &str, default: bool| match get(key) {
            None => Ok(default),
            Some(Value::Boolean(value)) => Ok(*value),
            Some(_) => Err(wrong(key, "true or false")),
        };
        let mut defaults = Map::new();
        for (key, value) in config.as_object().into_iter().flatten() {
            if !KEYS.contains(&&**key) && !value.is_null() {
                defaults.insert(key.to_string(), Json::from(value));
            }
        }
        match get("params") {
            None => {}
            Some(Value::Object(members)) => {
                members.iter().filter(|(_, value)| !value.is_null()).for_each(|(key, value)| {
                    defaults.insert(key.to_string(), Json::from(value));
                });
            }
            Some(_) => return Err(wrong("params", "an object of values by parameter")),
        }
        let headers = match get("headers") {
            None => Vec::new(),
            Some(Value::Object(members)) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_json_string(), Into::into);
                let present = members.iter().filter(|(_, value)| !value.is_null());
                present.map(|(name, value)| (name.to_string(), text(value))).collect()
            }
            Some(_) => return Err(wrong("headers", "an object of texts by name")),
        };
        let rate = match get("rateLimit") {
            None => None,
            Some(limit) => {
                let number = |key: &str| limit.get(key).and_then(Value::as_number).filter(|number| *number > 0.0);
                let requests =
                    number("requests").ok_or_else(|| wrong("rateLimit", "{\"requests\": …, \"perSeconds\": …}"))?;
                let seconds = match limit.get("perSeconds").filter(|seconds| !seconds.is_null()) {
                    None => 1.0,
                    Some(_) => number("perSeconds")
                        .ok_or_else(|| wrong("rateLimit", "`perSeconds` to be a number above 0"))?
                        .min(1e6),
                };
                Some((requests, Duration::from_secs_f64(seconds)))
            }
        };
        let base_url = match get("baseUrl") {
            None => None,
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_string()),
            Some(_) => return Err(wrong("baseUrl", "an address, \"https://api.example.com\"")),
        };
        let each = match get("firing").map(|word| word.as_str()) {
            Some(Some("each")) => true,
            // Rules of the runtime are read by the runtime.
            _ => false,
        };
        let max_pages = whole("maxPages", 1, 10)? as usize;
        Ok(Self {
            defaults,
            base_url,
            timeout: Duration::from_millis(whole("timeoutMs", 1, 30_000)? as u64),
            retries: whole("retries", 0, 3)?.min(100) as u32,
            error_status: flag("errorStatus", true)?,
            each,
            paging: Paging::read(get("pagination"), max_pages)?,
            max_response_bytes: whole("maxResponseBytes", 0, 64 << 20)? as usize,
            concurrency: whole("concurrency", 1, 4)?.min(1_000) as usize,
            headers,
            rate,
            stream_response: flag("streamResponse", false)?,
            use_environment: flag("useEnvironment", false)?,
            config: config.clone(),
        })
    }

    /// The value that a config gives a parameter.
    pub(crate) fn default_of(&self, parameter: &Parameter) -> Option<&Json> {
        self.defaults.get(&parameter.name).or_else(|| self.defaults.get(&parameter.port))
    }

    /// The names of parameters that the config gives values, where no document says which there are: those under `params`.
    pub(crate) fn free_defaults(&self) -> Vec<String> {
        let said = self.config.get("params").and_then(Value::as_object);
        said.into_iter().flatten().map(|(name, _)| name.to_string()).collect()
    }

    /// A text of the config.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.config.get(key).and_then(Value::as_str).map(Into::into)
    }

    pub(crate) fn has_own_base(&self) -> bool {
        self.base_url.is_some()
    }

    /// The address of the service, with the variables that have a value filled in.
    pub(crate) fn base_url(&self, operation: &Operation) -> String {
        let mut base = self.base_url.clone().unwrap_or_else(|| operation.base_url().to_string());
        // A credential that is a part of the path keeps its place, wherever the service is.
        if let Some(place) = self.base_url.as_ref().and_then(|base| path_of_credential(operation, base)) {
            base = format!("{}{place}", base.trim_end_matches('/'));
        }
        for (name, default) in &operation.service.variables {
            if let Some(value) = self.variable(name).or_else(|| default.clone()) {
                base = base.replace(&format!("{{{name}}}"), &value);
            }
        }
        if operation.graphql.is_some() && !operation.service.is_graphql && self.base_url.is_none() {
            base = format!("{}/graphql", base.trim_end_matches('/'));
        }
        base
    }

    fn variable(&self, name: &str) -> Option<String> {
        match self.config.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.to_string()),
            Some(other) => Some(other.to_json_string()),
        }
    }

    /// Variables of the address that nothing is said about.
    pub(crate) fn missing_variables(&self, operation: &Operation) -> Vec<String> {
        let base = self.base_url(operation);
        let left = crate::model::placeholders(&base);
        left.into_iter().filter(|name| !is_credential(operation, name)).map(Into::into).collect()
    }
}

/// Whether a variable of the address is filled by a credential.
fn is_credential(operation: &Operation, name: &str) -> bool {
    use crate::auth::{Key, Scheme};
    matches!(operation.auth(), Scheme::Key { place: Key::Path, name: known, .. } if known == name)
}

/// The end of the address of a service that a credential stands in, if `base` has no place for it.
fn path_of_credential(operation: &Operation, base: &str) -> Option<String> {
    let own = operation.base_url();
    let name = crate::model::placeholders(own).into_iter().find(|name| is_credential(operation, name))?;
    let placeholder = format!("{{{name}}}");
    if base.contains(&placeholder) {
        return None;
    }
    let path = own.split_once("://").map_or(own, |(_, rest)| rest);
    let at = path.find('/')?;
    path[at..].contains(&placeholder).then(|| path[at..].trim_end_matches('/').to_string())
}

/// The schema of the config of nodes with this operation.
pub(crate) fn schema(operation: &Operation) -> Json {
    let mut properties = Map::new();
    let whole = |least: i64, default: i64, text: &str| json!({"type": "integer", "minimum": least, "default": default, "description": text});
    let mut add = |key: &str, schema: Json| {
        properties.entry(key.to_string()).or_insert(schema);
    };
    for parameter in &operation.parameters {
        let mut text =
            format!("Value of `{}` ({}) where no packet brings one.", parameter.name, parameter.place.word());
        if !parameter.description.is_empty() {
            text = format!("{text} {}", parameter.description);
        }
        if !KEYS.contains(&parameter.name.as_str()) {
            let mut schema = json!({"description": text});
            if let Some(default) = &parameter.default {
                schema["default"] = default.clone();
            }
            add(&parameter.name, schema);
        }
    }
    for name in operation.auth().names() {
        add(
            &name,
            json!({"type": ["string", "null"], "writeOnly": true, "description": "A credential; kept out of events, errors and traces."}),
        );
    }
    for (name, default) in &operation.service.variables {
        if !is_credential(operation, name) {
            let mut schema = json!({"description": format!("`{{{name}}}` in the address of the service.")});
            if let Some(default) = default {
                schema["default"] = default.as_str().into();
            }
            add(name, schema);
        }
    }
    add(
        "params",
        json!({"type": ["object", "null"], "description": "Values of parameters by name, where no packet brings one."}),
    );
    add(
        "baseUrl",
        json!({"type": ["string", "null"], "default": operation.base_url(), "description": "Where the service is."}),
    );
    add("timeoutMs", whole(1, 30_000, "How long an attempt may take, in milliseconds."));
    add("retries", whole(0, 3, "Attempts after the first one, where another may end better."));
    add(
        "errorStatus",
        json!({"type": "boolean", "default": true, "description": "Whether a status from 400 on is an error; if not, it is a response."}),
    );
    add(
        "firing",
        json!({"description": "`each`: a request for every packet. By default one for a packet on each connected inport."}),
    );
    add(
        "pagination",
        json!({"description": "How further pages are asked for: `\"link\"`, or an object with `type` (`link`, `cursor`, `page`, `offset`) and its keys."}),
    );
    add("maxPages", whole(1, 10, "Pages that are asked for at most."));
    add("maxResponseBytes", whole(0, 64 << 20, "Bytes that an answer may have at most."));
    add("concurrency", whole(1, 4, "Requests at once; answers leave in the order of the packets."));
    add("headers", json!({"type": ["object", "null"], "description": "More headers."}));
    add(
        "rateLimit",
        json!({"type": ["object", "null"], "description": "`requests` in `perSeconds`, shared by all nodes with this service and credential."}),
    );
    add(
        "streamResponse",
        json!({"type": "boolean", "default": false, "description": "Whether the body leaves as a stream, while it comes."}),
    );
    add(
        "useEnvironment",
        json!({"type": "boolean", "default": false, "description": "Whether credentials are looked up in the environment of the process too."}),
    );
    add("tokenUrl", json!({"type": ["string", "null"], "description": "Where access tokens come from."}));
    add(
        "tokenParameters",
        json!({"type": ["object", "null"], "description": "What the question for a token says beside: `scope`, `audience`."}),
    );
    json!({"type": "object", "properties": properties})
}

/// The name of a service for people who read a config.
pub(crate) fn title(service: &Service, id: &str) -> String {
    let words = id.strip_prefix("api_").unwrap_or(id);
    let words = words.strip_prefix(&service.id.replace('-', "_")).unwrap_or(words).trim_matches('_').replace('_', " ");
    format!("{}: {words}", service.name)
}
