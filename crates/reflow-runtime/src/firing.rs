//! `Firing`: when a node runs a tick, and with which packets. One type, whoever says it: a component, a graph, a pack.

use std::borrow::Cow;
use std::time::Duration;

use indexmap::IndexMap;
use reflow_message::Value;

/// Names of ports.
pub type Ports = Vec<Cow<'static, str>>;

/// When a node runs a tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Firing {
    /// For every packet.
    #[default]
    Any,
    /// When every declared inport has a packet: one of each. Inports that descend from one source are paired by the origin
    /// of their packets, others in order of arrival. The inports named here keep their newest packet instead and offer it to
    /// every tick.
    All {
        /// Inports that offer their newest packet, once there has been one.
        latest: Ports,
        /// Inports that offer their newest packet too, but that no tick waits for.
        optional: Ports,
    },
    /// As [`All`](Self::All), and the rule says by what packets are paired.
    Join(Box<Join>),
    /// When every declared inport has a packet; while waiting, newer packets replace older ones (objects are merged).
    Latest,
    /// When each of these inports has had a packet from every connection; the other inports keep their last packet and
    /// offer it to every tick.
    Required(Ports),
    /// When nothing is left of what one tick of a node has given: with the list of all results, in the order that it gave them.
    /// The node is named, or one of its outports (`node.port`).
    Gather(String),
}

/// By what the packets of a tick find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// What they have in common.
    pub by: By,
    /// How long a packet waits for its partners.
    pub timeout: Option<Duration>,
    /// How many packets may wait for partners; the oldest one goes when there are more.
    pub bound: Option<usize>,
    /// The outport that packets without a partner leave by.
    pub unmatched: Cow<'static, str>,
    /// As in [`Firing::All`].
    pub latest: Ports,
    /// As in [`Firing::All`].
    pub optional: Ports,
}

/// What the packets of a tick have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Their place in the order of arrival.
    #[default]
    Position,
    /// The packet from outside, or from a source, that they descend from.
    Origin,
    /// A value in each of them: the path of it by inport, `id` or `order.id`.
    Key(IndexMap<String, String>),
}

/// The outport of packets without a partner, unless the rule names another.
pub(crate) const UNMATCHED: &str = "unmatched";
/// Packets that wait for partners with the same key, unless the rule says how many.
const KEYED_BOUND: usize = 10_000;

impl Default for Join {
    fn default() -> Self {
        Self {
            by: By::Position,
            timeout: None,
            bound: None,
            unmatched: UNMATCHED.into(),
            latest: Ports::new(),
            optional: Ports::new(),
        }
    }
}

impl Join {
    /// A join by this, and nothing else said.
    pub fn by(by: By) -> Self {
        let bound = matches!(by, By::Key(_)).then_some(KEYED_BOUND);
        Self { by, bound, ..Self::default() }
    }
}

impl Firing {
    /// Pairs all declared inports.
    pub fn all() -> Self {
        Self::All { latest: Ports::new(), optional: Ports::new() }
    }

    /// A join by this, and nothing else said.
    pub fn join(by: By) -> Self {
        Self::Join(Box::new(Join::by(by)))
    }

