use serde_json::json;

use super::source::Documents;
use super::*;
use crate::auth::{Credentials, Grant, grants};
use crate::mask::Secrets;
use crate::model::{Place, Type};

fn read_with(document: Value, options: Options) -> Imported {
    import(&Documents::of(document).unwrap(), options).unwrap()
}

fn read(document: Value) -> Imported {
    read_with(document, Options { service: Some("x".into()), ..Options::default() })
}

/// A document of 3.0 with these paths.
fn document(paths: Value) -> Value {
    json!({"openapi": "3.0.3", "info": {"title": "X"}, "servers": [{"url": "https://x.test/api"}], "paths": paths})
}

/// Name, place and type of each parameter, and whether it is required.
fn parameters(operation: &Operation) -> Vec<(&str, Place, Type, bool)> {
    operation.parameters.iter().map(|one| (one.name.as_str(), one.place, one.kind, one.required)).collect()
}

#[test]
fn an_edition_of_2_is_read() {
    let imported = read(json!({
        "swagger": "2.0", "info": {"title": "Old"}, "host": "old.test", "basePath": "/v1", "schemes": ["http", "https"],
        "consumes": ["application/json"],
        "paths": {
            "/a/{id}": {
                "parameters": [{"name": "id", "in": "path", "type": "integer", "required": true}],
                "get": {"parameters": [{"name": "tags", "in": "query", "type": "array", "collectionFormat": "pipes"}]},
                "put": {"parameters": [{"name": "it", "in": "body", "required": true, "schema": {"$ref": "#/definitions/It"}}]},
            },
            "/form": {"post": {"consumes": ["multipart/form-data"], "parameters": [
                {"name": "file", "in": "formData", "type": "file", "required": true}, {"name": "note", "in": "formData", "type": "string"}]}},
        },
        "definitions": {"It": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
    }));
    assert_eq!(imported.service.base_url, "https://old.test/v1");
    let [get, put, form] = &imported.operations[..] else { panic!("{:?}", imported.skipped) };
    assert_eq!(parameters(get), [("id", Place::Path, Type::Integer, true), ("tags", Place::Query, Type::Array, false)]);
    assert_eq!(parameters(put)[1], ("name", Place::Body, Type::Text, true));
    assert_eq!(parameters(form), [("file", Place::Form, Type::File, true), ("note", Place::Form, Type::Text, false)]);
    assert!(form.body.as_ref().is_some_and(crate::model::Body::is_multipart));
}

#[test]
fn types_of_3_1_and_composed_bodies_are_read() {
    let imported = read(document(json!({"/a": {"post": {
        "parameters": [{"name": "n", "in": "query", "schema": {"type": ["integer", "null"]}},
                       {"name": "m", "in": "query", "schema": {"anyOf": [{"type": "string"}, {"type": "null"}]}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {
            "allOf": [{"required": ["a"], "properties": {"a": {"type": "string"}, "id": {"type": "integer", "readOnly": true}}}],
            "oneOf": [{"required": ["b", "c"], "properties": {"b": {"type": "boolean"}, "c": {"type": "number"}}},
                      {"required": ["b"], "properties": {"b": {"type": "boolean"}}}]}}}},
    }}})));
    let found = parameters(&imported.operations[0]);
    assert_eq!(
        found,
        [
            ("n", Place::Query, Type::Integer, false),
            ("m", Place::Query, Type::Text, false),
            ("a", Place::Body, Type::Text, true),
            ("b", Place::Body, Type::Boolean, true),
            ("c", Place::Body, Type::Number, false),
            ("body", Place::Raw, Type::Object, false),
        ]
    );
}

#[test]
fn references_that_lead_in_a_circle_are_reasons() {
    let mut document = document(json!({
        "/a": {"get": {"parameters": [{"$ref": "#/components/parameters/a"}]}},
        "/b": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}},
        "/c": {"$ref": "#/paths/~1c"},
    }));
    document["components"] = json!({
        "parameters": {"a": {"$ref": "#/components/parameters/b"}, "b": {"$ref": "#/components/parameters/a"}},
        "schemas": {"Node": {"allOf": [{"$ref": "#/components/schemas/Node"}, {"properties": {"next": {"$ref": "#/components/schemas/Node"}}}]}},
    });
    let imported = read(document);
    assert_eq!(imported.operations.len(), 2);
    assert!(imported.warnings.iter().any(|warning| warning.contains("circle")), "{:?}", imported.warnings);
    assert!(imported.skipped.iter().any(|(at, why)| at == "/c" && why.contains("circle")), "{:?}", imported.skipped);
    assert_eq!(imported.operations[1].parameters[0].name, "next");
}

