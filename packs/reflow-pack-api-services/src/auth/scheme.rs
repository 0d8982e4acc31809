//! What a service wants to know of who asks.

use serde_json::{Value, json};

use crate::model::variable;

/// How requests say who asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scheme {
    /// Not at all.
    #[default]
    None,
    /// If there is something to say.
    Optional(Box<Scheme>),
    /// By all of these together.
    All(Vec<Scheme>),
    /// By the first of these that there is something for.
    Any(Vec<Scheme>),
    /// By a key somewhere.
    Key {
        place: Key,
        name: String,
        prefix: String,
        keys: Keys,
    },
    /// By `Authorization: Bearer …`.
    Bearer {
        prefix: String,
        keys: Keys,
    },
    /// By user and password, or both in one credential, `user:password`.
    Basic {
        user: Keys,
        password: Keys,
        keys: Keys,
        default_user: Option<String>,
    },
    OAuth2(OAuth2),
    /// By a signature of AWS, version 4.
    Aws {
        keys: Keys,
    },
    /// By headers made of credentials.
    Headers(Vec<(String, String)>),
    Hmac(Hmac),
}

/// Where a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Header,
    Query,
    Cookie,
    Path,
    Body,
}

/// The names that a credential may be given under, the best one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(Vec<String>);

impl Keys {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, String> {
        self.0.iter()
    }
}

/// By a token of an authorization server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OAuth2 {
    pub(crate) service: String,
    pub(crate) token_url: Option<String>,
    pub(crate) prefix: String,
    /// Where a ready token is.
    pub(crate) keys: Keys,
}

impl OAuth2 {
    /// The names of all credentials that may get a token.
    pub(crate) fn names(&self) -> Vec<String> {
        let made = ["CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"].map(|suffix| variable(&self.service, suffix));
        self.keys.iter().cloned().chain(made).collect()
    }
}

/// By a keyed digest of a described text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hmac {
    /// Where the key is.
    pub(crate) secret: Keys,
    /// `sha256` or `sha512`.
    pub(crate) algorithm: String,
    /// `hex` or `base64`.
    pub(crate) encoding: String,
    /// What is signed: `{method}`, `{path}`, `{query}`, `{host}`, `{body}`, `{timestamp}`, `{timestamp_ms}`, `{nonce}` and names of
    /// credentials are filled in.
    pub(crate) string: String,
    /// What is sent: the same words, and `{signature}`.
    pub(crate) headers: Vec<(String, String)>,
}

impl Hmac {
    /// The words in capitals that credentials stand for.
    pub(crate) fn variables(&self) -> Vec<String> {
        let texts = std::iter::once(&self.string).chain(self.headers.iter().map(|(_, text)| text));
        let names = texts.flat_map(|text| crate::model::placeholders(text));
        names.filter(|name| is_name(name)).map(Into::into).collect()
    }
}

fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Scheme {
    /// User and password of a service.
    pub(crate) fn basic(service: &str) -> Self {
        let keys = |suffixes: &[&str]| Keys::new(suffixes.iter().map(|suffix| variable(service, suffix)));
        let is_twilio = service == "twilio";
        Self::Basic {
            user: keys(if is_twilio { &["USERNAME", "ACCOUNT_SID"] } else { &["USERNAME"] }),
            password: keys(if is_twilio { &["PASSWORD", "AUTH_TOKEN"] } else { &["PASSWORD"] }),
            keys: keys(&["API_KEY"]),
            default_user: (service == "mailgun").then(|| "api".to_string()),
        }
    }

    /// What a user says: a word, or an object with `type`.
    pub(crate) fn from_value(service: &str, said: &Value) -> Result<Self, String> {
        let keys = |said: &Value| {
            let own = said.get("credential").and_then(Value::as_str).map(Into::into);
            Keys::new(own.into_iter().chain([variable(service, "API_KEY")]))
        };
        let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
        let word = said.as_str().map_or_else(|| text("type"), Into::into);
        match word.as_str() {
            "none" => Ok(Self::None),
            "bearer" | "bearer_token" | "jwt" => {
                let prefix = if said.get("prefix").is_some() { text("prefix") } else { "Bearer".into() };
                Ok(Self::Bearer { prefix, keys: keys(said) })
            }
            "basic" | "basic_auth" => Ok(Self::basic(service)),
            "api_key" | "apiKey" | "key" => {
                let place = match (text("in") + &text("location")).as_str() {
                    "" | "header" => Key::Header,
                    "query" => Key::Query,
                    "cookie" => Key::Cookie,
                    "path" => Key::Path,
                    "body" => Key::Body,
                    other => {
                        return Err(format!(
                            "auth: a key `in` {other:?}; header, query, cookie, path and body are known"
                        ));
                    }
                };
                let name = text("name") + &text("parameter_name");
                let name = if name.is_empty() { "X-API-Key".into() } else { name };
                Ok(Self::Key { place, name, prefix: text("prefix"), keys: keys(said) })
            }
            "oauth2" => {
                let url = text("token_url") + &text("tokenUrl");
                let token_url = (!url.is_empty()).then_some(url);
                Ok(Self::OAuth2(OAuth2 {
                    service: service.into(),
                    token_url,
                    prefix: "Bearer".into(),
                    keys: keys(said),
                }))
            }
            "aws" | "sigv4" | "custom" => Ok(Self::Aws { keys: keys(said) }),
            "headers" => Ok(Self::Headers(pairs(said, "headers")?)),
            "hmac" => {
                let own = said.get("secret").and_then(Value::as_str).map(Into::into);
                let names = [variable(service, "API_SECRET"), variable(service, "API_KEY")];
                let or = |given: String, otherwise: &str| if given.is_empty() { otherwise.to_string() } else { given };
                let mut headers = pairs(said, "headers")?;
                if headers.is_empty() {
                    let prefix = text("prefix");
                    headers.push((or(text("header"), "X-Signature"), prefix + "{signature}"));
                }
                let hmac = Hmac {
                    secret: Keys::new(own.into_iter().chain(names)),
                    algorithm: or(text("algorithm"), "sha256"),
                    encoding: or(text("encoding"), "hex"),
                    string: or(text("string"), "{timestamp}{method}{path}{body}"),
                    headers,
                };
                let is_known = ["sha256", "sha512"].contains(&hmac.algorithm.as_str())
                    && ["hex", "base64"].contains(&hmac.encoding.as_str());
                if is_known {
                    Ok(Self::Hmac(hmac))
                } else {
                    Err("auth: `algorithm` is sha256 or sha512, `encoding` is hex or base64".into())
                }
            }
            other => Err(format!(
                "auth: the type {other:?} is not known; none, bearer, basic, api_key, oauth2, aws, headers and hmac are"
            )),
        }
    }

    /// The names of all credentials that may be used.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::None => Vec::new(),
            Self::Optional(inner) => inner.names(),
            Self::All(schemes) | Self::Any(schemes) => schemes.iter().flat_map(Self::names).collect(),
            Self::Key { keys, .. } | Self::Bearer { keys, .. } => keys.iter().cloned().collect(),
            Self::Basic { user, password, keys, .. } => {
                [keys, user, password].into_iter().flat_map(Keys::iter).cloned().collect()
            }
            Self::OAuth2(oauth) => oauth.names(),
            Self::Aws { keys } => {
                let aws = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(String::from);
                keys.iter().cloned().chain(aws).collect()
            }
            Self::Headers(headers) => {
                headers.iter().flat_map(|(_, text)| crate::model::placeholders(text)).map(Into::into).collect()
            }
            Self::Hmac(hmac) => hmac.secret.iter().cloned().chain(hmac.variables()).collect(),
        };
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// A word for people.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Optional(inner) => inner.word(),
            Self::All(_) => "several",
            Self::Any(schemes) => schemes.first().map_or("none", Self::word),
            Self::Key { .. } => "api_key",
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::OAuth2(_) => "oauth2",
            Self::Aws { .. } => "aws",
            Self::Headers(_) => "headers",
            Self::Hmac(_) => "hmac",
        }
    }
}

fn pairs(said: &Value, key: &str) -> Result<Vec<(String, String)>, String> {
    match said.get(key).unwrap_or(&json!({})) {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let text = value.as_str().ok_or_else(|| format!("auth: `{key}.{name}` is no text"))?;
                Ok((name.clone(), text.to_string()))
            })
            .collect(),
        _ => Err(format!("auth: `{key}` is no object of texts")),
    }
}
