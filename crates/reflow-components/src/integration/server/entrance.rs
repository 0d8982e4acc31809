//! The way of requests into the network, one after the other.

use reflow_runtime::{Message, NodeHandle};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::Ports;
use super::pending::Ticket;

/// A request on its way in.
pub(super) struct Letter {
    pub(super) ticket: Ticket,
    pub(super) headers: Message,
    pub(super) params: Message,
    pub(super) method: Message,
    pub(super) url: Message,
    pub(super) body: Message,
    /// The room that its body takes.
    pub(super) room: OwnedSemaphorePermit,
}

/// Takes letters, in the order in which they come.
pub(super) struct Entrance(pub(super) mpsc::Sender<Letter>);

impl Entrance {
    /// Waits for the letter's turn; whether somebody takes it. A dropped call has handed over nothing.
    pub(super) async fn enter(&self, letter: Letter) -> bool {
        self.0.send(letter).await.is_ok()
    }
}

/// Brings letters into the network until it takes no more. The messages of two requests never mix, and once the first message
/// of a request has left the others follow, whatever its client does: half a request would shift the pairs of those that come
/// later.
pub(super) async fn admit(mut letters: mpsc::Receiver<Letter>, node: &NodeHandle, ports: Ports) {
    while let Some(letter) = letters.recv().await {
        if !letter.ticket.is_open() {
            continue;
        }
        let Letter { ticket, headers, params, method, url, body, room } = letter;
        let id = Message::string(ticket.id());
        let messages = [
            (ports.request_id, id),
            (ports.headers, headers),
            (ports.params, params),
            (ports.method, method),
            (ports.url, url),
            // The body comes last: what comes with it is there when it fires something.
            (ports.body, body),
        ];
        // Its room is taken as long as anything of it is left in the network.
        let (asked, room) = (ticket.clone(), Some(room));
        let origin = node.new_origin(move |failed| {
            drop(room);
            asked.ended(failed);
        });
        if let Some(origin) = &origin {
            ticket.enters(origin.id());
        }
        for (port, message) in messages {
            if node.send_from(origin.as_ref(), port, message).await.is_err() {
                return;
            }
        }
    }
}
