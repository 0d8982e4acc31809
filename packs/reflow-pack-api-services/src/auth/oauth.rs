//! Tokens of authorization servers (RFC 6749): by client credentials, or by a refresh token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Credentials, OAuth2};
use crate::mask::Secrets;
use crate::model::variable;
use crate::request::encode;

/// How long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// A token that is to be had.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) url: String,
    pub(crate) prefix: String,
    client_id: String,
    client_secret: String,
    refresh_token: Option<String>,
    /// More members of the question: `scope`, `audience`.
    more: Vec<(String, String)>,
}

impl Token {
    /// What a node can get a token with; nothing when something is missing.
    pub(super) fn of(oauth: &OAuth2, credentials: &Credentials<'_>, secrets: &Secrets) -> Option<Self> {
        let of = |suffix: &str| credentials.get(&variable(&oauth.service, suffix));
        let url = credentials.get("tokenUrl").or_else(|| oauth.token_url.clone())?;
        let refresh_token = of("REFRESH_TOKEN");
        let client_id = of("CLIENT_ID");
        let client_secret = of("CLIENT_SECRET");
        if refresh_token.is_none() && (client_id.is_none() || client_secret.is_none()) {
            return None;
        }
        [&refresh_token, &client_secret].into_iter().flatten().for_each(|secret| secrets.add(secret));
        let more = credentials.config.get("tokenParameters").and_then(reflow_pack_sdk::Value::as_object);
        let text = |value: &reflow_pack_sdk::Value| value.as_str().map_or_else(|| value.to_json_string(), Into::into);
        Some(Self {
            url,
            prefix: oauth.prefix.clone(),
            client_id: client_id.unwrap_or_default(),
            client_secret: client_secret.unwrap_or_default(),
            refresh_token,
            more: more.into_iter().flatten().map(|(name, value)| (name.to_string(), text(value))).collect(),
        })
    }
}

/// A token that was had.
#[derive(Clone)]
struct Had {
    token: String,
    until: Option<Instant>,
    /// The refresh token that came with it.
    refresh_token: Option<String>,
}

type Place = Arc<Mutex<Option<Had>>>;

static TOKENS: StdMutex<Option<HashMap<Token, Place>>> = StdMutex::new(None);

fn place(token: &Token) -> Place {
    let mut tokens = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(tokens.get_or_insert_default().entry(token.clone()).or_default())
}

/// The access token: the one that is there, or a new one. One node asks for it, the others wait.
pub(crate) async fn token(client: &Client, wanted: &Token, secrets: &Secrets) -> Result<String, String> {
    let place = place(wanted);
    let mut had = place.lock().await;
    if let Some(had) = had.as_ref().filter(|had| had.until.is_none_or(|until| Instant::now() < until)) {
        secrets.add(&had.token);
        return Ok(had.token.clone());
    }
    let refresh = had.as_ref().and_then(|had| had.refresh_token.clone()).or_else(|| wanted.refresh_token.clone());
    let new = ask(client, wanted, refresh, secrets).await?;
    let token = new.token.clone();
    *had = Some(new);
    Ok(token)
}

/// Forgets a token that was refused, unless there is a newer one already.
pub(crate) async fn forget(wanted: &Token, refused: &str) {
    let place = place(wanted);
    let mut had = place.lock().await;
    if let Some(known) = had.as_mut().filter(|had| had.token == refused) {
        known.until = Some(Instant::now());
    }
}

async fn ask(client: &Client, wanted: &Token, refresh: Option<String>, secrets: &Secrets) -> Result<Had, String> {
    let shown = secrets.text(&wanted.url);
    let url: Url = wanted.url.parse().map_err(|error| format!("the token address {shown}: {error}"))?;
    let mut members = vec![("grant_type", if refresh.is_some() { "refresh_token" } else { "client_credentials" })];
    if let Some(refresh) = &refresh {
        members.push(("refresh_token", refresh));
    }
    members.extend(wanted.more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    // Servers that follow the rules take a client by `Authorization`; others want it in the body.
    let by_header = !wanted.client_secret.is_empty();
    let mut answer = post(client, &url, &members, wanted, by_header).await.map_err(|why| secrets.text(&why))?;
    if by_header && matches!(answer.0, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
        answer = post(client, &url, &members, wanted, false).await.map_err(|why| secrets.text(&why))?;
    }
    let (status, body) = answer;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let Some(token) = text("access_token").filter(|_| status.is_success()) else {
        let why = text("error_description").or_else(|| text("error")).unwrap_or("it has no access_token");
        return Err(secrets.text(&format!("no token from {shown}: status {status}: {why}")));
    };
    secrets.add(token);
    let lasts = match body.get("expires_in") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let lasts = lasts.filter(|seconds| (0.0..1e9).contains(seconds)).map(Duration::from_secs_f64);
    let refresh_token = text("refresh_token").map(Into::into).or(refresh);
    refresh_token.iter().for_each(|refresh: &String| secrets.add(refresh));
    Ok(Had {
        token: token.into(),
        until: lasts.map(|lasts| Instant::now() + lasts.saturating_sub(MARGIN)),
        refresh_token,
    })
}

async fn post(
    client: &Client,
    url: &Url,
    members: &[(&str, &str)],
    wanted: &Token,
    by_header: bool,
) -> Result<(StatusCode, Value), String> {
    let mut members: Vec<(&str, &str)> = members.to_vec();
    let mut request = client.post(url.clone()).timeout(Duration::from_secs(30));
    if by_header {
        let pair = format!("{}:{}", encode(&wanted.client_id, false), encode(&wanted.client_secret, false));
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
    } else {
        for (name, value) in [("client_id", &wanted.client_id), ("client_secret", &wanted.client_secret)] {
            if !value.is_empty() {
                members.push((name, value));
            }
        }
    }
    let body: Vec<String> =
        members.iter().map(|(name, value)| format!("{}={}", encode(name, false), encode(value, false))).collect();
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(body.join("&"));
    let mut response = request.send().await.map_err(|error| format!("no token: {}", crate::client::detail(&error)))?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| format!("no token: {}", crate::client::detail(&error)))?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 1 << 20 {
            return Err("no token: the answer is larger than 1 MiB".into());
        }
    }
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}
