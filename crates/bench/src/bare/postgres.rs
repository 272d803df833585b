//! Three plain rows a request in PostgreSQL: tables without an index, and statements over arrays, so that a group costs
//! one way to the server and back.

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio_postgres::{Client, Error, NoTls, Statement};

use super::{EVENT, GROUP, QUEUE, Waiting, answer};

/// A connection that writes, with its statements.
struct Lane {
    client: Client,
    signals: Statement,
    orders: Statement,
    events: Statement,
}

/// Makes the tables, and starts a writer on each of so many connections.
pub(super) async fn start_writers(url: &str, lanes: usize) -> Result<Vec<mpsc::Sender<Waiting>>> {
    let client = connect(url).await?;
    client
        .batch_execute(
            "CREATE TABLE signals (signal TEXT NOT NULL);
             CREATE TABLE orders (instrument TEXT NOT NULL, side TEXT NOT NULL, entry TEXT NOT NULL,
                                  stop_loss TEXT NOT NULL, take_profit TEXT NOT NULL, status TEXT NOT NULL);
             CREATE TABLE events (message TEXT NOT NULL);",
        )
        .await?;
    let mut queues = Vec::with_capacity(lanes);
    for _ in 0..lanes {
        let lane = Lane::open(url).await?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(lane.run(waiting));
        queues.push(queue);
    }
    Ok(queues)
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("no PostgreSQL")?;
    // Its end is seen by whoever uses the client.
    tokio::spawn(connection);
    // As the service has it.
    client.batch_execute("SET synchronous_commit = on; SET jit = off").await?;
    Ok(client)
}

impl Lane {
    async fn open(url: &str) -> Result<Self> {
        let client = connect(url).await?;
        let signals = client.prepare("INSERT INTO signals SELECT * FROM unnest($1::text[])").await?;
        let orders = client
            .prepare(
                "INSERT INTO orders SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], \
                 $6::text[])",
            )
            .await?;
        let events = client.prepare("INSERT INTO events SELECT * FROM unnest($1::text[])").await?;
        Ok(Self { client, signals, orders, events })
    }

    async fn run(self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut group = Vec::with_capacity(GROUP);
        while waiting.recv_many(&mut group, GROUP).await > 0 {
            if self.commit(&group).await.is_err() {
                // Whoever waits sees the channel close and answers 503, which ends the measurement.
                return;
            }
            answer(&mut group);
        }
    }

    /// All statements leave at once; the server runs them in their order.
    async fn commit(&self, group: &[Waiting]) -> Result<(), Error> {
        let signals: Vec<&str> = group.iter().map(|waiting| &*waiting.signal).collect();
        let column = |value: &'static str| vec![value; group.len()];
        let (instrument, side, entry) = (column("EURUSD"), column("BUY"), column("1.0860"));
        let (stop_loss, take_profit, status) = (column("1.0850"), column("1.0890"), column("pending"));
        let events = column(EVENT);
        tokio::try_join!(
            self.client.batch_execute("BEGIN"),
            async { self.client.execute(&self.signals, &[&signals]).await.map(drop) },
            async {
                let order = [&instrument, &side, &entry, &stop_loss, &take_profit, &status];
                let order = order.map(|column| column as &(dyn tokio_postgres::types::ToSql + Sync));
                self.client.execute(&self.orders, &order).await.map(drop)
            },
            async { self.client.execute(&self.events, &[&events]).await.map(drop) },
            self.client.batch_execute("COMMIT"),
        )?;
        Ok(())
    }
}
