//! Stream forms: filters (one stream in, one or more out), collectors (a stream to messages) and producers (a message to a
//! stream).
//!
//! A component says what it does with the data; everything else is done here, by one shell for each form: the handle of a
//! new stream is sent at once, what waits in it is bounded, samples that a frame boundary cuts are put together again, a
//! long frame is worked on by the compute pool, Begin, End and Error frames are passed on, a stream that closes without an
//! End gives an Error, a reader that has gone ends the work, and so does the end of the run. A panic is an Error frame.

mod collector;
mod filter;
mod frames;
mod inlet;
mod outlet;
mod producer;
mod sample;
mod step;

pub use collector::{Collector, collector};
pub use filter::{Filter, filter};
pub use frames::{Frames, Outputs};
pub use inlet::{Inlet, Opening, collect};
pub use outlet::Outlet;
pub use producer::{Producer, produce, producer};
pub use sample::{Channels, Sample};

/// Frames that wait in a stream before its writer does.
pub const FRAMES: usize = 64;

/// Frames from this size on are worked on by the compute pool.
const LONG_FRAME: usize = 64 * 1024;

/// What an inport that takes streams says of anything else.
pub fn no_stream(port: &str) -> String {
    format!("No StreamHandle on {port} port")
}

/// What is said of a stream whose writer is gone.
pub const CLOSED: &str = "stream closed before End";
