//! The ceilings: a bare handler that parses the body and answers, and the same with three plain rows a request on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use rusqlite::{Connection, params};
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

type Rows = Option<mpsc::Sender<Waiting>>;

/// Serves the bare handler on a free port until the process is ended; with a database, three rows a request are in it
/// before the answer leaves.
///
/// # Errors
/// If the port or the database cannot be had.
pub async fn serve(database: Option<PathBuf>) -> Result<()> {
    let rows = database.map(|path| start_writer(&path)).transpose()?;
    let router = Router::new().route("/webhook/receive-signal/", post(receive)).with_state(Arc::new(rows));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready at http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it only the figure gets worse, never wrong.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn receive(State(rows): State<Arc<Rows>>, body: Bytes) -> Response {
    let Ok(Body { signal }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Some(rows) = rows.as_ref() {
        let (committed, answer) = oneshot::channel();
        let sent = rows.try_send(Waiting { signal, committed });
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

/// The settings of the service's own writer, and tables without any index.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.execute_batch(
        "CREATE TABLE signals (id INTEGER PRIMARY KEY, signal TEXT NOT NULL) STRICT;
         CREATE TABLE orders (id INTEGER PRIMARY KEY, instrument TEXT NOT NULL, side TEXT NOT NULL, entry TEXT NOT NULL,
                              stop_loss TEXT NOT NULL, take_profit TEXT NOT NULL, status TEXT NOT NULL) STRICT;
         CREATE TABLE events (id INTEGER PRIMARY KEY, message TEXT NOT NULL) STRICT;",
    )?;
    Ok(connection)
}

fn start_writer(path: &Path) -> Result<mpsc::Sender<Waiting>> {
    let connection = open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let (queue, mut waiting) = mpsc::channel(QUEUE);
    std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
        let mut group = Vec::with_capacity(GROUP);
        while let Some(first) = waiting.blocking_recv() {
            group.push(first);
            while group.len() < GROUP
                && let Ok(next) = waiting.try_recv()
            {
                group.push(next);
            }
            if commit(&connection, &group).is_err() {
                // Whoever waits sees the channel close and answers 503, which ends the measurement.
                return;
            }
            for Waiting { committed, .. } in group.drain(..) {
                let _ = committed.send(());
            }
        }
    })?;
    Ok(queue)
}

fn commit(connection: &Connection, group: &[Waiting]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut signal = connection.prepare_cached("INSERT INTO signals (signal) VALUES (?1)")?;
    let mut order = connection.prepare_cached(
        "INSERT INTO orders (instrument, side, entry, stop_loss, take_profit, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut event = connection.prepare_cached("INSERT INTO events (message) VALUES (?1)")?;
    for waiting in group {
        signal.execute([&waiting.signal])?;
        order.execute(params!["EURUSD", "BUY", "1.0860", "1.0850", "1.0890", "pending"])?;
        event.execute([EVENT])?;
    }
    connection.execute_batch("COMMIT")
}
