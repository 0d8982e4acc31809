//! Reading and sending by the kind of the port.

use reflow_runtime::{Failure, Tick};

use crate::kind::PortKind;
use crate::port::{Inport, Outport};

/// A [`Tick`] whose ports know what they carry.
pub trait Typed {
    /// What the packet on an inport carries; `None` without a packet, or when it is none of the port's kind.
    fn read<K: PortKind>(&self, port: Inport<K>) -> Option<K::Value>;

    /// What the packet on an inport carries, or the default value.
    fn value<K: PortKind<Value: Default>>(&self, port: Inport<K>) -> K::Value {
        self.read(port).unwrap_or_default()
    }

    /// [`read`](Self::read) for what the tick cannot do without.
    ///
    /// # Errors
    /// The failure that says what was expected on which port, and what came.
    fn need<K: PortKind>(&self, port: Inport<K>) -> Result<K::Value, Failure>;

    /// Sends a value when the tick commits; a second one for the port replaces the first.
    fn write<K: PortKind>(&mut self, port: Outport<K>, value: impl Into<K::Value>);
}

impl Typed for Tick<'_> {
    fn read<K: PortKind>(&self, port: Inport<K>) -> Option<K::Value> {
        self.input(port).and_then(K::read)
    }

    fn need<K: PortKind>(&self, port: Inport<K>) -> Result<K::Value, Failure> {
        self.read(port).ok_or_else(|| {
            let name = self.node().inport_name(port.index() as u16);
            let found = self.input(port).map_or("nothing", |message| message.kind());
            let text = format!("expected {} on `{name}`, found {found}", K::word());
            Failure::new(text).with_reason("bad_input").with_permanent(true)
        })
    }

    fn write<K: PortKind>(&mut self, port: Outport<K>, value: impl Into<K::Value>) {
        self.emit(port, K::make(value.into()));
    }
}
