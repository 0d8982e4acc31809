//! Networks from start to end: order, back-pressure, firing, failures, stalls, shutdown.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::*;
use reflow_runtime::{
    ComponentSpec, Endpoint, EventFilter, Failure, Instance, Message, Network, NetworkError, NodeSpec, OnError, Policy,
    Received, RunState, Tick, Value, block_until,
};

#[test]
fn a_chain_ends_by_itself_and_loses_nothing() {
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(100_000));
    node(&mut network, "a", forward());
    node(&mut network, "b", forward());
    node(&mut network, "sink", sink.component());
    wire(&mut network, "source.out", "a.in");
    wire(&mut network, "a.out", "b.in");
    wire(&mut network, "b.out", "sink.in");
    let report = run(&network);
    assert_eq!(report.state, RunState::Finished);
    assert_eq!(sink.integers(), (0..100_000).collect::<Vec<_>>());
    assert!(report.nodes.iter().all(|node| node.state == "finished" && node.queue_high_water <= 128), "{report:#?}");
}

#[test]
fn fan_out_and_fan_in_keep_the_order_of_each_connection() {
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(10_000));
    for (id, sign) in [("plus", 1), ("minus", -1)] {
        let scale = each(spec(&["in"], &["out"]), move |tick| {
            if let Some(Message::Integer(number)) = tick.take(0) {
                tick.emit(0, sign * (number + 1));
            }
            Ok(())
        });
        node(&mut network, id, scale);
        wire(&mut network, "source.out", &format!("{id}.in"));
        wire(&mut network, &format!("{id}.out"), "sink.in");
    }
    node(&mut network, "sink", sink.component());
    run(&network);
    let seen = sink.integers();
    let (plus, minus): (Vec<i64>, Vec<i64>) = seen.iter().partition(|number| **number > 0);
    assert_eq!(plus, (1..=10_000).collect::<Vec<_>>());
    assert_eq!(minus, (1..=10_000).map(|number| -number).collect::<Vec<_>>());
}

#[test]
fn a_slow_async_node_bounds_its_source() {
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(1_000));
    node(&mut network, "slow", made(spec(&["in"], &["out"]), |_| Instance::new_async(Slow(Duration::from_micros(10)))));
    node(&mut network, "sink", sink.component());
    network.add_connection(Endpoint::new("source", "out"), Endpoint::new("slow", "in"), Some(4));
    wire(&mut network, "slow.out", "sink.in");
    let report = run(&network);
    assert_eq!(sink.integers().len(), 1_000);
    assert!(report.nodes.iter().find(|node| node.node == "slow").unwrap().queue_high_water <= 4);
}

#[test]
fn a_ring_that_fills_its_queues_is_widened_and_goes_on() {
    // Each packet below the limit makes two; capacities of 1 fill up at once.
    let mut network = Network::new();
    network.set_capacity(1);
    let grow = each(spec(&["in"], &["again", "out"]), |tick| {
        if let Some(Message::Integer(number)) = tick.take(0) {
            if number < 6 {
                tick.send(0, number + 1);
                tick.send(0, number + 1);
            } else {
                tick.send(1, number);
            }
        }
        Ok(())
    });
    let sink = Sink::default();
    node(&mut network, "grow", grow);
    node(&mut network, "back", forward());
    node(&mut network, "sink", sink.component());
    wire(&mut network, "grow.again", "back.in");
    wire(&mut network, "back.out", "grow.in");
    wire(&mut network, "grow.out", "sink.in");
    network.add_initial(Endpoint::new("grow", "in"), 0);
    let events = network.events(EventFilter { types: vec!["NetworkStalled".into()], nodes: vec![] }, 100);
    let report = run(&network);
    assert_eq!(sink.integers().len(), 64);
    assert_eq!(report.state, RunState::Finished, "{report:#?}");
    let first = block_until(Some(Instant::now()), |cx| events.poll_next(cx, true));
    assert!(matches!(first, Some(Received::Event(_))), "the widening was not reported");
}

#[test]
fn pairs_wait_for_each_other_even_when_one_side_runs_ahead() {
    let mut network = Network::new();
    network.set_capacity(2);
    // All of `a` is sent before any of `b`, through a join with room for two.
    let split = each(spec(&["in"], &["a", "b"]), |tick| {
        for number in 0..50 {
            tick.send(0, number);
        }
        for number in 0..50 {
            tick.send(1, number * 100);
        }
        Ok(())
    });
    let join = each(all(spec(&["a", "b"], &["out"])), |tick| {
        let (Some(Message::Integer(a)), Some(Message::Integer(b))) = (tick.take(0), tick.take(1)) else {
            return Err("not a pair".into());
        };
        tick.emit(0, a + b);
        Ok(())
    });
    let sink = Sink::default();
    node(&mut network, "split", split);
    node(&mut network, "join", join);
    node(&mut network, "sink", sink.component());
    wire(&mut network, "split.a", "join.a");
    wire(&mut network, "split.b", "join.b");
    wire(&mut network, "join.out", "sink.in");
    network.add_initial(Endpoint::new("split", "in"), Message::Flow);
    run(&network);
    assert_eq!(sink.integers(), (0..50).map(|number| number * 101).collect::<Vec<_>>());
}

