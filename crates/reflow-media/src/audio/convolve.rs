//! `tpl_convolve`.

use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_component::stream::Channels;

use crate::kernels::convolve::{Convolver, Impulse};
use crate::kernels::groups::{Groups, apart, together};

/// A filter or a room, by its impulse response.
///
/// A stream waits until there is an impulse response: 32-bit floats, lowest byte first, which is kept for the streams that follow until
/// another one comes. Every frame gives as many samples as it has, without delay: the linear convolution of all that has come, for each
/// channel by itself. At the end the rest, one sample less than the response has for each channel, is a frame of its own, unless `tail`
/// is false. Long responses are cut into blocks that go through Fourier transforms.
///
/// # Errors
///
/// `No impulse response on impulse port` when the packet there holds no bytes, `Empty impulse response` when it has no whole sample, and
/// an Error when it has more than 16 777 216.
#[derive(Component)]
#[component(id = "tpl_convolve", title = "Convolution", category = "media/spectral", filter, firing = all)]
#[inport(stream: Stream, required, "The signal.")]
#[inport(impulse: Bytes, required, remembered, "The impulse response.")]
#[example(
    steps = r#"[{"impulse": {"type": "Bytes", "data": [0, 0, 128, 63, 0, 0, 0, 63]}, "stream": {"type": "@stream", "f32": [[1, 0.5]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[1.0, 1.0], [0.25]]}]}]"#
)]
pub(super) struct Convolve {
    /// Whether what still sounds when the stream has ended comes, too.
    #[config(default = true, lenient)]
    tail: bool,
    #[state]
    kept: Kept,
}

/// The impulse response, ready, and the bytes that it was made of.
#[derive(Default)]
struct Kept {
    source: Option<Message>,
    impulse: Option<Result<Arc<Impulse>, String>>,
}

/// The longest response.
const MOST: usize = 1 << 24;

fn impulse(message: &Message) -> Result<Arc<Impulse>, String> {
    let Message::Bytes(bytes) = message else { return Err("No impulse response on impulse port".to_string()) };
    let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect();
    match samples.len() {
        0 => Err("Empty impulse response".to_string()),
        1..=MOST => Ok(Arc::new(Impulse::new(&samples))),
        count => Err(format!("an impulse response of {count} samples; {MOST} are the most")),
    }
}

pub(super) struct State {
    groups: Groups<f32>,
    convolvers: Channels<Convolver>,
    /// Samples of each channel that sound on.
    tail: usize,
}

impl State {
    fn process(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut channels = apart(samples, self.groups.size());
        let convolvers = self.convolvers.states().iter_mut();
        convolvers.zip(&mut channels).for_each(|(convolver, channel)| convolver.process(channel));
        together(&channels)
    }
}

impl Filter for Convolve {
    type Sample = f32;
    type State = State;

    fn packet(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.input(Self::IN_IMPULSE) else { return Ok(()) };
        // It is offered to every tick; working it out once is enough.
        if self.kept.source.as_ref() != Some(message) {
            self.kept = Kept { source: Some(message.clone()), impulse: Some(impulse(message)) };
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        self.impulse().map(|_| ())
    }

    fn describe(&self, incoming: &Opening) -> Opening {
        Opening { size_hint: None, ..incoming.clone() }
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let impulse = self.impulse()?;
        let channels = opening.channels();
        Ok(State {
            groups: Groups::new(channels),
            convolvers: Channels::new(channels, |_| Convolver::new(Arc::clone(&impulse))),
            tail: if self.tail { impulse.len() - 1 } else { 0 },
        })
    }

    fn data(state: &mut State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let samples = state.groups.whole(samples);
        out.push(state.process(&samples));
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        if state.tail > 0 {
            let silence = vec![0.0; state.tail * state.groups.size()];
            out.push(state.process(&silence));
        }
        Ok(())
    }
}

impl Convolve {
    fn impulse(&self) -> Result<Arc<Impulse>, String> {
        self.kept.impulse.clone().unwrap_or_else(|| Err("No impulse response on impulse port".to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn what_is_no_response_is_told_and_another_one_may_come() {
        let stream = || json!({"type": "@stream", "f32": [[1.0]]});
        let steps = [
            json!({"impulse": 5, "stream": stream()}),
            json!({"impulse": {"type": "Bytes", "data": [1, 2, 3]}, "stream": stream()}),
            json!({"impulse": {"type": "Bytes", "data": [0, 0, 0, 64]}, "stream": stream()}),
            json!({"stream": stream()}),
        ];
        let outputs = run::<Convolve>(json!({}), steps);
        assert_eq!(outputs[0]["error"][0]["data"], "No impulse response on impulse port");
        assert_eq!(outputs[1]["error"][0]["data"], "Empty impulse response");
        assert_eq!(outputs[2]["stream"][0]["f32"], json!([[2.0]]));
        assert_eq!(outputs[3]["stream"][0]["f32"], json!([[2.0]]));
    }
}
