//! `tpl_time_stretch`.

use reflow_component::prelude::*;

use crate::kernels::groups::Groups;
use crate::kernels::stretch::Stretcher;
use crate::rate::check_size;

/// Changes the length and keeps the pitch.
///
/// Pieces of `windowSize` samples, of which four overlap, are taken from the signal nearer together or further apart than they are put
/// down; each may be taken up to an eighth of its length earlier or later, where it fits best to what was put down before (WSOLA,
/// Verhelst and Roelands 1993). The sums are divided by those of the windows. The result has `ratio` times as many samples, to the
/// nearest whole number; it is worked out while the stream comes, and needs a few windows of memory. Channels are taken from the same
/// places. A ratio within a thousandth of 1 changes nothing.
///
/// # Errors
///
/// A `ratio` that is not between 0.01 and 100 is told on `error`, and so is a `windowSize` below 4 or above 1 048 576.
#[derive(Component)]
#[component(id = "tpl_time_stretch", title = "Time Stretch", category = "media/spectral", filter)]
#[example(
    config = r#"{"ratio": 2, "windowSize": 4}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, 0.5, 0.5, 0.5]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]]}]}]"#
)]
pub(super) struct TimeStretch {
    /// Length of the result by that of the signal.
    #[config(default = 1.0, range = 0.25..=4.0, lenient)]
    ratio: f64,
    /// Samples in a piece.
    #[config(key = "windowSize", default = 1024, range = 256..=8_192, lenient)]
    window_size: u64,
}

pub(super) struct State {
    groups: Groups<f32>,
    stretcher: Option<Stretcher>,
}

impl TimeStretch {
    fn changes(&self) -> bool {
        (self.ratio - 1.0).abs() >= 0.001
    }
}

impl Filter for TimeStretch {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        if !(0.01..=100.0).contains(&self.ratio) {
            return Err(format!("`ratio` must be from 0.01 to 100, not {}", self.ratio));
        }
        check_size("windowSize", self.window_size, 4)
    }

    fn describe(&self, incoming: &Opening) -> Opening {
        Opening { size_hint: None, ..incoming.clone() }
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let channels = opening.channels();
        let stretcher = self.changes().then(|| Stretcher::new(self.ratio, self.window_size as usize, channels));
        if stretcher.is_some() && opening.is_told {
            let groups = |bytes: u64| bytes / (4 * channels as u64);
            let longer = |bytes| (groups(bytes) as f64 * self.ratio).round() as u64 * 4 * channels as u64;
            opening.size_hint = opening.size_hint.map(longer);
        }
        Ok(State { groups: Groups::new(channels), stretcher })
    }

    fn data(state: &mut State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let Some(stretcher) = &mut state.stretcher else {
            out.push(samples);
            return Ok(());
        };
        let mut finished = Vec::new();
        stretcher.process(&state.groups.whole(samples), &mut finished);
        if !finished.is_empty() {
            out.push(finished);
        }
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        let mut finished = Vec::new();
        if let Some(stretcher) = &mut state.stretcher {
            stretcher.end(&mut finished);
        }
        if !finished.is_empty() {
            out.push(finished);
        }
        Ok(())
    }
}
