//! The engine that requests run on, and sending them: redirects, attempts, waits.

use std::error::Error as _;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reflow_pack_sdk::Shared;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, LOCATION, RETRY_AFTER,
    TRANSFER_ENCODING,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use tokio::runtime::{Builder, Runtime};

use crate::auth::{Grant, Token, forget, hmac_string, sigv4, token};
use crate::error::Refusal;
use crate::limit::Bucket;
use crate::mask::Secrets;
use crate::model::Operation;
use crate::request::Prepared;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;
/// The longest wait before another attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// What requests of all nodes run on: threads of its own, and connections that are kept.
pub(crate) struct Engine {
    runtime: Option<Runtime>,
    client: Client,
}

static ENGINE: Shared<Engine> = Shared::new();

impl Engine {
    /// The engine; made when the first node needs it.
    pub(crate) fn get() -> Result<Arc<Self>, String> {
        ENGINE.get(|| {
            let runtime = Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("reflow-api")
                .enable_io()
                .enable_time()
                .build()
                .map_err(|error| format!("no threads for requests: {error}"))?;
            let client = Client::builder()
                .redirect(Policy::none())
                .connect_timeout(Duration::from_secs(30))
                .pool_idle_timeout(Duration::from_secs(60))
                .build()
                .map_err(|error| format!("no client for requests: {}", detail(&error)))?;
            Ok(Self { runtime: Some(runtime), client })
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs work on the engine. Dropping the future ends the work.
    pub(crate) fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<T, String>> + Send + use<T, F> {
        let task = self.runtime.as_ref().map(|runtime| Work(runtime.spawn(work)));
        async move {
            let mut task = task.ok_or("there is no engine")?;
            (&mut task.0).await.map_err(|error| format!("the request ended early: {error}"))
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whoever drops it may be one of its own threads, which cannot wait for itself.
            runtime.shutdown_background();
        }
    }
}

struct Work<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An error with all of its causes; the address is told elsewhere.
pub(crate) fn detail(error: &reqwest::Error) -> String {
    let mut text = match (error.is_builder(), error.is_timeout()) {
        (true, _) => "the request cannot be made".to_string(),
        (_, true) => "no answer in time".to_string(),
        _ => "no answer".to_string(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Everything that sending needs to know.
#[derive(Clone)]
pub(crate) struct Sending {
    pub(crate) client: Client,
    pub(crate) operation: Arc<Operation>,
    pub(crate) secrets: Secrets,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) bucket: Option<Arc<Bucket>>,
}

/// An answer whose body is still to come, or was read.
pub(crate) struct Arrived {
    pub(crate) response: Response,
    pub(crate) attempts: u32,
}

impl Sending {
    /// Sends a request as often as it makes sense. `read` takes what it wants of an answer; what it refuses may be asked again.
    pub(crate) async fn send<T, F>(&self, prepared: &Prepared, read: impl Fn(Arrived) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let mut attempts = 0;
        loop {
            attempts += 1;
            if let Some(bucket) = &self.bucket {
                bucket.wait().await;
            }
            let until = tokio::time::Instant::now() + self.timeout;
            let too_late = || {
                let text = format!("no complete answer within {} ms", self.timeout.as_millis());
                Refusal { is_passing: true, ..Refusal::new("timeout", text) }
            };
            let attempt = tokio::time::timeout_at(until, self.attempt(prepared)).await;
            let is_last = attempts > self.retries;
            let outcome = match attempt.unwrap_or_else(|_| Err(too_late())) {
                Ok(response) => {
                    let asked = asked_wait(response.headers());
                    if !is_last && self.may_repeat(prepared, response.status(), asked.is_some()) {
                        Ok(asked.unwrap_or_else(|| back_off(attempts)))
                    } else {
                        let read = tokio::time::timeout_at(until, read(Arrived { response, attempts })).await;
                        match read.unwrap_or_else(|_| Err(too_late())) {
                            Ok(read) => return Ok(read),
                            Err(refusal) => Err(refusal),
                        }
                    }
                }
                Err(refusal) => Err(refusal),
            };
            let wait = match outcome {
                Ok(wait) => wait,
                Err(refusal) if refusal.is_passing && !is_last && self.may_lose(prepared, &refusal) => {
                    back_off(attempts)
                }
                Err(refusal) => return Err(Refusal { attempts, ..refusal }),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether an answer with this status is worth another attempt.
    fn may_repeat(&self, prepared: &Prepared, status: StatusCode, is_asked: bool) -> bool {
        let changes = changes(prepared);
        match status.as_u16() {
            429 => true,
            503 => !changes || is_asked,
            502 | 504 => !changes,
            500 => !changes,
            _ => false,
        }
    }

    /// Whether a request that got no answer may be sent again.
    fn may_lose(&self, prepared: &Prepared, refusal: &Refusal) -> bool {
        !changes(prepared) || refusal.is_unsent
    }

    /// One attempt: with a token that is refused, one more with a new one.
    async fn attempt(&self, prepared: &Prepared) -> Result<Response, Refusal> {
        let (request, used) = self.request(prepared).await?;
        let response = self.follow(request).await?;
        let Some((wanted, refused)) = used.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
            return Ok(response);
        };
        forget(&wanted, &refused).await;
        let (request, _) = self.request(prepared).await?;
        self.follow(request).await
    }

    /// The request with everything that is signed when it is sent, and the token in it.
    async fn request(&self, prepared: &Prepared) -> Result<(Request, Option<(Token, String)>), Refusal> {
        static NONCE: AtomicU64 = AtomicU64::new(0);
        let mut headers = prepared.headers.clone();
        let mut used = None;
        for grant in &prepared.late {
            let added = match grant {
                Grant::Token(wanted) => {
                    let had = token(&self.client, wanted, &self.secrets).await;
                    let had = had.map_err(|why| Refusal { is_passing: false, ..Refusal::new("auth", why) })?;
                    let added = vec![("authorization".to_string(), format!("{} {had}", wanted.prefix))];
                    used = Some((wanted.clone(), had));
                    added
                }
                Grant::Aws(keys) => {
                    let text = |name: &HeaderName| {
                        let value = headers.get(name)?.to_str().ok()?;
                        Some((name.to_string(), value.to_string()))
                    };
                    let given: Vec<_> = headers.keys().filter_map(text).collect();
                    sigv4::sign(&sigv4::Signing {
                        keys,
                        service: self.operation.service.id.strip_prefix("aws_").unwrap_or(&self.operation.service.id),
                        method: prepared.method.as_str(),
                        url: &prepared.url,
                        headers: &given,
                        body: &prepared.body,
                        now: SystemTime::now(),
                    })
                }
                Grant::Hmac(hmac, values) => hmac_string::sign(&hmac_string::Signing {
                    hmac,
                    values,
                    method: prepared.method.as_str(),
                    url: &prepared.url,
                    body: &prepared.body,
                    now: SystemTime::now(),
                    nonce: nonce(NONCE.fetch_add(1, Ordering::Relaxed)),
                }),
                _ => Vec::new(),
            };
            for (name, value) in added {
                let name = name.parse::<HeaderName>();
                let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes());
                if let (Ok(name), Ok(mut value)) = (name, value) {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
            }
        }
        let mut request = Request::new(prepared.method.clone(), prepared.url.clone());
        *request.headers_mut() = headers;
        if !prepared.body.is_empty() || matches!(prepared.method, Method::POST | Method::PUT | Method::PATCH) {
            *request.body_mut() = Some(prepared.body.clone().into());
        }
        Ok((request, used))
    }

    /// Sends a request, and again to where the answer leads. Credentials go to no other server than they are meant for.
    async fn follow(&self, mut request: Request) -> Result<Response, Refusal> {
        for _ in 0..=MOST_REDIRECTS {
            let (method, url) = (request.method().clone(), request.url().clone());
            let (headers, body) =
                (request.headers().clone(), request.body().and_then(|body| body.as_bytes().map(<[u8]>::to_vec)));
            let response = self.client.execute(request).await.map_err(|error| self.lost(&error))?;
            let Some(target) = redirect(&response, &url) else { return Ok(response) };
            if !matches!(target.scheme(), "http" | "https") {
                return Err(Refusal::new("transport", format!("the answer leads to a `{}:` address", target.scheme())));
            }
            let keeps = matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            let mut headers = headers;
            let method = if keeps || matches!(method, Method::GET | Method::HEAD) { method } else { Method::GET };
            let is_elsewhere = !is_same_server(&url, &target);
            if is_elsewhere && self.carries_secrets(body.as_deref().filter(|_| keeps)) {
                let text =
                    "the answer leads to another host, which must not get the credential in the body of the request";
                return Err(Refusal::new("transport", text));
            }
            if is_elsewhere {
                forget_credentials(&mut headers, &self.secrets);
            }
            let mut target = target;
            let _ = target.set_password(None).and_then(|()| target.set_username(""));
            let mut next = Request::new(method, target);
            if keeps {
                *next.body_mut() = body.map(Into::into);
            } else {
                for name in [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING] {
                    headers.remove(name);
                }
            }
            headers.remove(HOST);
            *next.headers_mut() = headers;
            request = next;
        }
        Err(Refusal::new("transport", "the answer leads elsewhere more than 10 times"))
    }

    /// Whether a body that goes to another host would tell a secret.
    fn carries_secrets(&self, body: Option<&[u8]>) -> bool {
        let Some(body) = body else { return false };
        let text = String::from_utf8_lossy(body);
        self.secrets.text(&text) != text
    }

    fn lost(&self, error: &reqwest::Error) -> Refusal {
        let kind = if error.is_timeout() { "timeout" } else { "transport" };
        let text = self.secrets.text(&detail(error));
        let mut refusal = Refusal { is_passing: !error.is_builder(), ..Refusal::new(kind, text) };
        if error.is_connect() {
            // Nothing has left, so that nothing can have happened.
            refusal.is_unsent = true;
        }
        refusal
    }
}

/// Whether a request may change something by being sent twice.
fn changes(prepared: &Prepared) -> bool {
    matches!(prepared.method, Method::POST | Method::PATCH) && !prepared.headers.contains_key("idempotency-key")
}

fn nonce(number: u64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    now.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number)
}

/// Where an answer leads.
fn redirect(response: &Response, url: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()
}

/// Whether what was meant for `from` may be told to `to`.
pub(crate) fn is_same_server(from: &Url, to: &Url) -> bool {
    let is_upgrade = from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    from.host() == to.host()
        && (is_upgrade || (from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default()))
}

/// Takes everything out that is a credential, by its name or by its value.
pub(crate) fn forget_credentials(headers: &mut HeaderMap, secrets: &Secrets) {
    let is_secret = |name: &HeaderName, value: &reqwest::header::HeaderValue| {
        let word = name.as_str();
        let by_name = [AUTHORIZATION, COOKIE].contains(name)
            || ["token", "secret", "api-key", "apikey", "api_key", "auth", "credential", "x-amz-", "signature"]
                .iter()
                .any(|part| word.contains(part));
        let text = String::from_utf8_lossy(value.as_bytes());
        by_name || value.is_sensitive() || secrets.text(&text) != text
    };
    let names: Vec<HeaderName> =
        headers.iter().filter(|(name, value)| is_secret(name, value)).map(|(name, _)| name.clone()).collect();
    for name in names {
        headers.remove(name);
    }
}

/// The wait that a server asks for: seconds, or a date.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => Duration::from_secs_f64(seconds.min(1e6)),
        Ok(_) => return None,
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_ASKED))
}

/// A wait that grows, and that is left to chance so that many do not come back at once.
fn back_off(attempts: u32) -> Duration {
    let longest = Duration::from_millis(500).saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_WAIT);
    // The clock is chance enough.
    let chance = (nonce(u64::from(attempts)) >> 32) as f64 / f64::from(u32::MAX);
    longest.mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_what_is_asked_for_or_grow() {
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            headers
        };
        assert_eq!(asked_wait(&headers("2")), Some(Duration::from_secs(2)));
        assert_eq!(asked_wait(&headers("-1")), None);
        assert_eq!(asked_wait(&headers("Fri, 31 Dec 1999 23:59:59 GMT")), Some(Duration::ZERO));
        assert_eq!(asked_wait(&headers("soon")), None);
        for attempts in 1..40 {
            assert!(back_off(attempts) <= LONGEST_WAIT);
        }
        assert!(back_off(1) <= Duration::from_millis(500));
    }

    #[test]
    fn a_server_is_its_scheme_host_and_port() {
        let same = |from: &str, to: &str| is_same_server(&from.parse().unwrap(), &to.parse().unwrap());
        assert!(same("http://a/x", "http://A:80/y") && same("http://a/", "https://a/"));
        assert!(
            !same("https://a/", "http://a/") && !same("http://a/", "http://a:81/") && !same("http://a", "http://b")
        );
    }
}
