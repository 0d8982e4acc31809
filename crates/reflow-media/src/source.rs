//! Where inputs find their files: on servers, on the disk, in the address itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reflow_component::prelude::*;

/// What is asked of a file.
pub(crate) struct Question<'a> {
    /// What kind of file it is to be, as errors say it: `Audio`.
    pub(crate) kind: &'a str,
    /// The content types that are accepted, separated by commas; `None` accepts all.
    pub(crate) accepted: Option<&'a str>,
    /// The largest file, in bytes; `None` is no limit.
    pub(crate) most: Option<u64>,
    /// Whether the content is wanted, or only what is said of it.
    pub(crate) load: bool,
    /// How long the answer may take.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only servers keep one waiting"))]
    pub(crate) timeout: Duration,
    /// What counts as the content type when nothing is said.
    pub(crate) default_type: &'a str,
}

/// What was found.
pub(crate) struct Answer {
    /// As it was sent, or by the extension.
    pub(crate) content_type: String,
    pub(crate) size: Option<u64>,
    /// Empty unless it was asked for.
    pub(crate) content: Vec<u8>,
}

/// Fetches files for one node.
#[derive(Default)]
pub(crate) struct Fetcher {
    #[cfg(feature = "http")]
    clients: http::Clients,
}

/// Content that is read without limit is read up to here.
const MOST: u64 = 1 << 30;

impl Fetcher {
    /// Looks at the file of an address: `http://`, `https://`, `file://`, `data:`, or a path.
    pub(crate) async fn look(&mut self, address: &str, question: &Question<'_>) -> Result<Answer, String> {
        let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
        match scheme.as_str() {
            "http" | "https" => self.fetch(address, question).await,
            "data" => question.of_data(address),
            "file" => question.of_file(path_of(address)?).await,
            "device" => Err(format!(
                "{} fetch failed for {address}: a device is no file; `tpl_camera_capture` reads cameras, and `tpl_audio_input` \
                 microphones",
                question.kind
            )),
            // A letter is a drive.
            other if address.contains("://") && other.len() > 1 => {
                Err(format!("{} fetch failed for {address}: `{other}` addresses cannot be read", question.kind))
            }
            _ => question.of_file(PathBuf::from(address)).await,
        }
    }

    #[cfg(feature = "http")]
    async fn fetch(&mut self, address: &str, question: &Question<'_>) -> Result<Answer, String> {
        self.clients.fetch(address, question).await
    }

    #[cfg(not(feature = "http"))]
    async fn fetch(&mut self, address: &str, question: &Question<'_>) -> Result<Answer, String> {
        let lack = "this build fetches nothing; it lacks the feature `http` of reflow-media";
        Err(format!("{} fetch failed for {address}: {lack}", question.kind))
    }
}

