//! Requests to servers that misbehave; everything on this machine.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reflow_components::testing::{Trial, json_of, step_messages};
use reflow_components::{Entry, catalog, entry};
use reflow_runtime::{Endpoint, Frame, Message, Network, NodeSpec, Policy, block_until};
use serde_json::{Value as Json, json};

/// A server that answers every request with what `respond` makes of its head and body.
fn server(respond: impl Fn(&str, &str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length, mut chunked) = (String::new(), 0, false);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                    break;
                }
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                chunked |= lower.starts_with("transfer-encoding: chunked");
                head += &line;
            }
            let mut body = String::new();
            if chunked {
                loop {
                    let mut size = String::new();
                    reader.read_line(&mut size).unwrap();
                    let size = usize::from_str_radix(size.trim(), 16).unwrap();
                    let mut piece = vec![0; size + 2];
                    reader.read_exact(&mut piece).unwrap();
                    body += std::str::from_utf8(&piece[..size]).unwrap();
                    if size == 0 {
                        break;
                    }
                }
            } else {
                reader.by_ref().take(length).read_to_string(&mut body).unwrap();
            }
            // The other side may have lost its patience.
            let _ = stream.write_all(&respond(&head, &body));
        }
    });
    base
}

fn reply(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends back what came.
fn echo() -> String {
    server(|head, body| {
        let lower = head.to_lowercase();
        let header = |name: &str| {
            let line = lower.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.map_or(Json::Null, |value| value.trim().into())
        };
        let line = head.lines().next().unwrap_or_default();
        let answer = json!({"line": line, "body": body, "type": header("content-type"), "x": header("x-a")});
        reply("200 OK\r\ncontent-type: application/json", answer.to_string().as_bytes())
    })
}

fn request(config: Json, inports: &[&str]) -> Trial {
    let component = Arc::<Entry>::clone(entry("tpl_http_request").unwrap());
    Trial::new(component, config.into(), inports, &[]).unwrap()
}

fn exchange(config: Json, step: &Json) -> Json {
    let step = step_messages(step);
    let inports: Vec<&str> = step.iter().map(|(port, _)| &**port).collect();
    let outputs = request(config, &inports).step(step.clone());
    outputs
        .iter()
        .map(|(port, messages)| (port.clone(), json_of(&messages[0])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn error(config: Json) -> String {
    let outputs = exchange(config, &json!({"headers_in": {"type": "Flow"}}));
    outputs["error_out"]["data"].as_str().unwrap_or_default().to_string()
}

#[test]
fn bodies_by_kind() {
    let base = echo();
    let sent = |config: Json, data: Json| {
        let mut config = config;
        config["url"] = base.clone().into();
        config["method"] = "post".into();
        let outputs = exchange(config, &json!({"data_in": data}));
        let body = outputs["response_out"]["body"].clone();
        (body["body"].clone(), body["type"].clone())
    };
    let json_type = json!("application/json");
    assert_eq!(sent(json!({}), json!({"b": 1, "a": [2.5]})), (json!(r#"{"a":[2.5],"b":1}"#), json_type.clone()));
    assert_eq!(sent(json!({}), json!(5)), (json!("5"), json_type.clone()));
    assert_eq!(sent(json!({}), json!("hi")), (json!("hi"), json!("text/plain; charset=utf-8")));
    assert_eq!(sent(json!({"headers": {"Content-Type": "text/csv"}}), json!("a,b")), (json!("a,b"), json!("text/csv")));
    let bytes = json!({"type": "Bytes", "data": [104, 105]});
    assert_eq!(sent(json!({}), bytes), (json!("hi"), json!("application/octet-stream")));
    assert_eq!(sent(json!({}), json!({"type": "Flow"})), (json!(""), Json::Null));
    assert_eq!(sent(json!({"body": {"k": null}}), json!("unused")), (json!(r#"{"k":null}"#), json_type));
}

#[test]
fn headers_are_remembered_and_the_query_is_added() {
    let config = json!({"url": format!("{}/p?a=1", echo()), "query": {"b": "x y", "n": 2}, "headers": {"X-A": "old"}});
    let mut trial = request(config, &["data_in", "headers_in"]);
    assert!(trial.step(step_messages(&json!({"headers_in": {"x-a": "new", "other": 5}}))).is_empty());
    for _ in 0..2 {
        let outputs = trial.step(step_messages(&json!({"data_in": 1})));
        let body = outputs["response_out"][0].to_value().get("body").cloned().unwrap();
        assert_eq!(body.get("x"), Some(&"new".into()));
        assert_eq!(body.get("line"), Some(&"GET /p?a=1&b=x+y&n=2 HTTP/1.1".into()));
    }
}

#[test]
fn what_goes_wrong_is_told() {
    assert_eq!(error(json!({})), "URL not configured");
    assert_eq!(error(json!({"url": "http://localhost", "method": "FETCH"})), "Unsupported HTTP method: FETCH");
    assert!(
        error(json!({"url": "not a url"})).starts_with("HTTP request failed: relative URL without a base (url: not a")
    );
    assert!(error(json!({"url": "file:///etc/passwd"})).starts_with("HTTP request failed: "));
    assert!(error(json!({"url": "http://127.0.0.1:1/"})).contains("refused"));
    assert!(error(json!({"url": echo(), "headers": {"a b": "c"}})).contains("invalid header `a b`"));
    let large = server(|_, _| reply("200 OK", &[b'x'; 5000]));
    assert!(error(json!({"url": large, "maxResponseBytes": 4999})).contains("the answer has more than 4999 bytes"));
    let text = server(|_, _| reply("200 OK", b"text"));
    assert!(error(json!({"url": text, "responseType": "json"})).contains("the answer is not JSON"));
    let ring = server(|_, _| reply("302 Found\r\nlocation: /again", b""));
    assert!(error(json!({"url": ring})).contains("too many redirects"));
    let broken = server(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec());
    assert!(error(json!({"url": broken})).starts_with("HTTP request failed: "));
    let nonsense = server(|_, _| b"nonsense\r\n\r\n".to_vec());
    assert!(error(json!({"url": nonsense})).starts_with("HTTP request failed: "));
}

#[test]
fn time_is_limited() {
    let slow = server(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        reply("200 OK", b"late")
    });
    let start = Instant::now();
    assert!(error(json!({"url": slow, "timeout": 100})).contains("no answer within 100 ms"));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn redirects_are_followed_or_not() {
    let base = server(|head, _| match head.split_whitespace().nth(1) {
        Some("/old") => reply("302 Found\r\nlocation: /new", b""),
        _ => reply("200 OK", b"new"),
    });
    let body = |follow: bool| {
        let config = json!({"url": format!("{base}/old"), "followRedirects": follow});
        exchange(config, &json!({"headers_in": {}}))["response_out"].clone()
    };
    assert_eq!(body(true)["body"], "new");
    assert_eq!(body(false)["status"], 302);
}

#[test]
fn binary_answers_and_streams_leave_by_a_port_of_their_own() {
    let base = server(|_, _| reply("200 OK\r\ncontent-type: image/png", &[0, 255, 7]));
    let outputs = exchange(json!({"url": base}), &json!({"headers_in": {}}));
    assert_eq!(outputs["body_out"], json!({"type": "Bytes", "data": [0, 255, 7]}));
    assert_eq!(outputs["response_out"]["body"], Json::Null);

    let mut trial = request(json!({"url": base, "responseType": "stream"}), &["headers_in"]);
    trial.send(step_messages(&json!({"headers_in": {}})));
    let deadline = Instant::now() + Duration::from_secs(10);
    let handle = loop {
        match trial.take().remove("body_out").and_then(|mut messages| messages.pop()) {
            Some(Message::StreamHandle(handle)) => break handle,
            _ => assert!(Instant::now() < deadline, "no stream"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(handle.content_type.as_deref(), Some("image/png"));
    let reader = handle.take().unwrap();
    let mut bytes = Vec::new();
    while let Some(Some(frame)) = block_until(Some(deadline), |cx| reader.poll_read(cx)) {
        match frame {
            Frame::Data(data) => bytes.extend_from_slice(&data),
            Frame::Error(text) => panic!("{text}"),
            Frame::Begin(_) | Frame::End => {}
        }
    }
    assert_eq!(bytes, [0, 255, 7]);
}

#[test]
fn the_policy_of_the_node_tries_again() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let base = server(move |_, _| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => b"nonsense\r\n\r\n".to_vec(),
        1 => reply("503 Service Unavailable", b"later"),
        _ => reply("200 OK", b"now"),
    });
    let mut network = Network::new();
    network.set_catalog(catalog());
    let config = json!({"url": base, "fail": "status"});
    let policy = Policy { attempts: 5, delay_ms: 1, ..Policy::default() };
    let node = NodeSpec { policy: Some(policy), ..NodeSpec::new("tpl_http_request", config.into()) };
    network.add_node("get", node);
    network.add_initial(Endpoint::new("get", "data_in"), Message::Flow);
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(Duration::from_secs(10))));
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!((running.stats()[0].state, running.stats()[0].retries), ("finished", 2));
}

/// Asks a server that answers with what `respond` makes of the number of the request; gives what came out and how often it was
/// asked.
fn asked(config: &Json, respond: impl Fn(usize) -> Vec<u8> + Send + 'static) -> (Json, usize) {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let mut config = config.clone();
    config["url"] = server(move |_, _| respond(counted.fetch_add(1, Ordering::SeqCst))).into();
    (exchange(config, &json!({"data_in": "x"})), tries.load(Ordering::SeqCst))
}

#[test]
fn a_request_that_went_wrong_is_made_again() {
    let flaky = |number: usize| match number {
        0 => reply("503 Service Unavailable", b"later"),
        1 => b"nonsense\r\n\r\n".to_vec(),
        2 => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec(),
        3 => reply("429 Too Many Requests\r\nretry-after: 0", b"slow down"),
        _ => reply("200 OK", b"now"),
    };
    let (outputs, tries) = asked(&json!({"retries": 5, "method": "POST"}), flaky);
    assert_eq!((&outputs["response_out"]["body"], tries), (&json!("now"), 5));
    // When no try is left the last answer counts, whatever it is.
    let (outputs, tries) = asked(&json!({"retries": 3}), flaky);
    assert_eq!((&outputs["response_out"]["status"], tries), (&json!(429), 4));
    let (outputs, tries) = asked(&json!({"retries": 1}), flaky);
    assert!(outputs["error_out"]["data"].as_str().unwrap().starts_with("HTTP request failed: no answer"), "{outputs}");
    assert_eq!(tries, 2);
    let (outputs, tries) = asked(&json!({}), flaky);
    assert_eq!((&outputs["response_out"]["status"], tries), (&json!(503), 1));
    assert_eq!(asked(&json!({"retries": "x"}), flaky).1, 1);
}

#[test]
fn what_another_try_does_not_change_is_not_tried_again() {
    let config = json!({"retries": 3, "maxResponseBytes": 4});
    assert_eq!(asked(&config, |_| reply("404 Not Found", b"")).1, 1);
    assert_eq!(asked(&config, |_| reply("200 OK", b"large")).1, 1);
    assert!(error(json!({"url": "file:///etc/passwd", "retries": 3})).starts_with("HTTP request failed: "));
}

#[test]
fn a_server_that_asks_for_patience_gets_it_within_the_time() {
    let start = Instant::now();
    let busy = |number: usize| match number {
        0 => reply("503 Service Unavailable\r\nretry-after: 1", b""),
        _ => reply("200 OK", b"now"),
    };
    let (outputs, tries) = asked(&json!({"retries": 1}), busy);
    assert_eq!((&outputs["response_out"]["body"], tries), (&json!("now"), 2));
    assert!(start.elapsed() >= Duration::from_secs(1));

    let start = Instant::now();
    let (outputs, tries) = asked(&json!({"retries": 9, "timeout": 15_000}), |_| {
        reply("503 Service Unavailable\r\nretry-after: 3600", b"")
    });
    assert_eq!((&outputs["response_out"]["status"], tries), (&json!(503), 1));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_stream_is_sent_as_it_comes() {
    let writer = reflow_runtime::StreamWriter::new(0, "", "", None);
    for frame in [Frame::Data(b"one ".to_vec().into()), Frame::Data(b"two".to_vec().into()), Frame::End] {
        let mut frame = Some(frame);
        block_until(None, |cx| writer.poll_write(cx, &mut frame)).unwrap().unwrap();
    }
    let handle = Message::StreamHandle(writer.handle(None).unwrap());
    let mut trial = request(json!({"url": echo(), "method": "PUT"}), &["data_in"]);
    let outputs = trial.step([("data_in".to_string(), handle)]);
    assert_eq!(
        outputs["response_out"][0].to_value().get("body").and_then(|body| body.get("body")),
        Some(&"one two".into())
    );
}

/// Answers the requests of each connection, one after the other, with what `respond` makes of the number of the connection, the
/// number of the request on it and its head; `None` closes the connection.
fn keeping_server(respond: impl Fn(usize, usize, &str) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let respond = Arc::new(respond);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().flatten().enumerate() {
            let respond = Arc::clone(&respond);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                for request in 0.. {
                    let lines = reader.by_ref().lines().map_while(Result::ok);
                    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                    match respond(connection, request, &head.join("\n")).filter(|_| !head.is_empty()) {
                        Some(answer) => reader.get_mut().write_all(&answer).unwrap(),
                        None => break,
                    }
                }
            });
        }
    });
    base
}

fn kept(body: &str) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

#[test]
fn what_changes_nothing_is_sent_again_when_a_kept_connection_was_just_closed() {
    for (method, is_sent_again) in [("GET", true), ("HEAD", true), ("POST", false)] {
        // One request a connection, and then it is closed without a word, whatever was promised.
        let base =
            keeping_server(|connection, request, _| kept(&format!("connection {connection}")).filter(|_| request == 0));
        let mut trial = request(json!({"url": base, "method": method}), &["data_in"]);
        let mut step = || trial.step(step_messages(&json!({"data_in": {"type": "Flow"}})));
        assert!(step().contains_key("response_out"));
        let outputs = step();
        assert_eq!(outputs.contains_key("response_out"), is_sent_again, "{method}: {outputs:?}");
    }
}

#[test]
fn it_is_sent_again_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let base = keeping_server(move |connection, request, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        kept("x").filter(|_| (connection, request) == (0, 0))
    });
    let mut trial = request(json!({"url": base}), &["data_in"]);
    let mut step = || trial.step(step_messages(&json!({"data_in": {"type": "Flow"}})));
    assert!(step().contains_key("response_out"));
    assert!(step().contains_key("error_out"));
    // The first, the one on the closed connection, and the one more.
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[test]
fn secrets_stay_with_their_server() {
    let seen = |head: &str| {
        let names = ["authorization", "cookie", "x-api-key", "x-plain", "x-mine", "referer"];
        let lower = head.to_lowercase();
        let seen: Vec<&str> =
            names.into_iter().filter(|name| lower.lines().any(|line| line.starts_with(&format!("{name}:")))).collect();
        kept(&seen.join(" "))
    };
    let elsewhere = keeping_server(move |_, _, head| seen(head));
    let target = elsewhere.clone();
    let base = keeping_server(move |_, _, head| match head.split_whitespace().nth(1) {
        Some("/away") => Some(reply(&format!("302 Found\r\nlocation: {target}/"), b"")),
        Some("/here") => Some(reply("307 Temporary Redirect\r\nlocation: /there?x=1", b"")),
        _ => seen(head),
    });
    let ask = |path: &str| {
        let url = format!("{}{path}", base.replace("//", "//user:password@"));
        let headers = json!({"Cookie": "a=1", "X-API-Key": "k", "X-Plain": "p", "X-Mine": "m"});
        let config = json!({"url": url, "headers": headers, "secretHeaders": ["x-mine"]});
        exchange(config, &json!({"data_in": {"type": "Flow"}}))["response_out"].clone()
    };
    let (here, away) = (ask("/here"), ask("/away"));
    assert_eq!(
        (&here["body"], &here["url"]),
        (&json!("authorization cookie x-api-key x-plain x-mine"), &json!(format!("{base}/there?x=1")))
    );
    assert_eq!((&away["body"], &away["url"]), (&json!("x-plain"), &json!(format!("{elsewhere}/"))));
}

#[test]
fn redirects_change_methods_and_keep_bodies_as_browsers_do() {
    for (status, expected) in [(301, "GET "), (302, "GET "), (303, "GET "), (307, "PUT hi"), (308, "PUT hi")] {
        let base = server(move |head, body| match head.split_whitespace().nth(1) {
            Some("/old") => reply(&format!("{status} X\r\nlocation: new"), b""),
            _ => reply("200 OK", format!("{} {body}", head.split(' ').next().unwrap()).as_bytes()),
        });
        let config = json!({"url": format!("{base}/old"), "method": "PUT"});
        assert_eq!(exchange(config, &json!({"data_in": "hi"}))["response_out"]["body"], expected, "{status}");
    }
    let away = server(|_, _| reply("302 Found\r\nlocation: file:///etc/passwd", b""));
    assert!(error(json!({"url": away})).contains("it is redirected to a `file:` address"));
}

#[test]
fn addresses_are_told_without_what_is_secret() {
    let base = echo();
    let url = base.replace("//", "//user:pa%20ss@");
    let outputs = exchange(json!({"url": format!("{url}/p?token=t&q=1")}), &json!({"data_in": {"type": "Flow"}}));
    assert_eq!(outputs["response_out"]["url"], format!("{base}/p?token=***&q=1"));
    assert_eq!(outputs["response_out"]["body"]["line"], "GET /p?token=t&q=1 HTTP/1.1");
    for url in
        ["http://user:pass@127.0.0.1:1/", "http://user:pass@ho st/", "ftp://user:pass@host/", "http://user:pass@"]
    {
        let text = error(json!({"url": url}));
        assert!(text.starts_with("HTTP request failed: ") && !text.contains("pass"), "{text}");
    }
}

#[test]
fn text_is_read_in_its_encoding_and_every_cookie_is_kept() {
    let base = server(|_, _| {
        let head = "200 OK\r\ncontent-type: text/html; charset=iso-8859-1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nvary: c\r\nvary: d";
        reply(head, b"caf\xe9")
    });
    let outputs = exchange(json!({"url": base}), &json!({"data_in": {"type": "Flow"}}));
    let response = &outputs["response_out"];
    assert_eq!((&response["body"], &response["headers"]["set-cookie"]), (&json!("caf\u{e9}"), &json!(["a=1", "b=2"])));
    assert_eq!(response["headers"]["vary"], "c, d");
    for (kind, body) in
        [("application/json", &b"\xef\xbb\xbf[1]"[..]), ("application/json; charset=utf-16le", b"[\x001\0]\0")]
    {
        let base = server(move |_, _| reply(&format!("200 OK\r\ncontent-type: {kind}"), body));
        for read_as in ["auto", "json"] {
            let config = json!({"url": base, "responseType": read_as});
            assert_eq!(exchange(config, &json!({"data_in": {"type": "Flow"}}))["response_out"]["body"], json!([1]));
        }
    }
    let binary = server(|_, _| reply("200 OK\r\ncontent-type: application/octet-stream", b"\xff\xfea\0"));
    let outputs = exchange(json!({"url": binary}), &json!({"data_in": {"type": "Flow"}}));
    assert_eq!(outputs["body_out"]["data"], json!([255, 254, 97, 0]));
}
