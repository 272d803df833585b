//! One open stream: who is there, what was missed, what comes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hookfill_domain::ids::{Seq, UserId};
use hookfill_store::{Principal, Scope, StoreError};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::bus::{Hint, Subscription};
use crate::http::auth::authenticate;
use crate::http::caller::Peer;
use crate::http::state::AppState;
use crate::shutdown::Stop;
use crate::telemetry::StreamLabels;

/// How long a client without a key in its handshake has to send one.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(5);
/// How long a write may be blocked before the client is closed as too slow.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long the close frame is tried.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// How often a client is pinged; also how often the store is asked, whatever hints were lost.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a client may be silent.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// How long to wait before the store is asked again after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Messages read from the store at once.
const PAGE: usize = 256;

/// Who opened a stream.
pub(super) struct Known {
    pub(super) principal: Arc<Principal>,
    pub(super) key: SecretString,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client left, or the connection broke.
    Gone,
    /// Nothing was heard of it.
    Dead,
    Unauthorized,
    Forbidden,
    TooSlow,
    AheadOfUs,
    Unavailable,
    Stopping,
}

impl End {
    /// The close code and sentence; `None` where nobody is there to read it.
    fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            End::Gone | End::Dead => None,
            End::Unauthorized => Some((4401, "authenticate with an API key")),
            End::Forbidden => Some((4403, "the API key may not read this stream")),
            End::TooSlow => Some((4408, "too slow; resume after your last seq")),
            End::AheadOfUs => Some((4409, "after is above the last seq; begin anew")),
            End::Unavailable => Some((1013, "the store does not answer; try again")),
            End::Stopping => Some((1001, "the server is stopping")),
        }
    }

    fn word(self) -> &'static str {
        match self {
            End::Gone => "gone",
            End::Dead => "dead",
            End::Unauthorized => "unauthorized",
            End::Forbidden => "forbidden",
            End::TooSlow => "too_slow",
            End::AheadOfUs => "ahead_of_us",
            End::Unavailable => "unavailable",
            End::Stopping => "stopping",
        }
    }
}

/// The client's first message, where its handshake had no key.
#[derive(Deserialize)]
struct Authenticate {
    #[serde(rename = "type")]
    kind: String,
    api_key: String,
}

/// A stream that is about to begin.
pub(super) struct Session {
    pub(super) state: Arc<AppState>,
    pub(super) wanted: Option<UserId>,
    pub(super) after: Option<Seq>,
    pub(super) peer: Option<Peer>,
    pub(super) headers: HeaderMap,
}

impl Session {
    /// Runs the stream to its end.
    pub(super) async fn run(self, socket: WebSocket, known: Option<Known>) {
        let metrics = Arc::clone(&self.state.metrics);
        metrics.streams.inc();
        let (sink, mut source) = socket.split();
        let mut out = Out { sink };
        let end = self.follow(&mut out, &mut source, known).await;
        out.close(end).await;
        metrics.streams.dec();
        metrics.streams_ended.get_or_create(&StreamLabels { reason: end.word() }).inc();
    }

    async fn follow(self, out: &mut Out, source: &mut SplitStream<WebSocket>, known: Option<Known>) -> End {
        let known = match known {
            Some(known) => known,
            None => match timeout(AUTHENTICATE_WITHIN, self.first_message(source)).await {
                Ok(Ok(known)) => known,
                Ok(Err(end)) => return end,
                Err(_) => return End::Unauthorized,
            },
        };
        let user_id = known.principal.user_id;
        // Listening before the store is asked: what is committed between the two is heard.
        let hints = self.state.bus.subscribe(user_id);
        let head = match self.state.store.head(user_id).await {
            Ok(head) => head,
            Err(_) => return End::Unavailable,
        };
        if self.after.is_some_and(|after| after > head) {
            return End::AheadOfUs;
        }
        let hello = serde_json::json!({
            "type": "connection_established",
            "message": "Connected to real-time order updates.",
            "user_id": user_id,
            "seq": head,
        });
        if let Err(end) = out.text(&hello.to_string()).await {
            return end;
        }
        let position = self.after.unwrap_or(head);
        let (changes, stopping) = (self.state.credentials.changes(), self.state.stopping.clone());
        let mut live = Live { state: self.state, known, hints, position, changes, stopping };
        live.run(out, source).await
    }

