//! Making a request out of an operation and the values of its parameters.

mod body;
mod style;
mod value;

pub(crate) use value::{Part, Values, checked, of_message};

use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Url};

use crate::auth::Grant;
use crate::error::Refusal;
use crate::model::{Operation, Place, bare};
use crate::settings::Settings;

/// Who we are.
const AGENT: &str = concat!("offbit-reflow/", env!("CARGO_PKG_VERSION"));

/// A request that is ready to be sent, but for what is signed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
    /// What has to be looked at whenever it is sent: tokens and signatures.
    pub(crate) late: Vec<Grant>,
}

/// Makes the request.
pub(crate) fn prepare(
    operation: &Operation,
    settings: &Settings,
    values: &Values,
    grants: Vec<Grant>,
) -> Result<Prepared, Refusal> {
    let missing = missing(operation, settings, values, &grants);
    if !missing.is_empty() {
        return Err(Refusal::missing_parameters(missing));
    }
    let method = Method::from_bytes(operation.method.as_bytes())
        .map_err(|_| Refusal::invalid(format!("the method {:?} is none", operation.method), Vec::new()))?;
    let url = address(operation, settings, values, &grants)?;
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let accept = if operation.accept.is_empty() { "application/json, */*;q=0.5" } else { &operation.accept };
    headers.insert(ACCEPT, header_value("Accept", accept)?);
    let (body, content_type) = body::write(operation, values, &grants)?;
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, header_value("Content-Type", &content_type)?);
    }
    for (name, value) in &operation.headers {
        headers.insert(header_name(name)?, header_value(name, value)?);
    }
    let mut cookies = Vec::new();
    for (parameter, part) in values.of(operation, |place| matches!(place, Place::Header | Place::Cookie)) {
        let text = style::simple(parameter, part)?;
        if parameter.place == Place::Header {
            headers.insert(header_name(&parameter.name)?, header_value(&parameter.name, &text)?);
        } else {
            cookies.push(format!("{}={}", parameter.name, encode(&text, false)));
        }
    }
    let mut late = Vec::new();
    for grant in grants {
        match grant {
            Grant::Header(name, value) => {
                let mut secret = header_value(&name, &value)?;
                secret.set_sensitive(true);
                headers.insert(header_name(&name)?, secret);
            }
            Grant::Cookie(name, value) => cookies.push(format!("{name}={}", encode(&value, false))),
            Grant::Token(_) | Grant::Aws(_) | Grant::Hmac(..) => late.push(grant),
            // In the address or the body already.
            Grant::Query(..) | Grant::Path(..) | Grant::Body(..) => {}
        }
    }
    if !cookies.is_empty() {
        headers.insert(COOKIE, header_value("Cookie", &cookies.join("; "))?);
    }
    for (name, value) in &settings.headers {
        headers.insert(header_name(name)?, header_value(name, value)?);
    }
    Ok(Prepared { method, url, headers, body: body.into(), late })
}

/// What is required and not there.
fn missing(operation: &Operation, settings: &Settings, values: &Values, grants: &[Grant]) -> Vec<String> {
    // Where a parameter is the credential itself, that is its value.
    let is_granted = |name: &str| {
        grants.iter().any(|grant| {
            matches!(grant, Grant::Body(known, _) | Grant::Query(known, _) | Grant::Header(known, _) if known == name)
        })
    };
    let has_raw = values.of(operation, |place| place == Place::Raw).next().is_some();
    let mut missing: Vec<String> = Vec::new();
    for (index, parameter) in operation.parameters.iter().enumerate() {
        // Whoever gives the body as a whole gives its members.
        let is_there = values.get(index).is_some() || (has_raw && matches!(parameter.place, Place::Body | Place::Form));
        if parameter.required && !is_there && !is_granted(&parameter.name) && !missing.contains(&parameter.port) {
            missing.push(parameter.port.clone());
        }
    }
    missing.extend(settings.missing_variables(operation));
    missing
}

/// Where the request goes.
fn address(operation: &Operation, settings: &Settings, values: &Values, grants: &[Grant]) -> Result<Url, Refusal> {
    let mut base = settings.base_url(operation);
    for grant in grants {
        if let Grant::Path(name, value) = grant {
            base = base.replace(&format!("{{{name}}}"), &encode(value, false));
        }
    }
    let (path, mut query) = if operation.graphql.is_some() || operation.service.is_graphql {
        (String::new(), Vec::new())
    } else {
        let written = operation.path.split('#').next().unwrap_or_default();
        let (path, query) = written.split_once('?').unwrap_or((written, ""));
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(Into::into).collect();
        (self::path(operation, path, values)?, query)
    };
    for (parameter, part) in values.of(operation, |place| place == Place::Query) {
        query.extend(style::query(parameter, part)?);
    }
    for grant in grants {
        if let Grant::Query(name, value) = grant {
            query.push(format!("{}={}", encode(name, false), encode(value, false)));
        }
    }
    let base = base.trim_end_matches('/');
    let path = if operation.is_built_in && !settings.has_own_base() {
        crate::builtin::without_overlap(base, &path)
    } else {
        &path
    };
    let mut text = format!("{base}{path}");
    if !query.is_empty() {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(&query.join("&"));
    }
    let url: Url = text.parse().map_err(|error| {
        Refusal::invalid(
            format!("the address {text:?} is none: {error}; `baseUrl` says where the service is"),
            Vec::new(),
        )
    })?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(Refusal::invalid(format!("the address {text:?} is not one of `http` or `https`"), Vec::new()))
    }
}

/// The path with values in the place of its placeholders.
fn path(operation: &Operation, written: &str, values: &Values) -> Result<String, Refusal> {
    let mut path = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, after)) = after.split_once('}') else { break };
        path.push_str(&plain_path(before));
        let name = bare(placeholder);
        let found = values.of(operation, |place| place == Place::Path).find(|(parameter, _)| parameter.name == name);
        let (parameter, part) = found.ok_or_else(|| Refusal::missing_parameters(vec![name.to_string()]))?;
        let text = style::path(parameter, part, placeholder.starts_with('+'))?;
        if text.is_empty() || text == "." || text == ".." {
            let why = format!("`{}`: {text:?} would change where the path leads", parameter.port);
            return Err(Refusal::invalid(why, vec![parameter.port.clone()]));
        }
        path.push_str(&text);
        rest = after;
    }
    Ok(path + &plain_path(rest))
}

/// A part of a path as a document writes it, without what no address may hold.
fn plain_path(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/@!$&'()*+,;=%".contains(c);
    text.chars().map(|c| if fits(c) { c.to_string() } else { encode(&c.to_string(), false) }).collect()
}

fn header_name(name: &str) -> Result<HeaderName, Refusal> {
    name.parse().map_err(|_| Refusal::invalid(format!("the header name {name:?} is none"), vec![name.into()]))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| Refusal::invalid(format!("`{name}`: the value is none that a header can have"), vec![name.into()]))
}

/// Percent-encodes everything but unreserved characters; with `reserved`, also leaves what has a meaning in addresses but does not
/// end a part of them.
pub(crate) fn encode(text: &str, reserved: bool) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain || (reserved && b":/[]@!$'()*,;".contains(&byte)) {
            coded.push(byte.into());
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }
    coded
}
