//! `tpl_server_response`.

use std::collections::{BTreeSet, VecDeque};

use hyper::StatusCode;

use super::framing;
use super::pending::{Answer, answer};
use crate::prelude::*;
use crate::read;

/// Answers a request that `tpl_server_request` brought into the network.
///
/// Each packet on `body` makes one response: `response` is `{statusCode, contentType, body}`, with `headers` when some came. The
/// newest `status` and `headers` that came before count, for one response. In `response` the body of text, numbers, truth values,
/// lists and objects is JSON, and null for other kinds; over the wire, text goes as it is unless the content type is JSON, Bytes
/// always go as they are, and everything else goes as JSON.
///
/// When a server of the same network has open requests, the oldest is answered, or with `request_id` connected the one that it
/// names; the ids are used up in order, one a response.
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
#[component(id = "tpl_server_response", title = "Server Response", category = "integration")]
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
    status: Option<i64>,
    #[state]
    headers: Option<Value>,
    #[state]
    ids: VecDeque<String>,
    /// Headers that were left out, of which a warning has told.
    #[state]
    warned: BTreeSet<String>,
}

/// Ids that may wait for their bodies.
const MAX_IDS: usize = 1 << 16;

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

    fn respond(&mut self, tick: &mut Tick<'_>, message: &Message) -> Result<(), Failure> {
        let status = self.status.take().unwrap_or(self.status_code);
        let headers = self.headers.take();
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
        let is_answered = answer(tick.node().run_id(), self.ids.pop_front().as_deref(), given);
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

impl Actor for ServerResponse {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(status) = tick.input(Self::IN_STATUS) {
            // What is no status is told when it would be used.
            self.status =
                Some(read::number(status).filter(|status| status.fract() == 0.0).map_or(0, |status| status as i64));
        }
        if let Some(headers) = tick.input(Self::IN_HEADERS).and_then(read::payload) {
            self.headers = Some(headers.clone());
        }
        if let Some(id) = tick.input(Self::IN_REQUEST_ID).and_then(read::text) {
            if self.ids.len() >= MAX_IDS {
                self.ids.pop_front();
            }
            self.ids.push_back(id.to_string());
        }
        match tick.take(Self::IN_BODY) {
            Some(body) => self.respond(tick, &body),
            None => Ok(()),
        }
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
