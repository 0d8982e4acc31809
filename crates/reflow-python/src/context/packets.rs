//! The packets of an attempt: what an actor is given of those that came, and what leaves for what it gives.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use reflow_runtime::{Caller, LateOrigin, Message, NodeHandle, Origin, Packets, SendError};

use super::{Given, Phase, PyContext};
use crate::borrowed::{self, Form};
use crate::classes;
use crate::convert;
use crate::errors::{self, ConversionError};
use crate::executor;
use crate::last_call;
use crate::plain::{self, PyPlain};
use crate::protect::{self, Held};
use crate::wait;

/// How many items a container has whose copy is worth a look at what `run` does next.
const LARGE: usize = 32;

impl PyContext {
    /// The packets that a mapping of outputs stands for, of which `ours` references are the runtime's own. Ports that lead
    /// nowhere are left out.
    pub(crate) fn packets(&self, outputs: &Bound<'_, PyAny>, ours: isize) -> PyResult<Packets> {
        self.packets_made(outputs, ours, |value, held| self.message_of(value, held))
    }

    /// [`packets`](Self::packets) of `done`. Where that is the last thing that `run` does, its variables hold them until it has
    /// returned, and whether others do is not asked before.
    pub(super) fn last_packets(&self, outputs: &Bound<'_, PyAny>, ours: isize) -> PyResult<Packets> {
        let py = outputs.py();
        let mut is_last = None;
        self.packets_made(outputs, ours, |value, held| {
            let Some(message) = self.unsettled(value) else { return self.message_of(value, held) };
            if !*is_last.get_or_insert_with(|| last_call::is_last(py)) {
                return self.message_of(value, held);
            }
            self.state.lock(py).unsettled = true;
            Ok(message)
        })
    }

    /// The message that a value comes to without a look at who holds it, where that look might cost a large copy.
    fn unsettled(&self, value: &Bound<'_, PyAny>) -> Option<Message> {
        let is_large = match borrowed::form(value) {
            // A tagged one is smaller.
            Form::Dict => value.cast::<PyDict>().is_ok_and(|dict| dict.len() >= LARGE),
            Form::List => value.cast::<PyList>().is_ok_and(|list| list.len() >= LARGE),
            _ => false,
        };
        // Without an interpreter lock, counts tell nothing later either.
        if cfg!(Py_GIL_DISABLED) || !is_large || self.state.lock(value.py()).phase != Phase::Running {
            return None;
        }
        let came_in = self.came_in(value);
        // In the outputs, here, and in the packet.
        let ours = if came_in.is_some() { 3 } else { 2 };
        if Held::ByUs(ours).exclusively(value) {
            return None;
        }
        Some(came_in.unwrap_or_else(|| plain::unsettled(value)))
    }

