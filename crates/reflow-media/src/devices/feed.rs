//! What a device has given and nobody has taken yet.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Pieces for one reader. When there is no room, the oldest are left out: what is read of a live source is how things are.
pub(crate) struct Feed<T> {
    state: Mutex<State<T>>,
    came: Notify,
}

struct State<T> {
    /// Each with its weight.
    pieces: VecDeque<(T, usize)>,
    weight: usize,
    room: usize,
    lost: u64,
    /// What was lost before it came here.
    lost_before: u64,
    end: Option<Result<(), String>>,
    is_closed: bool,
}

impl<T> Feed<T> {
    /// Keeps pieces of the weight `room`, and one at least.
    pub(crate) fn new(room: usize) -> Self {
        let state =
            State { pieces: VecDeque::new(), weight: 0, room, lost: 0, lost_before: 0, end: None, is_closed: false };
        Self { state: Mutex::new(state), came: Notify::new() }
    }

    /// Keeps more of them, or fewer.
    pub(crate) fn set_room(&self, room: usize) {
        self.state.lock().room = room;
    }

    /// Adds a piece; `lost_before` is what its source itself has lost in all.
    pub(crate) fn push(&self, piece: T, weight: usize, lost_before: u64) {
        let mut dropped = Vec::new();
        let mut state = self.state.lock();
        state.weight += weight;
        state.pieces.push_back((piece, weight));
        while state.weight > state.room && state.pieces.len() > 1 {
            let Some((piece, weight)) = state.pieces.pop_front() else { break };
            state.weight -= weight;
            state.lost += weight as u64;
            dropped.push(piece);
        }
        state.lost_before = lost_before;
        drop(state);
        self.came.notify_one();
    }

    /// There are no more. What is here can still be taken; what ends a second time has ended before.
    pub(crate) fn end(&self, how: Result<(), String>) {
        self.state.lock().end.get_or_insert(how);
        self.came.notify_one();
    }

    /// Nobody takes any more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let pieces = std::mem::take(&mut state.pieces);
        drop(state);
        drop(pieces);
    }

    /// Whether nobody takes any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// The weight of what was lost.
    pub(crate) fn lost(&self) -> u64 {
        let state = self.state.lock();
        state.lost + state.lost_before
    }

    /// Takes the next piece; `None` at the end.
    ///
    /// # Errors
    /// Why there are no more.
    pub(crate) async fn next(&self) -> Result<Option<T>, String> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some((piece, weight)) = state.pieces.pop_front() {
                    state.weight -= weight;
                    return Ok(Some(piece));
                }
                if let Some(end) = &state.end {
                    return end.clone().map(|()| None);
                }
            }
            self.came.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reflow_runtime::block_until;
    use std::pin::pin;

    fn next<T>(feed: &Feed<T>) -> Result<Option<T>, String> {
        let mut next = pin!(feed.next());
        block_until(None, |cx| next.as_mut().poll(cx)).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_not_lost_comes_in_order_and_is_the_newest(weights in prop::collection::vec(1..5_usize, 0..40), room in 0..12_usize) {
            let feed = Feed::new(room);
            for (number, weight) in weights.iter().enumerate() {
                feed.push(number, *weight, 3);
            }
            feed.end(Ok(()));
            let mut taken = Vec::new();
            while let Some(number) = next(&feed).unwrap() {
                taken.push(number);
            }
            let first = weights.len() - taken.len();
            prop_assert_eq!(&taken, &(first..weights.len()).collect::<Vec<_>>());
            let kept: usize = weights[first..].iter().sum();
            prop_assert!(kept <= room || taken.len() == 1);
            // One more would not have had room.
            prop_assert!(first == 0 || kept + weights[first - 1] > room);
            let lost: usize = weights[..first].iter().sum();
            prop_assert_eq!(feed.lost(), lost as u64 + if weights.is_empty() { 0 } else { 3 });
        }
    }

    #[test]
    fn what_came_before_an_error_is_taken_before_it() {
        let feed = Feed::new(4);
        feed.push(1, 1, 0);
        feed.end(Err("gone".into()));
        feed.end(Ok(()));
        assert_eq!(next(&feed), Ok(Some(1)));
        assert_eq!(next(&feed), Err("gone".into()));
    }
}
