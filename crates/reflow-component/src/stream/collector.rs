//! Collectors: a stream in, messages out.

use std::sync::Arc;

use reflow_runtime::{AsyncActor, Failure, Instance, Message, StreamHandle, Tick, async_trait};

use super::frames::Outputs;
use super::inlet::{Inlet, Opening};
use super::no_stream;
use super::sample::Sample;
use super::step::step;
use crate::declaration::Declare;
use crate::report::Report;

/// A component that reads a stream to its end and sends what it found.
///
/// ```
/// use reflow_component::prelude::*;
/// use reflow_component::testing::{Trial, stream_of};
/// use reflow_runtime::Frame;
///
/// /// Counts bytes.
/// #[derive(Component)]
/// #[component(id = "tpl_count_bytes", title = "Count Bytes", category = "stream", collector)]
/// #[outport(count: Integer, "How many there are.")]
/// struct CountBytes;
///
/// impl Collector for CountBytes {
///     type Sample = u8;
///     type State = i64;
///
///     fn begin(&self, _opening: &Opening) -> Result<i64, String> {
///         Ok(0)
///     }
///
///     fn data(count: &mut i64, samples: Vec<u8>) -> Result<(), String> {
///         *count += samples.len() as i64;
///         Ok(())
///     }
///
///     fn end(count: i64, out: &mut Outputs) -> Result<(), String> {
///         out.write(Self::OUT_COUNT, count);
///         Ok(())
///     }
/// }
///
/// let input = stream_of(None, [Frame::Data(vec![1, 2, 3].into()), Frame::End]);
/// let count = std::sync::Arc::new(Entry::of::<CountBytes>());
/// let mut trial = Trial::new(count, Value::Null, &["stream"], &[]).unwrap();
/// assert_eq!(trial.step([("stream".to_string(), input)])["count"], [Message::Integer(3)]);
/// ```
///
/// The ports `stream` and `error` come with the form. Streams are read one after the other, each in a tick of its own; what
/// ends with an error is told on `error`.
pub trait Collector: Send + Sync + 'static {
    /// What the data is made of.
    type Sample: Sample;

    /// What is kept from frame to frame; how much that can become is for the collector to bound.
    type State: Send + 'static;

    /// A stream begins.
    ///
    /// # Errors
    /// Why it cannot be worked on; told on `error`.
    fn begin(&self, opening: &Opening) -> Result<Self::State, String>;

    /// Whole samples have come.
    ///
    /// # Errors
    /// Why it is read no further: too much, for example.
    fn data(state: &mut Self::State, samples: Vec<Self::Sample>) -> Result<(), String>;

    /// The stream has ended well. Runs on the compute pool.
    ///
    /// # Errors
    /// Why there is no result; told on `error`.
    fn end(state: Self::State, out: &mut Outputs) -> Result<(), String>;

    /// A packet has come that is on another inport than `stream`. It counts for streams that begin later.
    ///
    /// # Errors
    /// The failure of the tick.
    fn packet(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// Makes a node of a collector.
pub fn collector<C: Collector + Declare>(collector: C) -> Instance {
    let declaration = C::declaration();
    let place = |ports: &[crate::port::Port], name| ports.iter().position(|port| port.name == name);
    Instance::new_async(Shell {
        inport: place(&declaration.inports, "stream").unwrap_or_default(),
        error: place(&declaration.outports, "error"),
        collector,
    })
}

struct Shell<C> {
    collector: C,
    inport: usize,
    error: Option<usize>,
}

impl<C: Collector> Shell<C> {
    async fn collect(&self, tick: &mut Tick<'_>, handle: &StreamHandle) -> Result<Outputs, Arc<str>> {
        let mut inlet = Inlet::<C::Sample>::take(handle).map_err(|_| no_stream("stream"))?;
        let mut next = inlet.read().await?;
        let node = tick.node().clone();
        let mut state = self.collector.begin(inlet.opening())?;
        while let Some(samples) = next {
            let work = move || {
                let result = C::data(&mut state, samples);
                (state, result)
            };
            let (back, result) = step(&node, 0, work).await?;
            state = back;
            result?;
            next = inlet.read().await?;
        }
        let work = move || {
            let mut outputs = Outputs::default();
            C::end(state, &mut outputs).map(|()| outputs)
        };
        Ok(step(&node, usize::MAX, work).await??)
    }
}

#[async_trait]
impl<C: Collector> AsyncActor for Shell<C> {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let collected = match tick.take(self.inport) {
            None => return self.collector.packet(tick),
            Some(Message::StreamHandle(handle)) => self.collect(tick, &handle).await,
            Some(_) => Err(no_stream("stream").into()),
        };
        match (collected, self.error) {
            (Ok(Outputs(messages)), _) => {
                messages.into_iter().for_each(|(port, message)| tick.send(port, message));
                Ok(())
            }
            (Err(text), Some(error)) => tick.report(error, &*text),
            (Err(text), None) => Err(text.to_string().into()),
        }
    }
}