    /// The rule that JSON-shaped data stands for: a word (`any`, `all`, `latest`, `position`, `origin`), or an object with
    /// `latest` and `optional` (lists of inports) or `required`, or with `join` (`"position"`, `"origin"`, or the path of the
    /// key by inport) and beside it `timeout_ms`, `bound`, `unmatched`.
    ///
    /// # Errors
    /// A text that says what was found and what would be right.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        if let Some(word) = value.as_str() {
            return match word {
                // `each` is the word of API operations: a request for each packet.
                "any" | "each" => Ok(Self::Any),
                "all" => Ok(Self::all()),
                "latest" => Ok(Self::Latest),
                "position" => Ok(Self::join(By::Position)),
                "origin" => Ok(Self::join(By::Origin)),
                "gather" => {
                    Err("firing: `gather` names the node whose packets are gathered: {\"gather\": \"node\"}".into())
                }
                _ => Err(expected(value)),
            };
        }
        let Some(members) = value.as_object() else { return Err(expected(value)) };
        let known: &[&str] = if members.contains_key("join") {
            &["join", "timeout_ms", "bound", "unmatched", "latest", "optional"]
        } else if members.contains_key("required") {
            &["required"]
        } else if members.contains_key("gather") {
            &["gather"]
        } else {
            &["latest", "optional"]
        };
        if members.is_empty() {
            return Err(expected(value));
        }
        if let Some(unknown) = members.keys().find(|key| !known.contains(&&***key)) {
            return Err(format!("firing: there is no key `{unknown}` here; there are {}", known.join(", ")));
        }
        if let Some(gather) = members.get("gather") {
            let node = gather.as_str().filter(|node| !node.is_empty());
            return match node {
                Some(node) => Ok(Self::Gather(node.into())),
                None => Err(format!("firing: `gather` must be the id of a node or `node.port`, got {gather}")),
            };
        }
        let latest = ports(value, "latest")?;
        let optional = ports(value, "optional")?;
        if members.contains_key("required") {
            return Ok(Self::Required(ports(value, "required")?));
        }
        let Some(join) = value.get("join") else { return Ok(Self::All { latest, optional }) };
        let mut join = Join { latest, optional, ..Join::by(by(join)?) };
        if let Some(limit) = whole(value, "timeout_ms")? {
            join.timeout = Some(Duration::from_millis(limit));
        }
        join.bound = whole(value, "bound")?.map(|bound| bound as usize).or(join.bound);
        match value.get("unmatched") {
            None | Some(Value::Null) => {}
            Some(Value::String(port)) => join.unmatched = port.to_string().into(),
            Some(other) => return Err(format!("firing: `unmatched` must be the name of an outport, got {other}")),
        }
        Ok(Self::Join(Box::new(join)))
    }

    /// The data that reads back as this rule.
    pub fn to_value(&self) -> Value {
        let list = |ports: &Ports| Value::from(ports.iter().map(|port| Value::from(&**port)).collect::<Vec<_>>());
        let mut members: Vec<(&str, Value)> = Vec::new();
        let lists = |latest: &Ports, optional: &Ports| {
            let named = [("latest", latest), ("optional", optional)];
            named.into_iter().filter(|(_, ports)| !ports.is_empty()).map(|(key, ports)| (key, list(ports))).collect()
        };
        match self {
            Self::Any => return "any".into(),
            Self::Latest => return "latest".into(),
            Self::Required(required) => members.push(("required", list(required))),
            Self::Gather(node) => members.push(("gather", node.as_str().into())),
            Self::All { latest, optional } => {
                members = lists(latest, optional);
                if members.is_empty() {
                    return "all".into();
                }
            }
            Self::Join(join) => {
                members = lists(&join.latest, &join.optional);
                members.push(("join", join.by.to_value()));
                members.extend(join.timeout.map(|limit| ("timeout_ms", (limit.as_millis() as i64).into())));
                members.extend(join.bound.map(|bound| ("bound", (bound as i64).into())));
                if join.unmatched != UNMATCHED {
                    members.push(("unmatched", (&*join.unmatched).into()));
                }
            }
        }
        Value::object(members)
    }

    /// Inports that keep their newest packet.
    pub fn latest(&self) -> &[Cow<'static, str>] {
        match self {
            Self::All { latest, .. } => latest,
            Self::Join(join) => &join.latest,
            _ => &[],
        }
    }

    /// Inports that offer their newest packet, but that no tick waits for.
    pub fn optional(&self) -> &[Cow<'static, str>] {
        match self {
            Self::All { optional, .. } => optional,
            Self::Join(join) => &join.optional,
            _ => &[],
        }
    }

    /// Whether a tick takes a packet of each inport.
    pub fn pairs(&self) -> bool {
        matches!(self, Self::All { .. } | Self::Join(_))
    }

    /// Whether packets may be left over that find no partner.
    pub(crate) fn leaves_over(&self) -> bool {
        self.pairs() || matches!(self, Self::Gather(_))
    }

    /// The inports that a tick cannot do without, of these.
    pub fn awaits(&self, port: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Latest | Self::Gather(_) => true,
            Self::Required(required) => required.iter().any(|name| name == port),
            Self::All { .. } | Self::Join(_) => !self.optional().iter().any(|name| name == port),
        }
    }
}

