//! Filters: one stream in, one or more out.

use std::sync::Arc;

use parking_lot::RwLock;
use reflow_runtime::{Actor, Begin, Buffer, Failure, Frame, Instance, Message, NodeHandle, StreamHandle, Tick};

use super::frames::Frames;
use super::inlet::{Cut, Opening, Piece, Pieces};
use super::outlet::Outlet;
use super::sample::Sample;
use super::step::step;
use super::{CLOSED, no_stream};
use crate::declaration::Declare;
use crate::kind::Stream;
use crate::port::Outport;
use crate::report::Report;
use reflow_message::PortType;

/// A component that turns a stream into another one, frame by frame.
///
/// ```
/// use reflow_component::prelude::*;
/// use reflow_component::testing::{Trial, frames_of, stream_of};
/// use reflow_runtime::Frame;
///
/// /// Adds up samples.
/// #[derive(Component)]
/// #[component(id = "tpl_running_sum", title = "Running Sum", category = "audio", filter)]
/// struct RunningSum;
///
/// impl Filter for RunningSum {
///     type Sample = f32;
///     type State = f32;
///
///     fn begin(&self, _opening: &mut Opening) -> Result<f32, String> {
///         Ok(0.0)
///     }
///
///     fn data(sum: &mut f32, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
///         for sample in &mut samples {
///             *sum += *sample;
///             *sample = *sum;
///         }
///         out.push(samples);
///         Ok(())
///     }
/// }
///
/// let bytes = |samples: &[f32]| samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>();
/// let input = stream_of(None, [Frame::Data(bytes(&[1.0, 2.0]).into()), Frame::Data(bytes(&[3.0]).into()), Frame::End]);
/// let sum = std::sync::Arc::new(Entry::of::<RunningSum>());
/// let mut trial = Trial::new(sum, Value::Null, &["stream"], &[]).unwrap();
/// let outputs = trial.step([("stream".to_string(), input)]);
/// let expected = [Frame::Data(bytes(&[1.0, 3.0]).into()), Frame::Data(bytes(&[6.0]).into()), Frame::End];
/// assert_eq!(frames_of(&outputs["stream"][0]), expected);
/// ```
///
/// The ports `stream` (in and out) and `error` come with the form; a filter that declares outports of the kind `Stream`
/// under other names has those. What is no stream is told on `error`.
pub trait Filter: Send + Sync + 'static {
    /// What the incoming data is made of.
    type Sample: Sample;

    /// What one stream needs from frame to frame. See [`Channels`](super::Channels) for one of each channel.
    type State: Send + 'static;

    /// What keeps this filter from working on any stream: a config that cannot be meant. Told on `error`, in place of a stream.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What is said of the outgoing streams before the first frame is here. By default the same as of the incoming one.
    fn describe(&self, incoming: &Opening) -> Opening {
        incoming.clone()
    }

    /// A stream begins. What `opening` says afterwards goes out with the Begin frame, if there was one or it was changed.
    ///
    /// # Errors
    /// Why the stream cannot be worked on; it leaves as an Error frame.
    fn begin(&self, opening: &mut Opening) -> Result<Self::State, String>;

    /// Whole samples have come. A sample that was cut is in the next frame; what is left of one at the end is dropped.
    ///
    /// # Errors
    /// Why the stream cannot go on; it leaves as an Error frame.
    fn data(state: &mut Self::State, samples: Vec<Self::Sample>, out: &mut Frames) -> Result<(), String>;

    /// The stream has ended well.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    fn end(_state: &mut Self::State, _out: &mut Frames) -> Result<(), String> {
        Ok(())
    }

    /// The stream has ended with an error, which follows what is put out here.
    fn fail(_state: &mut Self::State, _out: &mut Frames) {}

    /// A packet has come on another inport than `stream`, alone or beside a stream. It counts for streams that begin later, and for
    /// that one.
    ///
    /// # Errors
    /// The failure of the tick.
    fn packet(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// Makes a node of a filter.
pub fn filter<F: Filter + Declare>(filter: F) -> Instance {
    let declaration = F::declaration();
    let place = |ports: &[crate::port::Port], name| ports.iter().position(|port| port.name == name);
    let is_stream = |port: &crate::port::Port| port.kind.port_type == PortType::Stream;
    let outports = declaration.outports.iter().enumerate();
    Instance::new(Shell {
        inport: place(&declaration.inports, "stream").unwrap_or_default(),
        error: place(&declaration.outports, "error"),
        streams: outports.filter(|(_, port)| is_stream(port)).map(|(index, _)| index).collect(),
        filter: Arc::new(RwLock::new(filter)),
    })
}

struct Shell<F> {
    filter: Arc<RwLock<F>>,
    inport: usize,
    error: Option<usize>,
    /// The outports that carry streams.
    streams: Vec<usize>,
}

impl<F: Filter> Shell<F> {
    fn start(&self, tick: &mut Tick<'_>, handle: &StreamHandle) -> Result<(), String> {
        let pieces = Pieces::take(handle).map_err(|_| no_stream("stream"))?;
        let filter = self.filter.read();
        filter.check()?;
        let description = filter.describe(pieces.opening());
        drop(filter);
        let mut outlets = Vec::with_capacity(self.streams.len());
        for port in &self.streams {
            let (outlet, handle) = Outlet::open(tick.node(), Outport::<Stream>::new(*port), &description)?;
            tick.send(*port, Message::StreamHandle(handle));
            outlets.push(outlet);
        }
        let work: Box<dyn Work> = Box::new(Worker { filter: Arc::clone(&self.filter), state: None, cut: Cut::new() });
        let (streams, is_heard) = (self.streams.clone(), self.is_heard(tick));
        tick.spawn(move |node| {
            let frames = Frames { streams, ..Frames::default() };
            Course { work: Some(work), pieces, outlets, node, is_heard, has_begun: false, frames }.run()
        });
        Ok(())
    }

    /// Whether somebody takes what leaves an outport that carries neither a stream nor errors: a stream is then worth reading
    /// although nobody reads what comes of it.
    fn is_heard(&self, tick: &Tick<'_>) -> bool {
        let others = tick.node().heard_outports().into_iter().map(usize::from);
        others.filter(|port| Some(*port) != self.error).any(|port| !self.streams.contains(&port))
    }
}

impl<F: Filter> Actor for Shell<F> {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.inputs().count() > usize::from(tick.input(self.inport).is_some()) {
            self.filter.write().packet(tick)?;
        }
        let problem = match tick.input(self.inport) {
            None => return Ok(()),
            Some(Message::StreamHandle(handle)) => {
                let handle = Arc::clone(handle);
                self.start(tick, &handle).err()
            }
            Some(_) => Some(no_stream("stream")),
        };
        match (problem, self.error) {
            (None, _) => Ok(()),
            (Some(problem), Some(error)) => tick.report(error, problem),
            (Some(problem), None) => Err(problem.into()),
        }
    }
}

