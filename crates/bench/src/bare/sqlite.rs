//! Three plain rows a request in SQLite, with the settings of the service's own writer and no index.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use tokio::sync::mpsc;

use super::{EVENT, GROUP, QUEUE, Waiting, answer};

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

/// Starts the thread that writes.
pub(super) fn start_writer(path: &Path) -> Result<mpsc::Sender<Waiting>> {
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
            answer(&mut group);
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
