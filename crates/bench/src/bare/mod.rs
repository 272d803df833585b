//! The ceilings: a bare handler that parses the body and answers, and the same with three plain rows a request on disk.

mod postgres;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What the service answers to a signal, as to length.
const ANSWER: &str = r#"{"message":"Signal received. Order is being processed in the background.","order_id":"019a0000-0000-7000-8000-000000000000","status":"pending"}"#;
/// What the service sends on the stream, as to length.
const EVENT: &str = r#"{"type":"order.pending","seq":1,"at":"2026-01-01T00:00:00.000000Z","order_id":"019a0000-0000-7000-8000-000000000000","instrument":"EURUSD","action":"BUY","status":"pending","entry_price":"1.0860","stop_loss":"1.0850","take_profit":"1.0890","user":"trader 1","reason":null}"#;
/// Most requests of one commit; the service's own bound.
const GROUP: usize = 512;
/// Requests that may wait for a commit.
const QUEUE: usize = 8192;

#[derive(Deserialize)]
struct Body {
    signal: String,
}

/// A request that waits for its commit.
struct Waiting {
    signal: String,
    committed: oneshot::Sender<()>,
}

/// Where the rows go.
#[derive(Debug)]
pub enum Rows {
    /// Nowhere.
    None,
    /// Into a new SQLite database.
    Sqlite(PathBuf),
    /// Into an empty PostgreSQL database, over so many connections.
    Postgres(String, usize),
}

/// Writers that take turns.
struct Writers {
    queues: Vec<mpsc::Sender<Waiting>>,
    turn: AtomicUsize,
}

/// Serves the bare handler on a free port until the process is ended; with a database, three rows a request are in it
/// before the answer leaves.
///
/// # Errors
/// If the port or the database cannot be had.
pub async fn serve(rows: Rows) -> Result<()> {
    let queues = match rows {
        Rows::None => Vec::new(),
        Rows::Sqlite(path) => vec![sqlite::start_writer(&path)?],
        Rows::Postgres(url, lanes) => postgres::start_writers(&url, lanes.max(1)).await?,
    };
    let writers = Arc::new(Writers { queues, turn: AtomicUsize::new(0) });
    let router = Router::new().route("/webhook/receive-signal/", post(receive)).with_state(writers);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready at http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it only the figure gets worse, never wrong.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn receive(State(writers): State<Arc<Writers>>, body: Bytes) -> Response {
    let Ok(Body { signal }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !writers.queues.is_empty() {
        let (committed, answer) = oneshot::channel();
        let turn = writers.turn.fetch_add(1, Ordering::Relaxed) % writers.queues.len();
        let sent = writers.queues[turn].try_send(Waiting { signal, committed });
        if sent.is_err() || answer.await.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, ANSWER).into_response()
}

/// Tells a group that it is committed.
fn answer(group: &mut Vec<Waiting>) {
    for Waiting { committed, .. } in group.drain(..) {
        // Who has gone needs no answer.
        let _ = committed.send(());
    }
}
