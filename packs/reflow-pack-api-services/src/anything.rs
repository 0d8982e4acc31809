//! `tpl_api_request`: an operation that has no template of its own.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use reflow_pack_sdk::{
    Adaptation, Component, ComponentSpec, Documentation, Firing, Instance, PortSpec, PortType, Source, Value,
};
use serde_json::{Value as Json, json};

use crate::actor::Caller;
use crate::auth::Scheme;
use crate::component::{adaptation, outports};
use crate::import::source::Documents;
use crate::import::{self, Options};
use crate::model::{Operation, Parameter, Place, Service, Type};
use crate::registry;
use crate::settings::Settings;

pub(crate) const ID: &str = "tpl_api_request";

/// Documents that are kept after they were read.
const KEPT: usize = 8;

/// The template.
pub(crate) struct Anything;

/// Keys that say what to do, beside those of every operation.
const OWN_KEYS: [&str; 7] = ["document", "service", "operation", "method", "url", "auth", "deprecated"];

impl Component for Anything {
    fn spec(&self) -> ComponentSpec {
        let mut schema = crate::settings::schema(&Operation::default());
        let texts = [
            ("document", json!(["string", "object", "null"]), "An OpenAPI document: its file, or itself."),
            (
                "service",
                json!(["string", "null"]),
                "A service that comes along or was loaded; with `document`, the word for its credentials.",
            ),
            ("operation", json!(["string", "null"]), "Which operation: its `operationId`, its id, or `GET /path`."),
            ("method", json!(["string", "null"]), "The method of a request to `url`; GET by default."),
            (
                "url",
                json!(["string", "null"]),
                "Where a request goes that no document describes; may hold `{placeholders}`.",
            ),
            (
                "auth",
                json!(["string", "object", "null"]),
                "How a request to `url` says who asks, as in `load_openapi`; with `document`, in place of what that says.",
            ),
        ];
        for (key, kind, text) in texts {
            schema["properties"][key] = json!({"type": kind, "description": text});
        }
        schema["properties"]["REQUEST_API_KEY"] = json!({"type": ["string", "null"], "writeOnly": true, "description": "The credential of a request to `url` with `auth`."});
        // Those of a service or a document, whose names the config says.
        schema["patternProperties"] = json!({"^([A-Z][A-Z0-9_]*_(API_KEY|USERNAME|PASSWORD|CLIENT_ID|CLIENT_SECRET|REFRESH_TOKEN)|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN))$": {"type": ["string", "null"], "writeOnly": true}});
        let any = |name: &str, text: &str| PortSpec::new(name, PortType::Any).with_summary(text);
        ComponentSpec {
            id: ID.into(),
            inports: vec![
                any("input", "An object with values of parameters by name; sends the request."),
                any("body", "The whole body."),
                any("trigger", "Sends the request, with the newest values."),
            ],
            outports: outports(),
            firing: Firing::Any,
            source: Source::No,
            open_ports: true,
            config_schema: Value::from(&schema),
            documentation: Documentation {
                title: "API request".into(),
                category: "api".into(),
                summary: "Calls an operation of a web API that has no template of its own.".into(),
                text: "The operation is one of a `document`, one of a `service` that comes along or was loaded, or just `method` and \
                       `url`. Parameters are inports of their names, members of the object on `input`, or keys of the config. What no \
                       document describes goes into the query of GET, HEAD and DELETE, and into a JSON body otherwise."
                    .into(),
            },
        }
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        let operation = operation(config)?;
        Ok(Instance::new_async(Caller::new(operation, settings(config)?)))
    }

    fn adapt(&self, config: &Value, connected: &[&str]) -> Adaptation {
        match operation(config) {
            Ok(operation) => {
                // Its ports are not declared, so rules cannot name them; the actor finds out itself what belongs together.
                let only_declared = connected.iter().all(|port| ["input", "body", "trigger"].contains(port));
                let has_one = connected.len() == 1 && only_declared;
                let own = Adaptation { firing: Some(Firing::Any), concurrency: Some(1) };
                let concurrency = adaptation(&operation, config, &["input"]).concurrency;
                if has_one { Adaptation { firing: Some(Firing::Any), concurrency } } else { own }
            }
            Err(_) => Adaptation::default(),
        }
    }
}

