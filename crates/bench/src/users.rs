//! Users of a server under measurement, and the requests that they send.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use crate::client::{Connection, request};

/// The body of every signal.
pub const SIGNAL: &str = r#"{"signal":"BUY EURUSD @1.0860 SL 1.0850 TP 1.0890"}"#;

/// A registered user.
#[derive(Debug, Clone)]
pub struct User {
    /// The API key.
    pub key: String,
}

impl User {
    /// The bytes of a signal, without an idempotency key.
    #[must_use]
    pub fn signal(&self, address: SocketAddr) -> Vec<u8> {
        self.signal_with(address, "")
    }

    /// The bytes of a signal with further header lines.
    #[must_use]
    pub fn signal_with(&self, address: SocketAddr, lines: &str) -> Vec<u8> {
        let head = format!("content-type: application/json\r\nx-api-key: {}\r\n{lines}", self.key);
        request("POST /webhook/receive-signal/", address, &head, SIGNAL)
    }

    /// How many of the user's orders are closed.
    ///
    /// # Errors
    /// If the server does not say.
    pub async fn closed(&self, connection: &mut Connection, address: SocketAddr) -> Result<u64> {
        let head = format!("x-api-key: {}\r\n", self.key);
        let answer = connection.call(&request("GET /analytics/", address, &head, "")).await?.json(200)?;
        Ok(answer["by_status"]["closed"].as_u64().unwrap_or(0))
    }
}

/// Registers users.
///
/// # Errors
/// If one is refused.
pub async fn register(address: SocketAddr, count: usize) -> Result<Vec<User>> {
    let mut connection = Connection::open(address).await?;
    let mut users = Vec::with_capacity(count);
    for number in 0..count {
        let body = format!(
            r#"{{"username":"trader {number}","broker_name":"Mock","account_id":"1","api_key":"none"}}"#
        );
        let bytes = request("POST /accounts/", address, "content-type: application/json\r\n", &body);
        let answer = connection.call(&bytes).await?.json(201)?;
        let key = answer["api_key"].as_str().context("a new user without a key")?.to_owned();
        users.push(User { key });
    }
    Ok(users)
}

/// How many orders of all the users are closed.
///
/// # Errors
/// If the server does not say.
pub async fn closed(address: SocketAddr, users: &[User]) -> Result<u64> {
    let mut connection = Connection::open(address).await?;
    let mut closed = 0;
    for user in users {
        closed += user.closed(&mut connection, address).await?;
    }
    Ok(closed)
}
