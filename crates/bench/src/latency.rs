//! From just before a signal's bytes are written to the arrival of its `order.pending` on an open stream.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client::Connection;
use crate::command::Options;
use crate::figures::Samples;
use crate::report::Table;
use crate::streams::{Held, Stream};
use crate::users::{self, User};

/// Connections that take turns, so that a slow answer does not hold up the next signal.
const SENDERS: usize = 16;
/// Signals at the beginning that do not count.
const WARM_UP: usize = 100;
/// How long the last messages may take.
const LAST_WITHIN: Duration = Duration::from_secs(10);

/// A signal that was sent.
struct Sent {
    order_id: String,
    written: Instant,
    answered: Instant,
    /// By how much it was late.
    late: Duration,
}

/// Times of one half.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) stream: Samples,
    pub(crate) answer: Samples,
    pub(crate) late: Samples,
}

/// Where signals go, and where their messages are awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) sent_to: SocketAddr,
    pub(crate) heard_at: SocketAddr,
}

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let folder = options.fresh_folder()?;
    let server = options.service()?.start(folder.path()).await?;
    let users = users::register(server.address, options.users.max(2)).await?;
    let mut table = Table::new("latency", &["streams", "what", "p50", "p90", "p99", "most"]);
    let mut late = Samples::default();
    for idle in [0, options.idle_streams] {
        let mut held = Held::open(server.address, &users[1..], idle).await?;
        let way = Way { sent_to: server.address, heard_at: server.address };
        let times = half(way, &users[0], options).await?;
        held.check()?;
        for (what, times) in [("signal to stream", &times.stream), ("signal to answer", &times.answer)] {
            let parts = [0.5, 0.9, 0.99, 1.0].map(|part| times.time(part));
            table.row([format!("1 + {idle} idle"), what.to_owned()].into_iter().chain(parts));
        }
        late = times.late;
        server.quiet().await?;
    }
    table.note(format!(
        "{} signals/s for {} s each, one user, mock broker with its default delays; the load generator was late by {} (p99).",
        options.rate,
        options.latency_seconds,
        late.time(0.99),
    ));
    Ok(table)
}

/// Sends for as long as the options say, and notes what arrives when.
///
/// # Errors
/// If a server fails, or a message is missing.
pub(crate) async fn half(way: Way, user: &User, options: &Options) -> Result<Times> {
    let count = WARM_UP + (options.rate * options.latency_seconds) as usize;
    let stream = Stream::open(way.heard_at, user).await?;
    let arrivals = tokio::spawn(listen(stream, count));
    let sent = send(way.sent_to, user, options.rate, count).await?;
    let arrivals = timeout(LAST_WITHIN, arrivals).await.context("messages are missing")???;
    let mut times = Times::default();
    for Sent { order_id, written, answered, late } in sent {
        let arrived = arrivals.get(&order_id).context("an order without a message")?;
        times.stream.add_time(*arrived - written);
        times.answer.add_time(answered - written);
        times.late.add_time(late);
    }
    Ok(times)
}

/// Notes when each order's first message arrives.
async fn listen(mut stream: Stream, count: usize) -> Result<HashMap<String, Instant>> {
    let mut arrivals = HashMap::with_capacity(count);
    while arrivals.len() < count {
        let message = stream.next().await?;
        let now = Instant::now();
        if message["type"] == "order.pending" {
            let id = message["order_id"].as_str().context("a message without its order")?;
            arrivals.insert(id.to_owned(), now);
        }
    }
    Ok(arrivals)
}

/// Sends at a fixed rate, whatever becomes of what was sent before.
async fn send(address: SocketAddr, user: &User, rate: u32, count: usize) -> Result<Vec<Sent>> {
    let mut tasks = JoinSet::new();
    let mut senders = Vec::with_capacity(SENDERS);
    for _ in 0..SENDERS {
        let (ticks, mut due) = mpsc::unbounded_channel::<Instant>();
        let mut connection = Connection::open(address).await?;
        let request = user.signal(address);
        senders.push(ticks);
        tasks.spawn(async move {
            let mut sent = Vec::new();
            while let Some(due) = due.recv().await {
                let written = Instant::now();
                let answer = connection.call(&request).await?.json(200)?;
                let answered = Instant::now();
                let order_id = answer["order_id"].as_str().context("no order id")?.to_owned();
                sent.push(Sent { order_id, written, answered, late: written - due });
            }
            Ok::<_, anyhow::Error>(sent)
        });
    }
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..count {
        let due = ticks.tick().await.into_std();
        if senders[number % SENDERS].send(due).is_err() {
            bail!("a signal was not answered well");
        }
    }
    drop(senders);
    let mut sent = Vec::with_capacity(count);
    while let Some(share) = tasks.join_next().await {
        sent.extend(share??);
    }
    sent.sort_by_key(|sent| sent.written);
    Ok(sent.split_off(WARM_UP.min(sent.len())))
}
