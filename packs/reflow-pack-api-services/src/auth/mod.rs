//! How requests say who asks: what a service wants, and what a node has.

pub(crate) mod hmac_string;
mod oauth;
mod scheme;
pub(crate) mod sigv4;

pub(crate) use oauth::{Token, forget, token};
pub(crate) use scheme::{Hmac, Key, Keys, OAuth2, Scheme};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reflow_pack_sdk::Value;

use crate::mask::Secrets;

/// What a node has: the config, in which the variables of its `env_vars` are resolved, and the environment if it may be used.
pub(crate) struct Credentials<'a> {
    pub(crate) config: &'a Value,
    pub(crate) use_environment: bool,
}

impl Credentials<'_> {
    /// The credential of this name.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let text = match self.config.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.trim().to_string()),
            Some(other) => Some(other.to_json_string()),
        };
        let of_environment = || if self.use_environment { std::env::var(name).ok() } else { None };
        text.filter(|text| !text.is_empty()).or_else(of_environment).filter(|text| !text.is_empty())
    }

    /// The first of several names that there is something under.
    pub(crate) fn first(&self, names: &Keys) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }
}

/// What is added to a request so that it says who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Grant {
    Header(String, String),
    Query(String, String),
    Cookie(String, String),
    /// In the place of a variable of the address.
    Path(String, String),
    /// A member of the body.
    Body(String, String),
    /// A token that is to be had elsewhere.
    Token(Token),
    /// AWS Signature, version 4.
    Aws(sigv4::AwsKeys),
    Hmac(Hmac, Vec<(String, String)>),
}

/// What is missing, by the names that a node may give it under.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Missing(pub(crate) Vec<String>);

