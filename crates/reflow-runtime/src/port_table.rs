//! `PortTable`: the names of the ports on one side of a node, found by name at once.

use std::ops::Deref;
use std::sync::Arc;

use rustc_hash::FxHashMap;

/// Ports on a side of a node, and outports of a network. A port's number has 16 bits, and counting on from the last one must not
/// go beyond.
pub(crate) const MOST_PORTS: usize = 65_000;

/// So many names are compared one by one: that is as fast as a table, and needs none.
const FEW: usize = 16;

/// The names of ports by their numbers: the declared ones first, then those that something is connected to. Nodes of one component
/// share it, until one of them gets another port.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortTable(Arc<Table>);

#[derive(Clone, Debug, Default)]
struct Table {
    names: Vec<Arc<str>>,
    /// Whether case does not matter where no name is the very one.
    folds: bool,
    /// Once there are more than a few.
    index: Option<Box<Index>>,
}

/// Numbers by name. The first port of a name has it.
#[derive(Clone, Debug, Default)]
struct Index {
    exact: FxHashMap<Arc<str>, u16>,
    folded: FxHashMap<String, u16>,
}

impl PortTable {
    pub(crate) fn new(names: impl IntoIterator<Item = Arc<str>>, folds: bool) -> Self {
        let mut table = Table { folds, ..Table::default() };
        names.into_iter().for_each(|name| {
            table.add(name);
        });
        Self(Arc::new(table))
    }

    /// A new port; nobody asks whether there is one of its name.
    pub(crate) fn add(&mut self, name: Arc<str>) -> u16 {
        Arc::make_mut(&mut self.0).add(name)
    }

    /// The port of this very name.
    pub(crate) fn exact(&self, name: &str) -> Option<u16> {
        match &self.0.index {
            Some(index) => index.exact.get(name).copied(),
            None => self.iter().position(|known| **known == *name).map(number),
        }
    }

    /// The port of this name; where case does not matter, one that differs by case only.
    pub(crate) fn find(&self, name: &str) -> Option<u16> {
        let folded = || {
            let name = name.to_lowercase();
            match &self.0.index {
                Some(index) => index.folded.get(&name).copied(),
                None => self.iter().position(|known| known.to_lowercase() == name).map(number),
            }
        };
        self.exact(name).or_else(|| if self.0.folds { folded() } else { None })
    }

    /// The port of this name, a new one if there is none.
    pub(crate) fn find_or_add(&mut self, name: &str) -> u16 {
        self.find(name).unwrap_or_else(|| self.add(name.into()))
    }
}

impl Table {
    fn add(&mut self, name: Arc<str>) -> u16 {
        let position = self.names.len();
        self.names.push(name);
        if let Some(index) = &mut self.index {
            index.enter(position, &self.names[position], self.folds);
        } else if position >= FEW {
            let index = self.index.insert(Box::default());
            self.names.iter().enumerate().for_each(|(position, name)| index.enter(position, name, self.folds));
        }
        number(position)
    }
}

impl Index {
    fn enter(&mut self, position: usize, name: &Arc<str>, folds: bool) {
        let port = number(position);
        if folds {
            self.folded.entry(name.to_lowercase()).or_insert(port);
        }
        self.exact.entry(Arc::clone(name)).or_insert(port);
    }
}

impl Deref for PortTable {
    type Target = [Arc<str>];

    fn deref(&self) -> &[Arc<str>] {
        &self.0.names
    }
}

/// The number of the port at this position. A position that no port can have gives a number that none has.
pub(crate) fn number(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_the_same_way_however_many_there_are() {
        for count in [2, FEW, FEW + 1, 100] {
            for folds in [false, true] {
                let mut table = PortTable::new((0..count).map(|at| format!("Port{at}").into()), folds);
                for at in 0..count {
                    let (exact, folded) = (format!("Port{at}"), format!("pORT{at}"));
                    assert_eq!(table.exact(&exact), Some(at as u16));
                    assert_eq!(table.find(&exact), Some(at as u16));
                    assert_eq!(table.exact(&folded), None);
                    assert_eq!(table.find(&folded), folds.then_some(at as u16));
                }
                assert_eq!(table.find_or_add("Port0"), 0);
                assert_eq!(table.find_or_add("more"), count as u16);
                assert_eq!(table.find("more"), Some(count as u16));
                // A second one of a name is there, but never meant.
                table.add("Port1".into());
                assert_eq!((table.len(), table.find("Port1")), (count + 2, Some(1)));
            }
        }
    }

    #[test]
    fn no_position_is_taken_for_that_of_another_port() {
        assert_eq!((number(7), number(65_536), number(usize::MAX)), (7, u16::MAX, u16::MAX));
    }
}
