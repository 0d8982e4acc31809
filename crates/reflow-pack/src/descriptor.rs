//! Template descriptors: what a manifest and a library say about a template, so that graphs check without its code.

use std::borrow::Cow;
use std::collections::HashSet;

use reflow_runtime::{ComponentSpec, Documentation, Firing, PortSpec, PortType, Source, Value};
use serde::{Deserialize, Serialize};

use crate::names::problem_with_template;

/// Inports of a template, and outports.
const MOST_PORTS: usize = 1_000;

/// The description of one template. Fields that are not known are ignored: a later minor version may add some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateDescriptor {
    /// The template id.
    pub id: String,
    /// Declared inports, in order.
    #[serde(default)]
    pub inports: Vec<PortDescriptor>,
    /// Declared outports, in order.
    #[serde(default)]
    pub outports: Vec<PortDescriptor>,
    /// When a tick starts.
    #[serde(default)]
    pub firing: FiringDescriptor,
    /// Whether a node that nothing feeds runs without inputs.
    #[serde(default)]
    pub source: SourceDescriptor,
    /// Whether connections may use ports that are not declared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_ports: bool,
    /// JSON Schema of the config; null when anything goes. A property that is `writeOnly` holds a secret.
    #[serde(default)]
    pub config_schema: Value,
    /// A name to show.
    #[serde(default)]
    pub title: String,
    /// The family.
    #[serde(default)]
    pub category: String,
    /// One line.
    #[serde(default)]
    pub summary: String,
    /// Markdown.
    #[serde(default)]
    pub text: String,
}

/// The description of a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortDescriptor {
    /// The name that connections use.
    pub name: String,
    /// The type in a word, for packs and tools that know no other.
    #[serde(default = "any")]
    pub kind: String,
    /// The type; that of the word when there is none.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub port_type: Option<PortType>,
    /// Types that the port takes or sends beside that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<PortType>,
    /// One line.
    #[serde(default)]
    pub summary: String,
    /// Whether a node makes no sense with this inport unconnected.
    #[serde(default)]
    pub required: bool,
    /// Whether a newer packet replaces an older one that is still waiting.
    #[serde(default)]
    pub latest: bool,
}

fn any() -> String {
    "any".into()
}

/// When a tick starts: `"any"`, `"all"`, `"latest"`, `{"all": {"latest": [inports]}}` or `{"required": [inports]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "FiringForm", into = "FiringForm")]
pub struct FiringDescriptor(pub Firing);

/// How a firing rule is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum FiringForm {
    Word(String),
    All { all: Latest },
    Required { required: Vec<String> },
    Rule(Value),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Latest {
    latest: Vec<String>,
}

impl TryFrom<FiringForm> for FiringDescriptor {
    type Error = String;

    fn try_from(form: FiringForm) -> Result<Self, String> {
        let owned = |names: Vec<String>| names.into_iter().map(Cow::Owned).collect();
        Ok(Self(match form {
            FiringForm::Word(word) => match word.as_str() {
                "any" => Firing::Any,
                "all" => Firing::all(),
                "latest" => Firing::Latest,
                other => return Err(format!("there is no firing rule {other:?}; `any`, `all` and `latest` are some")),
            },
            FiringForm::All { all } => Firing::All { latest: owned(all.latest), optional: Vec::new() },
            FiringForm::Required { required } => Firing::Required(owned(required)),
            FiringForm::Rule(rule) => Firing::from_value(&rule)?,
        }))
    }
}

impl From<FiringDescriptor> for FiringForm {
    fn from(firing: FiringDescriptor) -> Self {
        let owned = |names: &[Cow<'static, str>]| names.iter().map(ToString::to_string).collect();
        match &firing.0 {
            Firing::Any => Self::Word("any".into()),
            Firing::All { latest, optional } if latest.is_empty() && optional.is_empty() => Self::Word("all".into()),
            Firing::All { latest, optional } if optional.is_empty() => {
                Self::All { all: Latest { latest: owned(latest) } }
            }
            Firing::Latest => Self::Word("latest".into()),
            Firing::Required(required) => Self::Required { required: owned(required) },
            Firing::All { .. } | Firing::Join(_) | Firing::Gather(_) => Self::Rule(firing.0.to_value()),
        }
    }
}

/// Whether a node that nothing feeds runs without inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceDescriptor {
    /// It waits for packets from outside.
    #[default]
    No,
    /// It does in a run to the end.
    ToTheEnd,
    /// It does.
    Yes,
}

