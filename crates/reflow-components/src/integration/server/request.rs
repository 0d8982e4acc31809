//! `tpl_server_request`.

use std::net::TcpListener;
use std::time::Duration;

use super::{FAREWELL, Limits, Ports, Server, serve};
use crate::prelude::*;
use crate::read;

/// Entry point of a webhook flow: brings HTTP requests into the network.
///
/// With a `port` the node runs an HTTP server from the start of the run to its end, on the machine's own address 127.0.0.1 unless
/// `host` says otherwise; port 0 takes a free one. `address` tells once where it listens, and the running network tells it at any
/// time as a fact of the node. Each request with the configured `method` (`ANY` is all) and `path` (a `*` at its end stands for
/// anything) sends `request_id`, `headers`, `params` (the query), `method`, `url` (the path) and `body`, in this order: JSON as
/// kind Object, text as String, in the encoding that its type names, anything else as Bytes. The request is answered by a
/// `tpl_server_response` of the same network. When the work on it failed and no answer has come it is answered with status 500, and
/// `responseTimeout` after it has come with 504, whether or not there was room for it in the network.
///
/// What clients can ask for is limited, so that the server can stand on a public address. Status 503 is for clients beyond
/// `maxConnections` and bodies beyond `maxTotalBodyBytes`, 413 and 431 for a body and a head that are too large. Who does not
/// send a request or take an answer in time is cut off. With the run the server stops listening at once, and open requests are answered with status 503.
///
/// Without a port the request comes from the config: a packet of any kind on any inport sends `body`, `method` and `url`, and
/// `headers` and `params` when they are configured. An object on `request`, `{body, headers, query, method, path}`, is laid over
/// the config for that time.
#[derive(Component)]
#[component(id = "tpl_server_request", title = "Server Request", category = "integration", prepare)]
#[inport(trigger: Any, "Whatever comes sends the configured request.")]
#[inport(request: JsonObject, "A request to send instead.")]
#[outport(body: Any, "The body.")]
#[outport(headers: JsonObject, "The headers, with names in lower case.")]
#[outport(params: JsonObject, "The members of the query.")]
#[outport(method: Text, "The method.")]
#[outport(url: Text, "The path.")]
#[outport(request_id: Text, "What a response names the request by.")]
#[outport(address: Text, "Where the server listens.")]
#[example(
    config = r#"{"path": "/orders", "query": {"page": "2"}}"#,
    steps = r#"[{"request": {"body": {"item": 5}}}]"#,
    outputs = r#"[{"body": [{"item": 5}], "params": [{"page": "2"}], "method": ["POST"], "url": ["/orders"]}]"#
)]
pub(in crate::integration) struct ServerRequest {
    /// The body of the configured request.
    #[config(default = Object::new().into())]
    body: Value,
    /// The headers of the configured request.
    #[config]
    headers: Value,
    /// The query of the configured request; null when it has none.
    #[config(alias = "params")]
    query: Value,
    /// The method of the configured request, and the one that is served.
    #[config(default = "POST".to_string(), lenient)]
    method: String,
    /// The path of the configured request, and the one that is served.
    #[config(default = "/webhook".to_string(), lenient)]
    path: String,
    /// The port of the server; without it none runs.
    #[config]
    port: Option<u16>,
    /// The address that the server listens on.
    #[config(default = "127.0.0.1".to_string())]
    host: String,
    /// The largest body that is taken.
    #[config(key = "maxBodyBytes", default = 16_777_216, unit = "bytes", lenient)]
    max_body_bytes: usize,
    /// How long a request waits for its answer, from when all of it has come.
    #[config(key = "responseTimeout", default = 30_000, unit = "ms", lenient)]
    response_timeout: u64,
    /// Clients that may be connected at once.
    #[config(key = "maxConnections", default = 512, lenient)]
    max_connections: usize,
    /// The bytes that the bodies of all open requests may have together.
    #[config(key = "maxTotalBodyBytes", default = 67_108_864, unit = "bytes", lenient)]
    max_total_body_bytes: usize,
    /// The largest head of a request that is taken.
    #[config(key = "maxHeaderBytes", default = 65_536, unit = "bytes", lenient)]
    max_header_bytes: usize,
    /// How long the head of a request may take to come.
    #[config(key = "headerTimeout", default = 10_000, unit = "ms", lenient)]
    header_timeout: u64,
    /// How long the body of a request may take to come.
    #[config(key = "bodyTimeout", default = 20_000, unit = "ms", lenient)]
    body_timeout: u64,
    /// How long a connection is kept for a further request.
    #[config(key = "idleTimeout", default = 30_000, unit = "ms", lenient)]
    idle_timeout: u64,
    /// How long all of a request may take, from its first byte to the last of its answer; when it is not given, 30 s more than
    /// head, body and answer may take together.
    #[config(key = "requestTimeout", unit = "ms", lenient)]
    request_timeout: Option<u64>,
}

