//! Where the operations of a document are.

use super::Options;
use super::source::{At, Documents};

type Variables = Vec<(String, Option<String>)>;

/// The address of a service, and the variables in it.
pub(super) fn of(documents: &Documents, options: &Options, warnings: &mut Vec<String>) -> (String, Variables) {
    let root = documents.root();
    let (said, variables) = if options.is_swagger { swagger(root) } else { first(root) };
    let url = options.base_url.clone().unwrap_or(said);
    if url.is_empty() {
        warnings.push("the document does not say where the service is; give `base_url`, or a node `baseUrl`".into());
    } else if !url.contains("://") && !url.starts_with('{') {
        warnings.push(format!(
            "the document says only `{url}` of where the service is; give `base_url`, or a node `baseUrl`"
        ));
    }
    let mut variables = variables;
    for name in crate::model::placeholders(&url) {
        if !variables.iter().any(|(known, _)| known == name) {
            variables.push((name.into(), None));
        }
    }
    variables.retain(|(name, _)| url.contains(&format!("{{{name}}}")));
    (url.trim_end_matches('/').to_string(), variables)
}

/// The address that a path or an operation has for itself.
pub(super) fn own(owner: At<'_>) -> Option<String> {
    owner.items("servers").next()?;
    let (mut url, variables) = first(owner);
    for (name, value) in variables {
        if let Some(value) = value {
            url = url.replace(&format!("{{{name}}}"), &value);
        }
    }
    url.contains("://").then(|| url.trim_end_matches('/').to_string())
}

/// The first of `servers`.
fn first(owner: At<'_>) -> (String, Variables) {
    let Some(server) = owner.items("servers").next() else { return Default::default() };
    let default = |variable: At<'_>| match variable.value.get("default") {
        Some(serde_json::Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(serde_json::Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let variables = server.members("variables").map(|(name, variable)| (name.to_string(), default(variable)));
    (server.text("url").to_string(), variables.collect())
}

/// `schemes`, `host` and `basePath` of 2.0.
fn swagger(root: At<'_>) -> (String, Variables) {
    let host = root.text("host");
    let path = root.text("basePath");
    if host.is_empty() {
        return (path.to_string(), Variables::new());
    }
    let schemes: Vec<&str> = root.items("schemes").filter_map(|scheme| scheme.value.as_str()).collect();
    let scheme = if schemes.is_empty() || schemes.contains(&"https") { "https" } else { schemes[0] };
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    (format!("{scheme}://{host}{slash}{path}"), Variables::new())
}
