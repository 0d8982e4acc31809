//! HTTP in and out of a network: `tpl_server_request` and `tpl_server_response`.
//!
//! A [connection](connection) brings requests; each is one [exchange](exchange), which asks a [question](pending) through the
//! [entrance](entrance) and waits for its answer.

mod connection;
mod content;
mod entrance;
mod exchange;
mod framing;
mod patience;
mod pending;
mod request;
mod response;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use reflow_runtime::NodeHandle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

pub(super) use request::ServerRequest;
pub(super) use response::ServerResponse;

use connection::{converse, turn_away};
use entrance::{Entrance, admit};
use patience::Times;

/// How long connections may take to come to their end with the run.
pub(super) const FAREWELL: Duration = Duration::from_millis(500);

/// Clients that are turned away at once; more are cut off.
const TURNED_AWAY: usize = 64;

/// The pause after a connection could not be accepted: the process has too many files open, for example.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server listens for.
pub(super) struct Server {
    /// `GET` for example; `ANY` is all of them.
    pub(super) method: String,
    /// The path of requests; a `*` at its end stands for anything.
    pub(super) path: String,
    pub(super) limits: Limits,
    /// Which outport gets what.
    pub(super) ports: Ports,
}

/// What clients may ask of a server at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) header_bytes: usize,
    pub(super) body_bytes: usize,
    pub(super) total_body_bytes: usize,
    pub(super) header_time: Duration,
    pub(super) body_time: Duration,
    pub(super) idle_time: Duration,
    pub(super) response_time: Duration,
    /// From the first byte of a request to the last of its answer.
    pub(super) request_time: Duration,
}

impl Limits {
    fn times(&self) -> Times {
        Times { idle: self.idle_time, head: self.header_time, body: self.body_time, request: self.request_time }
    }
}

/// The outports of the node, by what they send.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) body: usize,
    pub(super) headers: usize,
    pub(super) params: usize,
    pub(super) method: usize,
    pub(super) url: usize,
    pub(super) request_id: usize,
}

/// What the connections of a server share.
struct Shared {
    server: Server,
    node: NodeHandle,
    /// The bytes of bodies for which there is room.
    room: Arc<Semaphore>,
    entrance: Entrance,
}

/// Serves until the run is stopped.
pub(super) async fn serve(listener: TcpListener, server: Server, node: NodeHandle) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return node.log("error", format!("the HTTP server ended: {error}")),
    };
    let (entrance, letters) = mpsc::channel(1);
    let room = Arc::new(Semaphore::new(server.limits.total_body_bytes.min(Semaphore::MAX_PERMITS)));
    let ports = server.ports;
    let shared = Arc::new(Shared { server, node: node.clone(), room, entrance: Entrance(entrance) });
    let mut connections = JoinSet::new();
    tokio::select! {
        () = accept(listener, &shared, &mut connections) => {}
        () = admit(letters, &node, ports) => {}
        () = node.cancelled() => {}
    }
    // The listener is closed. Who is still connected is told.
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: tokio::net::TcpListener, shared: &Arc<Shared>, connections: &mut JoinSet<()>) {
    let mut turned_away = JoinSet::new();
    let mut is_failing = false;
    loop {
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        while turned_away.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_of_client(&error) => continue,
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    shared.node.log("error", format!("the HTTP server cannot take a connection: {error}"));
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        is_failing = false;
        if connections.len() < shared.server.limits.connections {
            connections.spawn(converse(stream, Arc::clone(shared)));
        } else if turned_away.len() < TURNED_AWAY {
            turned_away.spawn(turn_away(stream));
        }
    }
}

/// Whether a connection was gone before it was taken.
fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
