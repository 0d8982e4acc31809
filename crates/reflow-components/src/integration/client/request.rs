//! `tpl_http_request`.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Client, Method, Request, Response, Url};

use super::Lost;
use super::body::{read_body, request_body, stream_body, written};
use super::redirect::Courier;
use super::retry::{Attempts, asked_wait, is_passing};
use super::secret::shown;
use super::trust;
use crate::clock::Clock;
use crate::integration::{blocking, charset};
use crate::prelude::*;
use crate::read;

/// Performs one HTTP request per trigger.
///
/// A packet on `data_in` is sent as the body: objects, lists and scalars as JSON, text as it is, Bytes and streams raw, Flow as
/// none. A packet on `headers_in` is remembered for the requests that follow; when nothing is connected to `data_in` it asks for
/// one itself. The configured `body` takes precedence and goes as JSON; the headers that came take precedence over the
/// configured ones.
///
/// A packet on `url_in` is the address of this request and of those that follow, in place of the configured `url`; when nothing is
/// connected to `data_in` it asks for a request itself, and packets on `headers_in` do not. With the firing rule `all` every request
/// has its own body, headers and address, paired. A text that is no address is told by `error_out`.
///
/// `response_out` is `{status, headers, body, url, method}`, whatever the status; header names are in lower case, repeated headers
/// are joined with commas, and several `set-cookie` are a list. `url` is where the answer came from in the end. With the
/// `responseType` `auto` the body is what the text says as JSON, or else the text, read in the encoding that its type names; what
/// is no text leaves by `body_out` as Bytes. `json` and `text` insist on one reading, `bytes` sends Bytes by `body_out`, and
/// `stream` sends a stream there as soon as the headers have come. Requests of one node run one after the other over connections
/// that are kept; a `GET` or `HEAD` on one that the server has just closed is sent once more.
///
/// User and password in the `url` are sent as `Authorization`, and are told nowhere; nor is what a member of its query like
/// `api_key` holds. A redirect to another server takes no header along that is secret by its name (`Authorization`, `Cookie`,
/// `X-API-Key`, every token) or by `secretHeaders`.
///
/// With `retries`, a request that gets no answer, or one with status 429 or from 500, is made again up to so many times,
/// whatever its method: after 100 ms, then after twice as long each time up to 10 s, and not before the time that the server
/// asks for (`Retry-After`). `timeout` limits all of it; where no time is left for another try the last answer counts. A request
/// whose body is a stream is made once.
///
/// An `https` address must show a certificate for its name that is signed by an authority that the system trusts (or the files
/// in the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` instead) or by one of `caCertificate`.
///
/// # Errors
///
/// An Error leaves by `error_out` for a missing `url` (`URL not configured`), an unknown method (`Unsupported HTTP method: …`) and
/// for what goes wrong on the way, time-outs and answers that are too large or of the wrong type included (`HTTP request failed:
/// … (url: …, method: …)`). With `fail` set to `transport` such a request is a failed tick instead, with `status` so is an
/// answer with status 429 or from 500; the node's policy then tries again, after the `retries`.
#[derive(Component)]
#[component(id = "tpl_http_request", title = "HTTP Request", category = "integration", asynchronous)]
#[inport(data_in: Any, "The body; asks for a request.")]
#[inport(headers_in: JsonObject, "Headers for this and later requests.")]
#[inport(url_in: Text, "The address of this and later requests.")]
#[outport(response_out: JsonObject, "The response.")]
#[outport(error_out: ErrorText, "Why there is none.")]
#[outport(body_out: Any, "A body that is no JSON, as Bytes or as a stream.")]
#[example(
    steps = r#"[{"data_in": {"type": "Flow"}}]"#,
    outputs = r#"[{"error_out": [{"type": "Error", "data": "URL not configured"}]}]"#
)]
pub(in crate::integration) struct HttpRequest {
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
    /// Names of headers that hold a secret although their names do not tell.
    #[config(key = "secretHeaders")]
    secret_headers: Value,
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
    /// Certificates of authorities to trust beside those of the system: a PEM file, or its text.
    #[config(key = "caCertificate")]
    ca_certificate: Option<String>,
    #[state]
    clock: Clock,
    /// The client for this machine, which no proxy serves, and that for all others.
    #[state]
    clients: [Option<Client>; 2],
    #[state]
    sticky: Option<Value>,
    #[state]
    came_url: Option<String>,
    #[state]
    has_answered: AtomicBool,
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
    /// The address that requests go to now.
    fn url(&self) -> Option<&str> {
        self.came_url.as_deref().or(self.url.as_deref())
    }

