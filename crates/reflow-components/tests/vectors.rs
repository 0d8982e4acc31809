//! Replays the cases of `tests/vectors/` through real networks: recorded ones, and in `own.jsonl` those of this project.
//!
//! Every case gives what was recorded, or stands in `deviations.json` with the reason why the recorded behaviour is not
//! wanted; a case that stands there and passes all the same is a mistake too.

#![expect(clippy::unwrap_used, reason = "a malformed case is a failed test")]

mod forms;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forms::decoded;
use reflow_components::testing::{Messages, Trial};
use reflow_components::{Entry, entry};
use reflow_runtime::Message;
use serde_json::{Value as Json, json};

/// How long a timer is watched at least.
const PATIENCE_MS: u64 = 500;

/// The families whose cases are replayed.
const FILES: &[&str] = &[
    "a-math.jsonl",
    "a-vector.jsonl",
    "a-flow.jsonl",
    "a-data.jsonl",
    "a-integration.jsonl",
    "b-audio.jsonl",
    "b-corrected.jsonl",
    "b-image.jsonl",
    "b-independent.jsonl",
    "b-stream.jsonl",
    "b-video.jsonl",
    "c-assets.jsonl",
    "c-systems.jsonl",
    "c-scene.jsonl",
    "c-animation.jsonl",
    "d-2d.jsonl",
    "d-mesh-io.jsonl",
    "d-procedural.jsonl",
    "d-sdf.jsonl",
    "d-shader.jsonl",
    "own.jsonl",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn recorded_cases() {
    let deviations: BTreeMap<String, String> = serde_json::from_str(&read("deviations.json")).unwrap();
    let (mut failed, mut passed) = (Vec::new(), 0);
    for file in FILES {
        for line in read(file).lines().filter(|line| !line.trim().is_empty()) {
            let case: Json = serde_json::from_str(line).unwrap();
            let id = case["id"].as_str().unwrap().to_string();
            let case = with_server(case);
            let outcome = replay(&case).and_then(|got| compare(&case, &got));
            match (outcome, deviations.contains_key(&id)) {
                (Ok(()), false) => passed += 1,
                (Err(_), true) => {}
                (Ok(()), true) => failed.push(format!("{id}: passes, but stands in deviations.json")),
                (Err(difference), false) => failed.push(format!("{id}: {difference}")),
            }
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
}

/// The messages of every step, by outport.
fn replay(case: &Json) -> Result<Vec<Json>, String> {
    let template = case["template"].as_str().unwrap();
    let component = entry(template).ok_or_else(|| format!("no component `{template}`"))?;
    let names = |key: &str| case[key].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>();
    let (inports, outports) = (names("ports_in"), names("ports_out"));
    let mut trial = Trial::new(Arc::<Entry>::clone(component), (&case["config"]).into(), &inports, &outports)?;
    let steps = case["steps"].as_array().unwrap();
    // A timer that goes on keeps its network busy; what was recorded is what came out by then.
    let settled = Duration::from_millis(case["settle_ms"].as_u64().unwrap_or(60).max(PATIENCE_MS));
    // So does what waits until somebody reads all that it copies.
    let waits = template.ends_with("_trigger") || template == "tpl_stream_tee";
    let mut links = links(case)?;
    let outputs = steps.iter().map(|step| {
        let mut outputs = if waits {
            trial.send(messages(step)?);
            trial.running().wait(Some(settled));
            trial.take()
        } else {
            trial.step(messages(step)?)
        };
        links.iter_mut().for_each(|link| link.follow(&mut outputs, false));
        outputs.retain(|port, _| outports.contains(&port.as_str()) || links.iter().any(|link| link.made(port)));
        Ok(outputs)
    });
    // Streams are read when everything was sent: what goes into a step may be the end of an earlier one.
    let mut outputs: Vec<Messages> = outputs.collect::<Result<_, String>>()?;
    for link in &mut links {
        outputs.iter_mut().for_each(|step| link.follow(step, true));
    }
    Ok(outputs.iter().map(|outputs| wire(outputs, case)).collect())
}

/// One more component behind a port of the one of the case: what comes out of that stands in the place of the port.
struct Link {
    port: String,
    inport: String,
    outports: Vec<String>,
    trial: Trial,
}

fn links(case: &Json) -> Result<Vec<Link>, String> {
    let drain = json!({"template": "tpl_stream_to_bytes", "in": "stream", "out": ["output", "metadata", "error"]});
    let drains = case["drain"].as_array().into_iter().flatten().map(|port| (port.as_str().unwrap(), &drain));
    let links = case["chain"].as_object().into_iter().flatten().map(|(port, next)| (port.as_str(), next));
    let link = |(port, next): (&str, &Json)| {
        let template = next["template"].as_str().unwrap();
        let component = entry(template).ok_or_else(|| format!("no component `{template}`"))?;
        let inport = next["in"].as_str().unwrap();
        let outports: Vec<&str> = next["out"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let trial = Trial::new(Arc::<Entry>::clone(component), (&next["config"]).into(), &[inport], &outports)?;
        let outports = outports.into_iter().map(|name| format!("{port}.{name}")).collect();
        Ok(Link { port: port.to_string(), inport: inport.to_string(), outports, trial })
    };
    links.chain(drains).map(link).collect()
}

impl Link {
    fn made(&self, port: &str) -> bool {
        self.port == port || self.outports.iter().any(|name| name == port)
    }

    /// Hands on what came out of the port in a step: streams, whose end may be written in a later one, or everything else.
    fn follow(&mut self, step: &mut Messages, streams: bool) {
        let messages = step.remove(&self.port).unwrap_or_default();
        let (now, later): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| streams == matches!(message, Message::StreamHandle(_)));
        if !later.is_empty() {
            step.insert(self.port.clone(), later);
        }
        for message in now {
            for (name, messages) in self.trial.step([(self.inport.clone(), message)]) {
                let name = format!("{}.{name}", self.port);
                if self.outports.contains(&name) {
                    step.entry(name).or_default().extend(messages);
                }
            }
        }
    }
}

fn messages(step: &Json) -> Result<Vec<(String, Message)>, String> {
    let members = step.as_object().unwrap().iter();
    members
        .map(|(port, message)| match forms::message(message) {
            Ok(message) => Ok((port.clone(), message)),
            Err(error) => Err(format!("{port}: {error}")),
        })
        .collect()
}

fn wire(outputs: &Messages, case: &Json) -> Json {
    let joined = |port: &str| case["concat"].as_array().is_some_and(|ports| ports.iter().any(|name| name == port));
    let list = |port: &str, messages: &[Message]| -> Json {
        let form = case["decode"][port].as_str();
        messages.iter().map(|message| forms::written(message, form, joined(port))).collect()
    };
    // Side by side: a stream may wait until another one is read.
    let list = &list;
    std::thread::scope(|scope| {
        let reading = outputs.iter().map(|(port, messages)| (port, scope.spawn(move || list(port, messages))));
        let ports: Vec<_> = reading.collect();
        ports.into_iter().map(|(port, list)| (port.clone(), list.join().unwrap())).collect::<serde_json::Map<_, _>>()
    })
    .into()
}

fn compare(case: &Json, got: &[Json]) -> Result<(), String> {
    let number = |key: &str, default: f64| case[key].as_f64().unwrap_or(default);
    let tolerance = (number("tolerance", 1e-9), number("abs_tolerance", 0.0));
    let is_ordered = !case["unordered"].as_bool().unwrap_or(false);
    let ignored: Vec<&str> = case["ignore"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let arrange = |step: &Json| without(&if is_ordered { step.clone() } else { sorted(step) }, &ignored);
    let want: Vec<Json> = case["expect"].as_array().unwrap().iter().map(arrange).collect();
    let got: Vec<Json> = got.iter().map(arrange).collect();
    match (0..).zip(want.iter().zip(&got)).find(|(_, (want, got))| !same(want, got, tolerance)) {
        Some((step, (want, got))) => Err(format!("step {step}\n  want {want}\n  got  {got}")),
        None if want.len() == got.len() => Ok(()),
        None => Err(format!("{} steps instead of {}", got.len(), want.len())),
    }
}

/// Data without the members of these names, at every depth.
fn without(data: &Json, ignored: &[&str]) -> Json {
    match data {
        Json::Array(items) => items.iter().map(|item| without(item, ignored)).collect(),
        Json::Object(members) => {
            let kept = members.iter().filter(|(key, _)| !ignored.contains(&key.as_str()));
            kept.map(|(key, member)| (key.clone(), without(member, ignored))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A case with an address for `{base}`, where a server answers with the case's pages as long as the test runs.
fn with_server(case: Json) -> Json {
    if case["serve"].is_null() {
        return case;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let pages = case["serve"].clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that goes away early is its own affair.
            let _ = answer(&mut stream, &pages);
        }
    });
    serde_json::from_str(&case.to_string().replace("{base}", &base)).unwrap()
}

fn answer(stream: &mut TcpStream, pages: &Json) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_string(), words.next().unwrap_or_default().to_string());
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    let page = &pages[&path];
    let body = decoded(page["b64"].as_str().unwrap_or_default());
    let mut head = format!(
        "HTTP/1.1 {} status\r\nconnection: close\r\n",
        page["status"].as_u64().unwrap_or(if page.is_null() { 404 } else { 200 })
    );
    for (name, value) in page["headers"].as_object().into_iter().flatten() {
        head.extend([name, ": ", value.as_str().unwrap(), "\r\n"]);
    }
    stream.write_all(head.as_bytes())?;
    write!(stream, "content-length: {}\r\n\r\n", body.len())?;
    if method != "HEAD" {
        stream.write_all(&body)?;
    }
    Ok(())
}

/// A step with the messages of each port in an order of their own.
fn sorted(step: &Json) -> Json {
    let mut step = step.clone();
    for messages in step.as_object_mut().into_iter().flat_map(|ports| ports.values_mut()).filter_map(Json::as_array_mut)
    {
        messages.sort_by_key(ToString::to_string);
    }
    step
}

/// Equality with a relative and an absolute tolerance for numbers, whole ones and others alike.
fn same(a: &Json, b: &Json, tolerance: (f64, f64)) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (a - b).abs() <= tolerance.1.max(tolerance.0 * a.abs().max(b.abs()).max(1.0))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, tolerance)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, tolerance)))
        }
        _ => a == b,
    }
}
