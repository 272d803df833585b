//! The connection to NATS: how it is made, kept, and spoken of.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectError, ConnectOptions, Event};
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::ExposeSecret;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::config::{NatsLogin, NatsUrl};
use crate::telemetry::Metrics;

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How often a silent server is pinged. The third ping without an answer is the end of the connection.
const PING: Duration = Duration::from_secs(2);
/// How long to wait before the first new attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Orders to the client that wait to be written. Beyond it whoever gives one waits, for so long as they like to.
const ORDERS: usize = 256;
/// Hints of one subscription that wait to be read. What comes beyond it is lost.
const HINTS: usize = 64;
/// How often it is looked whether NATS is there, though nothing was heard of a change.
const LOOK: Duration = Duration::from_secs(1);
/// How much of a cause is repeated: a server can say anything.
const CAUSE: usize = 200;

/// What the client says about the connection.
#[derive(Default)]
pub(super) struct Events {
    came: Notify,
    cause: Mutex<Option<String>>,
}

impl Events {
    fn note(&self, event: &Event) {
        let cause = match event {
            Event::ServerError(error) => Some(error.to_string()),
            Event::ClientError(error) => Some(error.to_string()),
            Event::Connected
            | Event::Disconnected
            | Event::LameDuckMode
            | Event::Draining
            | Event::Closed
            | Event::SlowConsumer(_) => None,
        };
        if let Some(cause) = cause {
            let cause = cause.trim_start_matches("nats: ").chars().take(CAUSE).collect();
            *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        }
        self.came.notify_one();
    }

    fn take_cause(&self) -> Option<String> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Makes a client, which connects by itself as soon and as often as it can.
pub(super) async fn open(url: &NatsUrl, events: &Arc<Events>) -> Result<Client, ConnectError> {
    let events = Arc::clone(events);
    let options = ConnectOptions::new()
        .name("hookfill")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(wait)
        .connection_timeout(CONNECT)
        .ping_interval(PING)
        .client_capacity(ORDERS)
        .subscription_capacity(HINTS)
        // What we tell others we know.
        .no_echo()
        // At servers that this one names as well.
        .require_tls(url.is_encrypted())
        .event_callback(move |event| {
            events.note(&event);
            std::future::ready(())
        });
    let options = match url.login() {
        NatsLogin::None => options,
        NatsLogin::Token(token) => options.token(token.expose_secret().to_owned()),
        NatsLogin::User { name, password } => {
            options.user_and_password(name.clone(), password.expose_secret().to_owned())
        }
    };
    options.connect(url.server()).await
}

/// How long to wait before an attempt: longer each time, and not the same for all nodes.
fn wait(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT);
    let chance = OsRng.try_next_u32().unwrap_or(u32::MAX);
    wait.mul_f64(0.5 + f64::from(chance) / f64::from(u32::MAX) / 2.0)
}

/// Says when NATS comes and goes.
pub(super) async fn watch(client: &Client, events: &Events, metrics: &Metrics) {
    let mut told = Told::default();
    loop {
        let is_connected = client.connection_state() == State::Connected;
        metrics.nats_connected.set(i64::from(is_connected));
        match told.news(is_connected, events.take_cause()) {
            Some(News::There) => tracing::info!("NATS is there: hints between nodes travel over it"),
            Some(News::Away(cause)) => {
                tracing::warn!(cause, "NATS is away: what other nodes do is seen up to a second later");
            }
            Some(News::Complaint(cause)) => {
                tracing::warn!(cause, "NATS complains; what it does not carry is found by asking the store");
            }
            None => {}
        }
        let _ = timeout(LOOK, events.came.notified()).await;
    }
}

/// Something to be said of the connection.
#[derive(Debug, PartialEq, Eq)]
enum News {
    There,
    Away(Option<String>),
    Complaint(String),
}

/// What was said of it: each change once, however often an attempt fails or the server complains.
#[derive(Default)]
struct Told {
    was_connected: Option<bool>,
    has_complained: bool,
}

impl Told {
    fn news(&mut self, is_connected: bool, cause: Option<String>) -> Option<News> {
        let was_connected = self.was_connected;
        if is_connected {
            self.was_connected = Some(true);
            if was_connected != Some(true) {
                self.has_complained = false;
                return Some(News::There);
            }
            let complaint = cause.filter(|_| !self.has_complained)?;
            self.has_complained = true;
            return Some(News::Complaint(complaint));
        }
        // A first attempt that is still under way is not away.
        let is_news = was_connected == Some(true) || (was_connected.is_none() && cause.is_some());
        is_news.then(|| {
            self.was_connected = Some(false);
            News::Away(cause)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_never_nothing() {
        for attempt in (0..100).chain([usize::MAX]) {
            let wait = wait(attempt);
            assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT, "{attempt}: {wait:?}");
        }
        assert!(wait(1) <= FIRST_WAIT && wait(100) >= LONGEST_WAIT / 2);
    }
    #[test]
    fn each_change_is_said_once_with_its_cause() {
        let mut told = Told::default();
        let because = |text: &str| Some(text.to_owned());
        for (is_connected, cause, news) in [
            (false, None, None),
            (false, because("refused"), Some(News::Away(because("refused")))),
            (false, because("refused"), None),
            (false, None, None),
            (true, because("refused"), Some(News::There)),
            (true, None, None),
            (true, because("no rights"), Some(News::Complaint("no rights".to_owned()))),
            (true, because("no rights"), None),
            (false, None, Some(News::Away(None))),
            (false, because("refused"), None),
            (true, None, Some(News::There)),
            (true, because("no rights"), Some(News::Complaint("no rights".to_owned()))),
        ] {
            assert_eq!(told.news(is_connected, cause), news);
        }
    }
}
