//! How a document says who asks.

use std::collections::HashMap;

use super::source::{At, Documents};
use crate::auth::{Key, Keys, OAuth2, Scheme};
use crate::model::variable;

/// The schemes of a document, by name.
pub(super) struct Schemes {
    by_name: HashMap<String, Scheme>,
}

impl Schemes {
    pub(super) fn of(documents: &Documents, service: &str, base_url: &str, warnings: &mut Vec<String>) -> Self {
        let root = documents.root();
        let described = root.get("components").map(|components| components.members("securitySchemes").collect());
        let described: Vec<(&str, At<'_>)> =
            described.unwrap_or_else(|| root.members("securityDefinitions").collect::<Vec<_>>());
        let is_only = described.len() == 1;
        let mut by_name = HashMap::new();
        for (name, scheme) in described {
            let read = documents.resolve(scheme).and_then(|scheme| read(service, base_url, name, is_only, scheme));
            match read {
                Ok(scheme) => {
                    by_name.insert(name.to_string(), scheme);
                }
                Err(why) => warnings.push(format!("security scheme `{name}`: {why}")),
            }
        }
        Self { by_name }
    }

    /// What a list of requirements asks for: the first one that we can meet. Nothing when the list is not there.
    pub(super) fn of_requirements(&self, owner: At<'_>) -> Option<Scheme> {
        owner.value.get("security")?;
        let alternatives: Vec<Vec<&str>> = owner
            .items("security")
            .map(|one| one.value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect())
            .collect();
        if alternatives.is_empty() {
            return Some(Scheme::None);
        }
        let is_optional = alternatives.iter().any(Vec::is_empty);
        let mut met: Vec<Scheme> = Vec::new();
        for names in alternatives.iter().filter(|names| !names.is_empty()) {
            let schemes: Vec<Scheme> = names.iter().filter_map(|name| self.by_name.get(*name).cloned()).collect();
            if schemes.len() == names.len() {
                met.push(if schemes.len() == 1 { schemes.into_iter().next()? } else { Scheme::All(schemes) });
            }
        }
        let scheme = match met.len() {
            0 => return if is_optional { Some(Scheme::None) } else { None },
            1 => met.swap_remove(0),
            _ => Scheme::Any(met),
        };
        Some(if is_optional { Scheme::Optional(Box::new(scheme)) } else { scheme })
    }
}

fn read(service: &str, base_url: &str, name: &str, is_only: bool, scheme: At<'_>) -> Result<Scheme, String> {
    let own = (!is_only).then(|| variable(service, &crate::naming::snake(name).to_ascii_uppercase()));
    let keys = Keys::new(own.into_iter().chain([variable(service, "API_KEY")]));
    match scheme.text("type") {
        "apiKey" => {
            let place = match scheme.text("in") {
                "header" => Key::Header,
                "query" => Key::Query,
                "cookie" => Key::Cookie,
                other => return Err(format!("a key `in` {other:?}; `header`, `query` and `cookie` are known")),
            };
            Ok(Scheme::Key { place, name: scheme.text("name").into(), prefix: String::new(), keys })
        }
        "http" => match scheme.text("scheme").to_ascii_lowercase().as_str() {
            "basic" => Ok(Scheme::basic(service)),
            "bearer" => Ok(Scheme::Bearer { prefix: "Bearer".into(), keys }),
            other => Err(format!("the HTTP scheme {other:?}; `basic` and `bearer` are known")),
        },
        "basic" => Ok(Scheme::basic(service)),
        "oauth2" => {
            let mut token_url = scheme.text("tokenUrl").to_string();
            for (_, flow) in scheme.members("flows") {
                if token_url.is_empty() {
                    token_url = flow.text("tokenUrl").into();
                }
            }
            let token_url = (!token_url.is_empty()).then(|| absolute(base_url, token_url));
            Ok(Scheme::OAuth2(OAuth2 { service: service.into(), token_url, prefix: "Bearer".into(), keys }))
        }
        "openIdConnect" => {
            Ok(Scheme::OAuth2(OAuth2 { service: service.into(), token_url: None, prefix: "Bearer".into(), keys }))
        }
        other => Err(format!("the type {other:?} is not known")),
    }
}

/// The address of tokens, which a document may say as seen from the address of the service.
fn absolute(base_url: &str, address: String) -> String {
    if address.contains("://") {
        return address;
    }
    let joined = reqwest::Url::parse(base_url).and_then(|base| base.join(&address));
    // Variables are known to nodes only; `tokenUrl` of their config helps then.
    joined.ok().filter(|_| !base_url.contains('{')).map_or(address, Into::into)
}
