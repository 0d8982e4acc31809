//! `tpl_http_request`.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use reflow_runtime::{Begin, Frame, NodeHandle, StreamHandle, StreamWriter};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Certificate, Client, Method, RequestBuilder, Response, Url, redirect};

use super::retry::{Attempts, asked_wait, is_passing};
use super::{blocking, no_pipe};
use crate::clock::Clock;
use crate::prelude::*;
use crate::read;

/// Performs one HTTP request per trigger.
///
/// A packet on `data_in` is sent as the body: objects, lists and scalars as JSON, text as it is, Bytes and streams raw, Flow as
/// none. A packet on `headers_in` is remembered for the requests that follow; when nothing is connected to `data_in` it asks for
/// one itself. The configured `body` takes precedence and goes as JSON; the headers that came take precedence over the
/// configured ones.
///
/// `response_out` is `{status, headers, body, url, method}`, whatever the status; header names are in lower case, and the last of
/// repeated headers counts. With the `responseType` `auto` the body is what the text says as JSON, or else the text; what is no
/// text leaves by `body_out` as Bytes. `json` and `text` insist on one reading, `bytes` sends Bytes by `body_out`, and `stream`
/// sends a stream there as soon as the headers have come. Requests of one node run one after the other over connections that
/// are kept.
///
/// With `retries`, a request that gets no answer, or one with status 429 or from 500, is made again up to so many times,
/// whatever its method: after 100 ms, then after twice as long each time up to 10 s, and not before the time that the server
/// asks for (`Retry-After`). `timeout` limits all of it; where no time is left for another try the last answer counts. A request
/// whose body is a stream is made once.
///
/// An `https` address must show a certificate that one of Mozilla's authorities or of `caCertificate` has signed for its name.
///
/// # Errors
///
/// An Error leaves by `error_out` for a missing `url` (`URL not configured`), an unknown method (`Unsupported HTTP method: …`) and
/// for what goes wrong on the way, time-outs and answers that are too large or of the wrong type included (`HTTP request failed:
/// … (url: …, method: …)`). With `fail` set to `transport` such a request is a failed tick instead, with `status` so is an
/// answer with status 429 or from 500; the node's policy then tries again, after the `retries`.
#[derive(Component)]
#[component(id = "tpl_http_request", title = "HTTP Request", category = "integration", asynchronous)]
#[inport(data_in: any, "The body; asks for a request.")]
#[inport(headers_in: object, "Headers for this and later requests.")]
#[outport(response_out: object, "The response.")]
#[outport(error_out: error, "Why there is none.")]
#[outport(body_out: any, "A body that is no JSON, as Bytes or as a stream.")]
#[example(
    steps = r#"[{"data_in": {"type": "Flow"}}]"#,
    outputs = r#"[{"error_out": [{"type": "Error", "data": "URL not configured"}]}]"#
)]
pub(super) struct HttpRequest {
    /// The address, absolute, with http or https.
    #[config(lenient)]
    url: Option<String>,
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD` or `OPTIONS`, in any letter case.
    #[config(default = "GET".to_string(), lenient)]
    method: String,
    /// The time for all of a request, retries included; for a stream, that until the headers come, and between two pieces.
    #[config(default = 30_000, unit = "ms", lenient)]
    timeout: u64,
    /// How many times more a request is made that fails on the way or is answered with status 429 or from 500.
    #[config(lenient)]
    retries: u32,
    /// Request headers; values that are no strings are left out.
    #[config]
    headers: Value,
    /// A body to send as JSON, whatever comes.
    #[config]
    body: Option<Value>,
    /// Members to add to the query of the address.
    #[config]
    query: Value,
    /// Follow up to ten redirects.
    #[config(key = "followRedirects", default = true, lenient)]
    follow_redirects: bool,
    /// What the body of the response is.
    #[config(key = "responseType")]
    response_type: ResponseType,
    /// The largest body that is kept; streams have no limit.
    #[config(key = "maxResponseBytes", default = 67_108_864, unit = "bytes", lenient)]
    max_response_bytes: usize,
    /// When a request counts as a failed tick, for the node's policy.
    #[config]
    fail: Fail,
    /// Certificates of authorities to trust beside the public ones: a PEM file, or its text.
    #[config(key = "caCertificate")]
    ca_certificate: Option<String>,
    #[state]
    clock: Clock,
    #[state]
    client: Option<Client>,
    #[state]
    sticky: Option<Value>,
}

/// What the body of a response is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum ResponseType {
    /// JSON if it is, else text, else Bytes.
    #[default]
    Auto,
    /// JSON; anything else is an error.
    Json,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A stream of bytes.
    Stream,
}

/// When a request counts as a failed tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Fail {
    /// Never: errors are data.
    #[default]
    Never,
    /// When there is no response.
    Transport,
    /// Also when the response has status 429 or one from 500.
    Status,
}

impl HttpRequest {
    async fn client(&mut self) -> Result<Client, String> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let policy = if self.follow_redirects { redirect::Policy::limited(10) } else { redirect::Policy::none() };
        let mut builder = Client::builder().redirect(policy);
        let host = self.url.as_deref().and_then(|url| Url::parse(url).ok()?.host_str().map(str::to_string));
        if host.is_some_and(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]")) {
            // A proxy has another idea of what this machine is.
            builder = builder.no_proxy();
        }
        if let Some(source) = self.ca_certificate.clone() {
            for certificate in blocking(move || certificates(&source)).await? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder.build().map_err(|error| detail(&error))?;
        Ok(self.client.insert(client).clone())
    }

    async fn request(&mut self, data: Option<Message>) -> Result<RequestBuilder, Refused> {
        let url = self.url.clone().ok_or_else(|| Refused::Plain("URL not configured".into()))?;
        let method = match self.method.to_uppercase().as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            "HEAD" => Method::HEAD,
            "OPTIONS" => Method::OPTIONS,
            _ => return Err(Refused::Plain(format!("Unsupported HTTP method: {}", self.method))),
        };
        let mut url = Url::parse(&url).map_err(|error| error.to_string())?;
        if let Some(members) = self.query.as_object().filter(|members| !members.is_empty()) {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_json_string(), str::to_string);
            url.query_pairs_mut().extend_pairs(members.iter().map(|(key, value)| (&**key, text(value))));
        }
        let mut headers = self.request_headers()?;
        let (body, media_type) = match &self.body {
            Some(body) => (Some(written(body)?.into()), "application/json"),
            None => data.map(request_body).transpose()?.unwrap_or((None, "")),
        };
        if body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        let request = self.client().await?.request(method, url).headers(headers);
        Ok(match body {
            Some(body) => request.body(body),
            None => request,
        })
    }

    fn request_headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for members in [Some(&self.headers), self.sticky.as_ref()].into_iter().flatten().filter_map(Value::as_object) {
            for (name, value) in members {
                let Some(value) = value.as_str() else { continue };
                let invalid = || format!("invalid header `{name}`");
                let name = HeaderName::try_from(&**name).map_err(|_| invalid())?;
                headers.insert(name, HeaderValue::try_from(value).map_err(|_| invalid())?);
            }
        }
        Ok(headers)
    }

    async fn perform(&mut self, tick: &mut Tick<'_>, data: Option<Message>) -> Result<(), Refused> {
        let request = self.request(data).await?;
        let timeout = Duration::from_millis(self.timeout);
        let exchange = tokio::time::timeout(timeout, self.exchange(request, timeout)).await;
        let exchange = exchange.map_err(|_| format!("no answer within {} ms", self.timeout))?;
        let (response, bytes) = exchange.map_err(|lost| lost.text)?;
        let status = response.status();
        if self.fail == Fail::Status && is_passing(status) {
            return Err(format!("the answer has status {status}").into());
        }
        let summary = self.summary(&response);
        if self.response_type == ResponseType::Stream {
            let handle = stream_body(tick, response, timeout)?;
            tick.emit(Self::OUT_BODY_OUT, Message::StreamHandle(handle));
            tick.emit(Self::OUT_RESPONSE_OUT, Message::object(summary));
            return Ok(());
        }
        let (body, raw) = self.response_body(bytes)?;
        let summary = summary.merged_with(&Value::object([("body", body)]));
        if let Some(raw) = raw {
            tick.emit(Self::OUT_BODY_OUT, raw);
        }
        tick.emit(Self::OUT_RESPONSE_OUT, Message::object(summary));
        Ok(())
    }

    /// What the last attempt comes to.
    async fn exchange(&self, mut request: RequestBuilder, timeout: Duration) -> Result<(Response, Vec<u8>), Lost> {
        let mut attempts = Attempts::start(self.retries, timeout);
        loop {
            let again = if attempts.is_last() { None } else { request.try_clone() };
            let outcome = self.attempt(request).await;
            let asked = match &outcome {
                Ok((response, _)) if is_passing(response.status()) => asked_wait(response.headers(), self.clock.now()),
                Err(lost) if lost.is_passing => None,
                _ => return outcome,
            };
            match again {
                Some(again) if attempts.next(asked).await => request = again,
                _ => return outcome,
            }
        }
    }

    /// The answer, with its body unless that becomes a stream.
    async fn attempt(&self, request: RequestBuilder) -> Result<(Response, Vec<u8>), Lost> {
        let mut response = request.send().await?;
        let is_stream = self.response_type == ResponseType::Stream;
        let bytes = if is_stream { Vec::new() } else { read_body(&mut response, self.max_response_bytes).await? };
        Ok((response, bytes))
    }

    /// What there is to say of an answer without its body.
    fn summary(&self, response: &Response) -> Value {
        let text = |value: &HeaderValue| Value::from(&*String::from_utf8_lossy(value.as_bytes()));
        let headers = response.headers().iter().map(|(name, value)| (name.as_str(), text(value)));
        Value::object([
            ("status", Value::Integer(response.status().as_u16().into())),
            ("headers", Value::object(headers)),
            ("body", Value::Null),
            ("url", self.url.as_deref().into()),
            ("method", self.method.as_str().into()),
        ])
    }

    /// The body for `response_out`, and what leaves by `body_out`.
    fn response_body(&self, bytes: Vec<u8>) -> Result<(Value, Option<Vec<u8>>), String> {
        let json = || Value::from_json_bytes(&bytes);
        Ok(match self.response_type {
            ResponseType::Json => (json().map_err(|error| format!("the answer is not JSON: {error}"))?, None),
            ResponseType::Text => (String::from_utf8_lossy(&bytes).as_ref().into(), None),
            ResponseType::Auto => match (json(), std::str::from_utf8(&bytes)) {
                (Ok(value), _) => (value, None),
                (_, Ok(text)) => (text.into(), None),
                _ => (Value::Null, Some(bytes)),
            },
            ResponseType::Bytes | ResponseType::Stream => (Value::Null, Some(bytes)),
        })
    }

    fn refuse(&self, tick: &mut Tick<'_>, refused: Refused) -> Result<(), Failure> {
        let url = self.url.as_deref().unwrap_or_default();
        match refused {
            Refused::Plain(text) => tick.report(Self::OUT_ERROR_OUT, text),
            Refused::Failed(text) => {
                let text = format!("HTTP request failed: {text} (url: {url}, method: {})", self.method);
                if self.fail == Fail::Never {
                    tick.report(Self::OUT_ERROR_OUT, text)
                } else {
                    Err(Failure::new(text).with_reason("http"))
                }
            }
        }
    }
}

/// Why there is no response.
enum Refused {
    /// It was not asked for in a way that can be.
    Plain(String),
    /// It went wrong on the way.
    Failed(String),
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Why an attempt brought no answer.
struct Lost {
    text: String,
    /// Whether another attempt may bring one.
    is_passing: bool,
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Self {
        Self { text: detail(&error), is_passing: !error.is_builder() && !error.is_redirect() }
    }
}

/// The certificates in a PEM text, or in the file of this name.
fn certificates(source: &str) -> Result<Vec<Certificate>, String> {
    let wrong = |why: &dyn Display| format!("caCertificate: {why}");
    let pem = if source.trim_start().starts_with("-----BEGIN") {
        source.as_bytes().to_vec()
    } else {
        let read = fs::metadata(source).and_then(|metadata| {
            no_pipe(source.as_ref(), &metadata)?;
            fs::read(source)
        });
        read.map_err(|error| wrong(&format!("{source}: {error}")))?
    };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&detail(&error)))?;
    if certificates.is_empty() { Err(wrong(&"there is no certificate in it")) } else { Ok(certificates) }
}

/// An error with all of its causes; the address is told elsewhere.
fn detail(error: &reqwest::Error) -> String {
    let mut text = match (error.is_builder(), error.is_timeout(), error.is_redirect()) {
        (true, ..) => "the request cannot be made".to_string(),
        (_, true, _) => "no answer in time".to_string(),
        (.., true) => "too many redirects".to_string(),
        _ => "no answer".to_string(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The body that a message stands for, and its media type.
fn request_body(message: Message) -> Result<(Option<Body>, &'static str), String> {
    Ok(match message {
        Message::Flow => (None, ""),
        Message::String(text) => (Some(text.to_string().into()), "text/plain; charset=utf-8"),
        Message::Bytes(bytes) | Message::Encoded(bytes) => (Some(bytes.to_bytes().into()), "application/octet-stream"),
        Message::StreamHandle(handle) => (Some(stream_of(&handle)), "application/octet-stream"),
        other => (Some(written(&other.to_value())?.into()), "application/json"),
    })
}

fn written(body: &Value) -> Result<String, String> {
    body.to_json().map_err(|error| format!("the body: {error}"))
}

/// The data of a stream as a request body.
fn stream_of(handle: &StreamHandle) -> Body {
    let reader = handle.take().map_err(|error| error.to_string());
    Body::wrap_stream(stream::unfold(Some(reader), async |reader| {
        let reader = match reader? {
            Ok(reader) => reader,
            Err(text) => return Some((Err(text), None)),
        };
        loop {
            match reader.read().await? {
                Frame::Begin(_) => {}
                Frame::Data(data) => return Some((Ok(data.to_bytes()), Some(Ok(reader)))),
                Frame::Error(text) => return Some((Err(text.to_string()), None)),
                Frame::End => return None,
            }
        }
    }))
}

async fn read_body(response: &mut Response, max: usize) -> Result<Vec<u8>, Lost> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if bytes.len() + piece.len() > max {
            return Err(Lost { text: format!("the answer has more than {max} bytes"), is_passing: false });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Pieces of a body that may wait for the reader.
const PIECES: usize = 16;

/// Reads the body into a stream, beside the node's ticks.
fn stream_body(tick: &Tick<'_>, mut response: Response, timeout: Duration) -> Result<Arc<StreamHandle>, String> {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_string);
    let writer = StreamWriter::new(PIECES, tick.node().id(), "body_out", content_type.as_deref());
    let handle = writer.handle(response.content_length()).map_err(|error| error.to_string())?;
    let begin =
        Begin { content_type: content_type.map(Into::into), size_hint: response.content_length(), metadata: None };
    tick.spawn(move |_: NodeHandle| async move {
        let mut frame = Frame::Begin(begin);
        // An error means that the reader wants no more.
        while writer.write(frame.clone()).await.is_ok() && !matches!(frame, Frame::End | Frame::Error(_)) {
            frame = match tokio::time::timeout(timeout, response.chunk()).await {
                Ok(Ok(Some(piece))) => Frame::Data(reflow_runtime::Buffer::new(piece)),
                Ok(Ok(None)) => Frame::End,
                Ok(Err(error)) => Frame::Error(detail(&error).into()),
                Err(_) => Frame::Error("no further data in time".into()),
            };
        }
    });
    Ok(handle)
}

#[async_trait]
impl AsyncActor for HttpRequest {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(headers) = tick.input(Self::IN_HEADERS_IN) {
            if let Some(payload) = read::payload(headers) {
                self.sticky = Some(payload.clone());
            }
            if tick.node().connected_inports().iter().any(|port| &**port == "data_in") {
                return Ok(());
            }
        }
        let data = tick.input(Self::IN_DATA_IN).cloned();
        match self.perform(tick, data).await {
            Ok(()) => Ok(()),
            Err(refused) => self.refuse(tick, refused),
        }
    }
}