impl TemplateDescriptor {
    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(problem) = problem_with_template(&self.id) {
            return Some(problem);
        }
        for (direction, ports) in [("inport", &self.inports), ("outport", &self.outports)] {
            if ports.len() > MOST_PORTS {
                return Some(format!("the template `{}` has more than {MOST_PORTS} {direction}s", self.id));
            }
            let mut names = HashSet::new();
            for port in ports {
                if port.name.is_empty() {
                    return Some(format!("the template `{}` has an {direction} without a name", self.id));
                }
                if !names.insert(&*port.name) {
                    return Some(format!("the template `{}` has two {direction}s called `{}`", self.id, port.name));
                }
            }
        }
        let named = match &self.firing.0 {
            Firing::All { latest, optional } => &[&latest[..], optional].concat(),
            Firing::Required(required) => required,
            Firing::Join(join) => &join.latest,
            Firing::Any | Firing::Latest | Firing::Gather(_) => return None,
        };
        let inports: HashSet<&str> = self.inports.iter().map(|port| &*port.name).collect();
        let unknown = named.iter().find(|name| !inports.contains(&***name))?;
        Some(format!("the firing rule of the template `{}` names `{unknown}`, which is no inport of it", self.id))
    }

    /// The description in the runtime's shape.
    pub fn to_spec(&self) -> ComponentSpec {
        ComponentSpec {
            id: self.id.clone().into(),
            version: "".into(),
            inports: self.inports.iter().map(PortDescriptor::to_spec).collect(),
            outports: self.outports.iter().map(PortDescriptor::to_spec).collect(),
            firing: self.firing.0.clone(),
            source: match self.source {
                SourceDescriptor::No => Source::No,
                SourceDescriptor::ToTheEnd => Source::ToTheEnd,
                SourceDescriptor::Yes => Source::Yes,
            },
            config_schema: self.config_schema.clone(),
            documentation: Documentation {
                title: self.title.clone().into(),
                category: self.category.clone().into(),
                summary: self.summary.clone().into(),
                text: self.text.clone().into(),
            },
        }
    }
}

impl PortDescriptor {
    fn to_spec(&self) -> PortSpec {
        PortSpec {
            name: self.name.clone().into(),
            // A word that nobody knows stands for anything.
            port_type: self.port_type.clone().or_else(|| PortType::from_word(&self.kind)).unwrap_or_default(),
            also: self.also.clone(),
            summary: self.summary.clone().into(),
            required: self.required,
            latest: self.latest,
            ..PortSpec::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<TemplateDescriptor, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn firing_rules_go_both_ways() {
        for rule in [
            r#""any""#,
            r#""all""#,
            r#""latest""#,
            r#"{"all":{"latest":["a"]}}"#,
            r#"{"required":["a","b"]}"#,
            r#"{"latest":["a"],"optional":["b"]}"#,
        ] {
            let firing: FiringDescriptor = serde_json::from_str(rule).unwrap();
            assert_eq!(serde_json::to_string(&firing).unwrap(), rule);
        }
        assert!(serde_json::from_str::<FiringDescriptor>(r#""some""#).unwrap_err().to_string().contains("some"));
    }

    #[test]
    fn a_descriptor_that_contradicts_itself_is_told() {
        assert_eq!(read(r#"{"id":"a","later":1}"#).unwrap().problem(), None);
        let problem = |json| read(json).unwrap().problem().unwrap_or_default();
        assert!(problem(r#"{"id":"a b"}"#).contains("a b"));
        assert!(problem(r#"{"id":"a","inports":[{"name":"x"},{"name":"x"}]}"#).contains("two inports"));
        assert!(problem(r#"{"id":"a","firing":{"required":["x"]}}"#).contains("no inport"));
    }
}
