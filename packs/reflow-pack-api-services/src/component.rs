//! The template of an operation.

use std::sync::Arc;

use reflow_pack_sdk::{
    Adaptation, Component, ComponentSpec, Documentation, Firing, Instance, PortSpec, PortType, Source, Value,
};

use crate::actor::Caller;
use crate::model::{Operation, Type};
use crate::settings::{self, Settings};

/// What leaves, in the order of the outports.
pub(crate) const RESPONSE: usize = 0;
pub(crate) const ERROR: usize = 1;
pub(crate) const DATA: usize = 2;
pub(crate) const STREAM: usize = 3;
pub(crate) const PAGE: usize = 4;

/// An operation as a template.
pub(crate) struct ApiOperation {
    pub(crate) operation: Arc<Operation>,
    pub(crate) id: String,
}

/// The inports of an operation beside its parameters, by what they are for.
pub(crate) struct Extra {
    pub(crate) input: String,
    pub(crate) trigger: String,
}

impl Extra {
    pub(crate) fn of(operation: &Operation) -> Self {
        Self { input: operation.extra_port("input"), trigger: operation.extra_port("trigger") }
    }
}

pub(crate) fn inports(operation: &Operation) -> Vec<PortSpec> {
    let mut ports: Vec<PortSpec> = Vec::new();
    for name in operation.ports() {
        let here = || operation.parameters.iter().filter(|parameter| parameter.port == name);
        let Some(first) = here().next() else { continue };
        let words: Vec<_> =
            here().map(|parameter| format!("`{}` in {}", parameter.name, parameter.place.word())).collect();
        let mut summary = words.join(", ");
        if here().any(|parameter| parameter.required) {
            summary += ", required";
        }
        let text = first.description.lines().next().unwrap_or_default().trim();
        if !text.is_empty() {
            summary = format!("{summary}: {text}");
        }
        // A text is read where a number is expected, so no connection is refused for its type.
        let kind = first.kind.word().to_string();
        ports.push(PortSpec { kind, ..PortSpec::new(name, port_type(first.kind)).with_summary(summary) });
    }
    let extra = Extra::of(operation);
    let trigger =
        PortSpec::new(extra.trigger, PortType::Any).with_summary("Sends the request, with the newest values.");
    let is_empty = ports.is_empty();
    if is_empty {
        ports.push(trigger.clone());
    }
    let input = "An object with values of parameters by name; sends the request.";
    ports.push(PortSpec::new(extra.input, PortType::Any).with_summary(input));
    if !is_empty {
        ports.push(trigger);
    }
    ports
}

fn port_type(_kind: Type) -> PortType {
    PortType::Any
}

pub(crate) fn outports() -> Vec<PortSpec> {
    [
        ("response", PortType::Any, "`status`, `headers` and `body`."),
        ("error", PortType::Any, "Why there is no good answer: `kind`, `message` and more."),
        ("data", PortType::Any, "The body alone: JSON, text or bytes."),
        ("stream", PortType::Any, "The body while it comes, with `streamResponse`."),
        ("page", PortType::Any, "Each page, with `pagination`."),
    ]
    .map(|(name, kind, text)| PortSpec::new(name, kind).with_summary(text))
    .into()
}

/// How a node with these inports connected fires, and how many requests it makes at once.
pub(crate) fn adaptation(operation: &Operation, config: &Value, connected: &[&str]) -> Adaptation {
    let Ok(settings) = Settings::read(config) else { return Adaptation::default() };
    let extra = Extra::of(operation);
    let ports = operation.ports();
    let parameters: Vec<&str> = ports.iter().copied().filter(|port| connected.contains(port)).collect();
    let all = || ports.iter().copied().chain([extra.input.as_str(), extra.trigger.as_str()]);
    // Everything but these offers its newest packet, and is not waited for.
    let waiting_for = |wanted: &[&str]| {
        let optional = all().filter(|port| !wanted.contains(port)).map(|port| port.to_string().into()).collect();
        Firing::All { latest: Vec::new(), optional }
    };
    let has_input = connected.contains(&extra.input.as_str());
    let firing = if settings.each {
        Firing::Any
    } else if connected.contains(&extra.trigger.as_str()) {
        waiting_for(&[&extra.trigger])
    } else if has_input && parameters.is_empty() {
        waiting_for(&[&extra.input])
    } else if !has_input && !parameters.is_empty() {
        waiting_for(&parameters)
    } else {
        // The actor finds out itself what belongs together, and so there can be only one.
        return Adaptation { firing: Some(Firing::Any), concurrency: Some(1) };
    };
    Adaptation { firing: Some(firing), concurrency: Some(settings.concurrency) }
}

impl Component for ApiOperation {
    fn spec(&self) -> ComponentSpec {
        let operation = &self.operation;
        let mut text = operation.text.clone();
        let others: Vec<_> = operation.ids.iter().filter(|id| **id != self.id).map(|id| format!("`{id}`")).collect();
        if !others.is_empty() {
            text = format!("{text}\n\nThe same as {}.", others.join(", "));
        }
        let names = operation.auth().names();
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            text = format!(
                "{text}\n\nCredentials ({}), in the config or by `env_vars`: {}.",
                operation.auth().word(),
                names.join(", ")
            );
        }
        ComponentSpec {
            id: self.id.clone(),
            inports: inports(operation),
            outports: outports(),
            firing: Firing::Any,
            source: Source::No,
            open_ports: false,
            config_schema: Value::from(&settings::schema(operation)),
            documentation: Documentation {
                title: settings::title(&operation.service, &self.id),
                category: operation.service.category.clone(),
                summary: if operation.summary.is_empty() {
                    format!("{} {}", operation.method, operation.path)
                } else {
                    operation.summary.clone()
                },
                text: text.trim().into(),
            },
        }
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        Ok(Instance::new_async(Caller::new(Arc::clone(&self.operation), Settings::read(config)?)))
    }

    fn adapt(&self, config: &Value, connected: &[&str]) -> Adaptation {
        adaptation(&self.operation, config, connected)
    }
}
