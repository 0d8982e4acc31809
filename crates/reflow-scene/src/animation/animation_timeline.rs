//! `tpl_animation_timeline`.

use std::collections::BTreeMap;
use std::sync::Arc;

use reflow_component::kind::payload;
use reflow_component::prelude::*;

use super::stagger::offsets;
use crate::database::bad_input;
use crate::kernels::keyframes::evaluate;
use crate::kinds::Plain;
use crate::values::{number, number_or, object, text_or};

/// Plays any number of named keyframe tracks together, with play/pause/seek control and staggered starts.
///
/// A packet on `tick` lets `dt` · speed seconds pass; a number on `dt` lets so many pass. `tracks` adds a track `{name, keyframes,
/// delay}`, or several, `{tracks: {NAME: …}}`. `control` takes `play`, `pause`, `stop`, `reverse` and `seek:SECONDS`, as a text
/// or under `cmd`; a Flow plays. The value of each track leaves by the outport of its name, numbers together by `values`, with
/// `allValues` everything. With `autoplay` something comes for every packet; without, only while it plays, and once when it is
/// over. Tracks called `values`, `state`, `progress`, `metadata` or `error` have no outport of their own.
#[derive(Component)]
#[component(id = "tpl_animation_timeline", title = "Animation Timeline", category = "animation", open_ports)]
#[inport(tick: Flow, "Lets time pass.")]
#[inport(dt: Float, "Lets so many seconds pass.")]
#[inport(tracks: JsonObject, "Tracks to add.")]
#[inport(control: Any, "`play`, `pause`, `stop`, `reverse` or `seek:SECONDS`.")]
#[outport(values: JsonObject, "The values of all tracks that are numbers, if any are.")]
#[outport(state: Text, "`playing`, `paused` or `completed`.")]
#[outport(progress: Float, "How far it is, from 0 to 1.")]
#[outport(metadata: JsonObject, "State, time, progress, speed, and the names of the tracks.")]
#[example(
    config = r#"{"dt": 0.5, "tracks": {"x": {"keyframes": [{"time": 0, "value": 0}, {"time": 1, "value": 8}]}}}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"values": [{"x": 4.0}], "state": ["playing"], "progress": [0.5], "metadata": [{"state": "playing", "elapsed": 0.5, "progress": 0.5, "speed": 1.0, "trackCount": 1, "trackNames": ["x"]}]}]"#
)]
pub(super) struct AnimationTimeline {
    /// How long it is.
    #[config(default = 1.0, unit = "s", lenient)]
    duration: f64,
    /// How much time a tick stands for.
    #[config(default = 1.0 / 60.0, unit = "s", lenient)]
    dt: f64,
    /// How fast it goes at first.
    #[config(default = 1.0, lenient)]
    speed: f64,
    /// Begin again at the end.
    #[config(key = "loop", lenient)]
    is_looped: bool,
    /// Play at once, and tell of every packet.
    #[config(default = true, lenient)]
    autoplay: bool,
    /// The first tracks, `{NAME: {keyframes, delay}}`.
    #[config()]
    tracks: Value,
    /// How much later each track begins: seconds, or `{delay, order, from, easing}` with the orders `index`, `name` and `reverse`,
    /// and from `start`, `end`, `center` or `edges`.
    #[config()]
    stagger: Value,
    /// Whether `values` has lists and texts too.
    #[config(key = "allValues", lenient)]
    all_values: bool,
    #[state]
    playback: Option<Playback>,
}

/// A timeline that was begun.
struct Playback {
    /// By name, with when each came.
    tracks: BTreeMap<Arc<str>, (usize, Track)>,
    arrived: usize,
    state: State,
    elapsed: f64,
    speed: f64,
    has_shown_end: bool,
}

struct Track {
    keyframes: Vec<Value>,
    delay: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Playing,
    Paused,
    Completed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Playing => "playing",
            Self::Paused => "paused",
            Self::Completed => "completed",
        }
    }
}

/// Names of outports that are not for tracks.
const RESERVED: [&str; 5] = ["values", "state", "progress", "metadata", "error"];

/// More tracks than this are refused.
const MOST: usize = 100_000;

impl Playback {
    fn new(config: &AnimationTimeline) -> Self {
        let state = if config.autoplay { State::Playing } else { State::Paused };
        let mut this = Self {
            tracks: BTreeMap::new(),
            arrived: 0,
            state,
            elapsed: 0.0,
            speed: config.speed,
            has_shown_end: false,
        };
        this.add_all(&config.tracks);
        this
    }

    fn add(&mut self, name: Arc<str>, track: &Value) {
        let keyframes = track.get("keyframes").and_then(Value::as_array).unwrap_or_default().to_vec();
        let track = Track { keyframes, delay: number_or(track, "delay", 0.0) };
        let at = self.tracks.get(&name).map_or(self.arrived, |(at, _)| *at);
        self.arrived += 1;
        self.tracks.insert(name, (at, track));
    }

    fn add_all(&mut self, tracks: &Value) {
        for (name, track) in tracks.as_object().into_iter().flatten() {
            self.add(Arc::clone(name), track);
        }
    }