impl Question<'_> {
    /// Refuses a content type that is not accepted.
    fn check_type(&self, content_type: &str) -> Result<(), String> {
        let Some(accepted) = self.accepted else { return Ok(()) };
        let plain = content_type.split(';').next().unwrap_or_default().trim();
        let accepted: Vec<&str> = accepted.split(',').map(str::trim).collect();
        if accepted.contains(&plain) {
            return Ok(());
        }
        Err(format!("Unsupported {} format: {plain}. Accepted: {}", self.kind.to_lowercase(), accepted.join(", ")))
    }

    /// Refuses a file that is too large.
    fn check_size(&self, size: Option<u64>) -> Result<(), String> {
        match (size, self.most) {
            (Some(size), Some(most)) if size > most => {
                Err(format!("{} exceeds maximum file size: {size} bytes (max: {most} bytes)", self.kind))
            }
            _ => Ok(()),
        }
    }

    fn of_data(&self, address: &str) -> Result<Answer, String> {
        let wrong = || format!("{} fetch failed: the data address is malformed", self.kind);
        let (head, data) = address[5..].split_once(',').ok_or_else(wrong)?;
        let (content_type, is_base64) = match head.strip_suffix(";base64") {
            Some(content_type) => (content_type, true),
            None => (head, false),
        };
        let content_type = if content_type.is_empty() { "text/plain" } else { content_type };
        self.check_type(content_type)?;
        let data = without_percent(data).ok_or_else(wrong)?;
        let content = if is_base64 { base64(&data).ok_or_else(wrong)? } else { data };
        let size = Some(content.len() as u64);
        self.check_size(size)?;
        Ok(Answer { content_type: content_type.to_string(), size, content })
    }

    async fn of_file(&self, path: PathBuf) -> Result<Answer, String> {
        let content_type = media_type(&path).unwrap_or(self.default_type).to_string();
        let (kind, load, most) = (self.kind.to_string(), self.load, self.most.unwrap_or(MOST).min(MOST));
        let read = move || {
            let failed = |error: std::io::Error| format!("{kind} fetch failed for {}: {error}", path.display());
            // A look first: opening a pipe would wait for whoever is at its other end.
            let metadata = std::fs::metadata(&path).map_err(failed)?;
            if !metadata.is_file() {
                return Err(failed(std::io::Error::other("no regular file")));
            }
            let mut content = Vec::new();
            if load && metadata.len() <= most {
                File::open(&path).and_then(|file| file.take(most + 1).read_to_end(&mut content)).map_err(failed)?;
            }
            Ok((metadata.len().max(content.len() as u64), content))
        };
        let (size, content) = tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.to_string()))?;
        self.check_type(&content_type)?;
        self.check_size(Some(size))?;
        if size > most {
            return Err(format!("{} exceeds maximum file size: {size} bytes (max: {most} bytes)", self.kind));
        }
        Ok(Answer { content_type, size: Some(size), content })
    }
}

/// The path in a `file://` address.
fn path_of(address: &str) -> Result<PathBuf, String> {
    let rest = address[5..].trim_start_matches("//");
    let rest = rest.strip_prefix("localhost").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
    let path = without_percent(rest).and_then(|path| String::from_utf8(path).ok());
    path.map(PathBuf::from).ok_or_else(|| format!("{address} names no file"))
}

/// Bytes whose percent signs and two digits stand for others.
fn without_percent(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

/// What base64 text stands for (RFC 4648); spaces and line ends do not count.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for digit in text.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// What an address says of a device, where it is one: `device:…`.
pub(crate) fn device(address: &str) -> Option<&str> {
    let (scheme, wanted) = address.split_once(':')?;
    scheme.eq_ignore_ascii_case("device").then(|| wanted.trim_start_matches("//"))
}

/// The extension of an address, without what follows its path.
pub(crate) fn extension(address: &str) -> Option<String> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    Path::new(path).extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase)
}

/// The media type that an extension stands for.
fn media_type(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "flac" => "audio/flac",
        "png" | "apng" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "tif" | "tiff" => "image/tiff",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        _ => return None,
    })
}

/// The address that is meant: the configured one, or the text that came.
pub(crate) fn address(configured: Option<&str>, came: Option<&Message>) -> Result<String, String> {
    let came = || match came {
        Some(Message::String(text)) => Some(text.to_string()),
        _ => None,
    };
    let address = configured.map(str::to_string).or_else(came).filter(|address| !address.is_empty());
    address.ok_or_else(|| "no address: set `url`, or send a text to `source`".to_string())
}

#[cfg(feature = "http")]
mod http {
    use std::error::Error as _;

    use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
    use reqwest::{Client, Method, Response, StatusCode, Url};

    use super::{Answer, MOST, Question};

    /// The client for other machines, and the one for this machine, which asks no proxy; each made when it is needed.
    #[derive(Default)]
    pub(super) struct Clients([Option<Client>; 2]);

