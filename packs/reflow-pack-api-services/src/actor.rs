//! The one actor of all operations: values in, a request out, an answer back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reflow_pack_sdk::{AsyncActor, Begin, Failure, Frame, Kind, Message, StreamReader, StreamWriter, Tick, Value};
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use crate::auth::{Credentials, Missing, grants};
use crate::client::{Arrived, Engine, Sending, detail, is_same_server};
use crate::component::{DATA, ERROR, Extra, PAGE, RESPONSE, STREAM};
use crate::error::Refusal;
use crate::import::source::decode;
use crate::limit::{BUCKETS, Bucket};
use crate::mask::Secrets;
use crate::model::{Operation, Parameter, Place, Type};
use crate::request::{Part, Prepared, Values, checked, of_message, prepare};
use crate::response::{Answer, content_type, head, read};
use crate::settings::Settings;
use crate::sse::Events;

/// Packets of one port that wait for partners.
const MOST_WAITING: usize = 10_000;
/// Ports of a node that are looked at.
const MOST_PORTS: usize = 64;
/// Bytes of a stream that becomes a body.
const MOST_BYTES: usize = 512 << 20;

/// A node that calls an operation.
pub(crate) struct Caller {
    operation: Arc<Operation>,
    settings: Arc<Settings>,
    extra: Extra,
    secrets: Secrets,
    /// How many secrets the runtime knows of.
    told: usize,
    engine: Option<Arc<Engine>>,
    bucket: Option<Arc<Bucket>>,
    /// Whether ticks bring packets one by one, and this actor has to find out what belongs together. Said by what is connected
    /// when the run begins; what comes from outside later changes nothing.
    pairs: bool,
    /// The inports that were connected then.
    fed: Vec<String>,
    /// What waits for partners, by port.
    waiting: HashMap<String, VecDeque<Message>>,
    /// The newest packet of each port.
    newest: HashMap<String, Message>,
}

impl Caller {
    pub(crate) fn new(operation: Arc<Operation>, settings: Settings) -> Self {
        Self {
            extra: Extra::of(&operation),
            operation,
            settings: Arc::new(settings),
            secrets: Secrets::default(),
            told: 0,
            engine: None,
            bucket: None,
            pairs: false,
            fed: Vec::new(),
            waiting: HashMap::new(),
            newest: HashMap::new(),
        }
    }

    /// The packets of a request by their ports; nothing while some are missing.
    fn gather(&mut self, tick: &mut Tick<'_>) -> Result<Option<HashMap<String, Message>>, Refusal> {
        let indices: Vec<usize> = tick.inputs().map(|(port, _)| port).collect();
        let mut came: HashMap<String, Message> = HashMap::new();
        for port in indices {
            let name = tick.node().inport_name(port);
            if let Some(message) = tick.take(port) {
                came.insert(name, message);
            }
        }
        let is_own = came.len() == 1 && !self.settings.each && self.pairs;
        let Some((port, message)) =
            came.iter().next().map(|(port, message)| (port.clone(), message.clone())).filter(|_| is_own)
        else {
            return Ok(Some(came));
        };
        if port == self.extra.trigger {
            let mut newest = self.newest.clone();
            newest.insert(port, message);
            return Ok(Some(newest));
        }
        if port == self.extra.input {
            return Ok(Some(came));
        }
        self.newest.insert(port.clone(), message.clone());
        if self.fed.contains(&self.extra.trigger) {
            // It decides alone when a request is sent.
            return Ok(None);
        }
        let queue = self.waiting.entry(port.clone()).or_default();
        if queue.len() >= MOST_WAITING {
            return Err(Refusal::invalid(
                format!("`{port}`: {MOST_WAITING} packets wait for those of other ports"),
                vec![port],
            ));
        }
        queue.push_back(message);
        let is_parameter = |name: &&String| **name != self.extra.input && **name != self.extra.trigger;
        let mut needed: Vec<String> = self.fed.iter().filter(is_parameter).cloned().collect();
        if needed.is_empty() {
            // Nothing is connected: what comes from outside is complete when everything required is there.
            let required = self
                .operation
                .parameters
                .iter()
                .filter(|one| one.required && one.default.is_none() && self.settings.default_of(one).is_none());
            needed = required.map(|one| one.port.clone()).collect();
        }
        let is_there = |name: &String| self.waiting.get(name).is_some_and(|queue| !queue.is_empty());
        if !needed.iter().all(is_there) {
            return Ok(None);
        }
        let mut gathered = HashMap::new();
        for (name, queue) in &mut self.waiting {
            if let Some(message) = queue.pop_front() {
                gathered.insert(name.clone(), message);
            }
        }
        Ok(Some(gathered))
    }