/// A filter at work on one stream. What a stream takes beside it is the same for all filters, and compiled once.
trait Work: Send {
    fn begin(&mut self, opening: &mut Opening) -> Result<(), String>;

    fn go_on(&mut self, part: Part, frames: &mut Frames) -> Result<(), String>;
}

/// What comes after the beginning of a stream.
enum Part {
    Data(Buffer),
    End,
    Failed,
}

struct Worker<F: Filter> {
    filter: Arc<RwLock<F>>,
    state: Option<F::State>,
    cut: Cut<F::Sample>,
}

impl<F: Filter> Work for Worker<F> {
    fn begin(&mut self, opening: &mut Opening) -> Result<(), String> {
        self.state = Some(self.filter.read().begin(opening)?);
        Ok(())
    }

    fn go_on(&mut self, part: Part, frames: &mut Frames) -> Result<(), String> {
        let state = self.state.as_mut().ok_or(CLOSED)?;
        match part {
            Part::Data(data) => F::data(state, self.cut.whole(&data), frames),
            Part::End => F::end(state, frames),
            Part::Failed => {
                F::fail(state, frames);
                Ok(())
            }
        }
    }
}

/// One stream on its way through.
struct Course {
    /// Away while a step of it runs.
    work: Option<Box<dyn Work>>,
    pieces: Pieces,
    outlets: Vec<Outlet>,
    node: NodeHandle,
    /// Whether what it sends beside its streams goes somewhere.
    is_heard: bool,
    has_begun: bool,
    frames: Frames,
}

