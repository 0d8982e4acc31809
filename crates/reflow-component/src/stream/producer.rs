//! Producers: a message in, a stream out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use reflow_runtime::{AsyncActor, Failure, Instance, Message, NodeHandle, Tick, async_trait};

use super::inlet::Opening;
use super::outlet::Outlet;
use super::step::panic_text;
use crate::declaration::Declare;
use crate::kind::Stream;
use crate::port::Outport;
use crate::report::Report;

/// A component that makes a stream of what comes in.
///
/// ```
/// use reflow_component::prelude::*;
/// use reflow_component::stream::Outlet;
/// use reflow_component::testing::{Trial, frames_of};
/// use reflow_runtime::Frame;
///
/// /// Streams a text, a word a frame.
/// #[derive(Component)]
/// #[component(id = "tpl_words", title = "Words", category = "stream", producer)]
/// #[inport(text: Text, required, "The text.")]
/// struct Words;
///
/// #[async_trait]
/// impl Producer for Words {
///     type Work = std::sync::Arc<str>;
///
///     async fn open(&mut self, tick: &mut Tick<'_>, opening: &mut Opening) -> Result<Self::Work, String> {
///         opening.content_type = Some("text/plain".into());
///         tick.read(Self::IN_TEXT).ok_or_else(|| "No text".into())
///     }
///
///     async fn write(text: Self::Work, _node: NodeHandle, out: &mut Outlet) -> Result<(), String> {
///         for word in text.split_whitespace() {
///             if !out.write(Frame::Data(word.as_bytes().into())).await {
///                 break;
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let words = std::sync::Arc::new(Entry::of::<Words>());
/// let mut trial = Trial::new(words, Value::Null, &["text"], &[]).unwrap();
/// let outputs = trial.step([("text".to_string(), "two words".into())]);
/// assert_eq!(frames_of(&outputs["stream"][0]).len(), 4, "Begin, two times Data, End");
/// ```
///
/// The ports `stream` and `error` come with the form.
#[async_trait]
pub trait Producer: Send + 'static {
    /// What a stream is made of.
    type Work: Send + 'static;

    /// Reads the tick; what `opening` says afterwards goes out with the handle and the Begin frame.
    ///
    /// # Errors
    /// Why there is no stream; told on `error`.
    async fn open(&mut self, tick: &mut Tick<'_>, opening: &mut Opening) -> Result<Self::Work, String>;

    /// Writes the data, beside the node's ticks; End follows. A write that tells that nobody reads is the last one.
    ///
    /// # Errors
    /// Why there is no more; it leaves as an Error frame.
    async fn write(work: Self::Work, node: NodeHandle, out: &mut Outlet) -> Result<(), String>;
}

/// Makes a node of a producer.
pub fn producer<P: Producer + Declare>(producer: P) -> Instance {
    let declaration = P::declaration();
    let place = |name| declaration.outports.iter().position(|port| port.name == name);
    let (stream, error) = (Outport::new(place("stream").unwrap_or_default()), place("error"));
    Instance::new_async(Shell { producer, stream, error })
}

struct Shell<P> {
    producer: P,
    stream: Outport<Stream>,
    error: Option<usize>,
}

#[async_trait]
impl<P: Producer> AsyncActor for Shell<P> {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut opening = Opening::default();
        match (self.producer.open(tick, &mut opening).await, self.error) {
            (Ok(work), _) => produce(tick, self.stream, opening, |node, mut outlet| async move {
                let writing = AssertUnwindSafe(P::write(work, node, &mut outlet)).catch_unwind();
                let written = writing.await.unwrap_or_else(|payload| Err(panic_text(&*payload)));
                (outlet, written)
            }),
            (Err(text), Some(error)) => tick.report(error, text),
            (Err(text), None) => Err(text.into()),
        }
    }
}

/// Opens a stream for an outport, sends its handle, and lets `write` fill it beside the node's ticks.
///
/// # Errors
/// As [`Outlet::open`].
pub fn produce<F>(
    tick: &mut Tick<'_>,
    port: Outport<Stream>,
    opening: Opening,
    write: impl FnOnce(NodeHandle, Outlet) -> F + Send + 'static,
) -> Result<(), Failure>
where
    F: Future<Output = (Outlet, Result<(), String>)> + Send + 'static,
{
    let (mut outlet, handle) = Outlet::open(tick.node(), port, &opening)?;
    tick.emit(port, Message::StreamHandle(Arc::clone(&handle)));
    tick.spawn(move |node| async move {
        outlet.begin(opening).await;
        match write(node, outlet).await {
            (outlet, Ok(())) => outlet.end().await,
            (outlet, Err(text)) => outlet.fail(text).await,
        }
    });
    Ok(())
}
