//! Ticks that run back to back where nobody looks on give what they give one by one.

mod common;

use common::*;
use proptest::prelude::*;
use reflow_runtime::{Endpoint, EventFilter, Failure, Message, Network, RunReport};

/// What a node of the chain does with a number.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Forward,
    /// Lets every so-manieth pass.
    Every(i64),
    /// Sends it and emits it, and sends something to a port that leads nowhere.
    Twice,
    /// Fails at every so-manieth, after it has sent it.
    Fail(i64),
    /// Panics at every so-manieth.
    Panic(i64),
    /// Ends after so many.
    Finish(i64),
}

impl Stage {
    fn component(self) -> std::sync::Arc<Made> {
        let mut count = 0;
        each(spec(&["in"], &["out", "lost"]), move |tick| {
            count += 1;
            let Some(message) = tick.take(0) else { return Err("no packet".into()) };
            match self {
                Self::Every(nth) if count % nth != 0 => {}
                Self::Twice => {
                    tick.send(0, message.clone());
                    tick.send(1, message.clone());
                    tick.emit(1, message.clone());
                    tick.emit(0, message);
                }
                Self::Fail(nth) if count % nth == 0 => {
                    tick.emit(0, Message::Flow);
                    tick.send(0, message);
                    return Err(Failure::new("as it should"));
                }
                Self::Panic(nth) => {
                    assert!(count % nth != 0, "as it should");
                    tick.emit(0, message);
                }
                Self::Forward | Self::Every(_) | Self::Fail(_) => tick.emit(0, message),
                Self::Finish(last) => {
                    tick.emit(0, message);
                    if count == last {
                        tick.finish();
                    }
                }
            }
            Ok(())
        })
    }

    /// The same, for a list: what leaves, and how many ticks fail.
    fn apply(self, numbers: &[i64]) -> (Vec<i64>, u64) {
        let counted = || (1..).zip(numbers.iter().copied());
        let every = |nth: i64| move |(count, _): &(i64, i64)| count % nth == 0;
        match self {
            Self::Forward => (numbers.to_vec(), 0),
            Self::Every(nth) => (counted().filter(every(nth)).map(|(_, number)| number).collect(), 0),
            Self::Twice => (numbers.iter().flat_map(|number| [*number, *number]).collect(), 0),
            Self::Fail(nth) => (numbers.to_vec(), counted().filter(every(nth)).count() as u64),
            Self::Panic(nth) => (
                counted().filter(|at| !every(nth)(at)).map(|(_, number)| number).collect(),
                counted().filter(every(nth)).count() as u64,
            ),
            Self::Finish(last) => (numbers.iter().copied().take(last as usize).collect(), 0),
        }
    }
}

fn stages() -> impl Strategy<Value = Vec<(Stage, usize)>> {
    let stage = prop_oneof![
        3 => Just(Stage::Forward),
        1 => (2..5_i64).prop_map(Stage::Every),
        1 => Just(Stage::Twice),
        1 => (2..90_i64).prop_map(Stage::Fail),
        1 => (20..90_i64).prop_map(Stage::Panic),
        1 => (1..300_i64).prop_map(Stage::Finish),
    ];
    prop::collection::vec((stage, 1..200_usize), 1..6)
}

/// Runs numbers through the stages, over connections of these capacities.
fn through(stages: &[(Stage, usize)], count: i64, seen: bool) -> (Vec<i64>, RunReport) {
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(count));
    let mut from = "source".to_owned();
    for (at, (stage, room)) in stages.iter().enumerate() {
        let id = at.to_string();
        node(&mut network, &id, stage.component());
        network.add_connection(Endpoint::new(from, "out"), Endpoint::new(id.clone(), "in"), Some(*room));
        from = id;
    }
    node(&mut network, "sink", sink.component());
    wire(&mut network, &format!("{from}.out"), "sink.in");
    let events = seen.then(|| network.events(EventFilter::default(), 100_000));
    let report = run(&network);
    drop(events);
    (sink.integers(), report)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_chain_gives_what_its_stages_give_whoever_looks_on(stages in stages(), count in 1..700_i64) {
        let mut expected: Vec<i64> = (0..count).collect();
        let (seen, report) = through(&stages, count, false);
        let (traced, traced_report) = through(&stages, count, true);
        let ends_early = stages.iter().any(|(stage, _)| matches!(stage, Stage::Finish(_)));
        for (at, (stage, room)) in stages.iter().enumerate() {
            let (next, failures) = stage.apply(&expected);
            for report in [&report, &traced_report] {
                let node = report.nodes.iter().find(|node| node.node == at.to_string()).unwrap();
                prop_assert!(node.queue_high_water <= *room, "{node:?}");
                prop_assert_eq!(node.ticks, node.packets_in);
                if !ends_early {
                    prop_assert_eq!(node.ticks, expected.len() as u64);
                    prop_assert_eq!(node.packets_out, next.len() as u64);
                    prop_assert_eq!(node.failures, failures);
                    prop_assert_eq!(node.undelivered, 0);
                }
            }
            expected = next;
        }
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(&traced, &expected);
    }
}

#[test]
fn no_tick_starts_after_a_run_was_stopped() {
    let (go, stopped) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let gates = std::sync::Arc::new(parking_lot::Mutex::new((stopped.1, go.0)));
    let ticks = Sink::default();
    let seen = ticks.clone();
    let hold = each(spec(&["in"], &["out"]), move |tick| {
        seen.0.lock().extend(tick.input(0).cloned());
        let gates = gates.lock();
        let _ = gates.1.send(());
        let _ = gates.0.recv_timeout(std::time::Duration::from_secs(5));
        tick.emit(0, Message::Flow);
        Ok(())
    });
    let mut network = Network::new();
    node(&mut network, "source", count_to(1_000));
    node(&mut network, "hold", hold);
    node(&mut network, "sink", Sink::default().component());
    wire(&mut network, "source.out", "hold.in");
    wire(&mut network, "hold.out", "sink.in");
    let running = network.start_to_the_end(&[]).unwrap();
    go.1.recv_timeout(std::time::Duration::from_secs(5)).unwrap();
    running.cancel("enough", std::time::Duration::ZERO);
    stopped.0.send(()).unwrap();
    assert!(running.wait(Some(std::time::Duration::from_secs(5))));
    assert_eq!(ticks.integers(), [0]);
}
