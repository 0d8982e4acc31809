//! Sending a request to where it is to go at last.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, LOCATION, TRANSFER_ENCODING,
};
use reqwest::{Client, Method, Request, Response, StatusCode, Url};

use super::Lost;
use super::secret::is_secret;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// Carries requests of one node.
pub(super) struct Courier<'a> {
    pub(super) client: &'a Client,
    pub(super) follows_redirects: bool,
    /// Headers that are secret although their names do not tell.
    pub(super) secret_headers: Vec<HeaderName>,
    /// Whether an answer has come, so that a connection may have been kept.
    pub(super) has_answered: &'a AtomicBool,
}

impl Courier<'_> {
    /// Sends a request, and again to where the answer leads. The answer tells its address.
    pub(super) async fn send(&self, mut request: Request) -> Result<Response, Lost> {
        for _ in 0..=MOST_REDIRECTS {
            let copy = self.follows_redirects.then(|| Copy::of(&request));
            let response = self.send_once(request).await?;
            let Some(next) = copy.and_then(|copy| self.redirected(copy, &response).transpose()) else {
                return Ok(response);
            };
            request = next?;
        }
        Err(Lost::for_good("no answer: too many redirects"))
    }

    /// Sends a request that needs no more than one answer. When the server has closed a kept connection just when it was used
    /// again, nobody has done anything wrong, and what changes nothing is sent again.
    async fn send_once(&self, request: Request) -> Result<Response, Lost> {
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
        let again = (is_safe && self.has_answered.load(Ordering::Relaxed)).then(|| request.try_clone()).flatten();
        let response = match (self.client.execute(request).await, again) {
            (Err(error), Some(again)) if is_closed(&error) => self.client.execute(again).await,
            (result, _) => result,
        }?;
        self.has_answered.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// The request that follows a redirect, as browsers make it; `None` when the answer is no redirect that can be followed.
    fn redirected(&self, copy: Copy, response: &Response) -> Result<Option<Request>, Lost> {
        let keeps_method = match response.status() {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT if copy.is_complete => true,
            _ => return Ok(None),
        };
        let location = response.headers().get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let Some(mut target) = location.and_then(|location| response.url().join(location).ok()) else {
            return Ok(None);
        };
        if !matches!(target.scheme(), "http" | "https") {
            return Err(Lost::for_good(format!("no answer: it is redirected to a `{}:` address", target.scheme())));
        }
        // Nobody but us says who we are.
        let _ = target.set_password(None).and_then(|()| target.set_username(""));
        let mut request = copy.request;
        if !keeps_method {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                *request.method_mut() = Method::GET;
            }
            *request.body_mut() = None;
            for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING] {
                request.headers_mut().remove(name);
            }
        }
        if !is_same_server(request.url(), &target) {
            self.forget_secrets(request.headers_mut());
        }
        *request.url_mut() = target;
        Ok(Some(request))
    }

    fn forget_secrets(&self, headers: &mut HeaderMap) {
        let secret =
            |name: &&HeaderName| **name == HOST || is_secret(name.as_str()) || self.secret_headers.contains(name);
        let names: Vec<HeaderName> = headers.keys().filter(secret).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
}

/// What may be sent again.
struct Copy {
    request: Request,
    /// Whether it has the body, which a stream gives only once.
    is_complete: bool,
}

impl Copy {
    fn of(request: &Request) -> Self {
        match request.try_clone() {
            Some(request) => Self { request, is_complete: true },
            None => {
                let mut copy = Request::new(request.method().clone(), request.url().clone());
                copy.headers_mut().clone_from(request.headers());
                Self { request: copy, is_complete: false }
            }
        }
    }
}

/// Whether what was meant for `from` may be told to `to`: the same server, perhaps by way of TLS now.
fn is_same_server(from: &Url, to: &Url) -> bool {
    let port = Url::port_or_known_default;
    let is_upgrade =
        from.scheme() == "http" && to.scheme() == "https" && port(from) == Some(80) && port(to) == Some(443);
    from.host() == to.host() && (is_upgrade || (from.scheme() == to.scheme() && port(from) == port(to)))
}

/// Whether the other side has closed the connection instead of answering.
fn is_closed(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    if error.is_connect() || error.is_timeout() {
        return false;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let of_http = error.downcast_ref::<hyper::Error>();
        let of_system = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if of_http.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
            || matches!(
                of_system,
                Some(BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
            )
        {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_its_scheme_host_and_port() {
        let same = |from: &str, to: &str| is_same_server(&from.parse().unwrap(), &to.parse().unwrap());
        assert!(same("http://a/x", "http://A:80/y"));
        assert!(same("http://a/", "https://a/"), "that is safer than before");
        assert!(!same("https://a/", "http://a/"));
        assert!(!same("http://a/", "http://a:8080/"));
        assert!(!same("http://a:8080/", "https://a/"));
        assert!(!same("http://a/", "http://b.a/"));
    }
}