fn failing(times: u32) -> Arc<Made> {
    let left = Arc::new(AtomicU32::new(times));
    each(spec(&["in"], &["out"]), move |tick| {
        tick.emit(0, 1);
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(Failure::new("not yet"));
        }
        Ok(())
    })
}

fn with_policy(network: &mut Network, id: &str, component: Arc<Made>, policy: Policy) {
    network.register(id, component).unwrap();
    network.add_node(id, NodeSpec { policy: Some(policy), ..NodeSpec::new(id, Value::Null) });
}

#[test]
fn a_failed_attempt_sends_nothing_and_is_tried_again() {
    let mut network = Network::new();
    let sink = Sink::default();
    with_policy(&mut network, "flaky", failing(2), Policy { attempts: 3, ..Policy::default() });
    node(&mut network, "sink", sink.component());
    wire(&mut network, "flaky.out", "sink.in");
    network.add_initial(Endpoint::new("flaky", "in"), Message::Flow);
    let report = run(&network);
    assert_eq!(sink.integers(), [1]);
    assert_eq!((report.nodes[0].failures, report.nodes[0].retries), (0, 2));
    assert!(report.failures.is_empty());
}

#[test]
fn a_last_failure_is_given_up_routed_or_stops_the_run() {
    for (on_error, state, routed) in
        [(OnError::Continue, "finished", 0), (OnError::Route, "finished", 1), (OnError::Stop, "failed", 0)]
    {
        let mut network = Network::new();
        let sink = Sink::default();
        with_policy(&mut network, "bad", failing(9), Policy { attempts: 2, on_error, ..Policy::default() });
        node(&mut network, "sink", sink.component());
        wire(&mut network, "bad.error", "sink.in");
        network.add_initial(Endpoint::new("bad", "in"), "held");
        let report = run(&network);
        assert_eq!(report.failures.len(), 1, "{on_error:?}");
        assert_eq!(report.nodes[0].state, state, "{on_error:?}");
        assert_eq!(sink.0.lock().len(), routed, "{on_error:?}");
        if let Some(Message::Object(error)) = sink.0.lock().first() {
            assert_eq!(error.get("error"), Some(&"not yet".into()));
            assert_eq!(
                error.get("packets").and_then(|p| p.get("in")).and_then(|p| p.get("data")),
                Some(&"held".into())
            );
        }
    }
}

#[test]
fn a_panic_is_a_failure_of_that_tick_alone() {
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(10));
    node(
        &mut network,
        "fussy",
        each(spec(&["in"], &["out"]), |tick| {
            let Some(Message::Integer(number)) = tick.take(0) else { return Err("no number".into()) };
            assert!(number != 5, "five!");
            tick.emit(0, number);
            Ok(())
        }),
    );
    node(&mut network, "sink", sink.component());
    wire(&mut network, "source.out", "fussy.in");
    wire(&mut network, "fussy.out", "sink.in");
    let report = run(&network);
    assert_eq!(sink.integers(), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(&*report.failures[0].failure.reason, "panic");
    assert!(report.failures[0].failure.message.contains("five!"));
}

#[test]
fn an_async_attempt_has_a_time_limit() {
    let mut network = Network::new();
    let slow = made(spec(&["in"], &["out"]), |_| Instance::new_async(Slow(Duration::from_mins(1))));
    with_policy(&mut network, "slow", slow, Policy { attempts: 2, timeout_ms: Some(5), ..Policy::default() });
    network.add_initial(Endpoint::new("slow", "in"), 1);
    let report = run(&network);
    assert_eq!(&*report.failures[0].failure.reason, "timeout");
    assert_eq!(report.nodes[0].retries, 1);
}

#[test]
fn an_open_network_takes_packets_until_it_is_told_to_end() {
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "a", forward());
    node(&mut network, "sink", sink.component());
    wire(&mut network, "a.out", "sink.in");
    let running = network.start().unwrap();
    let listener = running.listen("a", "out", 10).unwrap();
    for number in 0..5 {
        running.send("a", "in", number.into()).unwrap().unwrap();
    }
    assert!(running.wait(Some(Duration::from_secs(5))));
    assert!(!running.is_ended());
    assert_eq!(sink.integers(), [0, 1, 2, 3, 4]);
    let heard: Vec<_> = (0..5).filter_map(|_| block_until(None, |cx| listener.poll_next(cx)).flatten()).collect();
    assert_eq!(heard.len(), 5);
    running.close_inputs();
    assert_eq!(block_until(None, |cx| listener.poll_next(cx)), Some(None));
    assert!(running.wait(Some(Duration::from_secs(5))) && running.is_ended());
    assert!(running.send("a", "in", 1.into()).unwrap().is_err());
    assert!(matches!(running.send("a", "nowhere", 1.into()), Err(NetworkError::UnknownPort { .. })));
    assert!(matches!(running.send("b", "in", 1.into()), Err(NetworkError::UnknownNode { .. })));
}

