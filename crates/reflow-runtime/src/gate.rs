//! `Gate`: what a node waits for before it begins.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reflow_expr::Expression;
use reflow_message::Value;

use crate::node::Node;
use crate::node_state::NodeState;
use crate::run::Run;

/// How many parents have to be far enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FanIn {
    /// All of them.
    All,
    /// One of them.
    Any,
    /// So many of them.
    Count(usize),
}

/// How far a parent has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threshold {
    /// It has finished.
    #[default]
    Finished,
    /// It has sent a packet, or has finished without one.
    FirstPacket,
}

/// What `start` says of a node.
#[derive(Clone, Debug)]
pub struct StartRule {
    /// How many parents, if that matters.
    pub fan_in: Option<FanIn>,
    /// How far they have to be.
    pub threshold: Threshold,
    /// What has to be true of the variables of the run.
    pub when: Option<Arc<Expression>>,
}

const KEYS: [&str; 8] = ["fan_in", "on", "start_when", "threshold", "when", "if", "expr", "expression"];

impl StartRule {
    /// Whether a value in the metadata of a node is meant as a start rule: an object of its keys alone.
    pub(crate) fn is_meant(value: &Value) -> bool {
        let Some(members) = value.as_object() else { return false };
        !members.is_empty() && members.keys().all(|key| KEYS.contains(&&**key))
    }

    /// Reads a rule: `"all"`, `"any"`, `"count:2"`, `"finished"`, `"first_packet"`, another text as an expression, or an object
    /// of `fan_in`, `on` (`finished` or `first_packet`) and `when` (an expression over the variables of the run).
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        if let Some(text) = value.as_str() {
            return Self::from_text(text);
        }
        let Some(members) = value.as_object() else {
            return Err(format!(
                "start: expected \"all\", \"any\", \"count:N\", an expression, or an object of fan_in, on and when, got {}",
                value.kind()
            ));
        };
        let mut rule = Self { fan_in: None, threshold: Threshold::default(), when: None };
        let mut says_how_far = false;
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match &**key {
                "fan_in" => rule.fan_in = Some(fan_in(value)?),
                "on" | "start_when" | "threshold" => {
                    let word = value.as_str().unwrap_or_default();
                    rule.threshold = threshold(word).ok_or_else(|| {
                        format!(
                            "start: `{key}`: expected \"finished\" or \"first_packet\", got {}",
                            value.to_json_string()
                        )
                    })?;
                    says_how_far = true;
                }
                "when" | "if" | "expr" | "expression" => match value.as_str() {
                    Some(word) if threshold(word).is_some() => {
                        rule.threshold = threshold(word).unwrap_or_default();
                        says_how_far = true;
                    }
                    Some(text) => rule.when = Some(expression(text)?),
                    None => return Err(format!("start: `{key}`: expected an expression (text), got {}", value.kind())),
                },
                other => {
                    return Err(format!("start: there is no key `{other}`; expected fan_in, on or when"));
                }
            }
        }
        if rule.fan_in.is_none() && (says_how_far || rule.when.is_none()) {
            rule.fan_in = Some(FanIn::All);
        }
        Ok(rule)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let mut rule = Self { fan_in: Some(FanIn::All), threshold: Threshold::default(), when: None };
        if let Some(threshold) = threshold(text) {
            rule.threshold = threshold;
        } else if text == "all" || text == "any" || text.starts_with("count") {
            rule.fan_in = Some(fan_in(&text.into())?);
        } else {
            rule.fan_in = None;
            rule.when = Some(expression(text)?);
        }
        Ok(rule)
    }

    /// Why the gate of a node could never open, if that is so. `edges` are all connections.
    pub(crate) fn problem(
        &self,
        node: u32,
        parents: &[u32],
        edges: &[(u32, u32)],
        name: impl Fn(u32) -> String,
    ) -> Option<String> {
        let fan_in = self.fan_in?;
        let count = parents.len();
        match fan_in {
            FanIn::Any | FanIn::Count(_) if parents.is_empty() => {
                return Some("start: it waits for a parent, and nothing is connected to it".into());
            }
            FanIn::Count(needed) if needed > count => {
                return Some(format!("start: `fan_in` is count:{needed}, and the node has {count} parents"));
            }
            _ => {}
        }
        let needed = match fan_in {
            FanIn::All => count,
            FanIn::Any => 1,
            FanIn::Count(needed) => needed,
        };
        let after = reached(&[node], edges, None);
        let waits_for_it = |parent: &&u32| match self.threshold {
            Threshold::Finished => after.contains(*parent),
            Threshold::FirstPacket => {
                // One that gets its packets from elsewhere as well may begin before.
                let sources: Vec<u32> =
                    edges.iter().map(|(from, _)| *from).filter(|from| !after.contains(from)).collect();
                after.contains(*parent) && !reached(&sources, edges, Some(node)).contains(*parent)
            }
        };
        let stuck: Vec<_> = parents.iter().filter(waits_for_it).collect();
        if count - stuck.len() < needed {
            let names: Vec<_> = stuck.iter().map(|parent| format!("`{}`", name(**parent))).collect();
            let names = names.join(", ");
            return Some(format!("start: it waits for {names}, and that waits for it: the gate could never open"));
        }
        None
    }

    /// Whether the connections into the node are logs: what fills while it waits must not hold its parents up.
    pub(crate) fn needs_logs(&self) -> bool {
        self.when.is_some() || self.fan_in.is_some() && self.threshold == Threshold::Finished
    }
}

