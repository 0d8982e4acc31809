//! Where a browser is that runs already, as a config says it.

/// A DevTools address as a config gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Of the browser's WebSocket; the browser is asked for it when there is none.
    pub(crate) path: Option<String>,
}

impl Address {
    /// Reads `http://HOST:PORT` or `ws://HOST:PORT/devtools/browser/…`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // The path of a browser is a secret of a kind, so the address is not repeated.
        let bad = |why: &str| format!("config `connectUrl`: {why}; http://127.0.0.1:9222 is right, for example");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("it is no address"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(bad("it names a user, which DevTools does not know"));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or_default()),
            None => authority.rsplit_once(':').unwrap_or((authority, "")),
        };
        let port = port.parse().map_err(|_| bad("it names no port"))?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !is_plain(rest) {
            return Err(bad("it is no address"));
        }
        let path = match (scheme, path) {
            ("http", "" | "/" | "/json/version") => None,
            ("ws", path) if path.starts_with("/devtools/browser/") => Some(path.to_string()),
            ("ws", _) => return Err(bad("its path is not that of a browser (/devtools/browser/…)")),
            ("http", _) => return Err(bad("an address that begins with `http` has no path")),
            _ => return Err(bad("it begins with neither `http` nor `ws`")),
        };
        Ok(Self { host: host.into(), port, path })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn addresses_are_read_and_refused() {
        assert_eq!(address("http://127.0.0.1:9222").to_string(), "127.0.0.1:9222");
        assert_eq!(address("http://[::1]:9222/").to_string(), "[::1]:9222");
        assert_eq!(address("ws://localhost:1/devtools/browser/a").path.as_deref(), Some("/devtools/browser/a"));
        for (text, why) in [
            ("127.0.0.1:9222", "no address"),
            ("http://127.0.0.1", "no port"),
            ("http://127.0.0.1:99999", "no port"),
            ("http://user:secret@127.0.0.1:1", "a user"),
            ("https://127.0.0.1:1", "neither"),
            ("ws://127.0.0.1:1/devtools/page/secret", "of a browser"),
            ("http://127.0.0.1:1/secret", "no path"),
            ("ws://127.0.0.1:1/devtools/browser/secret\r\nX: y", "no address"),
            ("http://:1", "no address"),
        ] {
            let told = Address::parse(text).unwrap_err();
            assert!(told.contains(why) && !told.contains("secret"), "{text}: {told}");
        }
    }
}