#[test]
fn a_slow_listener_holds_up_those_behind_it_and_nothing_is_widened() {
    let mut network = Network::new();
    let burst = each(spec(&["in"], &["out"]), |tick: &mut Tick<'_>| {
        (0..1000_i64).for_each(|number| tick.send(0, number));
        Ok(())
    });
    node(&mut network, "burst", burst);
    node(&mut network, "a", forward());
    wire(&mut network, "burst.out", "a.in");
    let running = network.start().unwrap();
    let listener = running.listen("a", "out", 1).unwrap();
    running.send("burst", "in", 0.into()).unwrap().unwrap();
    assert!(!running.wait(Some(Duration::from_millis(100))), "it waits for the listener and is not idle");
    let heard: Vec<_> = (0..1000).filter_map(|_| block_until(None, |cx| listener.poll_next(cx)).flatten()).collect();
    assert_eq!(heard.len(), 1000);
    assert!(running.wait(Some(Duration::from_secs(5))));
    assert!(running.stats().iter().all(|node| node.queue_high_water <= 128), "{:#?}", running.stats());
}

#[test]
fn shutdown_under_full_load_is_prompt_and_complete() {
    for _ in 0..50 {
        let mut network = Network::new();
        node(&mut network, "source", count_to(i64::MAX));
        node(&mut network, "a", forward());
        node(&mut network, "b", forward());
        wire(&mut network, "source.out", "a.in");
        wire(&mut network, "a.out", "b.in");
        let running = network.start().unwrap();
        let started = Instant::now();
        assert_eq!(running.shutdown(Duration::from_secs(5)), Vec::<Arc<str>>::new());
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(running.report().state, RunState::Cancelled);
    }
}

#[test]
fn background_work_keeps_the_node_alive_and_ends_with_the_run() {
    let ticker = made(spec(&["start"], &["out"]), |_| {
        Instance::new(Each(|tick: &mut Tick<'_>| {
            tick.spawn(|node| async move {
                for number in 0..3 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    if node.send(0, number).await.is_err() {
                        return;
                    }
                }
            });
            Ok(())
        }))
    });
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "ticker", ticker);
    node(&mut network, "sink", sink.component());
    wire(&mut network, "ticker.out", "sink.in");
    network.add_initial(Endpoint::new("ticker", "start"), Message::Flow);
    run(&network);
    assert_eq!(sink.integers(), [0, 1, 2]);
}

#[test]
fn every_mistake_is_reported_before_anything_starts() {
    let mut network = Network::new();
    node(&mut network, "a", forward());
    network.add_node("b", NodeSpec::new("aa", Value::Null));
    wire(&mut network, "a.out", "c.in");
    network.add_initial(Endpoint::new("d", "in"), 1);
    let Err(NetworkError::Refused(errors)) = network.start().map(|_| ()) else { panic!("started") };
    let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(errors.len(), 3, "{text}");
    assert!(text.contains("there is no component `aa`") && text.contains("`c`") && text.contains("`d`"), "{text}");
}

#[test]
fn states_tell_who_finished_who_was_skipped_and_who_failed_to_start() {
    struct NoStart;
    impl reflow_runtime::Actor for NoStart {
        fn setup(&mut self, _: &mut Tick<'_>) -> Result<(), Failure> {
            Err("no".into())
        }
        fn run(&mut self, _: &mut Tick<'_>) -> Result<(), Failure> {
            Ok(())
        }
    }
    let mut network = Network::new();
    node(&mut network, "runs", forward());
    node(&mut network, "unfed", forward());
    node(&mut network, "broken", made(ComponentSpec::default(), |_| Instance::new(NoStart)));
    network.add_initial(Endpoint::new("runs", "in"), 1);
    let report = run(&network);
    let states: Vec<_> = report.nodes.iter().map(|node| node.state).collect();
    assert_eq!(states, ["finished", "skipped", "failed"]);
    assert_eq!(report.state, RunState::Failed);
}

