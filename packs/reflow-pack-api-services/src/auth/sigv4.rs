//! AWS Signature, version 4 (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::Credentials;

/// What AWS wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AwsKeys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) session: Option<String>,
    pub(crate) region: Option<String>,
}

impl AwsKeys {
    /// Those of a node.
    pub(super) fn of(credentials: &Credentials<'_>) -> Option<Self> {
        Some(Self {
            id: credentials.get("AWS_ACCESS_KEY_ID")?,
            secret: credentials.get("AWS_SECRET_ACCESS_KEY")?,
            session: credentials.get("AWS_SESSION_TOKEN"),
            region: region(credentials),
        })
    }

    /// Those in one text, `id:secret` or `id:secret:session`.
    pub(super) fn parse(text: &str, credentials: &Credentials<'_>) -> Option<Self> {
        let mut parts = text.splitn(3, ':').map(str::to_string);
        Some(Self { id: parts.next()?, secret: parts.next()?, session: parts.next(), region: region(credentials) })
    }
}

fn region(credentials: &Credentials<'_>) -> Option<String> {
    ["region", "AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| credentials.get(name))
}

/// What is signed.
pub(crate) struct Signing<'a> {
    pub(crate) keys: &'a AwsKeys,
    /// `s3` or `dynamodb`.
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
    pub(crate) now: SystemTime,
}

/// The headers that a request needs beside those that it has.
pub(crate) fn sign(signing: &Signing<'_>) -> Vec<(String, String)> {
    let stamp = stamp(signing.now);
    let day = &stamp[..8];
    let region = signing.keys.region.as_deref().unwrap_or("us-east-1");
    let digest = hex(&Sha256::digest(signing.body));
    let mut added = vec![("x-amz-date".to_string(), stamp.clone())];
    if signing.service == "s3" {
        added.push(("x-amz-content-sha256".into(), digest.clone()));
    }
    if let Some(session) = &signing.keys.session {
        added.push(("x-amz-security-token".into(), session.clone()));
    }
    let host = host(signing.url);
    let mut headers: Vec<(String, String)> = signing
        .headers
        .iter()
        .chain(&added)
        .map(|(name, value)| (name.to_ascii_lowercase(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
        .filter(|(name, _)| name.starts_with("x-amz-") || name == "content-type")
        .chain([("host".to_string(), host)])
        .collect();
    headers.sort();
    let signed: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let signed = signed.join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let path = canonical_path(signing.url, signing.service);
    let request = format!("{}\n{path}\n{}\n{lines}\n{signed}\n{digest}", signing.method, canonical_query(signing.url));
    let scope = format!("{day}/{region}/{}/aws4_request", signing.service);
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = mac(format!("AWS4{}", signing.keys.secret).as_bytes(), day.as_bytes());
    for part in [region, signing.service, "aws4_request", &text] {
        key = mac(&key, part.as_bytes());
    }
    let signature = hex(&key);
    let id = &signing.keys.id;
    added.push((
        "authorization".into(),
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}"),
    ));
    added
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

/// The path as it is sent; beside S3 it is encoded once more.
fn canonical_path(url: &Url, service: &str) -> String {
    let path = if url.path().is_empty() { "/" } else { url.path() };
    if service == "s3" {
        return path.into();
    }
    path.split('/').map(|segment| crate::request::encode(segment, false)).collect::<Vec<_>>().join("/")
}

fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<(String, String)> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_string(), value.to_string())
        })
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

pub(crate) fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length is right.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20150830T123600Z`.
fn stamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The date of a day since 1970 (Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_published_example_is_signed_as_published() {
        // The example of AWS: 2015-08-30 12:36:00.
        let keys = AwsKeys {
            id: "AKIDEXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session: None,
            region: None,
        };
        let url: Url = "https://example.amazonaws.com/?Param2=value2&Param1=value1".parse().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let signing =
            Signing { keys: &keys, service: "service", method: "GET", url: &url, headers: &[], body: b"", now };
        let added = sign(&signing);
        assert_eq!(added[0], ("x-amz-date".into(), "20150830T123600Z".into()));
        assert!(
            added[1].1.ends_with("Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            "{added:?}"
        );
    }

    #[test]
    fn dates_are_right() {
        for (seconds, text) in
            [(0, "19700101T000000Z"), (951_782_400, "20000229T000000Z"), (1_735_689_599, "20241231T235959Z")]
        {
            assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
