//! One open stream: who is there, what was missed, what comes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hookfill_domain::ids::{Seq, UserId};
use hookfill_store::{Principal, Scope, Shown, StoreError};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::end::{End, bad_message};
use super::progress::Progress;
use crate::bus::{Hint, Subscription};
use crate::http::auth::authenticate;
use crate::http::caller::{Held, Peer};
use crate::http::state::AppState;
use crate::shutdown::Presence;
use crate::stream::Pace;
use crate::telemetry::StreamLabels;

/// How long to wait before the store is asked again after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How often a key that will expire is looked at.
const EXPIRY_LOOK: Duration = Duration::from_millis(500);
/// Messages read from the store at once.
const PAGE: usize = 256;

/// Who opened a stream.
pub(super) struct Known {
    pub(super) principal: Arc<Principal>,
    pub(super) key: SecretString,
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
    pub(super) pace: Pace,
    /// It counts as open until this is dropped.
    pub(super) presence: Presence,
    /// Its place among all connections.
    pub(super) held: Option<Held>,
    pub(super) wanted: Option<UserId>,
    pub(super) after: Option<Seq>,
    pub(super) peer: Option<Peer>,
    pub(super) headers: HeaderMap,
}

impl Session {
    /// Runs the stream to its end.
    pub(super) async fn run(self, socket: WebSocket, known: Option<Known>) {
        let (state, pace) = (Arc::clone(&self.state), self.pace);
        state.metrics.streams.inc();
        let (sink, mut source) = socket.split();
        let mut out = Out { sink, pace };
        let mut stopping = state.stopping.clone();
        // Heard even while a write is blocked.
        let end = tokio::select! {
            biased;
            () = stopping.ordered() => End::Stopping,
            end = self.follow(&mut out, &mut source, known) => end,
        };
        out.close(end, &mut source).await;
        state.metrics.streams.dec();
        state.metrics.streams_ended.get_or_create(&StreamLabels { reason: end.word() }).inc();
        // The store first: whoever waits for all to have left closes it next.
        drop((state, self.state));
        drop((self.presence, self.held));
    }

    async fn follow(&self, out: &mut Out, source: &mut SplitStream<WebSocket>, known: Option<Known>) -> End {
        let known = match known {
            Some(known) => known,
            None => match timeout(out.pace.authenticate_within, self.first_message(source)).await {
                Ok(Ok(known)) => known,
                Ok(Err(end)) => return end,
                Err(_) => return End::Unauthorized,
            },
        };
        let user_id = known.principal.user_id;
        // Listening before the key is looked at again and the store is asked: what changes meanwhile is noticed.
        let changes = self.state.credentials.changes();
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
        })
        .to_string();
        let mut live = Live {
            state: Arc::clone(&self.state),
            user_id,
            hints,
            progress: Progress::from(self.after.unwrap_or(head)),
        };
        let guard = Guard { state: Arc::clone(&self.state), known, changes };
        // The key is watched beside the stream, not between two messages: a client that reads slowly must not keep
        // a stream that it may no longer have.
        tokio::select! {
            biased;
            end = guard.watch() => end,
            end = live.run(&hello, out, source) => end,
        }
    }

    /// Waits for the key.
    async fn first_message(&self, source: &mut SplitStream<WebSocket>) -> Result<Known, End> {
        loop {
            let text = match source.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Binary(_))) => return Err(End::Unauthorized),
                Some(Ok(Message::Close(_))) => return Err(End::Closed),
                // Whatever was wrong with it, it was no key.
                Some(Err(error)) => {
                    return Err(if bad_message(&error) == End::Gone { End::Gone } else { End::Unauthorized });
                }
                None => return Err(End::Gone),
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

/// The watch over the key of an open stream.
struct Guard {
    state: Arc<AppState>,
    known: Known,
    changes: watch::Receiver<i64>,
}

impl Guard {
    /// Returns once the key was revoked, has expired or may no longer read.
    async fn watch(mut self) -> End {
        loop {
            let look_at = match self.still_allowed().await {
                Ok(true) => self.known.principal.expires_at.map(|_| Instant::now() + EXPIRY_LOOK),
                Ok(false) => return End::Unauthorized,
                // What cannot be looked up is not refused, but asked again.
                Err(_) => Some(Instant::now() + STORE_PAUSE),
            };
            tokio::select! {
                changed = self.changes.changed() => if changed.is_err() {
                    return End::Stopping;
                },
                () = sleep_until(look_at) => {}
            }
        }
    }

