//! One operation of a document.

use std::sync::Arc;

use serde_json::Value;

use super::limits::MOST_PARAMETERS;
use super::schema::{Shape, members, shape};
use super::security::Schemes;
use super::source::{At, Documents};
use super::{Options, servers};
use crate::model::{Body, Operation, Parameter, Place, Service, Style, Type, is_json};

pub(super) struct Reader<'a> {
    pub(super) documents: &'a Documents,
    pub(super) options: &'a Options,
    pub(super) schemes: &'a Schemes,
    pub(super) service: &'a Arc<Service>,
}

impl<'a> Reader<'a> {
    /// Reads the operation; an error is the reason to leave it out.
    pub(super) fn read(
        &self,
        method: &str,
        path: &str,
        item: At<'a>,
        described: At<'a>,
        warnings: &mut Vec<String>,
    ) -> Result<Operation, String> {
        let described = self.documents.resolve(described)?;
        if !described.value.is_object() {
            return Err("is no object".into());
        }
        let is_deprecated = described.flag("deprecated");
        if is_deprecated && !self.options.deprecated {
            return Err("is deprecated; `deprecated=True` takes it in".into());
        }
        if !path.starts_with('/') {
            return Err("its path does not begin with `/`".into());
        }
        let at = format!("{} {path}", method.to_uppercase());
        let mut operation = Operation {
            service: Arc::clone(self.service),
            operation_id: described.text("operationId").into(),
            method: method.to_uppercase(),
            path: path.into(),
            base_url: if self.options.base_url.is_some() {
                None
            } else {
                servers::own(described).or_else(|| servers::own(item))
            },
            summary: one_line(described.text("summary"), described.text("description")),
            text: described.text("description").into(),
            accept: self.accept(described),
            auth: if self.options.auth.is_some() { None } else { self.schemes.of_requirements(described) },
            tags: described.items("tags").filter_map(|tag| tag.value.as_str()).map(Into::into).collect(),
            is_deprecated,
            ..Operation::default()
        };
        self.parameters(item, described, &mut operation, &at, warnings)?;
        if let Some(body) = described.get("requestBody") {
            self.request_body(body, &mut operation, &at, warnings)?;
        }
        if operation.parameters.len() > MOST_PARAMETERS {
            return Err(format!("has more than {MOST_PARAMETERS} parameters"));
        }
        operation.settle();
        Ok(operation)
    }

    /// What the path and the operation take; what the operation says counts where both say something.
    fn parameters(
        &self,
        item: At<'a>,
        described: At<'a>,
        operation: &mut Operation,
        at: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), String> {
        let mut merged: Vec<At<'a>> = Vec::new();
        for parameter in item.items("parameters").chain(described.items("parameters")) {
            let parameter = match self.documents.resolve(parameter) {
                Ok(parameter) => parameter,
                Err(why) => {
                    warnings.push(format!("{at}: a parameter is left out: {why}"));
                    continue;
                }
            };
            let key = |at: At<'a>| (at.text("name"), at.text("in"));
            match merged.iter_mut().find(|known| key(**known) == key(parameter)) {
                Some(known) => *known = parameter,
                None => merged.push(parameter),
            }
        }
        let mut form = Vec::new();
        for parameter in merged {
            let name = parameter.text("name");
            match parameter.text("in") {
                "body" => self.swagger_body(parameter, described, operation),
                "formData" => form.push(parameter),
                "path" | "query" | "header" | "cookie" if name.is_empty() => {
                    warnings.push(format!("{at}: a parameter without a name is left out"));
                }
                // What the request itself decides.
                "header" if ["accept", "content-type", "authorization"].contains(&&*name.to_ascii_lowercase()) => {}
                place @ ("path" | "query" | "header" | "cookie") => {
                    let place = Place::from_word(place).unwrap_or_default();
                    operation.parameters.push(self.parameter(parameter, place));
                }
                other => warnings.push(format!("{at}: the parameter `{name}` is in {other:?}, which is not known")),
            }
        }
        self.swagger_form(form, described, operation);
        Ok(())
    }

