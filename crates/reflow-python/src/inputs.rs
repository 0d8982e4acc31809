//! `ctx.inputs`: the packets of a tick as a dict, made when an actor first looks at it.
//!
//! Most ticks bring numbers and nobody keeps their dict, so it serves the next tick again with the new values in place.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use reflow_runtime::{Message, NodeHandle, Packets};

use crate::convert;
use crate::names::PortNames;
use crate::references;

/// Puts the packets into the dict of an earlier tick, if they are numbers and nobody else holds it.
pub(crate) fn refill(
    py: Python<'_>,
    names: &PortNames,
    node: &NodeHandle,
    dict: Py<PyDict>,
    packets: &Packets,
) -> Option<Py<PyDict>> {
    let dict = dict.into_bound(py);
    if references::count(&dict) != 1 || dict.len() != packets.len() {
        return None;
    }
    for (port, message) in packets {
        let value = dict.get_item(names.inport_name(py, node, *port)).ok()??;
        // One reference is in the dict, one is here.
        if !is_number(message) || references::count(&value) != 2 || !convert::refill_port_value(&value, message) {
            return None;
        }
    }
    Some(dict.unbind())
}

/// Whether the dict of a tick may stay until the next one, which may be long: else who waits would hold what it was sent last.
pub(crate) fn may_stay(packets: &Packets) -> bool {
    packets.iter().all(|(_, message)| is_number(message))
}

fn is_number(message: &Message) -> bool {
    matches!(message, Message::Integer(_) | Message::Float(_) | Message::Boolean(_))
}