fn threshold(word: &str) -> Option<Threshold> {
    match word {
        "finished" | "ready" => Some(Threshold::Finished),
        "first_packet" | "first packet" | "first_batch" => Some(Threshold::FirstPacket),
        _ => None,
    }
}

fn fan_in(value: &Value) -> Result<FanIn, String> {
    let wrong = || {
        let found = value.to_json_string();
        format!("start: `fan_in`: expected \"all\", \"any\" or \"count:N\" with N of at least 1, got {found}")
    };
    match value.as_str().ok_or_else(wrong)? {
        "all" => Ok(FanIn::All),
        "any" => Ok(FanIn::Any),
        text => {
            let count = text.strip_prefix("count:").and_then(|count| count.trim().parse().ok());
            count.filter(|count| *count >= 1).map(FanIn::Count).ok_or_else(wrong)
        }
    }
}

fn expression(text: &str) -> Result<Arc<Expression>, String> {
    Expression::compile(text).map(Arc::new).map_err(|error| format!("start: the expression `{text}`: {error}"))
}

/// What a node waits for before it begins.
#[derive(Debug)]
pub(crate) struct Gate {
    rule: StartRule,
    /// The nodes before it.
    parents: Vec<u32>,
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Closed,
    /// It cannot open any more.
    Never,
}

impl Gate {
    pub(crate) fn new(rule: StartRule, parents: Vec<u32>) -> Self {
        Self { rule, parents }
    }

    /// Whether parents are to be watched for their first packet.
    pub(crate) fn watched(&self) -> &[u32] {
        let watches = self.rule.fan_in.is_some() && self.rule.threshold == Threshold::FirstPacket;
        if watches { &self.parents } else { &[] }
    }

    pub(crate) fn stands(&self, run: &Run) -> Standing {
        if let Some(fan_in) = self.rule.fan_in {
            let needed = match fan_in {
                FanIn::All => self.parents.len(),
                FanIn::Any => 1,
                FanIn::Count(count) => count,
            };
            let parents = || self.parents.iter().map(|parent| &run.nodes[*parent as usize]);
            let reached = parents().filter(|parent| self.is_reached(parent)).count();
            if reached < needed {
                let may_come =
                    parents().filter(|parent| !self.is_reached(parent) && !parent.state().is_ended()).count();
                return if reached + may_come < needed { Standing::Never } else { Standing::Closed };
            }
        }
        let Some(when) = &self.rule.when else { return Standing::Open };
        let vars = run.vars.all();
        let lookup = |name: &str| match name {
            "vars" => Some(vars.clone()),
            "nodes" => {
                let states =
                    run.nodes.iter().map(|node| (std::sync::Arc::clone(&node.id), Value::from(node.state().name())));
                Some(Value::object(states))
            }
            // A variable that is not set yet is null, and no mistake.
            name => Some(vars.get(name).cloned().unwrap_or_default()),
        };
        // What does not work on these variables may work on later ones.
        if when.test(&lookup).unwrap_or(false) { Standing::Open } else { Standing::Closed }
    }

    fn is_reached(&self, parent: &Node) -> bool {
        let finished = matches!(parent.state(), NodeState::Finished | NodeState::Skipped);
        match self.rule.threshold {
            Threshold::Finished => finished,
            Threshold::FirstPacket => finished || parent.counters.packets_out.get() > 0,
        }
    }
}

impl Run {
    /// Something changed that gates may wait for.
    pub(crate) fn look_at_gates(&self) {
        for index in &self.gated {
            if !self.nodes[*index as usize].begun.load(Ordering::Acquire) {
                self.poke(*index);
            }
        }
    }
}

/// The nodes that can be reached from some, without going through one.
fn reached(from: &[u32], edges: &[(u32, u32)], without: Option<u32>) -> std::collections::BTreeSet<u32> {
    let mut found = std::collections::BTreeSet::new();
    let mut open = from.to_vec();
    while let Some(node) = open.pop() {
        for (_, to) in edges.iter().filter(|(at, to)| *at == node && Some(*to) != without) {
            if found.insert(*to) {
                open.push(*to);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Result<StartRule, String> {
        StartRule::from_value(&serde_json::from_str::<Value>(text).unwrap())
    }

    #[test]
    fn rules_are_read_in_all_their_forms() {
        let both = |text: &str| rule(text).map(|rule| (rule.fan_in, rule.threshold, rule.when.is_some())).unwrap();
        assert_eq!(both(r#""all""#), (Some(FanIn::All), Threshold::Finished, false));
        assert_eq!(both(r#""count:2""#), (Some(FanIn::Count(2)), Threshold::Finished, false));
        assert_eq!(both(r#""first_batch""#), (Some(FanIn::All), Threshold::FirstPacket, false));
        assert_eq!(both(r#""vars.go && n > 2""#), (None, Threshold::Finished, true));
        let all = r#"{"fan_in": "any", "on": "first_packet", "when": "n > 1"}"#;
        assert_eq!(both(all), (Some(FanIn::Any), Threshold::FirstPacket, true));
        assert_eq!(both(r#"{"start_when": "ready"}"#), (Some(FanIn::All), Threshold::Finished, false));
        for (text, word) in [
            (r#"{"fan_in": "most"}"#, "count:N"),
            (r#"{"fan_in": "count:0"}"#, "at least 1"),
            (r#"{"on": "soon"}"#, "first_packet"),
            (r#"{"wen": "x"}"#, "no key `wen`"),
            (r#""n >""#, "expression"),
            ("3", "expected"),
        ] {
            let problem = rule(text).unwrap_err();
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}
