//! What the body of a stream component puts out.

use reflow_runtime::{Buffer, Message};

use super::sample::Sample;
use crate::kind::{PortKind, Stream};
use crate::port::Outport;

/// What a filter puts out for one frame: data for its streams, messages for its other outports.
#[derive(Default)]
pub struct Frames {
    /// Data by the place of the stream among the filter's, in order.
    pub(super) data: Vec<(usize, Buffer)>,
    pub(super) messages: Vec<(usize, Message)>,
    /// The indices of the outports that carry streams.
    pub(super) streams: Vec<usize>,
    pub(super) is_over: bool,
}

impl Frames {
    /// Writes a Data frame to the first stream.
    pub fn push<S: Sample>(&mut self, samples: Vec<S>) {
        self.data.push((0, S::into_buffer(samples)));
    }

    /// Writes a Data frame to one of several streams.
    pub fn push_to<S: Sample>(&mut self, port: Outport<Stream>, samples: Vec<S>) {
        if let Some(stream) = self.streams.iter().position(|index| *index == port.index()) {
            self.data.push((stream, S::into_buffer(samples)));
        }
    }

    /// Sends a message from another outport.
    pub fn send<K: PortKind>(&mut self, port: Outport<K>, value: impl Into<K::Value>) {
        self.messages.push((port.index(), K::make(value.into())));
    }

    /// Ends the stream here: what else comes in is not read.
    pub fn finish(&mut self) {
        self.is_over = true;
    }
}

/// What a collector sends for one stream.
#[derive(Default)]
pub struct Outputs(pub(super) Vec<(usize, Message)>);

impl Outputs {
    /// Sends a value; a second one for the port follows the first.
    pub fn write<K: PortKind>(&mut self, port: Outport<K>, value: impl Into<K::Value>) {
        self.0.push((port.index(), K::make(value.into())));
    }
}
