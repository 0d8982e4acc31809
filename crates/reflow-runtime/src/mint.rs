//! Where origins come from: what a source, or a tick of a fork, gives is numbered by its turn at each outport.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::origin::{Ends, OnEnd, Origin, SERIAL_BITS, alone};

/// Where origins come from: a source, or an inport that packets from outside come to.
pub(crate) struct Mint {
    place: u64,
    ends: Weak<dyn Ends>,
    turns: Turns,
}

/// The packets that leave a source, or one tick of a fork, by their turn at each outport.
pub(crate) struct Turns {
    struck: Mutex<Struck>,
    /// Outports whose packets meet at one join, in groups.
    meeting: Arc<[Vec<u16>]>,
}

/// What has left.
struct Struck {
    /// How many origins have left by each outport.
    left: Vec<u64>,
    /// Those of them that left in tries that have failed; empty for none.
    before: Vec<u64>,
    /// By group of outports that meet: those that have left by one and may yet leave by another, in order. They have not ended
    /// before.
    open: Vec<VecDeque<(u64, Origin)>>,
}

impl Struck {
    fn new(outports: usize, groups: usize) -> Self {
        Self { left: vec![0; outports], before: Vec::new(), open: vec![VecDeque::new(); groups] }
    }

    /// How many origins have left by each outport of a group.
    fn of_group(&self, ports: &[u16]) -> impl Iterator<Item = u64> + Clone {
        ports.iter().filter_map(|port| self.left.get(usize::from(*port)).copied())
    }
}

/// How many origins may wait at a source for the outports that they have not left by. Older ones count as ended.
const OPEN: usize = 4096;

impl Mint {
    /// The mint of a source, for that many outports; sources have numbers of their own. The packets of those of a group in
    /// `meeting` meet at one join: the third of one belongs to the third of another, whenever that comes.
    pub(crate) fn new(place: u32, outports: usize, meeting: Vec<Vec<u16>>, ends: Weak<dyn Ends>) -> Self {
        let place = (u64::from(place) + 1) << SERIAL_BITS;
        Self { place, ends, turns: Turns::new(outports, meeting.into()) }
    }

    /// The mint of a node that is no source, for what it says of its own accord: its last words, for example, which descend
    /// from everything it has seen. The first of one node belongs to the first of another.
    pub(crate) fn of_summaries(outports: usize, ends: Weak<dyn Ends>) -> Self {
        Self { place: 0, ends, turns: Turns::new(outports, Arc::from([])) }
    }

    /// Goes on after the last origin that an earlier process has struck here.
    pub(crate) fn resume(&self, outport: usize, last: u64) {
        if last >> SERIAL_BITS == self.place >> SERIAL_BITS
            && let Some(left) = self.turns.struck.lock().left.get_mut(outport)
        {
            *left = (*left).max((last & ((1 << SERIAL_BITS) - 1)) + 1);
        }
    }

    /// Takes up again, when an earlier process has gone on until here, what may yet leave by another outport; `known` gives
    /// origins by their numbers.
    pub(crate) fn reopen(&self, known: impl Fn(u64) -> Option<Origin>) {
        self.turns.reopen(|turn| known(self.number(turn)));
    }

    fn number(&self, turn: u64) -> u64 {
        self.place | (turn & ((1 << SERIAL_BITS) - 1))
    }

    /// The origin of packets that leave together by these outports.
    ///
    /// What leaves together has one origin. What leaves one by one has the number of its turn at its outport, so that the
    /// third packet of one outport belongs to the third of another as long as nothing else was said.
    pub(crate) fn strike(&self, ports: impl Iterator<Item = u16>) -> Origin {
        self.turns.strike(ports, |turn| Origin::new(self.number(turn), Weak::clone(&self.ends), None, None))
    }

    /// Nothing leaves here any more.
    pub(crate) fn close(&self) {
        self.turns.close();
    }

    /// An origin whose number no other one of this process has, for packets that belong together and to nothing else.
    pub(crate) fn strike_alone(&self, on_end: OnEnd) -> Origin {
        Origin::new(alone(), Weak::clone(&self.ends), Some(on_end), None)
    }
}