    fn parameter(&self, described: At<'a>, place: Place) -> Parameter {
        // `content` says the type by its media type, and that is how the value is written.
        let by_content = described.members("content").next();
        let schema = by_content.map(|(_, media)| media).unwrap_or(described).get("schema").unwrap_or(described);
        let found = shape(self.documents, schema);
        let required = described.flag("required") || place == Place::Path;
        let mut parameter = filled(described.text("name"), place, required, found);
        if !described.text("description").is_empty() {
            parameter.description = described.text("description").into();
        }
        match described.text("style") {
            "label" => parameter.style = Style::Label,
            "matrix" => parameter.style = Style::Matrix,
            "form" => parameter.style = Style::Form,
            "simple" => parameter.style = Style::Simple,
            "spaceDelimited" => parameter.style = Style::Space,
            "pipeDelimited" => parameter.style = Style::Pipe,
            "deepObject" => parameter.style = Style::Deep,
            _ => {}
        }
        if matches!(parameter.style, Style::Space | Style::Pipe) {
            parameter.explode = false;
        }
        parameter.explode = described.value.get("explode").and_then(Value::as_bool).unwrap_or(parameter.explode);
        // 2.0 has words of its own for that, and joins with commas unless it says otherwise.
        if self.options.is_swagger && parameter.kind == Type::Array {
            (parameter.style, parameter.explode) = match (described.text("collectionFormat"), place) {
                ("multi", _) => (Style::Form, true),
                ("ssv", _) => (Style::Space, false),
                ("tsv", _) => (Style::Tab, false),
                ("pipes", _) => (Style::Pipe, false),
                (_, Place::Query | Place::Form) => (Style::Form, false),
                _ => (Style::Simple, false),
            };
        }
        if by_content.is_some_and(|(media_type, _)| is_json(media_type)) {
            parameter.style = Style::Json;
        }
        parameter.allow_reserved = described.flag("allowReserved");
        parameter
    }

