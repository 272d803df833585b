//! Open live streams.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::users::User;

/// Bytes read at once from a stream.
const READ_BUFFER: usize = 4 * 1024;

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    socket: WebSocketStream<TcpStream>,
}

impl Stream {
    /// Opens a user's stream and reads its greeting.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn open(address: SocketAddr, user: &User) -> Result<Self> {
        let mut request = format!("ws://{address}/ws/orders").into_client_request()?;
        request.headers_mut().insert("x-api-key", user.key.parse()?);
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (socket, _) = client_async_with_config(request, connection, Some(config)).await?;
        let mut stream = Self { socket };
        let greeting = stream.next().await?;
        if greeting["type"] != "connection_established" {
            bail!("a stream that begins with {greeting}");
        }
        Ok(stream)
    }

    /// The next message. Pings are answered meanwhile.
    ///
    /// # Errors
    /// If the stream ends.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            match self.socket.next().await.context("a stream ended")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    bail!("a stream ended with {other:?}")
                }
            }
        }
    }
}

/// Streams that are held open, and answer pings, until this value goes.
#[derive(Debug)]
pub struct Held(JoinSet<Result<()>>);

impl Held {
    /// Opens streams, spread over the users.
    ///
    /// # Errors
    /// If one is refused.
    pub async fn open(address: SocketAddr, users: &[User], count: usize) -> Result<Self> {
        let mut streams = JoinSet::new();
        for user in users.iter().cycle().take(count) {
            let mut stream = Stream::open(address, user).await?;
            streams.spawn(async move {
                loop {
                    stream.next().await?;
                }
            });
        }
        Ok(Self(streams))
    }

    /// Checks that all are open still.
    ///
    /// # Errors
    /// Why one has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.0.try_join_next() {
            Some(ended) => ended?,
            None => Ok(()),
        }
    }
}