    async fn client(&mut self) -> Result<Client, String> {
        if let Some(client) = self.client_now() {
            return Ok(client.clone());
        }
        let (url, ca_certificate) = (self.url().unwrap_or_default().to_string(), self.ca_certificate.clone());
        let client = blocking(move || trust::client(&url, ca_certificate.as_deref())).await?;
        let local = usize::from(!trust::is_local(self.url().unwrap_or_default()));
        Ok(self.clients[local].insert(client).clone())
    }

    /// The client that is there for the address of now.
    fn client_now(&self) -> Option<&Client> {
        let [local, other] = &self.clients;
        if trust::is_local(self.url().unwrap_or_default()) { local.as_ref() } else { other.as_ref() }
    }

    async fn request(&mut self, data: Option<Message>) -> Result<Request, Refused> {
        if self.url().is_none() {
            return Err(Refused::Plain("URL not configured".into()));
        }
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
        let url = self.address().map_err(|error| error.to_string())?;
        let mut headers = self.request_headers()?;
        let (body, media_type) = match &self.body {
            Some(body) => (Some(written(body)?.into()), "application/json"),
            None => data.map(request_body).transpose()?.unwrap_or((None, "")),
        };
        if body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        let request = self.client().await?.request(method, url).headers(headers);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        Ok(request.build().map_err(|error| super::detail(&error))?)
    }