    /// Waits for the key.
    async fn first_message(&self, source: &mut SplitStream<WebSocket>) -> Result<Known, End> {
        loop {
            let text = match source.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Binary(_))) => return Err(End::Unauthorized),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
            };
            let sent: Authenticate = serde_json::from_str(&text).map_err(|_| End::Unauthorized)?;
            if sent.kind != "authenticate" {
                return Err(End::Unauthorized);
            }
            let key = SecretString::from(sent.api_key);
            let found = authenticate(&self.state, key.expose_secret(), self.peer, &self.headers).await;
            let principal = found.map_err(|error| match error.status().as_u16() {
                503 | 429 => End::Unavailable,
                _ => End::Unauthorized,
            })?;
            let own = self.wanted.is_none_or(|user_id| user_id == principal.user_id);
            return if own && principal.scopes.contains(&Scope::Read) {
                Ok(Known { principal, key })
            } else {
                Err(End::Forbidden)
            };
        }
    }
}

/// A stream that has begun.
struct Live {
    state: Arc<AppState>,
    known: Known,
    hints: Subscription,
    /// The number of the last message that was sent.
    position: Seq,
    changes: watch::Receiver<i64>,
    stopping: Stop,
}

impl Live {
    async fn run(&mut self, out: &mut Out, source: &mut SplitStream<WebSocket>) -> End {
        let mut heard = Instant::now();
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A client that is behind is served before anything is waited for.
        let mut look_at = Some(Instant::now());
        loop {
            let next = tokio::select! {
                biased;
                () = self.stopping.ordered() => Next::Stop,
                () = sleep_until(look_at) => Next::Look,
                hint = self.hints.next() => Next::Hint(hint),
                message = source.next() => Next::Heard(message),
                _ = self.changes.changed() => Next::CheckKey,
                _ = pings.tick() => Next::Ping,
            };
            let done = match next {
                Next::Stop => Err(End::Stopping),
                Next::Look => self.catch_up(out).await.map(|next| look_at = next),
                Next::Hint(hint) => self.take(hint, out).await.map(|behind| {
                    if behind {
                        look_at = Some(Instant::now());
                    }
                }),
                Next::Heard(None | Some(Err(_) | Ok(Message::Close(_)))) => Err(End::Gone),
                Next::Heard(Some(Ok(_))) => {
                    heard = Instant::now();
                    Ok(())
                }
                Next::CheckKey => self.still_allowed().await,
                Next::Ping if heard.elapsed() >= DEAD_AFTER => Err(End::Dead),
                Next::Ping => {
                    // The store is asked as well, whatever hints were lost.
                    look_at = look_at.or(Some(Instant::now()));
                    self.tick(out).await
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn tick(&self, out: &mut Out) -> Result<(), End> {
        self.still_allowed().await?;
        out.send(Message::Ping(bytes::Bytes::new())).await
    }

    /// Sends what a hint brings; true if the store has to be asked.
    async fn take(&mut self, hint: Hint, out: &mut Out) -> Result<bool, End> {
        match hint {
            Hint::Message(shown) if shown.seq == self.position.next() => {
                out.text(&shown.message).await?;
                self.position = shown.seq;
                self.state.metrics.stream_messages.inc();
                Ok(false)
            }
            Hint::Message(shown) => Ok(shown.seq > self.position),
            Hint::Look => Ok(true),
        }
    }

    /// Sends a page of what was missed, from the store. Returns when to look again; `None` once all is sent.
    async fn catch_up(&mut self, out: &mut Out) -> Result<Option<Instant>, End> {
        let missed = self.state.store.events_after(self.known.principal.user_id, self.position, PAGE).await;
        let Ok(missed) = missed else {
            // An outage is outlived in silence.
            return Ok(Some(Instant::now() + STORE_PAUSE));
        };
        for shown in &missed {
            out.text(&shown.message).await?;
            self.position = shown.seq;
            self.state.metrics.stream_messages.inc();
        }
        Ok((missed.len() == PAGE).then(Instant::now))
    }

    /// A key that was revoked or has expired ends its streams.
    async fn still_allowed(&self) -> Result<(), End> {
        let found: Result<_, StoreError> =
            self.state.credentials.principal(self.known.key.expose_secret()).await;
        match found {
            Ok(Some(principal)) if principal.scopes.contains(&Scope::Read) => Ok(()),
            Ok(_) => Err(End::Unauthorized),
            Err(_) => Ok(()),
        }
    }
}

/// What a stream does next.
enum Next {
    Stop,
    Look,
    Hint(Hint),
    Heard(Option<Result<Message, axum::Error>>),
    CheckKey,
    Ping,
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The way to the client.
struct Out {
    sink: SplitSink<WebSocket, Message>,
}

impl Out {
    async fn text(&mut self, text: &str) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    /// Sends a message; a client that does not take it in time is too slow.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(WRITE_LIMIT, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::TooSlow),
        }
    }

    /// Says why, if anybody may be there to read it.
    async fn close(mut self, end: End) {
        if let Some((code, reason)) = end.frame() {
            let frame = CloseFrame { code, reason: reason.into() };
            // A client that does not read even this is dropped.
            let _ = timeout(CLOSE_LIMIT, self.sink.send(Message::Close(Some(frame)))).await;
        }
    }
}
