//! The names of templates and ports. Graphs depend on them, so the rules are those of the packs that there were before.

/// First words of an `operationId`, with the verb that each stands for.
const FIRST_WORDS: [(&str, &str); 21] = [
    ("list", "list"),
    ("get", "read"),
    ("create", "create"),
    ("post", "create"),
    ("update", "update"),
    ("patch", "update"),
    ("put", "update"),
    ("delete", "delete"),
    ("remove", "delete"),
    ("search", "search"),
    ("find", "search"),
    ("send", "send"),
    ("upload", "upload"),
    ("download", "download"),
    ("start", "start"),
    ("stop", "stop"),
    ("cancel", "cancel"),
    ("generate", "generate"),
    ("analyze", "analyze"),
    ("embed", "embed"),
    ("classify", "classify"),
];

/// Last words of a path that say what is done.
const LAST_WORDS: &str = "activate deactivate approve reject cancel retry start stop pause resume send upload download search \
    invite assign unassign share copy move archive restore publish unpublish subscribe unsubscribe watch unwatch generate analyze \
    translate summarize classify embed verify validate export import refresh sync merge split lock unlock";

/// Words that mean something in Rust: ports of that name end in `_`.
const RESERVED: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for \
    gen if impl in let loop macro match mod move mut override priv pub ref return self Self static struct super trait true try type \
    typeof unsafe unsized use virtual where while yield";

/// What the name of an operation is made of.
pub(crate) struct Named<'a> {
    pub(crate) operation_id: &'a str,
    pub(crate) first_tag: &'a str,
    /// In capitals.
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [&'a str],
}

/// The verb and the resource that an operation is known by.
pub(crate) fn verb_and_resource(named: &Named<'_>) -> (String, String) {
    if let Some(found) = from_operation_id(named.operation_id) {
        return found;
    }
    let segments: Vec<&str> = named.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let plain = segments.iter().rev().find(|segment| !segment.contains('{'));
    let resource = if !named.first_tag.is_empty() && named.first_tag.len() < 30 {
        snake(named.first_tag)
    } else {
        plain.map_or_else(|| "resource".into(), |segment| snake(segment))
    };
    let last = segments.last().copied().unwrap_or_default();
    let verb = if LAST_WORDS.split_whitespace().any(|word| word == last) {
        last
    } else {
        match named.method {
            "GET" if named.path.contains('{') => "read",
            "GET" if named.query.iter().any(|name| ["q", "query", "search", "keywords"].contains(name)) => "search",
            "GET" => "list",
            "POST" => "create",
            "PUT" | "PATCH" => "update",
            "DELETE" => "delete",
            _ => "read",
        }
    };
    (verb.into(), resource)
}

fn from_operation_id(id: &str) -> Option<(String, String)> {
    let begins = |word: &str| id.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let (word, verb) = FIRST_WORDS.iter().find(|(word, _)| begins(word) && id.len() > word.len())?;
    let rest = &id[word.len()..];
    Some(((*verb).into(), snake(rest.strip_prefix('_').unwrap_or(rest))))
}

/// `issueComment` → `issue_comment`, `HTTPRequest` → `httprequest`.
pub(crate) fn snake(text: &str) -> String {
    let mut snake = String::with_capacity(text.len() + 4);
    let mut before: Option<char> = None;
    for c in text.chars() {
        let c = if matches!(c, '-' | ' ' | '.' | '_') { '_' } else { c };
        if c.is_uppercase() && before.is_some_and(|before| !before.is_uppercase()) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        before = Some(c);
    }
    joined(&snake).trim_matches('_').to_string()
}

/// Runs of `_` as one.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '_' || !joined.ends_with('_') {
            joined.push(c);
        }
    }
    joined
}

/// `api_github_list_issues`.
pub(crate) fn compatible_id(service: &str, verb: &str, resource: &str) -> String {
    id(&format!("api_{service}_{verb}_{resource}"))
}

/// The id that every operation has: by its `operationId`, or by method and path.
pub(crate) fn canonical_id(service: &str, operation_id: &str, method: &str, path: &str) -> String {
    let plain: String = operation_id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let word = snake(&plain);
    if !word.is_empty() {
        return id(&format!("api_{service}_{word}"));
    }
    let words: Vec<String> = path
        .split('/')
        .map(|segment| snake(&segment.replace(['{', '}', '+', '*'], "")))
        .filter(|word| !word.is_empty())
        .collect();
    id(&format!("api_{service}_{}_{}", method.to_lowercase(), words.join("_")))
}