impl By {
    fn to_value(&self) -> Value {
        match self {
            Self::Position => "position".into(),
            Self::Origin => "origin".into(),
            Self::Key(paths) => {
                Value::object(paths.iter().map(|(port, path)| (port.as_str(), Value::from(path.as_str()))))
            }
        }
    }
}

fn expected(found: &Value) -> String {
    format!(
        "firing: expected \"any\", \"all\", \"latest\", \"position\", \"origin\", {{\"latest\": [inports]}}, \
         {{\"required\": [inports]}} or {{\"join\": …}}, got {found}"
    )
}

fn by(value: &Value) -> Result<By, String> {
    let wrong =
        || format!("firing: `join` must be \"position\", \"origin\" or the path of the key by inport, got {value}");
    if let Some(word) = value.as_str() {
        return match word {
            "position" => Ok(By::Position),
            "origin" => Ok(By::Origin),
            _ => Err(wrong()),
        };
    }
    let members = value.as_object().filter(|members| members.len() > 1).ok_or_else(wrong)?;
    let path = |(port, path): (_, &Value)| Some((ToString::to_string(port), path.as_str()?.to_string()));
    members.iter().map(path).collect::<Option<_>>().map(By::Key).ok_or_else(wrong)
}

fn ports(value: &Value, key: &str) -> Result<Ports, String> {
    let Some(list) = value.get(key) else { return Ok(Ports::new()) };
    let names = list.as_array().and_then(|list| {
        list.iter().map(|name| name.as_str().map(|name| Cow::Owned(name.to_string()))).collect::<Option<Ports>>()
    });
    names.ok_or_else(|| format!("firing: `{key}` must be a list of inports, got {list}"))
}

fn whole(value: &Value, key: &str) -> Result<Option<u64>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Integer(number)) if *number >= 1 => Ok(Some(*number as u64)),
        Some(other) => Err(format!("firing: `{key}` must be a whole number of at least 1, got {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Firing, String> {
        Firing::from_value(&serde_json::from_str::<Value>(json).unwrap())
    }

    #[test]
    fn every_rule_reads_back() {
        for json in [
            r#""any""#,
            r#""all""#,
            r#""latest""#,
            r#"{"latest":["a"]}"#,
            r#"{"optional":["a"]}"#,
            r#"{"required":["a","b"]}"#,
            r#"{"join":"origin"}"#,
            r#"{"join":"position","latest":["c"]}"#,
            r#"{"join":{"a":"id","b":"order.id"},"timeout_ms":50,"bound":7,"unmatched":"rest"}"#,
        ] {
            let rule = read(json).unwrap();
            assert_eq!(Firing::from_value(&rule.to_value()), Ok(rule), "{json}");
        }
        assert_eq!(read(r#""origin""#), read(r#"{"join":"origin"}"#));
    }

    #[test]
    fn mistakes_are_named() {
        for (json, word) in [
            (r#""never""#, "never"),
            ("5", "expected"),
            ("{}", "expected"),
            (r#"{"latest":"a"}"#, "latest"),
            (r#"{"newest":["a"]}"#, "newest"),
            (r#"{"join":"luck"}"#, "luck"),
            (r#"{"join":{"a":"id"}}"#, "join"),
            (r#"{"join":{"a":1,"b":"id"}}"#, "join"),
            (r#"{"join":"origin","bound":0}"#, "bound"),
            (r#"{"join":"origin","timeout_ms":-1}"#, "timeout_ms"),
            (r#"{"join":"origin","unmatched":3}"#, "unmatched"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