impl Course {
    async fn run(mut self) {
        let ended = self.work().await;
        for mut outlet in self.outlets {
            let last = match &ended {
                Ok(()) => Frame::End,
                Err(text) => Frame::Error(Arc::clone(text)),
            };
            outlet.write(last).await;
        }
    }

    /// Works until the stream has ended, or nobody reads what comes of it.
    async fn work(&mut self) -> Result<(), Arc<str>> {
        loop {
            match self.pieces.next().await {
                Piece::Begin(begin) if !self.has_begun => self.begin(Some(begin)).await?,
                // A second one has nothing to begin.
                Piece::Begin(begin) => self.write_all(&Frame::Begin(begin)).await,
                Piece::Data(data) => {
                    self.begin(None).await?;
                    self.step(Part::Data(data)).await?;
                }
                Piece::End => {
                    self.begin(None).await?;
                    return self.step(Part::End).await;
                }
                Piece::Failed(text) => {
                    if self.begin(None).await.is_ok() {
                        self.step(Part::Failed).await?;
                    }
                    return Err(text);
                }
            }
            if self.frames.is_over || !self.is_heard && self.outlets.iter().all(|outlet| !outlet.is_read()) {
                return Ok(());
            }
        }
    }

    /// Begins, if the stream has not begun; `told` is the Begin frame that is to be passed on.
    async fn begin(&mut self, told: Option<Begin>) -> Result<(), Arc<str>> {
        if self.has_begun {
            return Ok(());
        }
        let before = self.pieces.opening().clone();
        let mut opening = before.clone();
        let Some(mut work) = self.work.take() else { return Err(CLOSED.into()) };
        let (opening, work, result) = step(&self.node, 0, move || {
            let result = work.begin(&mut opening);
            (opening, work, result)
        })
        .await?;
        self.work = Some(work);
        result?;
        self.has_begun = true;
        match told {
            // What the handle alone says is no part of it.
            Some(begin) if opening == before => self.write_all(&Frame::Begin(begin)).await,
            None if opening == before => {}
            _ => {
                for outlet in &mut self.outlets {
                    outlet.begin(opening.clone()).await;
                }
            }
        }
        Ok(())
    }

    /// Runs one step of the filter, then writes and sends what it put out.
    async fn step(&mut self, part: Part) -> Result<(), Arc<str>> {
        let Some(mut work) = self.work.take() else { return Err(CLOSED.into()) };
        let mut frames = std::mem::take(&mut self.frames);
        let bytes = if let Part::Data(data) = &part { data.len() } else { 0 };
        let (work, frames, result) = step(&self.node, bytes, move || {
            let result = work.go_on(part, &mut frames);
            (work, frames, result)
        })
        .await?;
        (self.work, self.frames) = (Some(work), frames);
        for (port, message) in std::mem::take(&mut self.frames.messages) {
            // A run that was stopped drops this work soon.
            let _ = self.node.send(port, message).await;
        }
        for (stream, data) in std::mem::take(&mut self.frames.data) {
            if let Some(outlet) = self.outlets.get_mut(stream) {
                outlet.write(Frame::Data(data)).await;
            }
        }
        Ok(result?)
    }

    async fn write_all(&mut self, frame: &Frame) {
        for outlet in &mut self.outlets {
            outlet.write(frame.clone()).await;
        }
    }
}
