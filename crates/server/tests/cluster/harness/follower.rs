//! Someone who follows a user's stream for as long as it takes, and comes back to where it broke off.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use hookfill::clock::{Clock, SystemClock};
use hookfill_domain::time::Timestamp;
use hookfill_rig::wait_until;
use http::HeaderValue;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::PATIENCE;
use super::client::Trader;

/// The close code of a key that may no longer read.
pub(crate) const UNAUTHORIZED: u16 = 4401;
/// How long to rest before the next node is tried.
const REST: Duration = Duration::from_millis(50);

/// What came over a stream and its resumptions.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// The messages about orders, as they came.
    pub(crate) messages: Vec<String>,
    /// When each came.
    pub(crate) at: Vec<Timestamp>,
    /// How often the stream was opened.
    pub(crate) opened: usize,
    /// How each of them ended: the close code, if there was one.
    pub(crate) ends: Vec<Option<u16>>,
    /// The status of handshakes that were refused.
    pub(crate) refused: Vec<u16>,
    /// What must not be: a number that does not follow the one before.
    pub(crate) wrong: Vec<String>,
}

/// A stream that is followed.
pub(crate) struct Follower {
    pub(crate) user_id: i64,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Follows from the beginning, at the first of these nodes; after a break at the next.
    pub(crate) fn start(runtime: &Handle, trader: &Trader, nodes: &[SocketAddr]) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let following = Following { trader: trader.clone(), nodes: nodes.to_vec(), seen: Arc::clone(&seen) };
        Self { user_id: trader.user_id, seen, task: runtime.spawn(following.run()) }
    }

    /// What has come so far.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    fn position(&self) -> usize {
        lock(&self.seen).messages.len()
    }

    /// Waits until the stream is open.
    pub(crate) fn await_opened(&self) {
        wait_until("a stream is open", PATIENCE, || lock(&self.seen).opened > 0);
    }

    /// Waits until it ends, which it does only once its key is refused.
    pub(crate) fn await_end(&self, limit: Duration) {
        wait_until("a stream ends", limit, || self.task.is_finished());
    }

    /// Waits until so many messages have come, and stops following.
    pub(crate) fn finish(self, messages: usize) -> Seen {
        let arrived = || self.position() >= messages || !lock(&self.seen).wrong.is_empty();
        wait_until("a stream has brought everything", PATIENCE, arrived);
        self.task.abort();
        self.seen()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Following {
    trader: Trader,
    nodes: Vec<SocketAddr>,
    seen: Arc<Mutex<Seen>>,
}

impl Following {
    async fn run(self) {
        for node in self.nodes.iter().cycle() {
            let end = self.follow(*node).await;
            match end {
                Err(Error::Http(refusal)) => lock(&self.seen).refused.push(refusal.status().as_u16()),
                // Nobody there: no stream has ended.
                Err(_) => {}
                Ok(code) => {
                    lock(&self.seen).ends.push(code);
                    if code == Some(UNAUTHORIZED) {
                        return;
                    }
                }
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Follows until the stream ends, and gives its close code.
    async fn follow(&self, node: SocketAddr) -> Result<Option<u16>, Error> {
        let after = lock(&self.seen).messages.len();
        let mut request = format!("ws://{node}/ws/orders?after={after}").into_client_request()?;
        let key = HeaderValue::from_str(&self.trader.api_key)?;
        request.headers_mut().insert("X-API-Key", key);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        lock(&self.seen).opened += 1;
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => self.take(&text),
                Some(Ok(Message::Close(frame))) => return Ok(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    fn take(&self, text: &str) {
        let now = SystemClock.now();
        let mut seen = lock(&self.seen);
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let expected = seen.messages.len() + 1;
        if message["type"].as_str().is_some_and(|kind| kind.starts_with("order.")) {
            if message["seq"] != expected {
                seen.wrong.push(format!("{text} where number {expected} comes next"));
            }
            seen.messages.push(text.to_owned());
            seen.at.push(now);
        } else if message["type"] != "connection_established" {
            seen.wrong.push(format!("no message of a stream: {text}"));
        }
    }
}
