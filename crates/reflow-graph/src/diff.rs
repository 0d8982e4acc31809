//! What is different between two graphs.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Connection, ConnectionId, Edge, GraphExport, Group, Map, Metadata, Name, PortType, Process, printable,
    printable_line,
};

/// Whether a thing came, went or stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Only the second graph has it.
    Added,
    /// Only the first graph has it.
    Removed,
    /// Both have it, with other details.
    Changed,
}

/// How one thing differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Whether it came, went or stayed.
    pub kind: DifferenceKind,
    /// What about it differs; for something new or gone, all that can be said of it.
    pub details: Vec<Detail>,
}

/// One detail of a thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// Which: `component`, `metadata.width`, `nodes` and so on.
    pub path: String,
    /// What the first graph has there; null if nothing.
    pub before: Value,
    /// What the second graph has there; null if nothing.
    pub after: Value,
}

/// What is different between two graphs: see [`GraphExport::diff`].
///
/// As text it is one line a thing, with `+`, `-` and `~`, and its details below it. Control characters are written out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Properties, case mode and unknown keys of the graph.
    pub graph: Vec<Detail>,
    /// Nodes, by id.
    pub nodes: IndexMap<Name, Difference>,
    /// Connections, by `a.out -> b.in`.
    pub connections: IndexMap<String, Difference>,
    /// Initials, by `node.port`: all packets of a port, in order.
    pub initials: IndexMap<String, Difference>,
    /// Graph inports, by outer name.
    pub inports: IndexMap<Name, Difference>,
    /// Graph outports, by outer name.
    pub outports: IndexMap<Name, Difference>,
    /// Groups, by id.
    pub groups: IndexMap<Name, Difference>,
}

impl GraphExport {
    /// What must change in this graph to get the other. Order is no difference, except that of packets at one port.
    ///
    /// ```
    /// use reflow_graph::{GraphExport, Process};
    /// let before = GraphExport::new("", true);
    /// let mut after = before.clone();
    /// after.processes.insert("a".into(), Process::new("a", "tpl_add"));
    /// assert_eq!(before.diff(&after).to_string(), "+ node a\n    component: \"tpl_add\"\n");
    /// ```
    pub fn diff(&self, after: &Self) -> Diff {
        let mut graph = Details::default();
        graph.compare("caseSensitive", Some(self.case_sensitive), Some(after.case_sensitive));
        graph.compare_keys("properties.", Some(&self.properties), Some(&after.properties));
        graph.compare_keys("", Some(self.extra.entries()), Some(after.extra.entries()));
        Diff {
            graph: graph.0,
            nodes: compared(&self.processes, &after.processes, node),
            connections: compared(&wires(self), &wires(after), connection),
            initials: compared(&packets(self), &packets(after), |details, before, after| {
                details.compare("packets", before.cloned(), after.cloned());
            }),
            inports: compared(&self.inports, &after.inports, port),
            outports: compared(&self.outports, &after.outports, port),
            groups: compared(&by_id(&self.groups), &by_id(&after.groups), group),
        }
    }
}

impl Diff {
    /// Whether the graphs are the same.
    pub fn is_empty(&self) -> bool {
        self.graph.is_empty()
            && [&self.nodes, &self.inports, &self.outports, &self.groups].iter().all(|part| part.is_empty())
            && [&self.connections, &self.initials].iter().all(|part| part.is_empty())
    }
}

/// Details under collection.
#[derive(Default)]
struct Details(Vec<Detail>);

impl Details {
    fn compare(&mut self, path: &str, before: Option<impl Into<Value>>, after: Option<impl Into<Value>>) {
        let (before, after) = (before.map_or(Value::Null, Into::into), after.map_or(Value::Null, Into::into));
        if before != after {
            self.0.push(Detail { path: path.to_owned(), before, after });
        }
    }

    fn compare_keys(&mut self, prefix: &str, before: Option<&Map>, after: Option<&Map>) {
        let of = |map: Option<&Map>, key: &str| map.and_then(|map| map.get(key)).cloned();
        let old = before.into_iter().flat_map(Map::keys);
        let new = after.into_iter().flat_map(Map::keys).filter(|key| of(before, key).is_none());
        for key in old.chain(new) {
            self.compare(&format!("{prefix}{key}"), of(before, key), of(after, key));
        }
    }

    fn compare_metadata(&mut self, before: Option<&Metadata>, after: Option<&Metadata>) {
        self.compare_keys("metadata.", before.and_then(Metadata::as_map), after.and_then(Metadata::as_map));
    }
}

/// Everything that is in one map only, or different in both.
fn compared<K: Clone + Eq + std::hash::Hash, T>(
    before: &IndexMap<K, T>,
    after: &IndexMap<K, T>,
    compare: impl Fn(&mut Details, Option<&T>, Option<&T>),
) -> IndexMap<K, Difference> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let difference = |key: &K| {
        let (old, new) = (before.get(key), after.get(key));
        let mut details = Details::default();
        compare(&mut details, old, new);
        let kind = match (old, new) {
            (None, _) => DifferenceKind::Added,
            (_, None) => DifferenceKind::Removed,
            _ => DifferenceKind::Changed,
        };
        let differs = kind != DifferenceKind::Changed || !details.0.is_empty();
        differs.then(|| (key.clone(), Difference { kind, details: details.0 }))
    };
    keys.filter_map(difference).collect()
}

fn node(details: &mut Details, before: Option<&Process>, after: Option<&Process>) {
    let component = |process: Option<&Process>| process.map(|process| process.component.to_string());
    details.compare("component", component(before), component(after));
    details.compare_metadata(before.map(|process| &process.metadata), after.map(|process| &process.metadata));
    details.compare_keys(
        "",
        before.map(|process| process.extra.entries()),
        after.map(|process| process.extra.entries()),
    );
}

