//! `hookfill watch`: follow the live stream, and go on after a break where it broke.

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use http::HeaderValue;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::TlsError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use self::line::Change;
use super::attempt::{io_reason, tls_reason};
use super::stop::Stop;
use super::{Outcome, say};
use crate::config::{Client, ClientFlags, Environment};

mod line;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The service pings every 20 s: who says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// The pause before the first further attempt; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Most bytes of a message.
const MAX_MESSAGE: usize = 1024 * 1024;

/// What to follow, and how to show it.
#[derive(Args)]
#[command(about = "Follow the live stream of a service, one line a change")]
pub struct Arguments {
    #[command(flatten)]
    client: ClientFlags,
    /// Begin after this number instead of now
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Print each message as it was sent
    #[arg(long)]
    json: bool,
}

/// Why a connection ended.
enum End {
    /// It is worth trying again.
    Broken(String),
    /// It is not: the sentence says why.
    Refused(String),
    /// Our own output failed.
    Output(std::io::Error),
}

struct Watch<'a> {
    client: &'a Client,
    json: bool,
    /// The last number that was seen.
    last: Option<i64>,
    /// Pauses since the last success.
    pauses: u32,
}

/// Follows the stream until it is told to stop.
///
/// # Errors
/// Wrong settings, or a refusal that trying again does not mend.
pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let client = Client::load(&arguments.client, &Environment::read()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = Stop::catch()?;
        let mut watch = Watch { client: &client, json: arguments.json, last: arguments.after, pauses: 0 };
        tokio::select! {
            end = watch.follow() => end,
            () = stop.requested() => Ok(Outcome::Done),
        }
    })
}

impl Watch<'_> {
    async fn follow(&mut self) -> anyhow::Result<Outcome> {
        loop {
            match self.connection().await {
                End::Refused(why) => {
                    say(&why);
                    return Ok(Outcome::Failed);
                }
                End::Output(error) => return Err(error.into()),
                End::Broken(why) => {
                    if self.pauses == 0 {
                        say(&format!("no connection to {}: {why}; trying again", self.client.url.base()));
                    }
                    sleep(pause(self.pauses)).await;
                    self.pauses = self.pauses.saturating_add(1);
                }
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn connection(&mut self) -> End {
        let mut socket = match timeout(CONNECT, self.connect()).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(end)) => return end,
            Err(_) => return End::Broken(format!("no answer in {} s", CONNECT.as_secs())),
        };
        loop {
            let message = match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return End::Broken(error.to_string()),
                Ok(None) => return End::Broken("it was closed".to_owned()),
                Err(_) => return End::Broken(format!("nothing heard for {} s", SILENCE.as_secs())),
            };
            match message {
                Message::Text(text) => {
                    if let Err(error) = self.take(&text) {
                        return End::Output(error);
                    }
                }
                Message::Close(frame) => {
                    let code = frame.as_ref().map(|frame| u16::from(frame.code));
                    let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                    return closed(code, &reason);
                }
                // The library answers pings by itself, as long as it is read from.
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn connect(&self) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, End> {
        // `http` and `https` become `ws` and `wss`.
        let base = self.client.url.base().trim_start_matches("http");
        let after = self.last.map(|seq| format!("?after={seq}")).unwrap_or_default();
        let refused = |_| End::Refused("the address or the key does not fit into a request".to_owned());
        let mut request = format!("ws{base}/ws/orders{after}")
            .into_client_request()
            .map_err(|error| End::Refused(error.to_string()))?;
        let mut key = HeaderValue::from_str(self.client.api_key.expose_secret()).map_err(refused)?;
        key.set_sensitive(true);
        request.headers_mut().insert("x-api-key", key);
        let limits =
            WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let connected = connect_async_with_config(request, Some(limits), true).await;
        connected.map(|(socket, _)| socket).map_err(|error| not_connected(&error))
    }

    fn take(&mut self, text: &str) -> std::io::Result<()> {
        let Some(change) = Change::read(text) else {
            return Ok(());
        };
        if change.is_greeting() {
            self.greeted(change.seq);
            return Ok(());
        }
        // After a break the service goes on where we stopped; what we have seen is not shown twice in any case.
        if self.last.is_some_and(|last| change.seq <= last) {
            return Ok(());
        }
        line::print(if self.json { text } else { &change.line })?;
        self.last = Some(change.seq);
        Ok(())
    }

    fn greeted(&mut self, seq: i64) {
        let after = *self.last.get_or_insert(seq);
        let word = if self.pauses > 0 { "connected again to" } else { "following" };
        say(&format!("{word} {} after number {after}", self.client.url.base()));
        self.pauses = 0;
    }
}

/// What an attempt that the service or the network ended means.
fn not_connected(error: &Error) -> End {
    if let Error::Io(error) = error {
        return End::Broken(io_reason(error));
    }
    if let Error::Tls(TlsError::Rustls(error)) = error {
        return End::Broken(tls_reason(error));
    }
    let Error::Http(response) = error else {
        return End::Broken(error.to_string());
    };
    match response.status().as_u16() {
        401 => End::Refused("the API key is not known".to_owned()),
        403 => End::Refused("the API key may not follow this stream".to_owned()),
        status @ (408 | 429 | 500..) => End::Broken(format!("the service answered {status}")),
        status => End::Refused(format!("the service answered {status}; is the address right?")),
    }
}

/// What the code of a close frame means.
fn closed(code: Option<u16>, reason: &str) -> End {
    match code {
        Some(4401) => End::Refused("the API key is not known".to_owned()),
        Some(4403) => End::Refused("the API key may not follow this stream".to_owned()),
        Some(4409) => End::Refused(
            "the service knows fewer changes than were seen: its database is an older one; begin anew"
                .to_owned(),
        ),
        Some(1001) => End::Broken("the service is stopping".to_owned()),
        Some(4408) => End::Broken("the service found us too slow".to_owned()),
        Some(code) => End::Broken(format!("it was closed with {code} {reason}")),
        None => End::Broken("it was closed".to_owned()),
    }
}

/// Between half of the pause and all of it, so that clients that broke off together do not come back together.
fn pause(pauses: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(pauses)).min(LONGEST_PAUSE);
    let chance = OsRng.try_next_u32().unwrap_or(u32::MAX);
    whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_cap_and_never_below_half() {
        for (pauses, whole) in [(0, 250), (1, 500), (4, 4000), (6, 10_000), (u32::MAX, 10_000)] {
            let pause = pause(pauses).as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{pauses}: {pause}");
        }
    }

    #[test]
    fn what_trying_again_does_not_mend_ends_it() {
        for code in [4401, 4403, 4409] {
            assert!(matches!(closed(Some(code), ""), End::Refused(_)), "{code}");
        }
        for code in [Some(1001), Some(1006), Some(1011), Some(4408), None] {
            assert!(matches!(closed(code, ""), End::Broken(_)), "{code:?}");
        }
    }
}
