//! How long a connection may take for what it is at.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The times of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Between two requests.
    pub(super) idle: Duration,
    /// From the first byte of a request to the end of its head.
    pub(super) head: Duration,
    /// From there to the end of its body.
    pub(super) body: Duration,
    /// From the first byte of a request to the last of its answer.
    pub(super) request: Duration,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of a request is there.
    Idle,
    /// The head of a request comes in.
    Head,
    /// The body of a request comes in.
    Body,
    /// A request is worked on.
    Request,
    /// The client takes the answer.
    Answer,
}

/// What one connection is at, and until when. Shared by its stream, which sees the bytes, and its requests.
#[derive(Debug)]
pub(super) struct Patience {
    times: Times,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    /// The end of this phase.
    deadline: Instant,
    /// The end of this request; counts when there is one.
    request: Instant,
}

impl Patience {
    pub(super) fn new(times: Times) -> Arc<Self> {
        let now = Instant::now();
        // A client connects to say something: its first request counts from here.
        let deadline = later(now, times.head);
        Arc::new(Self { times, state: Mutex::new(State { phase: Phase::Idle, deadline, request: deadline }) })
    }

    #[cfg(test)]
    fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// When patience ends.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.state.lock();
        if state.phase == Phase::Idle { state.deadline } else { state.deadline.min(state.request) }
    }

    fn bytes_came(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Idle {
            let now = Instant::now();
            *state = State {
                phase: Phase::Head,
                deadline: later(now, self.times.head),
                request: later(now, self.times.request),
            };
        }
    }

    /// The head of a request has come.
    pub(super) fn head_came(&self) {
        // A request that came in one piece with the one before it begins here.
        self.bytes_came();
        let mut state = self.state.lock();
        (state.phase, state.deadline) = (Phase::Body, later(Instant::now(), self.times.body));
    }

    /// All of a request has come.
    pub(super) fn body_came(&self) {
        let mut state = self.state.lock();
        (state.phase, state.deadline) = (Phase::Request, state.request);
    }

    /// The answer is there for the client to take.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock();
        (state.phase, state.deadline) = (Phase::Answer, state.request);
    }

    fn everything_written(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Answer {
            (state.phase, state.deadline) = (Phase::Idle, later(Instant::now(), self.times.idle));
        }
    }
}

/// A configured time may be longer than what a clock can tell.
pub(super) fn later(now: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365);
    now + time.min(FAR)
}

/// A stream whose bytes move the phases on.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) stream: TcpStream,
    pub(super) patience: Arc<Patience>,
}

impl AsyncRead for Observed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.patience.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Observed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Called when nothing is left to write.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.patience.everything_written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        idle: Duration::from_secs(30),
        head: Duration::from_secs(10),
        body: Duration::from_secs(20),
        request: Duration::from_secs(100),
    };

    #[tokio::test(start_paused = true)]
    async fn every_phase_has_its_time() {
        let start = Instant::now();
        let patience = Patience::new(TIMES);
        let left = |patience: &Patience| (patience.deadline() - start).as_secs();
        assert_eq!((patience.phase(), left(&patience)), (Phase::Idle, 10));
        patience.bytes_came();
        tokio::time::advance(Duration::from_secs(5)).await;
        patience.bytes_came();
        assert_eq!((patience.phase(), left(&patience)), (Phase::Head, 10), "more bytes bring no more time");
        patience.head_came();
        assert_eq!((patience.phase(), left(&patience)), (Phase::Body, 25));
        patience.body_came();
        assert_eq!((patience.phase(), left(&patience)), (Phase::Request, 100));
        patience.everything_written();
        assert_eq!(patience.phase(), Phase::Request, "that was no answer");
        patience.answered();
        assert_eq!(left(&patience), 100, "taking the answer is a part of the request");
        tokio::time::advance(Duration::from_secs(5)).await;
        patience.everything_written();
        assert_eq!((patience.phase(), left(&patience)), (Phase::Idle, 40));
        patience.head_came();
        patience.body_came();
        assert_eq!(left(&patience), 110, "a request that was there already begins now");
    }

    #[tokio::test(start_paused = true)]
    async fn endless_times_do_not_overflow() {
        let patience = Patience::new(Times {
            idle: Duration::MAX,
            head: Duration::MAX,
            body: Duration::MAX,
            request: Duration::MAX,
        });
        patience.head_came();
        assert!(patience.deadline() > Instant::now());
    }
}
