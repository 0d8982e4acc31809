//! Scripts of runs, as Python sees them: what is recorded, and what is followed.

use std::sync::Arc;

use pyo3::prelude::*;
use reflow_runtime::{Message, Outside, Recording, Script};

use crate::exit;
use crate::message::PyMessage;

/// The order in which a run does things, written down or given.
#[pyclass(name = "_Script", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyScript(pub(crate) Arc<Script>);

type Times = Vec<(u32, u32)>;
/// What inports of a node have given that keep their newest: shelf, and packets.
type Pulls = Vec<(u32, Vec<(u32, u64)>)>;
type Entry<'py> = (f64, u64, String, String, &'static str, Option<Bound<'py, PyMessage>>);

#[pymethods]
impl PyScript {
    /// One that is written.
    #[staticmethod]
    fn recorder() -> Self {
        Self(Script::recorder())
    }

    /// One that is followed, up to so many ticks.
    #[staticmethod]
    #[pyo3(signature = (nodes, ticks, arrivals, limit, pulls=Vec::new(), leaves=Vec::new()))]
    fn player(
        nodes: Vec<String>,
        ticks: Times,
        arrivals: Vec<Times>,
        limit: u64,
        pulls: Vec<Pulls>,
        leaves: Vec<Vec<u64>>,
    ) -> Self {
        Self(Script::player(Recording { nodes, ticks, arrivals, pulls, leaves, outside: Vec::new() }, limit))
    }

    /// What inports have given that keep their newest, and in which order outputs left that need not keep theirs, by node.
    fn choices(&self, py: Python<'_>) -> (Vec<Pulls>, Vec<Vec<u64>>) {
        let recording = exit::detached(py, || self.0.recording(Vec::new()));
        (recording.pulls, recording.leaves)
    }

    /// What was written down so far: ticks, arrivals, and what came from outside.
    fn recording<'py>(&self, py: Python<'py>) -> PyResult<(Times, Vec<Times>, Vec<Entry<'py>>)> {
        let recording = exit::detached(py, || self.0.recording(Vec::new()));
        let entry = |entry: reflow_runtime::OutsideEntry| {
            let message = |message: Message| PyMessage::object(py, message).map(Some);
            let (kind, message) = match entry.what {
                Outside::Packet(packet) => ("packet", message(packet)?),
                Outside::Signal(data) => ("signal", message(data)?),
                Outside::Closed => ("closed", None),
            };
            PyResult::Ok((
                entry.at.as_secs_f64(),
                entry.tick,
                entry.node.to_string(),
                entry.name.to_string(),
                kind,
                message,
            ))
        };
        let outside = recording.outside.into_iter().map(entry).collect::<PyResult<_>>()?;
        Ok((recording.ticks, recording.arrivals, outside))
    }

    /// How many ticks have started, how many may, and how many were recorded.
    fn position(&self) -> Option<(u64, u64, u64)> {
        self.0.player_of().map(reflow_runtime::Player::position)
    }
}
