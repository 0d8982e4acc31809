//! Errors as data.

use reflow_runtime::{Failure, Message, PortIndex, Tick};

/// Telling about input that cannot be worked on.
pub trait Report {
    /// Sends an Error message from the outport at `port`. When nobody is connected there, the tick fails with the
    /// same text instead of going on in silence; another attempt would end the same way, so none is made.
    ///
    /// # Errors
    /// The failure that the tick is to end with.
    fn report(&mut self, port: impl PortIndex, text: impl Into<String>) -> Result<(), Failure>;
}

impl Report for Tick<'_> {
    fn report(&mut self, port: impl PortIndex, text: impl Into<String>) -> Result<(), Failure> {
        let text: std::sync::Arc<str> = text.into().into();
        let port = port.index();
        let name = self.node().outport_name(port as u16);
        let is_heard = self.node().connected_outports().contains(&name);
        // Sent rather than emitted: listeners outside the network are to see it although the tick fails.
        self.send(port, Message::Error(std::sync::Arc::clone(&text)));
        if is_heard { Ok(()) } else { Err(Failure::new(text).with_reason("bad_input").with_permanent(true)) }
    }
}
