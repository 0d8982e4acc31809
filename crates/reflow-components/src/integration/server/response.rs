//! `tpl_server_response`.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;

use super::framing;
use super::pending::{Answer, Parts, To, answer, keep_parts, take_parts};
use crate::prelude::*;
use crate::read;

/// Answers a request that `tpl_server_request` brought into the network.
///
/// Each packet on `body` makes one response: `response` is `{statusCode, contentType, body}`, with `headers` when some came. The
/// newest `status` and `headers` that came before count, for one response. In `response` the body of text, numbers, truth values,
/// lists and objects is JSON, and null for other kinds; over the wire, text goes as it is unless the content type is JSON, Bytes
/// always go as they are, and everything else goes as JSON.
///
/// The answer goes to the request that its body descends from, whatever became of other requests on the way, or with
/// `request_id` connected to the one that the id beside it names: the body and id that descend from one request, or from another
/// packet, belong together. A request is answered once, and what comes later goes to nobody.
///
/// Where an answer ends is said by the server: its headers of length, transfer and connection that come on `headers` are left
/// out with a warning, as is what can be no header. A list stands for a header that comes several times. An answer with status
/// 204 or 304 and one to `HEAD` has no body.
///
/// # Errors
///
/// A status that is no whole number from 100 to 599 sends an Error and answers with status 500; so does one below 200 that is to
/// answer a request, since it only announces an answer.
#[derive(Component)]
#[component(id = "tpl_server_response", title = "Server Response", category = "integration", origins)]
#[inport(body: Any, "The body; makes the response.")]
#[inport(status: Integer, "The status of the next response.")]
#[inport(headers: JsonObject, "Headers of the next response.")]
#[inport(request_id: Text, "The request that is answered.")]
#[outport(response: JsonObject, "The response.")]
#[outport(error: ErrorText, "What is wrong with it.")]
#[example(
    config = r#"{"statusCode": 201}"#,
    steps = r#"[{"body": {"id": 7}}]"#,
    outputs = r#"[{"response": [{"statusCode": 201, "contentType": "application/json", "body": {"id": 7}}]}]"#
)]
pub(in crate::integration) struct ServerResponse {
    /// The status when none came.
    #[config(key = "statusCode", default = 200, range = 100..=599, lenient)]
    status_code: i64,
    /// The media type of the body.
    #[config(key = "contentType", default = "application/json".to_string(), lenient)]
    content_type: String,
    #[state]
    is_named: bool,
    /// Status and headers for the next answer that is none to a request.
    #[state]
    next: Parts,
    /// Ids and bodies that descend from no request, by what they do descend from.
    #[state]
    others: BTreeMap<u64, Parts>,
    /// Headers that were left out, of which a warning has told.
    #[state]
    warned: BTreeSet<String>,
}

/// Ids and bodies without a partner that are kept, where nobody tells that none will come.
const MAX_OTHERS: usize = 1 << 10;

/// Headers of which a warning tells that they are left out.
const MAX_WARNED: usize = 32;

impl ServerResponse {
    fn bytes(&self, body: &Message) -> Result<bytes::Bytes, String> {
        Ok(match body {
            Message::Bytes(bytes) => bytes.to_bytes(),
            Message::String(text) if !self.content_type.contains("json") => text.as_bytes().to_vec().into(),
            other => other.as_value().unwrap_or_default().to_json().map_err(|error| error.to_string())?.into(),
        })
    }

    /// The headers that an answer gets, with a warning for what is left out.
    fn framed(&mut self, tick: &Tick<'_>, headers: Option<&Value>) -> framing::Given {
        let mut given = framing::headers(headers, &self.content_type);
        for (name, why) in given.ignored.drain(..) {
            if self.warned.len() < MAX_WARNED && self.warned.insert(name.clone()) {
                tick.node().log("warning", format!("the header {name:?} is left out of answers: it {why}"));
            }
        }
        given
    }

    fn respond(&mut self, tick: &mut Tick<'_>, to: Option<To<'_>>, response: Response) -> Result<(), Failure> {
        let Response { status, headers, body: message } = response;
        let message = &message;
        let status = status.unwrap_or(self.status_code);
        let is_status = (100..=599).contains(&status);
        let of_answer = u16::try_from(status).ok().filter(|status| (200..=599).contains(status));
        let body = self.bytes(message);
        let given = Answer {
            status: of_answer
                .filter(|_| body.is_ok())
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: self.framed(tick, headers.as_ref()).headers,
            body: body.clone().unwrap_or_default(),
        };
        let is_answered = to.is_some_and(|to| answer(tick.node().run_id(), to, given));
        if let Err(text) = body {
            return tick.report(Self::OUT_ERROR, format!("The body cannot be written: {text}"));
        }
        if is_answered && is_status && of_answer.is_none() {
            return tick.report(Self::OUT_ERROR, format!("The status {status} announces an answer and is none"));
        }
        if !is_status {
            return tick.report(Self::OUT_ERROR, format!("A status is a whole number from 100 to 599, not {status}"));
        }
        let body = if matches!(message, Message::Error(_)) { None } else { message.as_value() };
        let mut response = vec![
            ("statusCode", Value::Integer(status)),
            ("contentType", self.content_type.as_str().into()),
            ("body", body.unwrap_or_default()),
        ];
        response.extend(headers.map(|headers| ("headers", headers)));
        tick.emit(Self::OUT_RESPONSE, Message::object(Value::object(response)));
        Ok(())
    }
}

