//! The HTTP server against clients that misbehave; everything on this machine.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reflow_components::catalog;
use reflow_runtime::{
    AsyncActor, Component, ComponentSpec, Endpoint, Failure, Instance, Network, NodeSpec, PortSpec, Running, Tick,
    Value, async_trait,
};
use serde_json::{Value as Json, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for ever with the first packet that it gets.
struct Stuck;

impl Component for Stuck {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::new(ComponentSpec {
            inports: vec![PortSpec { name: "in".into(), ..PortSpec::default() }],
            ..ComponentSpec::default()
        })
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(Instance::new_async(Self))
    }
}

#[async_trait]
impl AsyncActor for Stuck {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.node().cancelled().await;
        Ok(())
    }
}

/// A running webhook flow.
struct Flow {
    running: Running,
    port: u16,
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.running.shutdown(PATIENCE);
    }
}

/// A flow with these wires from the request to the response.
fn flow(server: Json, response: Json, wires: &[(&str, &str)]) -> Flow {
    start(server, response, |network| {
        for (from, to) in wires {
            network.add_connection(Endpoint::new("in", *from), Endpoint::new("out", *to), None);
        }
    })
}

fn start(mut server: Json, response: Json, wire: impl FnOnce(&mut Network)) -> Flow {
    let mut network = Network::new();
    network.set_catalog(catalog());
    server["port"] = 0.into();
    network.add_node("in", NodeSpec::new("tpl_server_request", server.into()));
    network.add_node("out", NodeSpec::new("tpl_server_response", response.into()));
    wire(&mut network);
    let running = network.start().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let port = loop {
        let facts = running.facts("in").unwrap();
        if let Some(address) = facts.get("address").and_then(Value::as_str) {
            break address.rsplit(':').next().unwrap().parse().unwrap();
        }
        assert!(Instant::now() < deadline, "the server does not start");
        std::thread::yield_now();
    };
    Flow { running, port }
}

impl Flow {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn send(&self, head: &str, body: &str) -> String {
        let text = format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.raw(text.as_bytes())
    }

    /// Everything that comes until the server closes the connection.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        rest(&mut stream)
    }
}

/// Everything that still comes.
fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

/// One answer of a connection that is kept.
fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn requests_are_answered_by_the_network() {
    let config = json!({"path": "/hook", "maxBodyBytes": 1000});
    let flow = flow(config, json!({"statusCode": 201}), &[("body", "body"), ("params", "headers")]);
    let answer = flow.send("POST /hook?x-b=2 HTTP/1.1\r\ncontent-type: application/json", r#"{"b":1,"a":2}"#);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("x-b: 2") && answer.contains("content-type: application/json"), "{answer}");
    assert_eq!(body_of(&answer), r#"{"a":2,"b":1}"#);
    assert_eq!(body_of(&flow.send("POST /hook HTTP/1.1\r\ncontent-type: text/plain", "hi")), r#""hi""#);
    assert_eq!(body_of(&flow.send("POST /hook HTTP/1.1", "")), "{}");
    assert!(flow.send("GET /hook HTTP/1.1", "").starts_with("HTTP/1.1 405"));
    assert!(flow.send("POST /else HTTP/1.1", "").starts_with("HTTP/1.1 404"));
    assert!(flow.send("POST /hook HTTP/1.1", &"x".repeat(1001)).starts_with("HTTP/1.1 413"));
    let chunked = "POST /hook HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n";
    assert!(flow.raw(format!("{chunked}{}", "x".repeat(1001)).as_bytes()).starts_with("HTTP/1.1 413"));
    let port = flow.port;
    drop(flow);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the server is gone with its network");
}

#[test]
fn many_requests_at_once_get_their_own_answers() {
    let wires = [("request_id", "request_id"), ("url", "body")];
    let flow = flow(json!({"method": "any", "path": "/*"}), json!({"contentType": "text/plain"}), &wires);
    std::thread::scope(|scope| {
        for number in 0..40 {
            let flow = &flow;
            scope.spawn(move || {
                let answer = flow.send(&format!("GET /{number} HTTP/1.1"), "");
                assert_eq!(body_of(&answer), format!("/{number}"));
            });
        }
    });
}

#[test]
fn requests_of_one_connection_are_answered_in_their_order() {
    let wires = [("url", "body")];
    let flow = flow(json!({"method": "any", "path": "/*"}), json!({"contentType": "text/plain"}), &wires);
    let requests: Vec<_> = (0..20).map(|number| format!("GET /{number} HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
    let mut stream = flow.connect();
    stream.write_all(requests.concat().as_bytes()).unwrap();
    for number in 0..20 {
        assert_eq!(body_of(&one_answer(&mut stream)), format!("/{number}"));
    }
}

#[test]
fn a_network_that_says_nothing_is_timed_out() {
    let flow = flow(json!({"responseTimeout": 50}), json!({}), &[]);
    assert!(flow.send("POST /webhook HTTP/1.1", "").starts_with("HTTP/1.1 504"));
}

#[test]
fn the_time_counts_also_for_who_waits_for_room() {
    let flow = start(json!({"responseTimeout": 300}), json!({}), |network| {
        network.register("stuck", Arc::new(Stuck)).unwrap();
        network.add_node("stuck", NodeSpec::new("stuck", Value::Null));
        network.add_connection(Endpoint::new("in", "body"), Endpoint::new("stuck", "in"), Some(1));
    });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let start = Instant::now();
                assert!(flow.send("POST /webhook HTTP/1.1", "").starts_with("HTTP/1.1 504"));
                assert!(start.elapsed() < Duration::from_secs(10));
            });
        }
    });
}