fn id(text: &str) -> String {
    let clean: String =
        text.chars().filter(|c| !c.is_control()).map(|c| if c == '-' || c.is_whitespace() { '_' } else { c }).collect();
    let mut id = joined(&clean).trim_end_matches('_').to_string();
    // What is longer than any template id may be loses its end.
    while id.len() > 180 {
        id.pop();
    }
    id
}

/// The inport of a parameter.
pub(crate) fn port(name: &str) -> String {
    let spelled = name.replace('<', "_before").replace('>', "_after");
    let plain: String = spelled.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let joined = joined(&plain);
    let port = joined.trim_start_matches(|c: char| c == '_' || c.is_ascii_digit());
    if port.is_empty() {
        return "param".into();
    }
    if RESERVED.split_whitespace().any(|word| word == port) { format!("{port}_") } else { port.into() }
}

/// The id of a service that a file or a title suggests.
pub(crate) fn service_id(text: &str) -> String {
    let word: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    joined(&word).trim_matches('_').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(operation_id: &str, first_tag: &str, method: &str, path: &str, query: &[&str]) -> String {
        let (verb, resource) = verb_and_resource(&Named { operation_id, first_tag, method, path, query });
        compatible_id("x", &verb, &resource)
    }

    #[test]
    fn each_branch_of_the_rule() {
        for (operation_id, tag, method, path, query, id) in [
            ("listPets", "pets", "GET", "/pets", &[][..], "api_x_list_pets"),
            ("getPetById", "", "GET", "/pets/{id}", &[], "api_x_read_pet_by_id"),
            ("post_pet", "", "POST", "/pets", &[], "api_x_create_pet"),
            ("PATCHPet", "", "PATCH", "/pets", &[], "api_x_update_pet"),
            ("putPet", "", "PUT", "/pets", &[], "api_x_update_pet"),
            ("removePet", "", "DELETE", "/p", &[], "api_x_delete_pet"),
            ("findPets", "", "GET", "/p", &[], "api_x_search_pets"),
            ("Get", "pets", "GET", "/pets", &[], "api_x_list_pets"),
            ("pets/list", "pets", "GET", "/pets/{id}", &[], "api_x_read_pets"),
            ("", "Pet Store", "POST", "/pets/{id}/approve", &[], "api_x_approve_pet_store"),
            ("", "a tag that is much too long for a name", "GET", "/pets/{id}", &[], "api_x_read_pets"),
            ("", "", "GET", "/find-pets", &["q"], "api_x_search_find_pets"),
            ("", "", "GET", "/", &[], "api_x_list_resource"),
            ("", "", "HEAD", "/a/{b}", &[], "api_x_read_a"),
            ("search/code", "", "GET", "/search/code", &["q"], "api_x_search_/code"),
            ("", "", "PUT", "/a", &[], "api_x_update_a"),
            ("", "", "DELETE", "/a/{b}/{c}", &[], "api_x_delete_a"),
        ] {
            assert_eq!(name(operation_id, tag, method, path, query), id, "{operation_id} {method} {path}");
        }
    }

    #[test]
    fn words_are_written_as_they_always_were() {
        for (text, word) in [
            ("HTTPRequest", "httprequest"),
            ("issueComment", "issue_comment"),
            ("a-b.c d", "a_b_c_d"),
            ("__A__B_", "a_b"),
        ] {
            assert_eq!(snake(text), word);
        }
        for (name, word) in [
            ("type", "type_"),
            ("created>", "created_after"),
            ("a[b]", "a_b_"),
            ("X-Client-Name", "X_Client_Name"),
            ("2fa_", "fa_"),
            ("$", "param"),
            ("Self", "Self_"),
        ] {
            assert_eq!(port(name), word);
        }
        assert_eq!(canonical_id("my-api", "", "GET", "/pets/{petId}/toys"), "api_my_api_get_pets_pet_id_toys");
        assert_eq!(canonical_id("x", "ListPets", "GET", "/"), "api_x_list_pets");
        assert_eq!(canonical_id("x", "apps/list-pets", "GET", "/"), "api_x_apps_list_pets");
    }
}