    /// Where the request goes.
    fn address(&self) -> Result<Url, <Url as std::str::FromStr>::Err> {
        let mut url = Url::parse(self.url().unwrap_or_default())?;
        if let Some(members) = self.query.as_object().filter(|members| !members.is_empty()) {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_json_string(), str::to_string);
            url.query_pairs_mut().extend_pairs(members.iter().map(|(key, value)| (&**key, text(value))));
        }
        Ok(url)
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
            let handle = stream_body(tick, "body_out", response, timeout)?;
            tick.emit(Self::OUT_BODY_OUT, Message::StreamHandle(handle));
            tick.emit(Self::OUT_RESPONSE_OUT, Message::object(summary));
            return Ok(());
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let (body, raw) = self.response_body(bytes, content_type.unwrap_or_default())?;
        let summary = summary.merged_with(&Value::object([("body", body)]));
        if let Some(raw) = raw {
            tick.emit(Self::OUT_BODY_OUT, raw);
        }
        tick.emit(Self::OUT_RESPONSE_OUT, Message::object(summary));
        Ok(())
    }

    /// What the last attempt comes to.
    async fn exchange(&self, mut request: Request, timeout: Duration) -> Result<(Response, Vec<u8>), Lost> {
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
    async fn attempt(&self, request: Request) -> Result<(Response, Vec<u8>), Lost> {
        let client = self.client_now().ok_or_else(|| Lost::for_good("there is no client"))?;
        let secret = self.secret_headers.as_array().into_iter().flatten().filter_map(Value::as_str);
        let courier = Courier {
            client,
            follows_redirects: self.follow_redirects,
            secret_headers: secret.filter_map(|name| HeaderName::try_from(name).ok()).collect(),
            has_answered: &self.has_answered,
        };
        let mut response = courier.send(request).await?;
        let is_stream = self.response_type == ResponseType::Stream;
        let bytes = if is_stream { Vec::new() } else { read_body(&mut response, self.max_response_bytes).await? };
        Ok((response, bytes))
    }

    /// What there is to say of an answer without its body.
    fn summary(&self, response: &Response) -> Value {
        let url = self.url().unwrap_or_default();
        let url = if self.is_redirected(response.url()) { response.url().as_str() } else { url };
        Value::object([
            ("status", Value::Integer(response.status().as_u16().into())),
            ("headers", headers(response.headers())),
            ("body", Value::Null),
            ("url", (&*shown(url)).into()),
            ("method", self.method.as_str().into()),
        ])
    }

    /// Whether an answer from `url` came from elsewhere than it was asked for.
    fn is_redirected(&self, url: &Url) -> bool {
        let Some(mut asked) = self.address().ok() else { return true };
        // What says who asks is no part of where the answer comes from.
        let _ = asked.set_password(None).and_then(|()| asked.set_username(""));
        asked != *url
    }

    /// The body for `response_out`, and what leaves by `body_out`.
    fn response_body(&self, bytes: Vec<u8>, content_type: &str) -> Result<(Value, Option<Vec<u8>>), String> {
        let media_type = if is_text(content_type) { content_type } else { "" };
        let json = || charset::json(&bytes, media_type);
        Ok(match self.response_type {
            ResponseType::Json => (json().map_err(|error| format!("the answer is not JSON: {error}"))?, None),
            ResponseType::Text => ((&*charset::text_lossy(&bytes, content_type)).into(), None),
            ResponseType::Auto => match (json(), charset::text(&bytes, media_type)) {
                (Ok(value), _) => (value, None),
                (_, Some(text)) => ((&*text).into(), None),
                _ => (Value::Null, Some(bytes)),
            },
            ResponseType::Bytes | ResponseType::Stream => (Value::Null, Some(bytes)),
        })
    }

    fn refuse(&self, tick: &mut Tick<'_>, refused: Refused) -> Result<(), Failure> {
        let url = shown(self.url().unwrap_or_default());
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

/// Whether a media type is one of text.
fn is_text(media_type: &str) -> bool {
    let lower = media_type.to_ascii_lowercase();
    lower.starts_with("text/") || ["json", "xml", "javascript", "charset="].iter().any(|word| lower.contains(word))
}

/// Headers by name; one that came several times is joined as if it had come once, except cookies, which cannot be.
fn headers(headers: &HeaderMap) -> Value {
    Value::object(headers.keys().map(|name| {
        let mut values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let value = match (name, &mut values[..]) {
            (&SET_COOKIE, several @ [_, _, ..]) => Value::array(several.iter().map(|value| &**value)),
            _ => values.join(", ").into(),
        };
        (name.as_str(), value)
    }))
}

#[async_trait]
impl AsyncActor for HttpRequest {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(payload) = tick.input(Self::IN_HEADERS_IN).and_then(read::payload) {
            self.sticky = Some(payload.clone());
        }
        if let Some(url) = tick.input(Self::IN_URL_IN) {
            let Some(url) = read::text(url) else {
                return tick.report(Self::OUT_ERROR_OUT, format!("the address must be text, got {}", url.kind()));
            };
            self.came_url = Some(url.to_string());
        }
        let asks = {
            let connected = tick.node().connected_inports();
            let comes = |port: &str| connected.iter().any(|one| &**one == port);
            let (by_data, by_url) = (tick.input(Self::IN_DATA_IN).is_some(), tick.input(Self::IN_URL_IN).is_some());
            by_data || (!comes("data_in") && (by_url || !comes("url_in")))
        };
        if !asks {
            return Ok(());
        }
        let data = tick.input(Self::IN_DATA_IN).cloned();
        match self.perform(tick, data).await {
            Ok(()) => Ok(()),
            Err(refused) => self.refuse(tick, refused),
        }
    }
}