    async fn still_allowed(&self) -> Result<bool, StoreError> {
        let found = self.state.credentials.principal(self.known.key.expose_secret()).await?;
        Ok(found.is_some_and(|principal| principal.scopes.contains(&Scope::Read)))
    }
}

/// A stream that has begun.
struct Live {
    state: Arc<AppState>,
    user_id: UserId,
    hints: Subscription,
    progress: Progress,
}

impl Live {
    async fn run(&mut self, hello: &str, out: &mut Out, source: &mut SplitStream<WebSocket>) -> End {
        if let Err(end) = out.text(hello).await {
            return end;
        }
        let pace = out.pace;
        let mut dead_at = Instant::now() + pace.dead_after;
        let mut pings = interval_at(Instant::now() + pace.ping_every, pace.ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut store_rests_until = Instant::now();
        loop {
            // In this order, so that a flood of messages drowns neither the pings nor what the client sends.
            let next = tokio::select! {
                biased;
                message = source.next() => Next::Heard(message),
                () = tokio::time::sleep_until(dead_at) => return End::Dead,
                _ = pings.tick() => Next::Ping,
                () = tokio::time::sleep_until(store_rests_until), if self.progress.is_behind() => Next::Look,
                hint = self.hints.next() => Next::Hint(hint),
            };
            let done = match next {
                Next::Heard(None) => Err(End::Gone),
                Next::Heard(Some(Ok(Message::Close(_)))) => Err(End::Closed),
                Next::Heard(Some(Err(error))) => Err(bad_message(&error)),
                Next::Heard(Some(Ok(_))) => {
                    dead_at = Instant::now() + pace.dead_after;
                    Ok(())
                }
                Next::Ping => {
                    // The store is asked as well, whatever hints were lost.
                    self.progress.look();
                    out.send(Message::Ping(bytes::Bytes::new())).await
                }
                Next::Look => self.catch_up(out).await.map(|reached| {
                    if !reached {
                        store_rests_until = Instant::now() + STORE_PAUSE;
                    }
                }),
                Next::Hint(hint) => self.take(hint, out).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Sends what a hint brings, if it is the next message.
    async fn take(&mut self, hint: Hint, out: &mut Out) -> Result<(), End> {
        match self.progress.take(hint) {
            Some(shown) => self.send(&shown, out).await,
            None => Ok(()),
        }
    }

    /// Sends a page of what was missed, from the store; false if the store could not be asked.
    ///
    /// An outage is outlived in silence.
    async fn catch_up(&mut self, out: &mut Out) -> Result<bool, End> {
        let Ok(missed) = self.state.store.events_after(self.user_id, self.progress.sent(), PAGE).await else {
            return Ok(false);
        };
        for shown in &missed {
            self.send(shown, out).await?;
        }
        self.progress.looked(missed.len() == PAGE);
        Ok(true)
    }

    async fn send(&mut self, shown: &Shown, out: &mut Out) -> Result<(), End> {
        out.text(&shown.message).await?;
        self.progress.came_to(shown.seq);
        self.state.metrics.stream_messages.inc();
        Ok(())
    }
}

/// What a stream does next.
enum Next {
    Heard(Option<Result<Message, axum::Error>>),
    Ping,
    Look,
    Hint(Hint),
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
    pace: Pace,
}

impl Out {
    async fn text(&mut self, text: &str) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    /// Sends a message; a client that does not take it in time is too slow.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.pace.write_limit, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::TooSlow),
        }
    }

    /// Says why, if anybody may be there to read it, and hears the client out: a connection that is dropped with
    /// something unread in it is reset, and the client may never see the frame.
    async fn close(mut self, end: End, source: &mut SplitStream<WebSocket>) {
        if end == End::Closed {
            // The answer to a close is made by whoever reads; it only has to leave.
            let _ = timeout(self.pace.close_limit, self.sink.close()).await;
            return;
        }
        let Some((code, reason)) = end.frame() else { return };
        let frame = CloseFrame { code, reason: reason.into() };
        let said_and_heard = async {
            if self.sink.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = source.next().await {}
            }
        };
        // A client that does not read even this is dropped.
        let _ = timeout(self.pace.close_limit, said_and_heard).await;
    }
}
