//! What is known about the components of nodes, with ports found by name at once.

use rustc_hash::FxHashMap;

use crate::{Catalog, ComponentInfo, Direction, GraphExport, Name, PortInfo};

/// The components that a graph uses, each looked up once.
pub(super) struct Components<'a> {
    by_id: FxHashMap<&'a str, Option<Known>>,
    of_nodes: FxHashMap<&'a str, Known>,
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

impl<'a> Components<'a> {
    pub(super) fn of(export: &'a GraphExport, catalog: &dyn Catalog) -> Self {
        let fold = |port: &Name| folded(export, port);
        let (mut by_id, mut of_nodes) = (FxHashMap::default(), FxHashMap::default());
        for (node, process) in &export.processes {
            if let Some(info) = catalog.of_node(node) {
                of_nodes.insert(&**node, Known::new(info, fold));
                continue;
            }
            let find = || catalog.component(&process.component).map(|info| Known::new(info, fold));
            by_id.entry(&*process.component).or_insert_with(find);
        }
        Self { by_id, of_nodes }
    }

    pub(super) fn get(&self, export: &GraphExport, node: &str) -> Option<&Known> {
        let process = export.processes.get(node)?;
        self.of_nodes.get(node).or_else(|| self.by_id.get(&*process.component)?.as_ref())
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
