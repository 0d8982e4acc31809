//! Heavy ticks: elsewhere, in order, contained, cancelled.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reflow_component::prelude::*;
use reflow_component::testing::Trial;

static STARTED: AtomicUsize = AtomicUsize::new(0);
static GO: AtomicBool = AtomicBool::new(false);

/// Computes until it may stop; panics on 13.
#[derive(Component)]
#[component(id = "grind", title = "Grind", category = "test", heavy)]
#[inport(number: Integer, required, "What to work on.")]
#[outport(done: Integer, "The same, when it is done.")]
struct Grind {
    /// Whether to wait for the sign.
    #[config]
    waits: bool,
}

impl Actor for Grind {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let number = tick.need(Self::IN_NUMBER)?;
        STARTED.fetch_add(self.waits.into(), Ordering::SeqCst);
        assert_ne!(number, 13, "unlucky");
        while self.waits && !GO.load(Ordering::SeqCst) && !tick.node().is_cancelled() {
            std::hint::spin_loop();
        }
        tick.write(Self::OUT_DONE, number);
        Ok(())
    }
}

fn trial(waits: bool) -> Trial {
    let config = Value::object([("waits", waits)]);
    Trial::new(Arc::new(Entry::of::<Grind>()), config, &["number"], &[]).unwrap()
}

fn numbers(numbers: impl IntoIterator<Item = i64>) -> Vec<(String, Message)> {
    numbers.into_iter().map(|number| ("number".to_string(), Message::Integer(number))).collect()
}

#[test]
fn order_is_kept_and_a_panic_fails_its_tick_alone() {
    let mut trial = trial(false);
    let outputs = trial.step(numbers(0..50));
    let expected: Vec<Message> = (0..50).filter(|number| *number != 13).map(Message::Integer).collect();
    assert_eq!(outputs["done"], expected);
    let failures = trial.end().failures;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].failure.message.contains("unlucky"));
}

#[test]
fn what_waits_in_line_is_never_begun_when_the_run_ends() {
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let mut trials: Vec<Trial> = (0..cores).map(|_| trial(true)).collect();
    trials.iter_mut().for_each(|trial| trial.send(numbers([1, 2])));
    while STARTED.load(Ordering::SeqCst) < cores {
        std::thread::yield_now();
    }
    // As many run at once as there are cores, and all of those are taken.
    let mut late = trial(true);
    late.send(numbers([3]));
    assert!(!late.running().wait(Some(std::time::Duration::from_millis(50))), "its tick waits in line");
    late.end();
    assert_eq!(STARTED.load(Ordering::SeqCst), cores);
    GO.store(true, Ordering::SeqCst);
    for mut trial in trials {
        assert_eq!(trial.step([])["done"], [Message::Integer(1), Message::Integer(2)]);
    }
}