    fn control(&mut self, word: &str, duration: f64) {
        match word {
            "play" => {
                if self.state == State::Completed {
                    self.elapsed = 0.0;
                }
                (self.state, self.speed, self.has_shown_end) = (State::Playing, self.speed.abs(), false);
            }
            "pause" => (self.state, self.has_shown_end) = (State::Paused, false),
            "stop" => (self.state, self.elapsed, self.has_shown_end) = (State::Paused, 0.0, false),
            "reverse" => {
                if self.elapsed == 0.0 && self.state != State::Paused {
                    self.elapsed = duration;
                }
                (self.state, self.speed, self.has_shown_end) = (State::Playing, -self.speed.abs(), false);
            }
            other => {
                let seconds = other.strip_prefix("seek:").and_then(|seconds| seconds.trim().parse::<f64>().ok());
                if let Some(seconds) = seconds.filter(|seconds| seconds.is_finite()) {
                    self.elapsed = seconds.clamp(0.0, duration.max(0.0));
                    self.has_shown_end = false;
                }
            }
        }
    }

    fn advance(&mut self, dt: f64, duration: f64, is_looped: bool) {
        if self.state != State::Playing {
            return;
        }
        self.elapsed += dt * self.speed;
        let is_over = self.elapsed >= duration || self.elapsed < 0.0 || self.elapsed == 0.0 && self.speed < 0.0;
        if !is_over {
            return;
        }
        if is_looped && duration > 0.0 {
            self.elapsed = self.elapsed.rem_euclid(duration);
        } else {
            self.elapsed = if self.elapsed >= duration { duration.max(0.0) } else { 0.0 };
            self.state = State::Completed;
        }
    }

    /// The value of each track now.
    fn values(&self, stagger: &Value) -> Vec<(Arc<str>, Value)> {
        let arrival: Vec<usize> = self.tracks.values().map(|(at, _)| *at).collect();
        let offsets = offsets(stagger, &arrival);
        let value = |track: &Track, offset: f64| match self.elapsed - track.delay - offset {
            time if time < 0.0 => track.keyframes.first()?.get("value").cloned(),
            time => evaluate(&track.keyframes, time),
        };
        let tracks = self.tracks.iter().zip(offsets);
        tracks.filter_map(|((name, (_, track)), offset)| Some((Arc::clone(name), value(track, offset)?))).collect()
    }
}

impl AnimationTimeline {
    /// Does what a packet asks for.
    fn obey(&self, tick: &Tick<'_>, playback: &mut Playback) -> Result<(), Failure> {
        if let Some(tracks) = tick.read(Self::IN_TRACKS) {
            match tracks.get("tracks") {
                Some(several) => playback.add_all(several),
                None => playback.add(text_or(&tracks, "name", "default").into(), &tracks),
            }
            if playback.tracks.len() > MOST {
                return Err(bad_input(format!("there are more than {MOST} tracks")));
            }
        }
        match tick.input(Self::IN_CONTROL) {
            Some(Message::Flow) => playback.control("play", self.duration),
            Some(message) => {
                let word = match payload(message) {
                    Some(value @ Value::Object(_)) => text_or(value, "cmd", "").to_string(),
                    _ => message.as_text().unwrap_or_default().to_string(),
                };
                // `{cmd: "seek", time: 1}` is another way to write `seek:1`.
                let seconds = payload(message).filter(|_| word == "seek").and_then(|value| number(value, "time"));
                let word = seconds.map_or(word, |seconds| format!("seek:{seconds}"));
                playback.control(&word, self.duration);
            }
            None => {}
        }
        if tick.input(Self::IN_DT).is_some() {
            let dt = tick.need(Self::IN_DT)?;
            if !dt.is_finite() {
                return Err(bad_input(format!("dt is no number of seconds: {dt}")));
            }
            playback.advance(dt, self.duration, self.is_looped);
        } else if tick.input(Self::IN_TICK).is_some() {
            playback.advance(self.dt, self.duration, self.is_looped);
        }
        Ok(())
    }
}

impl Actor for AnimationTimeline {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut playback = self.playback.take().unwrap_or_else(|| Playback::new(self));
        let outcome = self.obey(tick, &mut playback);
        let playback = self.playback.insert(playback);
        outcome?;
        let is_over = playback.state == State::Completed;
        let is_shown = self.autoplay || playback.state == State::Playing || is_over && !playback.has_shown_end;
        if !is_shown {
            return Ok(());
        }
        playback.has_shown_end = is_over;
        let values = playback.values(&self.stagger);
        let together: Vec<_> =
            values.iter().filter(|(_, value)| self.all_values || value.as_number().is_some()).cloned().collect();
        for (name, value) in values {
            let is_connected = !RESERVED.contains(&&*name) && tick.node().outport(&name).is_some();
            if is_connected {
                tick.emit_named(&name, Plain::make(value));
            }
        }
        if !together.is_empty() {
            tick.write(Self::OUT_VALUES, Value::object(together));
        }
        let progress = if self.duration > 0.0 { playback.elapsed / self.duration } else { 1.0 };
        let metadata = object([
            ("state", playback.state.word().into()),
            ("elapsed", playback.elapsed.into()),
            ("progress", progress.into()),
            ("speed", playback.speed.into()),
            ("trackCount", playback.tracks.len().into()),
            ("trackNames", Value::array(playback.tracks.keys().cloned())),
        ]);
        tick.write(Self::OUT_STATE, playback.state.word());
        tick.write(Self::OUT_PROGRESS, progress);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}
