//! Captures: streams that are filled beside the ticks of a node until they are stopped.

use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_runtime::{Background, Begin, Frame, PortIndex, StreamWriter};
use tokio::sync::Notify;

use super::{Losses, Released};

/// What fills a stream.
pub(crate) trait Work: Send + 'static {
    /// What it is filled with, as losses are told.
    const WHAT: &'static str;

    /// Fills it, until there is no more or nobody reads. Dropped when it is stopped.
    fn run(
        &mut self,
        writer: &StreamWriter,
        node: &NodeHandle,
        losses: &mut Losses,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// Lets go of what it is filled from. How much a device gave, where it was one.
    fn end(self, losses: &mut Losses) -> Option<u64>;
}

/// The captures of a node that may still go on, the newest last.
#[derive(Default)]
pub(crate) struct Captures(Vec<Capture>);

struct Capture {
    stream: u64,
    stop: Arc<Notify>,
    device: Option<Released>,
    background: Background,
}

impl Captures {
    /// Sends a stream that holds `room` frames, and lets `work` fill it. `metadata` is said before, and what came of a device after.
    pub(crate) fn begin(
        &mut self,
        tick: &mut Tick<'_>,
        [stream, metadata]: [usize; 2],
        begin: Begin,
        room: usize,
        device: Option<Released>,
        work: impl Work,
    ) -> Result<(), String> {
        self.0.retain(|capture| !capture.background.is_finished());
        let name = tick.node().outport_name(stream.index() as u16);
        let writer = StreamWriter::new(room, tick.node().id(), &name, begin.content_type.as_deref());
        let handle = writer.handle(begin.size_hint).map_err(|error| error.to_string())?;
        let (id, stop) = (writer.id(), Arc::new(Notify::new()));
        tick.send(stream, Message::StreamHandle(handle));
        let stopped = Arc::clone(&stop);
        let background = tick.spawn(move |node| fill(node, metadata, writer, begin, stopped, work));
        self.0.push(Capture { stream: id, stop, device, background });
        Ok(())
    }

    /// Ends the newest capture that goes on, and waits until its device is free.
    pub(crate) async fn stop(&mut self) -> Value {
        self.0.retain(|capture| !capture.background.is_finished());
        let Some(capture) = self.0.pop() else { return Value::object([("stopped", false)]) };
        capture.stop.notify_one();
        if let Some(device) = capture.device {
            device.wait().await;
        }
        Value::object([("stopped", Value::from(true)), ("streamId", capture.stream.into())])
    }
}

async fn fill<W: Work>(
    node: NodeHandle,
    metadata: usize,
    writer: StreamWriter,
    begin: Begin,
    stopped: Arc<Notify>,
    mut work: W,
) {
    let mut losses = Losses::new(&node, W::WHAT);
    let ended = tokio::select! {
        biased;
        () = stopped.notified() => Ok(()),
        ended = async {
            match writer.write(Frame::Begin(begin)).await {
                Ok(()) => work.run(&writer, &node, &mut losses).await,
                // Nobody reads.
                Err(_) => Ok(()),
            }
        } => ended,
    };
    let came = work.end(&mut losses);
    let lost = losses.end();
    let last = ended.map_or_else(|text| Frame::Error(text.into()), |()| Frame::End);
    // The reader may have gone.
    let _ = writer.write(last).await;
    if let Some(came) = came {
        let told = [
            ("ended", Value::from(true)),
            ("streamId", writer.id().into()),
            (W::WHAT, came.into()),
            ("lost", lost.into()),
        ];
        // A run that was stopped drops this work soon.
        let _ = node.send(metadata, Message::object(Value::object(told))).await;
    }
}

/// Whether a message on `stop` says so.
pub(crate) fn is_true(message: &Message) -> bool {
    match message {
        Message::Flow => true,
        Message::Boolean(value) => *value,
        Message::Integer(number) => *number != 0,
        Message::Float(number) => *number != 0.0,
        Message::String(text) => !text.is_empty() && &**text != "false",
        _ => false,
    }
}
