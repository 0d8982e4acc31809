//! One request and its answer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use reflow_runtime::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::entrance::Letter;
use super::patience::{Patience, later};
use super::pending::{Answer, Question};
use super::{Shared, content};
use crate::size;

/// An answer that the server gives itself.
#[derive(Clone, Copy)]
struct Refusal {
    status: StatusCode,
    text: &'static str,
    /// Whether what the client sends was not read to its end, so that nothing more can be read after it.
    is_unread: bool,
}

impl Refusal {
    const fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, is_unread: false }
    }

    const fn unread(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, is_unread: true }
    }
}

const ENDED: Refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the network has ended");
const TOO_LARGE: Refusal = Refusal::unread(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
const NO_ROOM: Refusal = Refusal::unread(StatusCode::SERVICE_UNAVAILABLE, "there is no room for the request now");

/// Brings a request into the network and gives its answer, or why there is none.
pub(super) async fn exchange(
    shared: &Arc<Shared>,
    patience: &Patience,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    tokio::select! {
        answered = answer(shared, patience, request) => answered.map_or_else(refuse, respond),
        () = shared.node.cancelled() => refuse(ENDED),
    }
}

async fn answer(shared: &Arc<Shared>, patience: &Patience, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let server = &shared.server;
    let (parts, body) = request.into_parts();
    let is_path = match server.path.strip_suffix('*') {
        Some(start) => parts.uri.path().starts_with(start),
        None => parts.uri.path() == server.path,
    };
    let is_unread = !body.is_end_stream();
    if !is_path {
        return Err(Refusal { is_unread, ..Refusal::new(StatusCode::NOT_FOUND, "there is nothing here") });
    }
    if server.method != "ANY" && server.method != parts.method.as_str() {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(Refusal { is_unread, ..Refusal::new(status, "this method is not served") });
    }
    let (body, room) = read(shared, body).await?;
    patience.body_came();
    let deadline = later(Instant::now(), server.limits.response_time);
    let mut question = Question::new(shared.node.run_id());
    let letter = letter(shared, &question, &parts, &body, room)?;
    let asked = async {
        if !shared.entrance.enter(letter).await {
            return Err(ENDED);
        }
        // The other end goes away when the work on the request failed.
        let failed = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be worked on");
        (&mut question.answer).await.map_err(|_| failed)
    };
    let late = Refusal::new(StatusCode::GATEWAY_TIMEOUT, "the network gave no answer in time");
    timeout_at(deadline, asked).await.unwrap_or(Err(late))
}

/// The body of a request, and the room that it takes.
async fn read(shared: &Shared, mut body: Incoming) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
    let limits = &shared.server.limits;
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(TOO_LARGE);
    }
    let mut room = take_room(&shared.room, 0)?;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broken = Refusal::unread(StatusCode::BAD_REQUEST, "the request cannot be read");
        // What is no data is a trailer, which says nothing to us.
        let Ok(data) = frame.map_err(|_| broken)?.into_data() else { continue };
        if data.len() > limits.body_bytes.saturating_sub(bytes.len()) {
            return Err(TOO_LARGE);
        }
        room.merge(take_room(&shared.room, data.len())?);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.freeze(), room))
}

fn take_room(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let bytes = u32::try_from(bytes).map_err(|_| NO_ROOM)?;
    Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| NO_ROOM)
}

/// What enters the network. A body may take more room there than it did on the way, JSON of small things above all.
fn letter(
    shared: &Shared,
    question: &Question,
    parts: &Parts,
    bytes: &Bytes,
    mut room: OwnedSemaphorePermit,
) -> Result<Letter, Refusal> {
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = content::body(bytes, content_type.unwrap_or_default());
    // One alone may take all of it.
    let most = shared.server.limits.total_body_bytes.saturating_sub(bytes.len());
    room.merge(take_room(&shared.room, size::bytes(&body).saturating_sub(bytes.len()).min(most))?);
    Ok(Letter {
        ticket: question.ticket.clone(),
        headers: Message::object(content::headers(&parts.headers)),
        params: Message::object(content::query(parts.uri.query().unwrap_or_default())),
        method: parts.method.as_str().into(),
        url: parts.uri.path().into(),
        body,
        room,
    })
}

fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(refusal.text));
    *response.status_mut() = refusal.status;
    let mut add = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    add(CONTENT_TYPE, "text/plain; charset=utf-8");
    if refusal.is_unread {
        add(CONNECTION, "close");
    }
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        add(RETRY_AFTER, "1");
    }
    response
}

/// The answer of the network over the wire. Where it ends is said by the server alone.
fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let length = answer.body.len();
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        headers.append(name, value);
    }
    if answer.status == StatusCode::NOT_MODIFIED && length > 0 {
        // It has no body, and tells how long the one is that the client has.
        headers.insert(CONTENT_LENGTH, length.into());
    }
    response
}