#[test]
fn a_port_that_is_taken_fails_the_node() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut network = Network::new();
    network.set_catalog(catalog());
    network.add_node("in", NodeSpec::new("tpl_server_request", json!({"port": port}).into()));
    let running = network.start().unwrap();
    running.wait(Some(Duration::from_secs(5)));
    let report = format!("{:?}", running.report());
    assert!(report.contains("cannot listen on 127.0.0.1"), "{report}");
    running.shutdown(Duration::from_secs(5));
}

// ---- where an answer ends

#[test]
fn a_handler_does_not_say_where_its_answer_ends() {
    let wires = [("body", "body"), ("params", "headers")];
    let flow = flow(json!({"path": "/*"}), json!({"contentType": "text/plain"}), &wires);
    let evil = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nEVIL!!";
    for query in
        ["content-length=0", "content-length=500", "transfer-encoding=chunked", "connection=close", "x=1%0d%0ay:2"]
    {
        let mut stream = flow.connect();
        for _ in 0..2 {
            let head = format!("POST /x?{query} HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain");
            write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{evil}", evil.len()).unwrap();
            let answer = one_answer(&mut stream);
            assert_eq!(body_of(&answer), evil, "{query}: {answer}");
            assert!(!answer.to_lowercase().contains("transfer-encoding") && !answer.contains("\ny:"), "{answer}");
        }
    }
}