    /// The body of 3.x.
    fn request_body(
        &self,
        body: At<'a>,
        operation: &mut Operation,
        at: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), String> {
        let body = match self.documents.resolve(body) {
            Ok(body) => body,
            Err(why) => {
                warnings.push(format!("{at}: its body is left out: {why}"));
                return Ok(());
            }
        };
        let content: Vec<(&str, At<'a>)> = body.members("content").collect();
        let rank = |media_type: &str| {
            let essence = media_type.split(';').next().unwrap_or_default().trim();
            match essence {
                _ if is_json(essence) => 0,
                "application/x-www-form-urlencoded" => 1,
                "multipart/form-data" => 2,
                "*/*" => 3,
                _ => 4,
            }
        };
        let Some((media_type, media)) = content.into_iter().min_by_key(|(media_type, _)| rank(media_type)) else {
            return Ok(());
        };
        let media_type = if media_type == "*/*" { "application/json" } else { media_type };
        self.body(media_type, media.get("schema"), media.get("encoding"), body.flag("required"), operation);
        Ok(())
    }

    /// The body of 2.0.
    fn swagger_body(&self, parameter: At<'a>, described: At<'a>, operation: &mut Operation) {
        let consumes = self.words(described, "consumes");
        let media_type = consumes.iter().find(|kind| is_json(kind)).or(consumes.first());
        let media_type = media_type.map_or("application/json", String::as_str).to_string();
        self.body(&media_type, parameter.get("schema"), None, parameter.flag("required"), operation);
        let description = parameter.text("description");
        for raw in operation.parameters.iter_mut().filter(|one| one.place == Place::Raw && one.description.is_empty()) {
            raw.description = description.into();
        }
    }

    fn swagger_form(&self, form: Vec<At<'a>>, described: At<'a>, operation: &mut Operation) {
        if form.is_empty() {
            return;
        }
        let consumes = self.words(described, "consumes");
        let has_file = form.iter().any(|parameter| parameter.text("type") == "file");
        let is_multipart = has_file || consumes.iter().any(|kind| kind.starts_with("multipart/"));
        let content_type = if is_multipart { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
        let required = form.iter().any(|parameter| parameter.flag("required"));
        operation.body = Some(Body { content_type: content_type.into(), required });
        operation.parameters.extend(form.into_iter().map(|parameter| self.parameter(parameter, Place::Form)));
    }

    fn body(
        &self,
        media_type: &str,
        schema: Option<At<'a>>,
        encoding: Option<At<'a>>,
        required: bool,
        operation: &mut Operation,
    ) {
        let body = Body { content_type: media_type.into(), required };
        let is_form = body.is_multipart() || body.content_type.starts_with("application/x-www-form-urlencoded");
        let place = match (body.is_json(), is_form) {
            (true, _) => Place::Body,
            (_, true) => Place::Form,
            _ => Place::Raw,
        };
        operation.body = Some(body);
        let found =
            schema.filter(|_| place != Place::Raw).map(|schema| members(self.documents, schema)).unwrap_or_default();
        let is_whole = found.members.is_empty();
        for member in found.members {
            // A member is required only where the body is.
            let mut parameter = filled(&member.name, place, member.required && required, member.shape);
            if place == Place::Form {
                let said = encoding.and_then(|encoding| encoding.get(&member.name));
                parameter.content_type =
                    said.map(|said| said.text("contentType").to_string()).filter(|kind| !kind.is_empty());
                let deep = said.is_some_and(|said| said.text("style") == "deepObject");
                if deep || parameter.kind == Type::Object {
                    parameter.style = Style::Deep;
                }
                if let Some(explode) = said.and_then(|said| said.value.get("explode")).and_then(Value::as_bool) {
                    parameter.explode = explode;
                }
            }
            operation.parameters.push(parameter);
        }
        if is_whole || found.is_open {
            let found = schema.map(|schema| shape(self.documents, schema)).unwrap_or_default();
            let kind = if place == Place::Raw && found.kind == Type::Text { Type::Any } else { found.kind };
            let mut parameter = filled("body", Place::Raw, required && is_whole, Shape { kind, ..found });
            // Beside members of the same name it needs one of its own.
            parameter.port = operation.extra_port("body");
            operation.parameters.push(parameter);
        }
    }

    /// A list of texts that an operation has, or its document.
    fn words(&self, described: At<'a>, key: &str) -> Vec<String> {
        let of = |at: At<'a>| at.items(key).filter_map(|word| word.value.as_str()).map(Into::into).collect::<Vec<_>>();
        if described.value.get(key).is_some() { of(described) } else { of(self.documents.root()) }
    }

    /// The media types that an answer may have.
    fn accept(&self, described: At<'a>) -> String {
        let mut kinds: Vec<String> =
            if self.options.is_swagger { self.words(described, "produces") } else { Vec::new() };
        for (status, response) in described.members("responses") {
            if !(status.starts_with('2') || status == "default") {
                continue;
            }
            let Ok(response) = self.documents.resolve(response) else { continue };
            for (kind, _) in response.members("content") {
                if !kinds.iter().any(|known| known == kind) {
                    kinds.push(kind.into());
                }
            }
        }
        kinds.retain(|kind| kind.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        kinds.truncate(20);
        kinds.join(", ")
    }
}

fn filled(name: &str, place: Place, required: bool, found: Shape) -> Parameter {
    let mut parameter = Parameter::new(name, place, found.kind, required);
    parameter.description = found.description;
    parameter.default = found.default;
    parameter.choices = found.choices;
    parameter
}

/// The first sentence of what an operation says of itself.
fn one_line(summary: &str, description: &str) -> String {
    let text = if summary.is_empty() { description } else { summary };
    let line = text.trim().lines().next().unwrap_or_default().trim();
    line.chars().take(200).collect()
}
