//! Signatures of a described text, as many services want them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit, Mac};
use reqwest::Url;

use super::Hmac;
use super::sigv4::hex;

/// What is signed.
pub(crate) struct Signing<'a> {
    pub(crate) hmac: &'a Hmac,
    /// The key under an empty name, and other credentials.
    pub(crate) values: &'a [(String, String)],
    pub(crate) method: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) body: &'a [u8],
    pub(crate) now: SystemTime,
    pub(crate) nonce: u64,
}

/// The headers that a request needs.
pub(crate) fn sign(signing: &Signing<'_>) -> Vec<(String, String)> {
    let since = signing.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut words: Vec<(String, String)> = vec![
        ("method".into(), signing.method.into()),
        ("path".into(), signing.url.path().into()),
        ("query".into(), signing.url.query().unwrap_or_default().into()),
        ("host".into(), signing.url.host_str().unwrap_or_default().into()),
        ("body".into(), String::from_utf8_lossy(signing.body).into_owned()),
        ("timestamp".into(), since.as_secs().to_string()),
        ("timestamp_ms".into(), since.as_millis().to_string()),
        ("nonce".into(), format!("{:016x}", signing.nonce)),
    ];
    words.extend(signing.values.iter().cloned());
    let key = words.iter().find(|(name, _)| name.is_empty()).map(|(_, key)| key.clone()).unwrap_or_default();
    let text = filled(&signing.hmac.string, &words);
    let digest = digest(&signing.hmac.algorithm, key.as_bytes(), text.as_bytes());
    let signature = if signing.hmac.encoding == "base64" { STANDARD.encode(&digest) } else { hex(&digest) };
    words.push(("signature".into(), signature));
    signing.hmac.headers.iter().map(|(name, template)| (name.clone(), filled(template, &words))).collect()
}

fn digest(algorithm: &str, key: &[u8], text: &[u8]) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        "sha512" => of::<hmac::Hmac<sha2::Sha512>>(key, text),
        _ => of::<hmac::Hmac<sha2::Sha256>>(key, text),
    }
}

/// A template with words filled in; what it holds beside them stays.
fn filled(template: &str, words: &[(String, String)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let known = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = words.iter().find(|(known, _)| known == name)?;
            Some((value, after))
        });
        match known {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_described_text_is_signed() {
        let said = serde_json::json!({"type": "hmac", "string": "{method}{path}{body}{timestamp}",
            "headers": {"X-Sign": "v1={signature}", "X-Id": "{ACME_ID}", "X-Time": "{timestamp}"}});
        let Ok(crate::auth::Scheme::Hmac(hmac)) = crate::auth::Scheme::from_value("acme", &said) else { panic!() };
        assert_eq!(hmac.variables(), ["ACME_ID"]);
        let url: Url = "http://a/b?c=d".parse().unwrap();
        let signing = Signing {
            hmac: &hmac,
            values: &[(String::new(), "key".into()), ("ACME_ID".into(), "me".into())],
            method: "POST",
            url: &url,
            body: b"{}",
            now: UNIX_EPOCH + Duration::from_secs(7),
            nonce: 1,
        };
        let headers = sign(&signing);
        let expected = hex(&super::super::sigv4::mac(b"key", b"POST/b{}7"));
        assert_eq!(headers[0], ("X-Sign".into(), format!("v1={expected}")));
        assert_eq!(headers[1], ("X-Id".into(), "me".into()));
        assert_eq!(headers[2], ("X-Time".into(), "7".into()));
    }
}