    /// Notes what is connected.
    fn look_around(&mut self, tick: &Tick<'_>) {
        let node = tick.node();
        let mut names: Vec<String> = self.operation.ports().into_iter().map(Into::into).collect();
        names.extend([self.extra.input.clone(), self.extra.trigger.clone()]);
        // Ports of `tpl_api_request` are not declared; those that are there are connected.
        for port in 0..MOST_PORTS {
            let name = node.inport_name(port);
            if node.inport(&name) == Some(port) && !names.contains(&name) {
                names.push(name);
            }
        }
        let is_fed = |name: &String| node.inport(name).is_some_and(|port| node.is_inport_connected(port));
        self.fed = names.into_iter().filter(is_fed).collect();
        let has = |name: &String| self.fed.contains(name);
        let has_parameters = self.fed.iter().any(|name| *name != self.extra.input && *name != self.extra.trigger);
        let is_free = self.operation.is_free || node.component() == crate::anything::ID;
        self.pairs = is_free || (!has(&self.extra.trigger) && has(&self.extra.input) == has_parameters);
    }

    /// The operation, with parameters for everything that came and that it does not name, where it takes more than it names.
    fn operation_for(&self, given: &HashMap<String, Part>) -> Result<Arc<Operation>, Refusal> {
        let free = self.settings.free_defaults();
        let mut names: Vec<&String> = given.keys().chain(&free).filter(|name| !self.operation.has(name)).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Ok(Arc::clone(&self.operation));
        }
        let Some(place) = self.operation.place_of_others() else {
            let shown: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let text =
                format!("the operation has no parameter {}; it has {}", shown.join(", "), self.operation.named());
            return Err(Refusal::invalid(text, names.into_iter().cloned().collect()));
        };
        let mut operation = (*self.operation).clone();
        let place_of = |name: &str| if name == "body" && place == Place::Body { Place::Raw } else { place };
        operation
            .parameters
            .extend(names.into_iter().map(|name| Parameter::new(name, place_of(name), Type::Any, false)));
        Ok(Arc::new(operation))
    }

    /// The values of all parameters: by packets of their own, by `input`, by the config, by the document.
    async fn values(&self, came: HashMap<String, Message>) -> Result<(Arc<Operation>, Values), Refusal> {
        let mut given: HashMap<String, Part> = HashMap::new();
        let mut own: HashMap<String, Part> = HashMap::new();
        for (port, message) in came {
            if port == self.extra.trigger {
                continue;
            }
            if port == self.extra.input {
                given.extend(self.input(&message)?);
            } else if message.kind() == Kind::StreamHandle {
                let reader = message
                    .take_stream()
                    .map_err(|error| Refusal::invalid(format!("`{port}`: {error}"), vec![port.clone()]))?;
                own.insert(port, Part::Bytes(collected(reader).await?));
            } else if let Some(part) = of_message(&message) {
                own.insert(port, part);
            }
        }
        given.extend(own.iter().map(|(port, part)| (port.clone(), part.clone())));
        let operation = self.operation_for(&given)?;
        let mut values = Values::new(&operation);
        let (mut problems, mut wrong) = (Vec::new(), Vec::new());
        for (index, parameter) in operation.parameters.iter().enumerate() {
            let by_packet = own
                .get(&parameter.port)
                .or_else(|| given.get(&parameter.name))
                .or_else(|| given.get(&parameter.port))
                .cloned();
            let by_config = || self.settings.default_of(parameter).cloned().map(Part::Json);
            let by_document = || parameter.default.clone().filter(|_| parameter.required).map(Part::Json);
            let Some(part) = by_packet.or_else(by_config).or_else(by_document) else { continue };
            match checked(parameter, part) {
                Ok(part) => values.set(index, part),
                Err(why) => {
                    problems.push(why);
                    wrong.push(parameter.port.clone());
                }
            }
        }
        if problems.is_empty() { Ok((operation, values)) } else { Err(Refusal::invalid(problems.join("; "), wrong)) }
    }

    /// The values that an object on `input` holds.
    fn input(&self, message: &Message) -> Result<HashMap<String, Part>, Refusal> {
        let wrong = |found: &str| {
            let port = self.extra.input.clone();
            Refusal::invalid(format!("`{port}`: expected an object of values by parameter, found {found}"), vec![port])
        };
        let value = match message.as_value() {
            Some(Value::String(text)) => Value::from_json(&text).map_err(|_| wrong("a text that is no JSON"))?,
            Some(value) => value,
            None if message.kind() == Kind::Flow => return Ok(HashMap::new()),
            None => return Err(wrong("something else")),
        };
        let members = match &value {
            Value::Null => return Ok(HashMap::new()),
            Value::Object(members) => members,
            other => return Err(wrong(&other.to_json_string().chars().take(60).collect::<String>())),
        };
        let present = members.iter().filter(|(_, value)| !value.is_null());
        Ok(present.map(|(name, value)| (name.to_string(), Part::Json(serde_json::Value::from(value)))).collect())
    }

    async fn perform(&mut self, tick: &mut Tick<'_>, came: HashMap<String, Message>) -> Result<(), Refusal> {
        let (operation, values) = self.values(came).await?;
        let credentials = Credentials { config: &self.settings.config, use_environment: self.settings.use_environment };
        let granted = grants(operation.auth(), &credentials, &self.secrets).map_err(|Missing(names)| {
            let shown: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let text = format!(
                "no credential for `{}`: give {} in the node's config, or let its `env_vars` name it, `{{\"{}\": \"required\"}}`",
                operation.service.id,
                shown.join(" or "),
                names.first().map_or("", String::as_str)
            );
            Refusal { parameters: names, ..Refusal::new("missing_credential", text) }
        })?;
        self.note_headers();
        self.tell(tick);
        let mut prepared = prepare(&operation, &self.settings, &values, granted)?;
        take_login(&mut prepared, &self.secrets);
        let engine = match &self.engine {
            Some(engine) => Arc::clone(engine),
            None => {
                let engine = Engine::get().map_err(|why| Refusal::new("transport", why))?;
                Arc::clone(self.engine.insert(engine))
            }
        };
        let sending = Sending {
            client: engine.client().clone(),
            secrets: self.secrets.clone(),
            timeout: self.settings.timeout,
            retries: self.settings.retries,
            bucket: self.bucket(&operation),
            operation: Arc::clone(&operation),
        };
        let outcome = if self.settings.stream_response {
            self.stream(tick, &engine, sending, prepared).await
        } else if self.settings.paging.is_some() {
            self.pages(tick, &engine, sending, prepared).await
        } else {
            self.single(tick, &engine, sending, prepared).await
        };
        // Tokens that were had on the way are secrets too.
        self.tell(tick);
        outcome
    }

    /// Headers of the config may hold secrets; those that are called so are taken for some. So is a password in an address.
    fn note_headers(&self) {
        if let Some(password) = password(&self.settings.base_url(&self.operation)) {
            self.secrets.add(password);
        }
        for (name, value) in &self.settings.headers {
            let word = name.to_ascii_lowercase();
            if ["auth", "token", "key", "secret", "cookie", "password", "signature"]
                .iter()
                .any(|part| word.contains(part))
            {
                self.secrets.add(value);
                if let Some((_, value)) = value.split_once(' ') {
                    self.secrets.add(value);
                }
            }
        }
    }

    fn tell(&mut self, tick: &Tick<'_>) {
        let all = self.secrets.all();
        if all.len() != self.told {
            self.told = all.len();
            all.iter().for_each(|secret| tick.node().keep_secret(secret));
        }
    }

    fn bucket(&mut self, operation: &Operation) -> Option<Arc<Bucket>> {
        let (requests, time) = self.settings.rate?;
        if self.bucket.is_none() {
            let names = operation.auth().names();
            let credentials: Vec<_> = names.iter().filter_map(|name| self.settings.text(name)).collect();
            let key =
                format!("{}\n{}\n{requests}/{}", operation.service.id, credentials.join("\n"), time.as_secs_f64());
            let made: Result<_, ()> = BUCKETS.get(key, || Ok(Bucket::new(requests, time)));
            self.bucket = made.ok();
        }
        self.bucket.clone()
    }

    /// One answer.
    async fn single(
        &self,
        tick: &mut Tick<'_>,
        engine: &Engine,
        sending: Sending,
        prepared: Prepared,
    ) -> Result<(), Refusal> {
        let (operation, most) = (Arc::clone(&sending.operation), self.settings.max_response_bytes);
        let work = async move { sending.send(&prepared, |arrived| whole(arrived, most)).await };
        let (answer, attempts) = engine.run(work).await.map_err(|why| Refusal::new("transport", why))??;
        let answer = self.accepted(&operation, answer, attempts)?;
        tick.emit(RESPONSE, Message::object(answer.describe(&self.secrets)));
        tick.emit(DATA, answer.data(&self.secrets));
        Ok(())
    }

    /// The answer, unless it is an error.
    fn accepted(&self, operation: &Operation, answer: Answer, attempts: u32) -> Result<Answer, Refusal> {
        if !self.settings.error_status {
            return Ok(answer);
        }
        let is_graphql = operation.graphql.is_some() || operation.service.is_graphql;
        let told = if is_graphql { crate::graphql::errors(&answer.body) } else { None };
        let text = match told {
            Some(text) => text,
            None if answer.is_error() => format!("the answer has status {}", answer.status),
            None => return Ok(answer),
        };
        let is_passing = matches!(answer.status, 429 | 500..);
        Err(Refusal { answer: Some(Box::new(answer)), attempts, is_passing, ..Refusal::new("http", text) })
    }

    /// One page after the other, then all of them as one.
    async fn pages(
        &self,
        tick: &mut Tick<'_>,
        engine: &Engine,
        sending: Sending,
        mut prepared: Prepared,
    ) -> Result<(), Refusal> {
        let Some(paging) = &self.settings.paging else { return Ok(()) };
        let most = self.settings.max_response_bytes;
        prepared.url = paging.first(&prepared.url);
        let home = prepared.url.clone();
        let mut pages = Vec::new();
        loop {
            let (one, request) = (sending.clone(), prepared.clone());
            let work = async move { one.send(&request, |arrived| whole(arrived, most)).await };
            let (answer, attempts) = engine.run(work).await.map_err(|why| Refusal::new("transport", why))??;
            let answer = self.accepted(&sending.operation, answer, attempts)?;
            let page = Message::object(answer.describe(&self.secrets));
            let sent = tick.send_now(PAGE, page).await;
            sent.map_err(|error| Refusal::new("transport", error.to_string()))?;
            let next = paging.next(&prepared.url, &answer);
            pages.push(answer);
            match next.filter(|_| pages.len() < paging.most) {
                Some(next) if is_same_server(&home, &next) => prepared.url = next,
                Some(_) => {
                    let text = "the next page is on another host, which must not get the credentials";
                    return Err(Refusal::new("transport", text));
                }
                None => break,
            }
        }
        if let Some(answer) = paging.joined(&pages) {
            tick.emit(RESPONSE, Message::object(answer.describe(&self.secrets)));
            tick.emit(DATA, answer.data(&self.secrets));
        }
        Ok(())
    }

    /// The body while it comes.
    async fn stream(
        &self,
        tick: &mut Tick<'_>,
        engine: &Engine,
        sending: Sending,
        prepared: Prepared,
    ) -> Result<(), Refusal> {
        let (most, error_status) = (self.settings.max_response_bytes, self.settings.error_status);
        let (operation, timeout) = (Arc::clone(&sending.operation), sending.timeout);
        let work = async move {
            sending
                .send(&prepared, |arrived| async move {
                    if error_status && arrived.response.status().as_u16() >= 400 {
                        return whole(arrived, most).await.map(|(answer, attempts)| Err((answer, attempts)));
                    }
                    Ok(Ok(arrived))
                })
                .await
        };
        let arrived = match engine.run(work).await.map_err(|why| Refusal::new("transport", why))?? {
            Ok(arrived) => arrived,
            Err((answer, attempts)) => {
                self.accepted(&operation, answer, attempts)?;
                return Ok(());
            }
        };
        let answer = head(&arrived.response);
        let kind = content_type(&answer.raw_headers);
        let writer = StreamWriter::new(
            tick.node(),
            "stream",
            Some(&kind).filter(|kind| !kind.is_empty()).map(String::as_str),
            16,
        );
        let lost = |why: String| Refusal::new("transport", why);
        let handle = writer.handle(arrived.response.content_length()).map_err(|error| lost(error.to_string()))?;
        tick.send_now(STREAM, handle).await.map_err(|error| lost(error.to_string()))?;
        tick.send_now(RESPONSE, Message::object(answer.describe(&self.secrets)))
            .await
            .map_err(|error| lost(error.to_string()))?;
        let secrets = self.secrets.clone();
        let work = pump(arrived.response, writer, kind, secrets, timeout);
        engine.run(work).await.map_err(lost)?.map_err(|why| Refusal { attempts: arrived.attempts, ..lost(why) })
    }
}

