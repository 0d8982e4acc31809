//! The HTTP server behind `tpl_server_request`.

use std::net::TcpListener;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reflow_runtime::{Message, NodeHandle, Value};

use super::pending::{Answer, Question};

/// What a server listens for.
pub(super) struct Server {
    /// `GET` for example; `ANY` is all of them.
    pub(super) method: String,
    /// The path of requests; a `*` at its end stands for anything.
    pub(super) path: String,
    pub(super) max_body_bytes: usize,
    pub(super) timeout: Duration,
    /// Which outport gets what.
    pub(super) ports: Ports,
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

struct Shared {
    server: Server,
    node: NodeHandle,
    /// Held while the messages of one request are sent, so that those of two never mix.
    turn: tokio::sync::Mutex<()>,
}

/// Serves until the run is stopped.
pub(super) async fn serve(listener: TcpListener, server: Server, node: NodeHandle) {
    let shared = Arc::new(Shared { server, node, turn: tokio::sync::Mutex::default() });
    // Connections outlive this future; they must not keep the run alive.
    let app = Router::new().fallback(handle).with_state(Arc::downgrade(&shared));
    let served = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => axum::serve(listener, app).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        shared.node.log("error", format!("the HTTP server ended: {error}"));
    }
}

async fn handle(State(shared): State<Weak<Shared>>, request: Request) -> Response {
    let Some(shared) = shared.upgrade() else { return plain(StatusCode::SERVICE_UNAVAILABLE, "the network has ended") };
    shared.answer(request).await.unwrap_or_else(|(status, text)| plain(status, text))
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

type Refusal = (StatusCode, &'static str);

impl Shared {
    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let server = &self.server;
        let (parts, body) = request.into_parts();
        let is_path = match server.path.strip_suffix('*') {
            Some(start) => parts.uri.path().starts_with(start),
            None => parts.uri.path() == server.path,
        };
        if !is_path {
            return Err((StatusCode::NOT_FOUND, "there is nothing here"));
        }
        if server.method != "ANY" && server.method != parts.method.as_str() {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "this method is not served"));
        }
        let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
        let body = to_bytes(body, server.max_body_bytes).await.map_err(|_| too_large)?;
        let ports = server.ports;
        let mut messages = vec![
            (ports.headers, Message::object(headers(&parts.headers))),
            (ports.params, Message::object(query(parts.uri.query().unwrap_or_default()))),
            (ports.method, parts.method.as_str().into()),
            (ports.url, parts.uri.path().into()),
        ];
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // The body comes last: what comes with it is there when it fires something.
        messages.push((ports.body, self::body(&body, content_type.unwrap_or_default())));
        let mut question = self.send(messages).await?;
        tokio::select! {
            answered = tokio::time::timeout(server.timeout, &mut question.answer) => match answered {
                Ok(Ok(answer)) => Ok(response(answer)),
                Ok(Err(_)) => Err((StatusCode::SERVICE_UNAVAILABLE, "the network gave no answer")),
                Err(_) => Err((StatusCode::GATEWAY_TIMEOUT, "the network gave no answer in time")),
            },
            () = self.node.cancelled() => Err((StatusCode::SERVICE_UNAVAILABLE, "the network has ended")),
        }
    }

    /// Sends a request into the network.
    async fn send(&self, messages: Vec<(usize, Message)>) -> Result<Question, Refusal> {
        let _turn = self.turn.lock().await;
        let question = Question::new(self.node.run_id());
        let id = (self.server.ports.request_id, Message::string(question.id.as_str()));
        for (port, message) in std::iter::once(id).chain(messages) {
            let sent = self.node.send(port, message).await;
            sent.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "the network has ended"))?;
        }
        Ok(question)
    }
}

fn headers(headers: &HeaderMap) -> Value {
    Value::object(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).as_ref().into()))
            .collect::<Vec<(&str, Value)>>(),
    )
}

fn query(query: &str) -> Value {
    // The host has no meaning; it makes the query a part of a complete URL, which the parser asks for.
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}"));
    Value::object(
        url.iter().flat_map(|url| url.query_pairs()).map(|(key, value)| (key.into_owned(), value.into_owned())),
    )
}

/// JSON as kind Object, other text as String, anything else as Bytes; nothing at all as an empty Object.
fn body(bytes: &bytes::Bytes, content_type: &str) -> Message {
    if bytes.is_empty() {
        return Message::object(Value::object::<&str, Value>([]));
    }
    let is_json = content_type.contains("json");
    if let Some(value) = is_json.then(|| Value::from_json_bytes(bytes).ok()).flatten() {
        return Message::object(value);
    }
    let is_text = is_json || content_type.starts_with("text/") || content_type.contains("urlencoded");
    match std::str::from_utf8(bytes) {
        Ok(text) if is_text || content_type.is_empty() => text.into(),
        _ => bytes.clone().into(),
    }
}

fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = ("content-type".to_string(), answer.content_type);
    for (name, value) in std::iter::once(content_type).chain(answer.headers) {
        // What cannot be a header is left out: it must not break the answer apart.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