#[test]
fn operations_of_the_same_name_are_told_apart() {
    let imported = read(document(json!({
        "/a": {"get": {"operationId": "listThings"}}, "/b": {"get": {"operationId": "list-things"}},
        "/c": {"get": {"deprecated": true}}, "/d": {"trace": {}}, "e": {"get": {}}, "/f": [],
    })));
    let ids: Vec<_> = imported.operations.iter().map(|operation| operation.ids.clone()).collect();
    assert_eq!(ids, [vec!["api_x_list_things"], vec!["api_x_list_things_2"]]);
    let skipped: Vec<_> = imported.skipped.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(skipped, ["GET /c", "TRACE /d", "/f", "GET e"]);
}

/// The names of the credentials of the first operation.
fn names(imported: &Imported) -> Vec<String> {
    imported.operations[0].auth().names()
}

#[test]
fn credentials_are_called_by_the_service_of_the_document() {
    let mut titled = document(json!({"/a": {"get": {}}}));
    titled["info"]["title"] = "Pet Store".into();
    let options = Options { auth: Some("bearer".into()), ..Options::default() };
    let imported = read_with(titled.clone(), options);
    assert_eq!(imported.service.id, "pet_store");
    assert_eq!(names(&imported), ["PET_STORE_API_KEY"]);
    let wrong = Options { auth: Some("hope".into()), ..Options::default() };
    assert!(import(&Documents::of(titled).unwrap(), wrong).unwrap_err().contains("hope"));
}

#[test]
fn security_is_what_the_document_asks_for() {
    let mut document = document(json!({"/a": {"get": {}}}));
    document["components"] = json!({"securitySchemes": {
        "key": {"type": "apiKey", "in": "query", "name": "k"}, "token": {"type": "http", "scheme": "Bearer"},
        "login": {"type": "oauth2", "flows": {"password": {"tokenUrl": "../token", "scopes": {}}}},
        "odd": {"type": "http", "scheme": "digest"}, "tls": {"type": "mutualTLS"},
    }});
    let mut granted = |security: Value, config: &[(&str, &str)]| {
        document["security"] = security;
        let imported = read(document.clone());
        let config = reflow_pack_sdk::Value::object(config.iter().copied());
        let credentials = Credentials { config: &config, use_environment: false };
        grants(imported.operations[0].auth(), &credentials, &Secrets::default()).map_err(|missing| missing.0)
    };
    let (key, token) = (("X_KEY", "1234"), ("X_TOKEN", "5678"));
    let (by_query, by_header) =
        (Grant::Query("k".into(), "1234".into()), Grant::Header("Authorization".into(), "Bearer 5678".into()));
    // Both, one of them, none if there is none.
    assert_eq!(
        granted(json!([{"key": [], "token": []}]), &[key, token]).unwrap(),
        [by_query.clone(), by_header.clone()]
    );
    assert_eq!(granted(json!([{"key": [], "token": []}]), &[key]).unwrap_err(), ["X_TOKEN", "X_API_KEY"]);
    assert_eq!(granted(json!([{"key": []}, {"token": []}]), &[token]).unwrap(), [by_header]);
    assert_eq!(granted(json!([{}, {"key": []}]), &[]).unwrap(), []);
    // What cannot be met is no way in.
    assert_eq!(granted(json!([{"odd": []}, {"key": [], "tls": []}, {"key": []}]), &[key]).unwrap(), [by_query]);
    // Addresses of tokens are as seen from the service.
    let client = [("X_CLIENT_ID", "me"), ("X_CLIENT_SECRET", "hush")];
    let tokens = granted(json!([{"login": []}]), &client).unwrap();
    let [Grant::Token(token)] = &tokens[..] else { panic!("{tokens:?}") };
    assert_eq!(token.url, "https://x.test/token");
}

#[test]
fn servers_say_where_operations_are() {
    let mut document = document(json!({
        "/a": {"get": {"servers": [{"url": "https://up.test/{v}", "variables": {"v": {"default": "2"}}}]}, "post": {}},
        "/b": {"servers": [{"url": "/relative"}], "get": {}},
    }));
    document["servers"] = json!([{"url": "https://{region}.x.test:{port}/", "variables": {"region": {"default": "eu"}, "port": {"default": 8443}}}]);
    let imported = read(document);
    let variables = [("region".to_string(), Some("eu".to_string())), ("port".into(), Some("8443".into()))];
    assert_eq!(imported.service.variables, variables);
    let bases: Vec<_> = imported.operations.iter().map(Operation::base_url).collect();
    assert_eq!(bases, ["https://up.test/2", "https://{region}.x.test:{port}", "https://{region}.x.test:{port}"]);
}