    impl Clients {
        pub(super) async fn fetch(&mut self, address: &str, question: &Question<'_>) -> Result<Answer, String> {
            let failed = |why: &str| format!("{} fetch failed for {address}: {why}", question.kind);
            let url = Url::parse(address).map_err(|error| failed(&error.to_string()))?;
            let client = self.client(&url).await.map_err(|why| failed(&why))?;
            let fetching = exchange(&client, url, question);
            let fetched = tokio::time::timeout(question.timeout, fetching).await;
            match fetched {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(Refused::Said(text))) => Err(text),
                Ok(Err(Refused::Status(status))) => {
                    Err(format!("{} fetch failed with status {status} for {address}", question.kind))
                }
                Ok(Err(Refused::Lost(error))) => Err(failed(&detail(error))),
                Err(_) => Err(failed(&format!("no answer within {} s", question.timeout.as_secs()))),
            }
        }

        async fn client(&mut self, url: &Url) -> Result<Client, String> {
            let is_here = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
            let slot = &mut self.0[usize::from(is_here)];
            if let Some(client) = slot {
                return Ok(client.clone());
            }
            // Reading the system's certificates takes a while.
            let build = move || {
                let builder = Client::builder().no_gzip();
                if is_here { builder.no_proxy() } else { builder }.build().map_err(detail)
            };
            let built = tokio::task::spawn_blocking(build).await.unwrap_or_else(|error| Err(error.to_string()))?;
            Ok(slot.insert(built).clone())
        }
    }

    enum Refused {
        /// In words of its own.
        Said(String),
        /// By the server.
        Status(StatusCode),
        /// On the way.
        Lost(reqwest::Error),
    }

    impl From<reqwest::Error> for Refused {
        fn from(error: reqwest::Error) -> Self {
            Self::Lost(error)
        }
    }

    impl From<String> for Refused {
        fn from(text: String) -> Self {
            Self::Said(text)
        }
    }

    fn detail(error: reqwest::Error) -> String {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }

    async fn exchange(client: &Client, url: Url, question: &Question<'_>) -> Result<Answer, Refused> {
        let method = if question.load { Method::GET } else { Method::HEAD };
        let mut response = client.request(method, url.clone()).send().await?;
        let refused = [StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if !question.load && refused.contains(&response.status()) {
            // Some servers know no HEAD; one byte says as much.
            response = client.get(url).header(RANGE, "bytes=0-0").send().await?;
        }
        if !response.status().is_success() {
            return Err(Refused::Status(response.status()));
        }
        let content_type = text(&response, CONTENT_TYPE).unwrap_or(question.default_type).to_string();
        question.check_type(&content_type)?;
        let size = size(&response);
        question.check_size(size)?;
        if !question.load {
            return Ok(Answer { content_type, size, content: Vec::new() });
        }
        let (mut content, most) = (Vec::new(), question.most.unwrap_or(MOST).min(MOST));
        while let Some(piece) = response.chunk().await? {
            content.extend_from_slice(&piece);
            let came = content.len() as u64;
            if came > most {
                let text = format!("{} exceeds maximum file size: {came} bytes (max: {most} bytes)", question.kind);
                return Err(text.into());
            }
        }
        Ok(Answer { content_type, size: Some(content.len() as u64), content })
    }

    fn text(response: &Response, name: reqwest::header::HeaderName) -> Option<&str> {
        response.headers().get(name)?.to_str().ok()
    }

    /// The size of the file, of which the answer may be a part.
    fn size(response: &Response) -> Option<u64> {
        match response.status() {
            StatusCode::PARTIAL_CONTENT => text(response, CONTENT_RANGE)?.rsplit('/').next()?.parse().ok(),
            _ => text(response, CONTENT_LENGTH)?.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(base64(b"aGk h").unwrap(), b"hi!");
        assert_eq!(base64(b"aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(base64(b"a*"), None);
        assert_eq!(without_percent("a%20b"), Some(b"a b".to_vec()));
        assert_eq!(without_percent("a%2"), None);
        assert_eq!(path_of("file:///tmp/a%20b").unwrap(), PathBuf::from("/tmp/a b"));
        assert_eq!(path_of("file://localhost/tmp/a").unwrap(), PathBuf::from("/tmp/a"));
        assert_eq!(extension("http://x/a.MP3?b.c#d").as_deref(), Some("mp3"));
    }
}