fn connection(details: &mut Details, before: Option<&&Connection>, after: Option<&&Connection>) {
    details.compare_metadata(before.map(|wire| &wire.metadata), after.map(|wire| &wire.metadata));
    details.compare_keys("", before.map(|wire| wire.extra.entries()), after.map(|wire| wire.extra.entries()));
}

fn port(details: &mut Details, before: Option<&Edge>, after: Option<&Edge>) {
    let leads_to = |edge: Option<&Edge>| edge.map(|edge| format!("{}.{}", edge.node_id, edge.inner_port()));
    let port_type = |edge: Option<&Edge>| {
        edge.filter(|edge| edge.port_type != PortType::Any).map(|edge| edge.port_type.to_string())
    };
    details.compare("port", leads_to(before), leads_to(after));
    details.compare("portType", port_type(before), port_type(after));
    details.compare_metadata(before.map(|edge| &edge.metadata), after.map(|edge| &edge.metadata));
}

fn group(details: &mut Details, before: Option<&&Group>, after: Option<&&Group>) {
    details.compare("nodes", before.copied().map(members), after.copied().map(members));
    details.compare_metadata(before.map(|group| &group.metadata), after.map(|group| &group.metadata));
}

/// Members in an order of their own, since that of a group means nothing.
fn members(group: &Group) -> Vec<&str> {
    let mut nodes: Vec<_> = group.nodes.iter().map(Name::as_str).collect();
    nodes.sort_unstable();
    nodes
}

fn wires(export: &GraphExport) -> IndexMap<String, &Connection> {
    export.wires().map(|wire| (ConnectionId::from(wire).to_string(), wire)).collect()
}

fn packets(export: &GraphExport) -> IndexMap<String, Vec<Value>> {
    let mut packets: IndexMap<String, Vec<Value>> = IndexMap::new();
    for initial in export.initials() {
        let port = format!("{}.{}", initial.to.node_id, initial.inport());
        packets.entry(port).or_default().push(initial.packet().clone());
    }
    packets
}

fn by_id(groups: &[Group]) -> IndexMap<Name, &Group> {
    groups.iter().map(|group| (group.id.clone(), group)).collect()
}

impl fmt::Display for Diff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.graph.is_empty() {
            writeln!(formatter, "~ graph")?;
            self.graph.iter().try_for_each(|detail| detail.write(formatter, DifferenceKind::Changed))?;
        }
        write_all(formatter, "node", &self.nodes)?;
        write_all(formatter, "connection", &self.connections)?;
        write_all(formatter, "initial", &self.initials)?;
        write_all(formatter, "graph inport", &self.inports)?;
        write_all(formatter, "graph outport", &self.outports)?;
        write_all(formatter, "group", &self.groups)
    }
}

fn write_all<K: fmt::Display>(
    formatter: &mut fmt::Formatter<'_>,
    what: &str,
    differences: &IndexMap<K, Difference>,
) -> fmt::Result {
    for (name, Difference { kind, details }) in differences {
        let sign = match kind {
            DifferenceKind::Added => '+',
            DifferenceKind::Removed => '-',
            DifferenceKind::Changed => '~',
        };
        writeln!(formatter, "{sign} {what} {}", printable_line(&name.to_string()))?;
        details.iter().try_for_each(|detail| detail.write(formatter, *kind))?;
    }
    Ok(())
}

impl Detail {
    fn write(&self, formatter: &mut fmt::Formatter<'_>, kind: DifferenceKind) -> fmt::Result {
        let path = printable_line(&self.path);
        let [before, after] = [&self.before, &self.after].map(Value::to_string);
        let (before, after) = (printable(&before), printable(&after));
        match kind {
            DifferenceKind::Added => writeln!(formatter, "    {path}: {after}"),
            DifferenceKind::Removed => writeln!(formatter, "    {path}: {before}"),
            DifferenceKind::Changed => writeln!(formatter, "    {path}: {before} -> {after}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::graph;

    #[test]
    fn every_kind_of_difference_is_told() {
        let mut before = graph("a:one>b =1>a =2>a c");
        before.groups.push(Group { id: "g".into(), nodes: vec!["a".into(), "b".into()], ..Group::default() });
        before.inports.insert("door".into(), Edge::new("a", "in"));
        let mut after = graph("a:two>b b>d =1>a =3>a");
        after.properties.insert("owner".into(), json!("me"));
        after.processes["b"].metadata = serde_json::from_value(json!({"width": 3})).expect("an object");
        after.connections[0].metadata = serde_json::from_value(json!({"capacity": 8})).expect("an object");
        after.groups.push(Group { id: "g".into(), nodes: vec!["b".into(), "a".into()], ..Group::default() });
        after.inports.insert("door".into(), Edge { port_type: PortType::Float, ..Edge::new("b", "in") });
        insta::assert_snapshot!(before.diff(&after), @r#"
        ~ graph
            properties.owner: null -> "me"
        ~ node a
            component: "one" -> "two"
        ~ node b
            metadata.width: null -> 3
        - node c
            component: "x"
        + node d
            component: "x"
        ~ connection a.out -> b.in
            metadata.capacity: null -> 8
        + connection b.out -> d.in
        ~ initial a.in
            packets: [1,2] -> [1,3]
        ~ graph inport door
            port: "a.in" -> "b.in"
            portType: null -> "float"
        "#);
        assert!(before.diff(&before).is_empty());
        assert_eq!(before.diff(&before).to_string(), "");
    }
}