impl Turns {
    /// For that many outports; see [`Mint::new`].
    pub(crate) fn new(outports: usize, meeting: Arc<[Vec<u16>]>) -> Self {
        Self { struck: Mutex::new(Struck::new(outports, meeting.len())), meeting }
    }

    /// The origin of packets that leave together by these outports, made for their turn unless that has left by another one.
    pub(crate) fn strike(&self, ports: impl Iterator<Item = u16>, made: impl FnOnce(u64) -> Origin) -> Origin {
        let ports: SmallVec<[u16; 4]> = ports.collect();
        let mut struck = self.struck.lock();
        let left = &mut struck.left;
        let turn = ports.iter().filter_map(|port| left.get(usize::from(*port)).copied()).max().unwrap_or(0);
        for port in &ports {
            if let Some(left) = left.get_mut(usize::from(*port)) {
                *left = turn + 1;
            }
        }
        let known = |open: &VecDeque<(u64, Origin)>| {
            let at = open.binary_search_by_key(&turn, |(turn, _)| *turn).ok()?;
            Some(open[at].1.clone())
        };
        let origin = struck.open.iter().find_map(known).unwrap_or_else(|| made(turn));
        let mut ended = Vec::new();
        for (at, group) in self.meeting.iter().enumerate() {
            if !ports.iter().any(|port| group.contains(port)) {
                continue;
            }
            let all_left = struck.of_group(group).min().unwrap_or(0);
            let open = &mut struck.open[at];
            // It may leave again, by an outport that has not come to this turn.
            if turn >= all_left
                && let Err(at) = open.binary_search_by_key(&turn, |(turn, _)| *turn)
            {
                open.insert(at, (turn, origin.clone()));
            }
            let over = open.partition_point(|(turn, _)| *turn < all_left).max(open.len().saturating_sub(OPEN));
            ended.extend(open.drain(..over));
        }
        // Whoever hears of their ends must not meet the lock.
        drop(struck);
        drop(ended);
        origin
    }

    /// See [`Mint::reopen`]; `known` gives origins by their turns.
    pub(crate) fn reopen(&self, known: impl Fn(u64) -> Option<Origin>) {
        let mut struck = self.struck.lock();
        for (at, ports) in self.meeting.iter().enumerate() {
            let turns = struck.of_group(ports);
            let (Some(first), Some(last)) = (turns.clone().min(), turns.max()) else { continue };
            let turns = first.max(last.saturating_sub(OPEN as u64))..last;
            struck.open[at] = turns.filter_map(|turn| Some((turn, known(turn)?))).collect();
        }
    }

    /// Whether something has left.
    pub(crate) fn has_begun(&self) -> bool {
        self.struck.lock().left.iter().any(|left| *left > 0)
    }

    /// How many have left by each outport, and how many of them in tries that have failed.
    pub(crate) fn left(&self) -> (Vec<u64>, Vec<u64>) {
        let struck = self.struck.lock();
        (struck.left.clone(), struck.before.clone())
    }

    /// Goes on as it was in an earlier process.
    pub(crate) fn restore(&self, left: &[u64], before: &[u64]) {
        let mut struck = self.struck.lock();
        struck.left.iter_mut().zip(left).for_each(|(own, left)| *own = *left);
        struck.before = before.to_vec();
    }

    /// See [`Group::begin_another_try`].
    pub(crate) fn begin_another_try(&self) {
        let struck = &mut *self.struck.lock();
        struck.before.clone_from(&struck.left);
    }

    /// See [`Group::begin_again`]. What may yet leave by another outport has not ended: its partner may wait for it by now.
    pub(crate) fn begin_again(&self) {
        let struck = &mut *self.struck.lock();
        let before = struck.before.iter().copied().chain(std::iter::repeat(0));
        struck.left.iter_mut().zip(before).for_each(|(left, before)| *left = before);
    }

