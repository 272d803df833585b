//! `hookfill send`: post a signal and print what became of it.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};

use super::attempt::{Witness, reason};
use super::{Outcome, caret, harmless, input, say};
use crate::clock::new_uuid;
use crate::config::{Client, ClientFlags, Environment};

/// The service answers a signal within 2.5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before the one further attempt, unless the service asks for more.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that the service may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 256 * 1024;
/// Overloaded or not able to store: not accepted, or not known to be.
const UNAVAILABLE: u16 = 503;

/// What to send, and where.
#[derive(Args)]
#[command(about = "Post a signal to a service and print what became of it")]
pub struct Arguments {
    /// The signal; read from standard input if absent
    text: Option<String>,
    /// The language of the signal, if it is not to be recognised
    #[arg(long)]
    format: Option<String>,
    #[command(flatten)]
    client: ClientFlags,
}

#[derive(Serialize)]
struct Body<'a> {
    signal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a str>,
}

/// The answer to an accepted signal.
#[derive(Deserialize)]
struct Accepted {
    order_id: Option<String>,
    status: String,
    /// What a command asks for.
    kind: Option<String>,
    /// What a command touched.
    #[serde(default)]
    orders: Vec<Touched>,
    /// Orders that a close did not touch because they are pending.
    #[serde(default)]
    still_pending: Vec<Touched>,
    /// Other orders that a command did not touch.
    #[serde(default)]
    skipped: Vec<Skipped>,
    #[serde(default)]
    duplicate: bool,
}

#[derive(Deserialize)]
struct Touched {
    order_id: String,
}

#[derive(Deserialize)]
struct Skipped {
    order_id: String,
    reason: String,
}

impl Accepted {
    fn lines(&self) -> Vec<String> {
        let again = if self.duplicate { " (it was accepted before)" } else { "" };
        let order = self
            .order_id
            .iter()
            .map(|id| format!("order {} is {}{again}", harmless(id), harmless(&self.status)));
        let kind = self.kind.as_deref().unwrap_or("command");
        let touched = self.orders.iter();
        let touched = touched.map(|order| {
            format!("{} of order {} is requested{again}", harmless(kind), harmless(&order.order_id))
        });
        let pending = self.still_pending.iter().map(|order| (&order.order_id, "pending"));
        let skipped = self.skipped.iter().map(|order| (&order.order_id, order.reason.as_str()));
        let untouched = pending
            .chain(skipped)
            .map(|(id, reason)| format!("order {} was not touched: {}", harmless(id), harmless(reason)));
        order.chain(touched).chain(untouched).collect()
    }
}

/// The parts of a problem document (RFC 9457) that are shown.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    code: Option<String>,
    start: Option<usize>,
    end: Option<usize>,
}

struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Posts the signal; once more, under the same idempotency key, if the service was not there or could not take it.
///
/// # Errors
/// Wrong settings, and no answer from the service.
pub fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    let client = Client::load(&arguments.client, &Environment::read()?)?;
    let text = input::signal_text(arguments.text)?;
    let body = serde_json::to_vec(&Body { signal: &text, format: arguments.format.as_deref() })?;
    let key = new_uuid().to_string();
    let witness = Witness::default();
    let agent = agent(&client, witness.clone());
    let pause = match post(&agent, &client, &key, &body) {
        Ok(answer) if answer.status == UNAVAILABLE => answer.retry_after.unwrap_or(PAUSE),
        Ok(answer) => return report(&text, &answer),
        Err(_) => PAUSE,
    };
    std::thread::sleep(pause.min(LONGEST_PAUSE));
    match post(&agent, &client, &key, &body) {
        Ok(answer) => report(&text, &answer),
        Err(error) => {
            // The first attempt counts too: both have the same idempotency key.
            let outcome = if witness.may_have_left() {
                "whether the signal was accepted is not known"
            } else {
                "nothing was sent"
            };
            anyhow::bail!("no answer from {}: {}; {outcome}", client.url.base(), reason(&error))
        }
    }
}

fn agent(client: &Client, witness: Witness) -> ureq::Agent {
    let proxy = if client.url.is_loopback() { None } else { ureq::Proxy::try_from_env() };
    let config = ureq::Agent::config_builder()
        .proxy(proxy)
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        // A redirect could carry the key to another host.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("hookfill/", env!("CARGO_PKG_VERSION")))
        .build();
    let connector = DefaultConnector::default().chain(witness);
    ureq::Agent::with_parts(config, connector, DefaultResolver::default())
}

fn post(agent: &ureq::Agent, client: &Client, key: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
    let mut response = agent
        .post(format!("{}/webhook/receive-signal/", client.url.base()))
        .header("X-API-Key", client.api_key.expose_secret())
        .header("Idempotency-Key", key)
        .header("Content-Type", "application/json")
        .send(body)?;
    let seconds = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: seconds.map(Duration::from_secs),
        body: response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?,
    })
}

fn report(text: &str, answer: &Answer) -> anyhow::Result<Outcome> {
    if answer.status == 200 {
        let strange = || anyhow::anyhow!("the answer is not what hookfill answers; is the address right?");
        let accepted: Accepted = serde_json::from_slice(&answer.body).map_err(|_| strange())?;
        let lines = accepted.lines();
        if lines.is_empty() {
            return Err(strange());
        }
        let mut out = io::stdout().lock();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        return Ok(Outcome::Done);
    }
    let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body) else {
        anyhow::bail!("the service answered {} and no reason; is the address right?", answer.status);
    };
    let code = problem.code.unwrap_or_else(|| answer.status.to_string());
    say(&format!("refused: {} [{code}]", problem.detail));
    if let Some(place) = problem.start.zip(problem.end)
        && let Some(shown) = caret::under(text, place.0..place.1)
    {
        let _ = writeln!(io::stderr(), "{shown}");
    }
    Ok(Outcome::Failed)
}
