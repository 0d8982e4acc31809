//! Refusing nodes and networks with more ports than can be told apart by their numbers.

use reflow_graph::{Code, Diagnostic, Direction, Place};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::draft::Draft;
use crate::network::Endpoint;
use crate::plan::Plan;
use crate::port_table::MOST_PORTS;

/// Nodes with too many ports: declared ones, and others that something is connected to. `inputs` will be sent to.
pub(crate) fn crowded(drafts: &[Draft<'_>], plan: &Plan, inputs: &[Endpoint]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if plan.outports.len() > MOST_PORTS {
        found.push(too_many(Place::Graph, Direction::Out, plan.outports.len()));
    }
    let fed = plan.initials.len() + plan.inports.len() + inputs.len();
    let ends = plan.connections.len() + fed.max(plan.outports.len());
    let declares = |draft: &Draft<'_>| draft.inports.len().max(draft.outports.len());
    if drafts.iter().all(|draft| declares(draft) + ends <= MOST_PORTS) {
        return found;
    }
    let by_id: FxHashMap<&str, &Draft<'_>> = drafts.iter().map(|draft| (&*draft.id, draft)).collect();
    let connections = &plan.connections;
    let into =
        connections.iter().map(|connection| &connection.to).chain(plan.initials.iter().map(|initial| &initial.to));
    let into = into.chain(plan.inports.values()).chain(inputs);
    let out = connections.iter().map(|connection| &connection.from).chain(plan.outports.values());
    let more_in = undeclared(&by_id, plan, Direction::In, into);
    let more_out = undeclared(&by_id, plan, Direction::Out, out);
    let mut pieces: FxHashMap<&str, usize> = FxHashMap::default();
    for connection in connections.iter().filter(|connection| connection.options.rechunk.is_some()) {
        // What a connection makes of an outport's packets leaves by a place of its own.
        *pieces.entry(&connection.from.node).or_default() += 1;
    }
    for draft in drafts {
        let id = &*draft.id;
        let more = |names: &FxHashMap<&str, FxHashSet<String>>| names.get(id).map_or(0, FxHashSet::len);
        let inports = draft.inports.len() + more(&more_in);
        let outports = draft.outports.len() + more(&more_out) + pieces.get(id).copied().unwrap_or(0);
        for (direction, count) in [(Direction::In, inports), (Direction::Out, outports)] {
            if count > MOST_PORTS {
                found.push(too_many(Place::Node { node: id.into() }, direction, count));
            }
        }
    }
    found
}

/// The names of ports that are used and not declared, by node.
fn undeclared<'a>(
    drafts: &FxHashMap<&str, &Draft<'_>>,
    plan: &Plan,
    direction: Direction,
    ends: impl Iterator<Item = &'a Endpoint>,
) -> FxHashMap<&'a str, FxHashSet<String>> {
    let mut names: FxHashMap<&str, FxHashSet<String>> = FxHashMap::default();
    for end in ends {
        let Some(draft) = drafts.get(&*end.node) else { continue };
        let declared = if direction == Direction::In { &draft.inports } else { &draft.outports };
        if declared.find(&end.port).is_none() {
            let name = if plan.folds_ports { end.port.to_lowercase() } else { end.port.to_string() };
            names.entry(&end.node).or_default().insert(name);
        }
    }
    names
}

fn too_many(place: Place, direction: Direction, count: usize) -> Diagnostic {
    let side = if direction == Direction::In { "inports" } else { "outports" };
    let code = Code::TooManyPorts;
    Diagnostic {
        code,
        severity: code.severity(),
        place,
        message: format!("{count} {side}, declared and connected ones; at most {MOST_PORTS} are possible"),
        hint: Some("send lists or objects by fewer ports".into()),
    }
}