    pub(crate) fn close(&self) {
        let open: Vec<_> = self.struck.lock().open.iter_mut().map(std::mem::take).collect();
        drop(open);
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::tests::{Told, mint};

    fn meeting(told: &Arc<Told>) -> Mint {
        let told: Arc<dyn Ends> = Arc::clone(told) as _;
        Mint::new(3, 4, vec![vec![0, 1], vec![2, 3]], Arc::downgrade(&told))
    }

    #[test]
    fn outports_that_meet_elsewhere_keep_nobody_waiting() {
        let told = Arc::new(Told::default());
        let mint = meeting(&told);
        for port in [0, 1] {
            mint.strike([port].into_iter()).put_aside(1, true);
        }
        assert_eq!(told.0.lock().len(), 1, "the others have not begun");
    }

    #[test]
    fn what_may_yet_leave_by_another_outport_that_meets_it_has_not_ended() {
        let told = Arc::new(Told::default());
        let mint = meeting(&told);
        let strike = |ports: &[u16]| {
            let origin = mint.strike(ports.iter().copied());
            origin.put_aside(1, true);
            origin.id() & ((1 << SERIAL_BITS) - 1)
        };
        let ended = || told.0.lock().iter().map(|(id, _)| id & ((1 << SERIAL_BITS) - 1)).collect::<Vec<_>>();
        assert_eq!([strike(&[0]), strike(&[0]), strike(&[0])], [0, 1, 2]);
        assert!(ended().is_empty(), "their partners may come");
        assert_eq!([strike(&[1]), strike(&[1])], [0, 1]);
        assert_eq!(ended(), [0, 1]);
        // The next ones leave together, so nothing comes for the third any more.
        assert_eq!(strike(&[0, 1]), 3);
        assert_eq!(ended(), [0, 1, 2, 3]);
        assert_eq!(strike(&[1]), 4);
        mint.close();
        assert_eq!(ended(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_a_tick_had_sent_does_not_end_when_the_tick_is_run_again() {
        let told = Arc::new(Told::default());
        let ends: Arc<dyn Ends> = Arc::clone(&told) as _;
        let made = |turn| Origin::new(turn, Arc::downgrade(&ends), None, None);
        let turns = Turns::new(2, vec![vec![0, 1]].into());
        // An earlier process has sent two by the first outport, and one by the second.
        turns.restore(&[2, 1], &[]);
        turns.reopen(|turn| Some(made(turn)));
        turns.struck.lock().open[0][0].1.put_aside(1, true);
        turns.begin_again();
        for outport in [0, 0, 1] {
            drop(turns.strike([outport].into_iter(), made));
        }
        assert!(told.0.lock().is_empty(), "the partner of the second is still to come");
        assert_eq!(turns.strike([1].into_iter(), made).id(), 1);
        assert_eq!(*told.0.lock(), [(1, 1)]);
    }

    #[test]
    fn only_so_many_wait_for_an_outport_that_nothing_leaves_by() {
        let told = Arc::new(Told::default());
        let mint = meeting(&told);
        for _ in 0..OPEN + 10 {
            mint.strike([0].into_iter()).put_aside(1, true);
        }
        assert_eq!(told.0.lock().len(), 10);
    }

    #[test]
    fn what_leaves_together_has_one_origin_and_turns_are_counted_by_outport() {
        let told = Arc::new(Told::default());
        let mint = mint(&told);
        let alone: Vec<_> = [0, 0, 1, 1].iter().map(|port| mint.strike(std::iter::once(*port)).id()).collect();
        assert_eq!((alone[0], alone[1]), (alone[2], alone[3]));
        let first_only = mint.strike([0].into_iter()).id();
        let both = mint.strike([0, 1].into_iter()).id();
        assert!(both > first_only);
        assert!(mint.strike([1].into_iter()).id() > both);
    }

    #[test]
    fn summaries_of_different_nodes_belong_together() {
        let told: Arc<dyn Ends> = Arc::new(Told::default());
        let mints = [(); 2].map(|()| Mint::of_summaries(1, Arc::downgrade(&told)));
        let [one, other] = mints.map(|mint| mint.strike([0].into_iter()));
        assert_eq!(one.id(), other.id());
        assert!(one.is_summary());
    }
}