#[test]
fn some_answers_have_no_body() {
    let answer = |status: i64, method: &str| {
        let flow = flow(json!({"method": "any"}), json!({"statusCode": status}), &[("method", "body")]);
        let mut stream = flow.connect();
        write!(
            stream,
            "{method} /webhook HTTP/1.1\r\nhost: x\r\n\r\nGET /else HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        rest(&mut stream)
    };
    for (status, method, has_length) in [(204, "GET", false), (304, "GET", true), (200, "HEAD", true)] {
        let answer = answer(status, method);
        let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(head.contains("content-length"), has_length, "{answer}");
        assert!(rest.starts_with("HTTP/1.1 404"), "nothing comes between two answers: {answer}");
    }
    for status in [100, 101, 199] {
        assert!(answer(status, "GET").starts_with("HTTP/1.1 500"));
    }
}

// ---- limits

#[test]
fn who_does_not_come_to_an_end_is_cut_off() {
    let config = json!({"headerTimeout": 300, "bodyTimeout": 300, "idleTimeout": 300});
    let flow = flow(config, json!({}), &[("body", "body")]);
    let head = "POST /webhook HTTP/1.1\r\nhost: x\r\n";
    std::thread::scope(|scope| {
        for (begun, told) in [
            ("", ""),
            ("POST", ""),
            (&*format!("{head}x-a: "), ""),
            (&*format!("{head}content-length: 10\r\n\r\n{{"), ""),
            (&*format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nab"), ""),
            // An answer, and then nothing more.
            (&*format!("{head}content-length: 0\r\n\r\n"), "HTTP/1.1 200"),
        ] {
            let (flow, begun) = (&flow, begun.to_string());
            scope.spawn(move || {
                let answer = flow.raw(begun.as_bytes());
                assert!(answer.starts_with(told) && (told.is_empty() == answer.is_empty()), "{begun:?}: {answer:?}");
            });
        }
        // Slowly is no way around it.
        scope.spawn(|| {
            let mut stream = flow.connect();
            let start = Instant::now();
            while start.elapsed() < PATIENCE && stream.write_all(b"G").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(start.elapsed() < PATIENCE);
        });
    });
}

#[test]
fn who_does_not_take_its_answer_is_cut_off() {
    let config = json!({"requestTimeout": 500, "maxBodyBytes": 64 << 20});
    let flow = flow(config, json!({"contentType": "text/plain"}), &[("body", "body")]);
    let mut stream = flow.connect();
    let length = 40 << 20;
    write!(stream, "POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n")
        .unwrap();
    // It may be cut off already when the machine is slow.
    let _ = stream.write_all(&vec![b'x'; length]);
    std::thread::sleep(Duration::from_millis(1500));
    assert!(rest(&mut stream).len() < length);
}

#[test]
fn there_is_room_for_so_many_connections() {
    let flow = flow(json!({"maxConnections": 2}), json!({}), &[("body", "body")]);
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = flow.connect();
            stream.write_all(b"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").unwrap();
            assert!(one_answer(&mut stream).starts_with("HTTP/1.1 200"));
            stream
        })
        .collect();
    let mut turned_away = flow.connect();
    assert!(rest(&mut turned_away).starts_with("HTTP/1.1 503"));
    drop(held);
    let deadline = Instant::now() + PATIENCE;
    while !flow.send("POST /webhook HTTP/1.1", "").starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline, "the room of those who left is not given to others");
    }
}

#[test]
fn there_is_room_for_so_many_bytes() {
    let config = json!({"maxTotalBodyBytes": 1000, "maxHeaderBytes": 2000});
    let flow = flow(config, json!({}), &[("body", "body")]);
    let begun: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut stream = flow.connect();
            let head = "POST /webhook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 900";
            write!(stream, "{head}\r\n\r\n{}", "x".repeat(600)).unwrap();
            stream
        })
        .collect();
    let (answered, answers) = std::sync::mpsc::channel();
    for stream in &begun {
        let (mut stream, answered) = (stream.try_clone().unwrap(), answered.clone());
        std::thread::spawn(move || answered.send(rest(&mut stream)));
    }
    // There is room for one of them, and the others are told at once.
    for _ in 0..4 {
        assert!(answers.recv_timeout(PATIENCE).unwrap().starts_with("HTTP/1.1 503"));
    }
    for mut stream in begun {
        // Those that were told have been closed.
        let _ = stream.write_all(&[b'x'; 300]);
    }
    assert!(answers.recv_timeout(PATIENCE).unwrap().starts_with("HTTP/1.1 200"));
    assert!(flow.send("POST /webhook HTTP/1.1", &"x".repeat(900)).starts_with("HTTP/1.1 200"), "room is given back");
    let large = format!("POST /webhook HTTP/1.1\r\nx-large: {}\r\n", "x".repeat(3000));
    assert!(flow.send(&large, "").starts_with("HTTP/1.1 431"));
}

#[test]
fn with_the_run_everybody_is_told_and_the_port_is_free() {
    let flow = flow(json!({}), json!({}), &[]);
    let idle = flow.connect();
    let [mut waiting, mut sending] = [0, 1].map(|_| {
        let mut stream = flow.connect();
        let head = "POST /webhook HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        assert!(one_answer(&mut stream).starts_with("HTTP/1.1 100"));
        stream
    });
    waiting.write_all(&[b'x'; 10]).unwrap();
    let start = Instant::now();
    assert!(flow.running.shutdown(PATIENCE).is_empty());
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(TcpListener::bind(("127.0.0.1", flow.port)).is_ok());
    assert!(rest(&mut waiting).starts_with("HTTP/1.1 503"));
    assert!(rest(&mut sending).starts_with("HTTP/1.1 503"));
    let mut idle = idle;
    assert_eq!(rest(&mut idle), "");
    let _ = idle.shutdown(Shutdown::Both);
}
