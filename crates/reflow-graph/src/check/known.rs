//! What is known about the components of nodes, with ports found by name at once.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::{Catalog, ComponentInfo, Direction, GraphExport, Name, PortInfo, Process};

/// The components that a graph uses, each looked up once.
pub(super) struct Components {
    known: Vec<Option<Known>>,
    /// Where they are, by the place of the node.
    of_nodes: Vec<usize>,
}

/// A component, and its ports by name.
pub(super) struct Known {
    pub(super) info: ComponentInfo,
    inports: ByName,
    outports: ByName,
}

/// Positions of ports; several where names differ by case only and the graph does not tell case apart.
type ByName = FxHashMap<Name, Vec<usize>>;

/// What a name stands for at a component.
pub(super) enum Port<'a> {
    Declared(&'a PortInfo),
    /// It is not declared, but nothing is on this side, and any will do.
    Free,
    Unknown,
    /// Several ports are meant.
    Ambiguous(Vec<&'a Name>),
}

impl Components {
    pub(super) fn of(export: &GraphExport, catalog: &dyn Catalog) -> Self {
        let fold = |port: &Name| folded(export, port);
        let (mut known, mut by_id) = (Vec::new(), FxHashMap::default());
        let mut put = |info: Option<ComponentInfo>| {
            known.push(info.map(|info| Known::new(info, fold)));
            known.len() - 1
        };
        let place = |(node, process): (&Name, &Process)| match catalog.of_node(node) {
            Some(info) => put(Some(info)),
            None => {
                let find = || put(catalog.component(&process.component));
                *by_id.entry(process.component.clone()).or_insert_with(find)
            }
        };
        let of_nodes = export.processes.iter().map(place).collect();
        Self { known, of_nodes }
    }

    pub(super) fn get(&self, node: NodeIndex) -> Option<&Known> {
        self.known[self.of_nodes[node.index()]].as_ref()
    }
}

impl Known {
    fn new(info: ComponentInfo, fold: impl Fn(&Name) -> Name) -> Self {
        let by_name = |ports: &[PortInfo]| {
            let mut by_name = ByName::default();
            for (position, port) in ports.iter().enumerate() {
                by_name.entry(fold(&port.name)).or_default().push(position);
            }
            by_name
        };
        Self { inports: by_name(&info.inports), outports: by_name(&info.outports), info }
    }

    /// The inports without which a node does not run.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &PortInfo> {
        self.info.inports.iter().filter(|port| port.required || self.info.await_all)
    }

    pub(super) fn ports(&self, direction: Direction) -> &[PortInfo] {
        match direction {
            Direction::In => &self.info.inports,
            Direction::Out => &self.info.outports,
        }
    }

    /// What a name, folded as the graph compares names, stands for.
    pub(super) fn port(&self, direction: Direction, name: &str) -> Port<'_> {
        let ports = self.ports(direction);
        let by_name = if direction == Direction::In { &self.inports } else { &self.outports };
        match by_name.get(name).map(Vec::as_slice) {
            Some([position]) => Port::Declared(&ports[*position]),
            Some(several) => Port::Ambiguous(several.iter().map(|position| &ports[*position].name).collect()),
            None if self.info.open_ports && ports.is_empty() => Port::Free,
            None => Port::Unknown,
        }
    }
}

/// A port name as the graph compares it.
pub(super) fn folded(export: &GraphExport, port: &Name) -> Name {
    if export.case_sensitive || !port.chars().any(char::is_uppercase) {
        return port.clone();
    }
    Name::from(port.to_lowercase())
}
