//! What must not be told to others.

use std::borrow::Cow;

use reqwest::Url;

/// Words that stand for a secret wherever they occur in a name.
const PARTS: [&str; 9] =
    ["apikey", "authoriz", "authentic", "cookie", "credential", "passw", "secret", "session", "token"];

/// Words that do so when they stand alone.
const WORDS: [&str; 12] =
    ["access", "auth", "bearer", "csrf", "jwt", "key", "pwd", "sid", "sig", "signature", "sso", "xsrf"];

/// Whether a header or a member of a query with this name holds a secret, as far as its name tells.
pub(super) fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word) || word.ends_with("key"))
}

/// An address as it may be told: without user and password, and with `***` for what its query keeps secret.
pub(super) fn shown(url: &str) -> Cow<'_, str> {
    let without_user = match Url::parse(url) {
        Ok(parsed) if parsed.has_host() && parsed.username().is_empty() && parsed.password().is_none() => {
            Cow::Borrowed(url)
        }
        Ok(mut parsed) if parsed.has_host() => {
            // An error says that such an address has no user.
            let _ = parsed.set_password(None).and_then(|()| parsed.set_username(""));
            Cow::Owned(parsed.into())
        }
        // Whatever it is, what stands before an `@` is not told.
        _ => {
            let end = url.find(['?', '#']).unwrap_or(url.len());
            match url[..end].rfind('@') {
                Some(at) => Cow::Owned(format!("***{}", &url[at..])),
                None => Cow::Borrowed(url),
            }
        }
    };
    match without_user.split_once('?') {
        Some((start, rest)) => {
            let (query, fragment) = rest.split_once('#').map_or((rest, None), |(query, end)| (query, Some(end)));
            if !query.split('&').any(|member| is_secret(name_of(member))) {
                return without_user;
            }
            let members: Vec<_> = query
                .split('&')
                .map(|member| {
                    let name = name_of(member);
                    if is_secret(name) { Cow::Owned(format!("{name}=***")) } else { Cow::Borrowed(member) }
                })
                .collect();
            let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
            Cow::Owned(format!("{start}?{}{fragment}", members.join("&")))
        }
        None => without_user,
    }
}

fn name_of(member: &str) -> &str {
    member.split_once('=').map_or(member, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "X-API-Key",
            "x-auth-token",
            "apikey",
            "Private-Token",
            "Ocp-Apim-Subscription-Key",
            "X-Csrf",
            "X-Goog-Api-Key",
            "x-functions-key",
            "X-Amz-Security-Token",
            "DD-APPLICATION-KEY",
            "X-MySecret",
            "X-Authentication",
            "client_secret",
            "passwd",
            "X-Session-Id",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["Accept", "User-Agent", "Content-Type", "X-Request-Id", "Keyboard", "X-Author", "Range", "page"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn addresses_are_told_without_secrets() {
        for (url, told) in [
            ("http://host/p?q=1", "http://host/p?q=1"),
            ("http://host", "http://host"),
            ("https://user:pass@host/p", "https://host/p"),
            ("https://token@host/p", "https://host/p"),
            ("https://:pass@host:81/", "https://host:81/"),
            ("http:user:pass@host/", "http://host/"),
            ("http://host/?a=1&api_key=x#f", "http://host/?a=1&api_key=***#f"),
            ("http://host/?access_token", "http://host/?access_token=***"),
            ("http://user:p@ss@ho st/", "***@ho st/"),
            ("user:pass@host?token=1", "***@host?token=***"),
            ("not a url", "not a url"),
            ("", ""),
        ] {
            assert_eq!(shown(url), told, "{url}");
        }
    }
}