/// A response that is complete.
struct Response {
    status: Option<i64>,
    headers: Option<Value>,
    body: Message,
}

impl Parts {
    /// Takes what this tick brings.
    fn add(&mut self, tick: &mut Tick<'_>) {
        if let Some(status) = tick.input(ServerResponse::IN_STATUS) {
            // What is no status is told when it would be used.
            let status = read::number(status).filter(|status| status.fract() == 0.0);
            self.status = Some(status.map_or(0, |status| status as i64));
        }
        if let Some(headers) = tick.input(ServerResponse::IN_HEADERS).and_then(read::payload) {
            self.headers = Some(headers.clone());
        }
        self.ids.extend(tick.input(ServerResponse::IN_REQUEST_ID).and_then(read::text).map(str::to_string));
        self.bodies.extend(tick.take(ServerResponse::IN_BODY));
    }

    /// The next body, with its id when it needs one.
    fn pair(&mut self, is_named: bool) -> Option<(Option<String>, Message)> {
        if is_named && self.ids.is_empty() {
            return None;
        }
        let body = self.bodies.pop_front()?;
        Some((self.ids.pop_front(), body))
    }
}

impl Actor for ServerResponse {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.is_named = tick.node().connected_inports().iter().any(|port| &**port == "request_id");
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (run, node) = (tick.node().run_id().to_string(), std::sync::Arc::clone(tick.node().id()));
        let origin = tick.origin().map_or(0, |origin| origin.root().id());
        if let Some(mut parts) = take_parts(&run, origin, &node) {
            parts.add(tick);
            let mut result = Ok(());
            while result.is_ok()
                && let Some((id, body)) = parts.pair(self.is_named)
            {
                let response = Response { status: parts.status.take(), headers: parts.headers.take(), body };
                result = self.respond(tick, Some(id.as_deref().map_or(To::Origin(origin), To::Id)), response);
            }
            keep_parts(&run, origin, &node, parts);
            return result;
        }
        // Ids that nothing in the network brings come from outside, each right before its body.
        let origin = if self.is_named { origin } else { 0 };
        let mut parts = self.others.remove(&origin).unwrap_or_default();
        parts.add(tick);
        self.next.status = parts.status.take().or(self.next.status);
        self.next.headers = parts.headers.take().or_else(|| self.next.headers.take());
        let mut result = Ok(());
        while result.is_ok()
            && let Some((id, body)) = parts.pair(self.is_named)
        {
            let response = Response { status: self.next.status.take(), headers: self.next.headers.take(), body };
            result = self.respond(tick, id.as_deref().map(To::Id), response);
        }
        if !(parts.ids.is_empty() && parts.bodies.is_empty()) {
            self.others.insert(origin, parts);
            if self.others.len() > MAX_OTHERS {
                self.others.pop_first();
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn status_and_headers_count_for_one_response() {
        let steps =
            [json!({"status": 404}), json!({"headers": {"x-a": "1"}}), json!({"body": [1]}), json!({"body": null})];
        let outputs = run::<ServerResponse>(json!({}), steps);
        assert_eq!(outputs[..2], [json!({}), json!({})]);
        let response =
            json!({"statusCode": 404, "contentType": "application/json", "body": [1], "headers": {"x-a": "1"}});
        assert_eq!(outputs[2], json!({"response": [response]}));
        let response = json!({"statusCode": 200, "contentType": "application/json", "body": null});
        assert_eq!(outputs[3], json!({"response": [response]}));
    }

    #[test]
    fn a_status_may_be_written_as_a_float() {
        let outputs = run::<ServerResponse>(json!({"statusCode": 404.0}), [json!({"body": 1})]);
        assert_eq!(outputs[0]["response"][0]["statusCode"], 404);
    }

    #[test]
    fn a_status_must_be_one() {
        for status in [json!(99), json!(600), json!(200.5), json!("x"), json!(1e300)] {
            let outputs = run::<ServerResponse>(json!({}), [json!({"status": status}), json!({"body": 1})]);
            assert!(outputs[1]["error"][0]["data"].as_str().unwrap().starts_with("A status is a whole number"));
        }
    }
}