impl ServerRequest {
    fn prepare(&mut self) -> Result<(), String> {
        if self.port.is_some() && !self.path.starts_with('/') {
            return Err(format!("`path` begins with `/`, found \"{}\"", self.path));
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        const TAKING: u64 = 30_000;
        let parts = [self.header_timeout, self.body_timeout, self.response_timeout, TAKING];
        let all = || parts.into_iter().fold(0, u64::saturating_add);
        Limits {
            connections: self.max_connections,
            header_bytes: self.max_header_bytes,
            body_bytes: self.max_body_bytes,
            total_body_bytes: self.max_total_body_bytes,
            header_time: Duration::from_millis(self.header_timeout),
            body_time: Duration::from_millis(self.body_timeout),
            idle_time: Duration::from_millis(self.idle_timeout),
            response_time: Duration::from_millis(self.response_timeout),
            request_time: Duration::from_millis(self.request_timeout.unwrap_or_else(all)),
        }
    }

    fn server(&self) -> Server {
        Server {
            method: self.method.to_uppercase(),
            path: self.path.clone(),
            limits: self.limits(),
            ports: Ports {
                body: Self::OUT_BODY.index(),
                headers: Self::OUT_HEADERS.index(),
                params: Self::OUT_PARAMS.index(),
                method: Self::OUT_METHOD.index(),
                url: Self::OUT_URL.index(),
                request_id: Self::OUT_REQUEST_ID.index(),
            },
        }
    }
}

impl Actor for ServerRequest {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(port) = self.port else { return Ok(()) };
        let listen = || {
            let listener = TcpListener::bind((self.host.as_str(), port))?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) =
            listen().map_err(|error: std::io::Error| format!("cannot listen on {}:{port}: {error}", self.host))?;
        let address = format!("http://{address}");
        tick.node().publish("address", address.as_str())?;
        tick.send(Self::OUT_ADDRESS, address);
        let server = self.server();
        tick.spawn_with_farewell(FAREWELL, move |node| serve(listener, server, node));
        Ok(())
    }

    fn has_setup(&self) -> bool {
        self.port.is_some()
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let empty = || Value::object::<&str, Value>([]);
        let request = tick.input(Self::IN_REQUEST).and_then(read::payload).cloned().unwrap_or_else(empty);
        let member = |name: &str| request.get(name).filter(|value| !value.is_null()).cloned();
        let text =
            |name: &str, otherwise: &str| request.get(name).and_then(Value::as_str).unwrap_or(otherwise).to_string();
        let body = request.get("body").unwrap_or(&self.body).clone();
        let headers = member("headers").unwrap_or_else(|| self.headers.clone());
        let query = member("query").or_else(|| member("params")).unwrap_or_else(|| self.query.clone());
        let (method, url) = (text("method", &self.method), text("path", &self.path));
        for (port, value) in [(Self::OUT_HEADERS, headers), (Self::OUT_PARAMS, query)] {
            if !value.is_null() {
                tick.emit(port, Message::object(value));
            }
        }
        tick.emit(Self::OUT_METHOD, method);
        tick.emit(Self::OUT_URL, url);
        tick.emit(Self::OUT_BODY, Message::object(body));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn null_is_no_query() {
        let outputs = run::<ServerRequest>(json!({"query": null, "params": {"p": 1}}), [json!({"trigger": 1})]);
        assert_eq!(outputs[0]["params"], json!([{"p": 1}]));
        assert_eq!(outputs[0]["body"], json!([{}]));
        let request = json!({"request": {"query": null, "params": {"q": 2}, "body": null, "headers": null}});
        let outputs = run::<ServerRequest>(json!({"headers": {"a": "b"}}), [request]);
        assert_eq!((&outputs[0]["params"], &outputs[0]["headers"]), (&json!([{"q": 2}]), &json!([{"a": "b"}])));
        assert_eq!(outputs[0]["body"], json!([{"type": "Object", "data": null}]));
        assert_eq!(run::<ServerRequest>(json!({"query": null}), [json!({"trigger": 1})])[0].get("params"), None);
    }
}
