//! The shape that all templates of this pack share.

use reflow_pack_sdk::{Component, ComponentSpec, Documentation, Instance, PortSpec, Source, Value};

/// A template out of its parts.
pub(crate) struct Template {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) text: &'static str,
    pub(crate) inport: (&'static str, &'static str),
    pub(crate) outports: &'static [(&'static str, &'static str, &'static str)],
    /// JSON Schemas of the config's own members, beside `database`, `read_only` and `busy_timeout_ms`.
    pub(crate) properties: &'static str,
    /// Members that must be there, beside `database`.
    pub(crate) required: &'static [&'static str],
    pub(crate) make: fn(&Value) -> Result<Instance, String>,
}

const DATABASE: &str = r#"{
    "database": {"type": "string", "minLength": 1, "description": "A file, a `file:` URI, or `:memory:`."},
    "read_only": {"type": "boolean", "default": false, "description": "Refuse every change."},
    "busy_timeout_ms": {"type": "integer", "minimum": 0, "default": 5000, "description": "How long to wait for locks of others."}
}"#;

impl Component for Template {
    fn spec(&self) -> ComponentSpec {
        let (inport, summary) = self.inport;
        ComponentSpec {
            id: self.id.into(),
            inports: vec![PortSpec::new(inport, "any").with_summary(summary)],
            outports: self
                .outports
                .iter()
                .map(|(name, kind, summary)| PortSpec::new(*name, *kind).with_summary(*summary))
                .collect(),
            source: Source::No,
            config_schema: self.config_schema(),
            documentation: Documentation {
                title: self.title.into(),
                category: "sql".into(),
                summary: self.summary.into(),
                text: self.text.into(),
            },
            ..ComponentSpec::default()
        }
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        (self.make)(config)
    }
}

impl Template {
    fn config_schema(&self) -> Value {
        let read =
            |json: &str| Value::parse(json).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
        let mut properties = read(DATABASE);
        properties.extend(read(self.properties));
        let required = std::iter::once("database").chain(self.required.iter().copied());
        Value::object([
            ("type", Value::from("object")),
            ("properties", properties.into()),
            ("required", Value::array(required)),
            ("additionalProperties", false.into()),
        ])
    }
}