    fn packets_made(
        &self,
        outputs: &Bound<'_, PyAny>,
        ours: isize,
        message_of: impl FnMut(&Bound<'_, PyAny>, Held) -> PyResult<Message>,
    ) -> PyResult<Packets> {
        let mut packets = Packets::new();
        self.each_output(outputs, ours, message_of, |port, message| packets.push((port, message)))?;
        Ok(packets)
    }

    /// The packets that a returned or yielded value stands for: a mapping of outputs, or what leaves by the only outport.
    pub(crate) fn outputs(&self, value: &Bound<'_, PyAny>) -> PyResult<Packets> {
        let mut packets = Packets::new();
        self.take_outputs(value, |port, message| packets.push((port, message)))?;
        Ok(packets)
    }

    /// Hands the packets of [`outputs`](Self::outputs) to `take`. After an error, what it was given is to be thrown away.
    pub(crate) fn take_outputs(&self, value: &Bound<'_, PyAny>, mut take: impl FnMut(u16, Message)) -> PyResult<()> {
        if classes::is_mapping(value) {
            // It was returned or yielded: the caller has the one reference to it.
            return self.each_output(value, 1, |value, held| self.message_of(value, held), take);
        }
        let Some(port) = self.names.only_outport() else {
            let found = value.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "run() gave a value of type {found}, and its actor does not have just one outport for it to leave by; return or \
                 yield a dict of outputs"
            )));
        };
        let message = self.message_of(value, Held::ByUs(1))?;
        take(port, route(&self.node, port, message)?);
        Ok(())
    }

    /// Sends what a generator yielded.
    pub(crate) fn send_yielded(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let packets = self.outputs(value)?;
        self.refuse_if_given_up(value.py())?;
        let origin = self.origin(value.py(), &packets);
        self.deliver(value.py(), packets, origin.as_ref(), None)
    }

    pub(super) fn each_output(
        &self,
        outputs: &Bound<'_, PyAny>,
        ours: isize,
        mut message_of: impl FnMut(&Bound<'_, PyAny>, Held) -> PyResult<Message>,
        mut take: impl FnMut(u16, Message),
    ) -> PyResult<()> {
        // Whoever holds the outputs reaches their values. Else each has a reference there and one here.
        let held = if Held::ByUs(ours).exclusively(outputs) { Held::ByUs(2) } else { Held::ByOthers };
        let mut one = |port: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| -> PyResult<()> {
            let name = port.cast::<PyString>().map_err(|_| convert::wrong_type("a port name (str)", port))?;
            let message = message_of(value, held)?;
            if let Some(port) = self.names.outport(&self.node, name, 1)? {
                take(port, route(&self.node, port, message)?);
            }
            Ok(())
        };
        if let Ok(dict) = outputs.cast::<PyDict>() {
            return convert::each_pair(dict, one);
        }
        if !classes::is_mapping(outputs) {
            let found = outputs.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
            return Err(ConversionError::new_err(format!("outputs must be a mapping of port to message, got {found}")));
        }
        for pair in outputs.call_method0(crate::once::intern!(outputs.py(), "items"))?.try_iter()? {
            let (port, value) = pair?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            one(&port, &value)?;
        }
        Ok(())
    }

    /// The numbers of the tick and of its try.
    pub(super) fn tick_and_try(&self, py: Python<'_>) -> (u64, u32) {
        let state = self.state.lock(py);
        (state.sequence, state.number)
    }

    /// For whom a packet is sent now.
    pub(super) fn caller(&self, py: Python<'_>) -> Caller {
        let state = self.state.lock(py);
        match state.phase {
            Phase::Over | Phase::Between => Caller::Other,
            phase => {
                Caller::Attempt { sequence: state.sequence, number: state.number, running: phase == Phase::Running }
            }
        }
    }

    /// The message to send for a value. One that the tick itself was given goes on as the message that it came in.
    pub(super) fn message_of(&self, value: &Bound<'_, PyAny>, held: Held) -> PyResult<Message> {
        if let (Held::ByUs(ours), true) = (held, borrowed::form(value) != Form::Leaf) {
            // The value is held by the packet, too.
            if let Some(message) = self.came_in(value)
                && let Some(own) = protect::protected(value, Held::ByUs(ours + 1))?
            {
                return if own.is(value) { Ok(message) } else { convert::to_message(&own, Held::ByUs(1)) };
            }
            if let Some(message) = self.came_in_tagged(value, ours)? {
                return Ok(message);
            }
        }
        convert::to_message(value, held)
    }

    /// The input of which this is the tagged form, taken from `ctx.inputs` and held by nobody else, nor what is in it.
    pub(super) fn came_in_tagged(&self, value: &Bound<'_, PyAny>, ours: isize) -> PyResult<Option<Message>> {
        let py = value.py();
        let Some((kind, data)) = convert::container_in(value) else { return Ok(None) };
        let Some(message) =
            self.came_in(&data).filter(|message| kind.to_str().is_ok_and(|kind| kind == message.kind()))
        else {
            return Ok(None);
        };
        let inputs = {
            let state = self.state.lock(py);
            let Some(inputs) = &state.inputs_dict else { return Ok(None) };
            inputs.bind(py).clone()
        };
        // The inputs are held by the context and here; each value by them, too; its data by it, by the packet and here.
        let is_ours = Held::ByUs(2).exclusively(&inputs)
            && Held::ByUs(ours + 1).exclusively(value)
            && Held::ByUs(3).exclusively(&data)
            && inputs.values().iter().any(|known| known.is(value));
        if !is_ours || !protect::protected(&data, Held::ByUs(3))?.is_some_and(|own| own.is(&data)) {
            return Ok(None);
        }
        // Whoever asks for the inputs once more gets others: these go with the packet.
        let before = self.state.lock(py).inputs_dict.take();
        drop((before, inputs));
        Ok(Some(message))
    }

    /// The input whose value this is.
    pub(super) fn came_in(&self, value: &Bound<'_, PyAny>) -> Option<Message> {
        let py = value.py();
        let state = self.state.lock(py);
        let is_it = |message: &&Message| {
            let plain = message.host_value::<PyPlain>().filter(|plain| plain.object(py).is(value));
            plain.inspect(|plain| plain.goes_on()).is_some()
        };
        state.inputs.iter().map(|(_, message)| message).find(is_it).cloned()
    }

    /// What the actor is given of the packet on a port: the value itself where it travels as it is, else the message.
    pub(crate) fn given<'py>(&self, py: Python<'py>, port: u16) -> PyResult<Option<Given<'py>>> {
        let mut message = {
            let mut state = self.state.lock(py);
            let Some((_, message)) = state.inputs.iter_mut().find(|(at, _)| *at == port) else { return Ok(None) };
            if !matches!(message, Message::Host(_)) {
                return Ok(Some(Given::Message(message.clone())));
            }
            match plain::own(py, message) {
                Some((object, before)) => {
                    drop(state);
                    drop(before);
                    return Ok(Some(Given::Object(object)));
                }
                None => message.clone(),
            }
        };
        if message.host_value::<PyPlain>().is_none() {
            return Ok(Some(Given::Message(message)));
        }
        let object = plain::give(py, &mut message)?;
        let before = {
            let mut state = self.state.lock(py);
            let slot = state.inputs.iter_mut().find(|(at, _)| *at == port);
            slot.map(|(_, slot)| std::mem::replace(slot, message))
        };
        drop(before);
        Ok(Some(Given::Object(object)))
    }

    /// What packets descend from that leave together now.
    pub(super) fn origin(&self, py: Python<'_>, packets: &[(u16, Message)]) -> Option<Origin> {
        let state = self.state.lock(py);
        let known = state.origin.clone().or_else(|| state.late_origin.as_ref().map(LateOrigin::revive));
        drop(state);
        known.or_else(|| self.node.origin_of(self.caller(py), packets.iter().map(|(port, _)| *port)))
    }

    pub(super) fn deliver(
        &self,
        py: Python<'_>,
        packets: Packets,
        origin: Option<&Origin>,
        timeout: Option<Duration>,
    ) -> PyResult<()> {
        if packets.is_empty() {
            // They lead nowhere.
            return Ok(());
        }
        let caller = self.caller(py);
        let mut interrupted = None;
        let sent = self.node.send_blocking(packets, origin, caller, timeout, |mut blocked| {
            if let Caller::Attempt { sequence, number, running: true } = caller
                && self.caller(py) != caller
            {
                self.node.returned(sequence, number);
            }
            if wait::on_loop() {
                interrupted = Some(wait::would_hold_the_loop("await ctx.send_async(...)"));
                return Ok(());
            }
            loop {
                let step = Duration::from_millis(100);
                if let Some(result) = executor::blocking(py, || blocked.wait(Some(step))) {
                    return result;
                }
                if let Err(error) = py.check_signals() {
                    interrupted = Some(error);
                    return Ok(());
                }
            }
        });
        match (interrupted, sent) {
            (Some(error), _) => Err(error),
            (None, sent) => sent.map_err(|error: SendError| errors::send(&error)),
        }
    }
}

/// The message as it goes to the targets of a port: those that are no Python actors know their own kinds only.
pub(crate) fn route(node: &NodeHandle, port: u16, message: Message) -> PyResult<Message> {
    let Message::Host(value) = &message else { return Ok(message) };
    let targets = node.targets(port);
    let Some(other) = targets.other else { return Ok(message) };
    match value.message() {
        Ok(known) if !targets.hosted => Ok(known.clone()),
        Ok(_) => Ok(message),
        Err(error) => Err(ConversionError::new_err(format!(
            "node `{}`, port `{}`: {error}, and node `{other}` is no Python actor; send a part of it, a text or bytes made \
             of it, or Message.any(value), which passes by reference",
            node.id(),
            node.outport_name(port),
        ))),
    }
}

/// Sets the message of a port, and gives back the one that it replaces.
pub(super) fn put(packets: &mut Packets, port: u16, message: Message) -> Option<Message> {
    match packets.iter_mut().find(|(at, _)| *at == port) {
        Some((_, slot)) => Some(std::mem::replace(slot, message)),
        None => {
            packets.push((port, message));
            None
        }
    }
}
