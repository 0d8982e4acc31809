//! `tpl_stream_buffer`.

use reflow_component::prelude::*;

/// Joins small frames into larger ones.
///
/// Data waits until there are `bufferBytes` bytes or more, which leave as one frame: frames may be larger, and none is cut. What is left
/// leaves at the end; an error passes at once and the rest is dropped. With `exact`, frames are cut to `bufferBytes` bytes, the last one
/// excepted. With a `bufferBytes` of 0 frames pass as they are.
#[derive(Component)]
#[component(id = "tpl_stream_buffer", title = "Stream Buffer", category = "stream/plumbing", filter)]
#[example(
    config = r#"{"bufferBytes": 2}"#,
    steps = r#"[{"stream": {"type": "@stream", "u8": [[1], [2, 3], [4]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "u8": [[1, 2, 3], [4]]}]}]"#
)]
pub(super) struct StreamBuffer {
    /// How many bytes are waited for.
    #[config(key = "bufferBytes", default = 65_536, range = 512..=1_048_576, unit = "bytes", lenient)]
    buffer_bytes: u64,
    /// Whether frames are cut.
    #[config(lenient)]
    exact: bool,
}

/// More is not kept.
const MOST: u64 = 1 << 30;

pub(super) struct State {
    waiting: Vec<u8>,
    size: usize,
    exact: bool,
}

impl Filter for StreamBuffer {
    type Sample = u8;
    type State = State;

    fn check(&self) -> Result<(), String> {
        if self.buffer_bytes > MOST {
            return Err(format!("`bufferBytes` must be at most {MOST}, not {}", self.buffer_bytes));
        }
        Ok(())
    }

    fn begin(&self, _opening: &mut Opening) -> Result<State, String> {
        Ok(State { waiting: Vec::new(), size: self.buffer_bytes as usize, exact: self.exact })
    }

    fn data(state: &mut State, bytes: Vec<u8>, out: &mut Frames) -> Result<(), String> {
        if state.waiting.is_empty() {
            state.waiting = bytes;
        } else {
            state.waiting.extend(bytes);
        }
        if !state.exact || state.size == 0 {
            if state.waiting.len() >= state.size {
                out.push(std::mem::take(&mut state.waiting));
            }
            return Ok(());
        }
        let rest = state.waiting.split_off(state.waiting.len() - state.waiting.len() % state.size);
        state.waiting.chunks_exact(state.size).for_each(|chunk| out.push(chunk.to_vec()));
        state.waiting = rest;
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        if !state.waiting.is_empty() {
            out.push(std::mem::take(&mut state.waiting));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn frames_may_be_cut() {
        let step = json!({"stream": {"type": "@stream", "u8": [[1, 2, 3, 4, 5], [6], [], [7]]}});
        let outputs = run::<StreamBuffer>(json!({"bufferBytes": 2, "exact": true}), [step]);
        assert_eq!(outputs[0]["stream"][0]["u8"], json!([[1, 2], [3, 4], [5, 6], [7]]));
    }
}
