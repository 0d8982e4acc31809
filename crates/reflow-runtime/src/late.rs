//! What comes for ticks that are over: it changes nothing, and is told of without flooding whoever listens.

use parking_lot::Mutex;

use crate::node_handle::NodeHandle;

/// What has come too late at one node, by what it was.
#[derive(Debug, Default)]
pub(crate) struct Late(Mutex<Vec<Kind>>);

#[derive(Debug)]
struct Kind {
    what: &'static str,
    count: u64,
    told: u64,
}

impl Late {
    /// Counts one more; the number, if it is to be told: the first, and each power of ten.
    fn count(&self, what: &'static str) -> Option<u64> {
        let mut kinds = self.0.lock();
        let at = kinds.iter().position(|kind| kind.what == what).unwrap_or_else(|| {
            kinds.push(Kind { what, count: 0, told: 0 });
            kinds.len() - 1
        });
        let kind = &mut kinds[at];
        kind.count += 1;
        if kind.count != 10_u64.pow(kind.count.ilog10()) {
            return None;
        }
        kind.told = kind.count;
        Some(kind.count)
    }

    /// What has come more often than was told, with its number.
    fn untold(&self) -> Vec<(&'static str, u64)> {
        let mut kinds = self.0.lock();
        let untold = kinds.iter_mut().filter(|kind| kind.count > kind.told);
        untold
            .map(|kind| {
                kind.told = kind.count;
                (kind.what, kind.count)
            })
            .collect()
    }
}

impl NodeHandle {
    /// Says that an attempt was ended a second time, or after it had been given up: that changes nothing, but is counted, and told
    /// the first time, at each power of ten, and with its number when the node ends. `what` is the same each time, `detail` is not.
    pub fn tell_late(&self, what: &'static str, detail: &str) {
        let node = self.node();
        node.counters.late.add(1);
        match node.late.count(what) {
            None => {}
            Some(1) => self.log("warning", format!("{what}{detail}")),
            Some(count) => self.log("warning", format!("{what}{detail} ({count} times by now)")),
        }
    }

    /// The node has ended: what came too late more often than was told is told with its number.
    pub(crate) fn tell_all_late(&self) {
        for (what, count) in self.node().late.untold() {
            self.log("warning", format!("{what} ({count} times in all)"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_at_powers_of_ten_and_in_the_end() {
        let late = Late::default();
        let told: Vec<u64> = (0..25).filter_map(|_| late.count("one")).collect();
        assert_eq!((told, late.count("other")), (vec![1, 10], Some(1)));
        assert_eq!((late.untold(), late.untold()), (vec![("one", 25)], vec![]));
    }
}