fn settings(config: &Value) -> Result<Settings, String> {
    let members = config.as_object().into_iter().flatten().filter(|(key, _)| !OWN_KEYS.contains(&&***key));
    Settings::read(&Value::object(members.map(|(key, value)| (key.to_string(), value.clone()))))
}

/// The operation that a config asks for.
fn operation(config: &Value) -> Result<Arc<Operation>, String> {
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let service = text("service");
    match (config.get("document").filter(|document| !document.is_null()), service, text("url")) {
        (Some(document), service, _) => {
            let wanted = text("operation").ok_or("config `operation`: with `document`, say which of its operations")?;
            let (operations, service) = read(document, service, config.get("auth"))?;
            registry::one_of(&operations, &service, wanted)
        }
        (None, Some(service), None) => {
            let wanted = text("operation").ok_or("config `operation`: with `service`, say which of its operations")?;
            registry::of_service(service, wanted)
        }
        (None, service, Some(url)) => free(service.unwrap_or("request"), text("method").unwrap_or("GET"), url, config.get("auth")),
        (None, None, None) => match text("operation") {
            Some(id) => registry::find(id)
                .ok_or_else(|| format!("config `operation`: there is no operation `{id}`; with `service`, names of its own are enough")),
            None => Err("config: say what to call: `document` and `operation`, `service` and `operation`, or `method` and `url`".into()),
        },
    }
}

/// A request that nobody describes.
fn free(service: &str, method: &str, url: &str, auth: Option<&Value>) -> Result<Arc<Operation>, String> {
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| format!("config `url`: {url:?} is no address; `https://…` is"))?;
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if host.is_empty() {
        return Err(format!("config `url`: {url:?} names no host"));
    }
    let method = method.trim().to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(format!("config `method`: expected a method of HTTP, found {method:?}"));
    }
    let auth =
        auth.filter(|auth| !auth.is_null()).map(|auth| Scheme::from_value(service, &Json::from(auth))).transpose()?;
    let base_url = format!("{scheme}://{host}");
    let service = Arc::new(Service {
        id: service.into(),
        name: "Request".into(),
        category: "api".into(),
        variables: crate::model::placeholders(&base_url).into_iter().map(|name| (name.to_string(), None)).collect(),
        base_url,
        auth: auth.unwrap_or_default(),
        is_graphql: false,
    });
    let mut body = Parameter::new("body", Place::Raw, Type::Any, false);
    body.description = "The whole body.".into();
    let mut operation =
        Operation { service, method, path: path.into(), parameters: vec![body], is_free: true, ..Operation::default() };
    operation.settle();
    Ok(Arc::new(operation))
}

type Read = (Arc<Vec<Arc<Operation>>>, String);

/// The operations of a document, and the id of its service.
fn read(document: &Value, service: Option<&str>, auth: Option<&Value>) -> Result<Read, String> {
    static READ: Mutex<VecDeque<(String, Read)>> = Mutex::new(VecDeque::new());
    let auth = auth.filter(|auth| !auth.is_null()).map(Json::from);
    let key = match document {
        Value::String(path) => {
            let found = std::fs::metadata(&**path)
                .map_err(|error| format!("config `document`: {path} cannot be read: {error}"))?;
            format!("{path} {:?} {} {service:?} {auth:?}", found.modified().ok(), found.len())
        }
        other => format!("{} {service:?} {auth:?}", other.to_json_string()),
    };
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = read.iter().find(|(known, _)| *known == key) {
        return Ok(known.clone());
    }
    let documents = match document {
        Value::String(path) => Documents::open(Path::new(&**path), None),
        other => Documents::of(Json::from(other)),
    };
    let options = Options { service: service.map(Into::into), auth, deprecated: true, ..Options::default() };
    let imported = documents.and_then(|documents| import::import(&documents, options));
    let imported = imported.map_err(|why| format!("config `document`: {why}"))?;
    let operations = Arc::new(imported.operations.into_iter().map(Arc::new).collect());
    let known = (operations, imported.service.id.clone());
    read.push_back((key, known.clone()));
    if read.len() > KEPT {
        read.pop_front();
    }
    Ok(known)
}