/// What a scheme adds with these credentials. Every secret in it is noted.
pub(crate) fn grants(scheme: &Scheme, credentials: &Credentials<'_>, secrets: &Secrets) -> Result<Vec<Grant>, Missing> {
    let noted = |text: Option<String>, names: &Keys| {
        let text = text.ok_or_else(|| Missing(names.iter().cloned().collect()))?;
        secrets.add(&text);
        Ok(text)
    };
    match scheme {
        Scheme::None => Ok(Vec::new()),
        Scheme::Optional(inner) => Ok(grants(inner, credentials, secrets).unwrap_or_default()),
        Scheme::All(schemes) => {
            let mut all = Vec::new();
            for scheme in schemes {
                all.extend(grants(scheme, credentials, secrets)?);
            }
            Ok(all)
        }
        Scheme::Any(schemes) => {
            let mut missing = Vec::new();
            for scheme in schemes {
                match grants(scheme, credentials, secrets) {
                    Ok(granted) => return Ok(granted),
                    Err(Missing(names)) => names.into_iter().for_each(|name| {
                        if !missing.contains(&name) {
                            missing.push(name);
                        }
                    }),
                }
            }
            Err(Missing(missing))
        }
        Scheme::Key { place, name, prefix, keys } => {
            let value = prefixed(prefix, &noted(credentials.first(keys), keys)?);
            let name = name.clone();
            Ok(vec![match place {
                Key::Header => Grant::Header(name, value),
                Key::Query => Grant::Query(name, value),
                Key::Cookie => Grant::Cookie(name, value),
                Key::Path => Grant::Path(name, value),
                Key::Body => Grant::Body(name, value),
            }])
        }
        Scheme::Bearer { prefix, keys } => {
            let value = prefixed(prefix, &noted(credentials.first(keys), keys)?);
            Ok(vec![Grant::Header("Authorization".into(), value)])
        }
        Scheme::Basic { user, password, keys, default_user } => {
            let pair = match (credentials.first(user), credentials.first(password)) {
                (Some(user), Some(password)) => {
                    secrets.add(&password);
                    format!("{user}:{password}")
                }
                (user_alone, password_alone) => match (credentials.first(keys), user_alone, password_alone) {
                    (Some(pair), _, _) => {
                        secrets.add(&pair);
                        match pair.split_once(':') {
                            Some((_, password)) => {
                                secrets.add(password);
                                pair
                            }
                            None => default_user
                                .as_ref()
                                .map_or_else(|| format!("{pair}:"), |user| format!("{user}:{pair}")),
                        }
                    }
                    _ => {
                        let all = [user, password, keys].into_iter().flat_map(Keys::iter).cloned();
                        return Err(Missing(all.collect()));
                    }
                },
            };
            let coded = STANDARD.encode(&pair);
            secrets.add(&coded);
            Ok(vec![Grant::Header("Authorization".into(), format!("Basic {coded}"))])
        }
        Scheme::OAuth2(oauth) => {
            if let Some(ready) = credentials.first(&oauth.keys) {
                secrets.add(&ready);
                return Ok(vec![Grant::Header("Authorization".into(), prefixed(&oauth.prefix, &ready))]);
            }
            match Token::of(oauth, credentials, secrets) {
                Some(token) => Ok(vec![Grant::Token(token)]),
                None => Err(Missing(oauth.names())),
            }
        }
        Scheme::Aws { keys } => match sigv4::AwsKeys::of(credentials) {
            Some(aws) => {
                secrets.add(&aws.secret);
                aws.session.iter().for_each(|session| secrets.add(session));
                Ok(vec![Grant::Aws(aws)])
            }
            None => {
                let text = credentials
                    .first(keys)
                    .ok_or_else(|| Missing(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(String::from).into()))?;
                secrets.add(&text);
                match sigv4::AwsKeys::parse(&text, credentials) {
                    Some(aws) => {
                        secrets.add(&aws.secret);
                        Ok(vec![Grant::Aws(aws)])
                    }
                    // A ready token, for what stands before the service.
                    None => Ok(vec![Grant::Header("Authorization".into(), text)]),
                }
            }
        },
        Scheme::Headers(headers) => {
            let mut granted = Vec::new();
            for (name, template) in headers {
                granted.push(Grant::Header(name.clone(), filled(template, credentials, secrets)?));
            }
            Ok(granted)
        }
        Scheme::Hmac(hmac) => {
            let secret = noted(credentials.first(&hmac.secret), &hmac.secret)?;
            let mut values = vec![(String::new(), secret)];
            for name in hmac.variables() {
                if let Some(value) = credentials.get(&name) {
                    secrets.add(&value);
                    values.push((name, value));
                }
            }
            Ok(vec![Grant::Hmac(hmac.clone(), values)])
        }
    }
}

/// A template with credentials in the place of their names: `Token {ACME_TOKEN}`.
fn filled(template: &str, credentials: &Credentials<'_>, secrets: &Secrets) -> Result<String, Missing> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        let value = credentials.get(name).ok_or_else(|| Missing(vec![name.into()]))?;
        secrets.add(&value);
        text.push_str(before);
        text.push_str(&value);
        rest = after;
    }
    Ok(text + rest)
}

fn prefixed(prefix: &str, value: &str) -> String {
    match prefix.trim_end() {
        "" => value.into(),
        prefix if prefix.ends_with('=') => format!("{prefix}{value}"),
        prefix => match value.split_at_checked(prefix.len()) {
            // Who says the prefix too means it once.
            Some((said, rest)) if said.eq_ignore_ascii_case(prefix) && rest.starts_with(' ') => value.into(),
            _ => format!("{prefix} {value}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_there_once() {
        for (prefix, value, whole) in [
            ("", "key", "key"),
            ("Bearer", "key", "Bearer key"),
            ("Token ", "key", "Token key"),
            ("Bearer", "bearer key", "bearer key"),
            ("Token token", "token TOKEN key", "token TOKEN key"),
            ("Bearer", "Bearerkey", "Bearer Bearerkey"),
            // The byte where the prefix would end is in the middle of a letter.
            ("Bearer", "schl\u{fc}ssel", "Bearer schl\u{fc}ssel"),
            ("Bearer", "12345\u{20ac} x", "Bearer 12345\u{20ac} x"),
            ("token=", "key", "token=key"),
        ] {
            assert_eq!(prefixed(prefix, value), whole);
        }
    }
}
