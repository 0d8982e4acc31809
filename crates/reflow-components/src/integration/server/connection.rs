//! One connection of a client.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use super::Shared;
use super::exchange::exchange;
use super::patience::{Observed, Patience};

/// How long a client may take to read the last words it is told.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The least that hyper takes as the size of a buffer.
const LEAST_BUFFER: usize = 8192;

/// Serves one connection to its end.
pub(super) async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // It saves a wait; without it everything works as well.
    let _ = stream.set_nodelay(true);
    let patience = Patience::new(shared.server.limits.times());
    let io = TokioIo::new(Observed { stream, patience: Arc::clone(&patience) });
    let service = service_fn(|request| {
        let (shared, patience) = (Arc::clone(&shared), Arc::clone(&patience));
        Box::pin(async move {
            patience.head_came();
            let response = exchange(&shared, &patience, request).await;
            patience.answered();
            Ok::<_, Infallible>(response)
        })
    });
    let header_bytes = shared.server.limits.header_bytes;
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(header_bytes)
        .max_buf_size(header_bytes.max(LEAST_BUFFER))
        .serve_connection(io, service);
    let mut alarm = pin!(sleep_until(patience.deadline()));
    let mut cancelled = pin!(shared.node.cancelled());
    let mut ending = false;
    let is_late = poll_fn(|cx| {
        if !ending && cancelled.as_mut().poll(cx).is_ready() {
            ending = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        // What went wrong with one client is told to that client.
        if connection.poll_without_shutdown(cx).is_ready() {
            return Poll::Ready(false);
        }
        let deadline = patience.deadline();
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(cx).map(|()| true)
    });
    // Who is late is cut off: words for somebody who sends nothing would hold the connection longer.
    if !is_late.await {
        say_goodbye(connection.into_parts().io.into_inner().stream, "").await;
    }
}

/// Tells a client that there is no room for it.
pub(super) async fn turn_away(stream: TcpStream) {
    say_goodbye(stream, "503 Service Unavailable\r\nretry-after: 1").await;
}

/// Closes a connection, `status` being a last answer. What the client still sends is read for a while: a connection that is
/// closed with bytes unread is reset, and the client might never see the answer.
async fn say_goodbye(mut stream: TcpStream, status: &str) {
    let goodbye = async {
        if !status.is_empty() {
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await?;
        }
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A client that goes away, or does not, has had its chance.
    let _ = timeout(LAST_WORDS, goodbye).await;
}