#[test]
fn a_policy_lets_several_ticks_of_a_node_run_at_once() {
    // Every tick waits until four of them have met.
    struct Meet(Arc<tokio::sync::Barrier>);
    #[async_trait]
    impl reflow_runtime::AsyncActor for Meet {
        async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
            self.0.wait().await;
            if let Some(message) = tick.take(0) {
                tick.emit(0, message);
            }
            Ok(())
        }
    }
    let barrier = Arc::new(tokio::sync::Barrier::new(4));
    let meet = made(spec(&["in"], &["out"]), move |_| Instance::new_async(Meet(Arc::clone(&barrier))));
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(40));
    with_policy(&mut network, "meet", meet, Policy { concurrency: 4, ..Policy::default() });
    node(&mut network, "sink", sink.component());
    wire(&mut network, "source.out", "meet.in");
    wire(&mut network, "meet.out", "sink.in");
    run(&network);
    let mut seen = sink.integers();
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
}

#[test]
fn what_ticks_that_run_at_once_send_leaves_in_their_order() {
    // Each tick sends after the one behind it has, and its first try fails.
    struct Backwards(Arc<Vec<tokio::sync::Semaphore>>);
    #[async_trait]
    impl reflow_runtime::AsyncActor for Backwards {
        async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
            let Some(Message::Integer(number)) = tick.take(0) else { return Err("nothing".into()) };
            let has_sent = |number: i64| &self.0[number as usize];
            let _behind = has_sent(number + 1).acquire().await;
            tick.send_now(0, number * 10 + i64::from(tick.attempt())).await.map_err(|error| error.to_string())?;
            has_sent(number).add_permits(1);
            if tick.attempt() == 1 {
                tick.send(0, number * 10 + 5);
                return Err("again".into());
            }
            tick.emit(0, number * 10 + 9);
            Ok(())
        }
    }
    let has_sent: Vec<_> =
        (0..4).map(|_| tokio::sync::Semaphore::new(0)).chain([tokio::sync::Semaphore::new(1)]).collect();
    let has_sent = Arc::new(has_sent);
    let backwards = made(spec(&["in"], &["out"]), move |_| Instance::new_async(Backwards(Arc::clone(&has_sent))));
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(4));
    with_policy(&mut network, "backwards", backwards, Policy { concurrency: 4, attempts: 2, ..Policy::default() });
    node(&mut network, "sink", sink.component());
    wire(&mut network, "source.out", "backwards.in");
    wire(&mut network, "backwards.out", "sink.in");
    run(&network);
    let expected = (0..4).flat_map(|number| [1, 5, 2, 9].map(|part| number * 10 + part));
    assert_eq!(sink.integers(), expected.collect::<Vec<_>>());
}

#[test]
fn attempts_that_run_at_once_are_tried_again_one_by_one() {
    struct Flaky;
    #[async_trait]
    impl reflow_runtime::AsyncActor for Flaky {
        async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
            tokio::task::yield_now().await;
            if tick.attempt() < 3 {
                return Err("again".into());
            }
            let message = tick.take(0).ok_or("nothing")?;
            tick.emit(0, message);
            Ok(())
        }
    }
    let mut network = Network::new();
    let sink = Sink::default();
    node(&mut network, "source", count_to(20));
    let policy = Policy { concurrency: 3, attempts: 3, delay_ms: 1, ..Policy::default() };
    with_policy(&mut network, "flaky", made(spec(&["in"], &["out"]), |_| Instance::new_async(Flaky)), policy);
    node(&mut network, "sink", sink.component());
    wire(&mut network, "source.out", "flaky.in");
    wire(&mut network, "flaky.out", "sink.in");
    let report = run(&network);
    assert_eq!(sink.integers().len(), 20);
    assert_eq!(report.nodes[1].retries, 40);
}

#[test]
fn an_actor_that_takes_the_place_of_a_timed_out_one_is_set_up() {
    /// Hangs on the number 0, and fails unless it was set up.
    struct Fussy(bool);
    #[async_trait]
    impl reflow_runtime::AsyncActor for Fussy {
        async fn setup(&mut self, _: &mut Tick<'_>) -> Result<(), Failure> {
            self.0 = true;
            Ok(())
        }
        async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
            let message = tick.take(0).ok_or("nothing")?;
            if message == Message::Integer(0) {
                std::future::pending::<()>().await;
            }
            tick.emit(0, message);
            if self.0 { Ok(()) } else { Err("not set up".into()) }
        }
    }
    let mut network = Network::new();
    let sink = Sink::default();
    let policy = Policy { concurrency: 2, timeout_ms: Some(50), ..Policy::default() };
    with_policy(&mut network, "fussy", made(spec(&["in"], &["out"]), |_| Instance::new_async(Fussy(false))), policy);
    node(&mut network, "sink", sink.component());
    wire(&mut network, "fussy.out", "sink.in");
    for number in [0, 0, 1, 2, 3] {
        network.add_initial(Endpoint::new("fussy", "in"), number);
    }
    let report = run(&network);
    let mut seen = sink.integers();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(report.failures.len(), 2);
}