/// The password in an address, `https://user:password@host`.
fn password(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (login, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password)
}

/// Who an address says that asks, said as requests say it.
fn take_login(prepared: &mut Prepared, secrets: &Secrets) {
    let (user, password) = (decode(prepared.url.username()), prepared.url.password().map(decode));
    if user.is_empty() && password.is_none() {
        return;
    }
    let _ = prepared.url.set_password(None).and_then(|()| prepared.url.set_username(""));
    let password = password.unwrap_or_default();
    let pair = STANDARD.encode(format!("{user}:{password}"));
    [&password, &pair].into_iter().for_each(|secret| secrets.add(secret));
    if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {pair}")) {
        value.set_sensitive(true);
        prepared.headers.entry(AUTHORIZATION).or_insert(value);
    }
}

/// Reads an answer to its end.
async fn whole(arrived: Arrived, most: usize) -> Result<(Answer, u32), Refusal> {
    let attempts = arrived.attempts;
    read(arrived.response, most).await.map(|answer| (answer, attempts))
}

/// Writes a body into a stream; server-sent events one by one. When nobody reads any more, the rest is left.
async fn pump(
    mut response: Response,
    writer: StreamWriter,
    kind: String,
    secrets: Secrets,
    timeout: std::time::Duration,
) -> Result<(), String> {
    let metadata = Value::object([("status", i64::from(response.status().as_u16()))]);
    let begin =
        Begin { content_type: Some(kind.clone()), size_hint: response.content_length(), metadata: Some(metadata) };
    if writer.write(Frame::Begin(begin)).await.is_err() {
        return Ok(());
    }
    let mut events = kind.to_ascii_lowercase().starts_with("text/event-stream").then(Events::default);
    loop {
        let chunk = match tokio::time::timeout(timeout, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => {
                return broken(&writer, secrets.text(&format!("the answer broke off: {}", detail(&error)))).await;
            }
            Err(_) => return broken(&writer, format!("nothing more came within {} ms", timeout.as_millis())).await,
        };
        let frames = match &mut events {
            None => vec![chunk.to_vec()],
            Some(events) => match events.take(&chunk) {
                Ok(frames) => frames,
                Err(why) => return broken(&writer, why).await,
            },
        };
        for frame in frames {
            if writer.write(Frame::Data(secrets.bytes(frame).into())).await.is_err() {
                return Ok(());
            }
        }
    }
    let _ = writer.write(Frame::End).await;
    Ok(())
}

async fn broken(writer: &StreamWriter, why: String) -> Result<(), String> {
    let _ = writer.write(Frame::Error(why.clone())).await;
    Err(why)
}

/// Everything that a stream brings.
async fn collected(mut reader: StreamReader) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = reader.read().await {
        match frame {
            Frame::Data(data) => bytes.extend_from_slice(&data),
            Frame::Error(why) => {
                return Err(Refusal::invalid(format!("the stream for the body broke off: {why}"), Vec::new()));
            }
            Frame::Begin(_) => {}
            Frame::End => break,
        }
        if bytes.len() > MOST_BYTES {
            return Err(Refusal::new("too_large", format!("the stream for the body has more than {MOST_BYTES} bytes")));
        }
    }
    Ok(bytes.into())
}

impl AsyncActor for Caller {
    async fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.look_around(tick);
        Ok(())
    }

    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let outcome = match self.gather(tick) {
            Ok(None) => return Ok(()),
            Ok(Some(came)) => self.perform(tick, came).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(refusal) => {
                let described = refusal.describe(&self.operation, &self.secrets);
                tick.report(ERROR, Message::object(described), refusal.failure(&self.operation, &self.secrets))
            }
        }
    }
}
