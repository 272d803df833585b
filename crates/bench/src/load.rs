//! A closed loop of requests over many connections: each sends its next request when its last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::client::Connection;

/// Sixteen places in a request where a number goes that no other request has.
pub const SLOT: &str = "################";

/// How long a load goes on.
#[derive(Debug, Clone, Copy)]
pub enum Plan {
    /// For some time, after a warm-up that is not counted.
    Time {
        /// What is not counted.
        warm_up: Duration,
        /// What is.
        counted: Duration,
    },
    /// So many requests.
    Requests(u64),
}

/// What a load has done.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// When it began, warm-up included.
    pub began: Instant,
    /// Requests answered, warm-up included.
    pub all: u64,
    /// Requests answered a second, without the warm-up.
    pub rate: f64,
}

/// Numbers that no two requests of this process share.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A request, and where it goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// A server.
    pub address: SocketAddr,
    /// The request's bytes.
    pub request: Vec<u8>,
}

/// One connection's share.
struct Share {
    target: Target,
    plan: Plan,
    began: Instant,
    left: Arc<AtomicU64>,
}

/// Requests answered on one connection: all, and those that count.
type Answered = (u64, u64);

impl Share {
    async fn run(mut self) -> Result<Answered> {
        let request = &self.target.request;
        let slot = request.windows(SLOT.len()).position(|bytes| bytes == SLOT.as_bytes());
        let mut connection = Connection::open(self.target.address).await?;
        let (mut all, mut counted) = (0, 0);
        while self.goes_on() {
            if let Some(at) = slot {
                let number = format!("{:016x}", NUMBER.fetch_add(1, Ordering::Relaxed));
                self.target.request[at..at + SLOT.len()].copy_from_slice(number.as_bytes());
            }
            connection.call(&self.target.request).await?.expect(200)?;
            all += 1;
            counted += u64::from(self.counts());
        }
        Ok((all, counted))
    }

    fn goes_on(&self) -> bool {
        match self.plan {
            Plan::Time { warm_up, counted } => self.began.elapsed() < warm_up + counted,
            Plan::Requests(_) => self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok(),
        }
    }

    fn counts(&self) -> bool {
        match self.plan {
            Plan::Time { warm_up, counted } => {
                let at = self.began.elapsed();
                at >= warm_up && at < warm_up + counted
            }
            Plan::Requests(_) => true,
        }
    }
}

/// Sends the requests, spread over the connections. Anything but 200 ends the measurement.
///
/// # Errors
/// If a request is not answered well.
pub async fn run(address: SocketAddr, requests: &[Vec<u8>], connections: usize, plan: Plan) -> Result<Done> {
    let targets: Vec<Target> =
        requests.iter().map(|request| Target { address, request: request.clone() }).collect();
    run_at(&targets, connections, plan).await
}

/// The same over several servers.
///
/// # Errors
/// As [`run`].
pub async fn run_at(targets: &[Target], connections: usize, plan: Plan) -> Result<Done> {
    let left = Arc::new(AtomicU64::new(match plan {
        Plan::Requests(count) => count,
        Plan::Time { .. } => 0,
    }));
    let mut shares = JoinSet::new();
    let began = Instant::now();
    for target in targets.iter().cycle().take(connections) {
        let share = Share { target: target.clone(), plan, began, left: Arc::clone(&left) };
        shares.spawn(share.run());
    }
    let (mut all, mut counted) = (0, 0);
    while let Some(answered) = shares.join_next().await {
        let answered = answered.context("a connection's task ended")??;
        all += answered.0;
        counted += answered.1;
    }
    let time = match plan {
        Plan::Time { counted, .. } => counted,
        Plan::Requests(_) => began.elapsed(),
    };
    Ok(Done { began, all, rate: counted as f64 / time.as_secs_f64() })
}
