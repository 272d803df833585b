//! Load: users who send from several sides, some of it twice, and note what they are told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::{Connection, Trader};
use super::journal::{Journal, Sent, Told};

/// Connections of each user.
const LANES: usize = 2;
/// How long a lane rests after each order, or before it asks again.
const REST: Duration = Duration::from_millis(80);
/// How often what was never answered is sent again once the load is over.
const LAST_TRIES: u32 = 200;

/// How a client goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With a key three times of four, sending again, at another node, until there is an order; without a key once.
    Persistent,
    /// Always with a key; a request that fails is sent once more, at the other node.
    TwiceAtMost,
}

/// Clients that send until they are told to stop.
pub(crate) struct Load {
    journal: Arc<Journal>,
    stop: watch::Sender<bool>,
    lanes: Vec<JoinHandle<Lane>>,
    runtime: Handle,
}

/// What was sent under load.
pub(crate) struct Sendings {
    pub(crate) journal: Arc<Journal>,
    /// Requests that failed at both nodes.
    pub(crate) failed: Vec<String>,
}

impl Load {
    pub(crate) fn start(runtime: &Handle, traders: &[Trader], nodes: &[SocketAddr], manner: Manner) -> Self {
        let journal = Arc::new(Journal::default());
        let (stop, stopping) = watch::channel(false);
        let lane = |trader: &Trader, number| Lane {
            trader: trader.clone(),
            number,
            nodes: nodes.iter().map(|address| Connection::to(*address)).collect(),
            journal: Arc::clone(&journal),
            manner,
            open: Vec::new(),
            failed: Vec::new(),
        };
        let lanes = traders.iter().flat_map(|trader| (0..LANES).map(|number| lane(trader, number)));
        let lanes = lanes.map(|lane| runtime.spawn(lane.run(stopping.clone()))).collect();
        Self { journal, stop, lanes, runtime: runtime.clone() }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Stops, and sends again what has a key and was not answered, until all of it is.
    pub(crate) fn finish(self) -> Sendings {
        self.stop.send_replace(true);
        let mut failed = Vec::new();
        self.runtime.block_on(async {
            for lane in self.lanes {
                let mut lane = lane.await.expect("a lane ends");
                failed.append(&mut lane.failed);
                lane.settle().await;
            }
        });
        Sendings { journal: self.journal, failed }
    }
}

struct Lane {
    trader: Trader,
    number: usize,
    nodes: Vec<Connection>,
    journal: Arc<Journal>,
    manner: Manner,
    /// Keys whose fate is not known, with the node that was asked last.
    open: Vec<(String, usize)>,
    failed: Vec<String>,
}

impl Lane {
    async fn run(mut self, stop: watch::Receiver<bool>) -> Self {
        let mut turn = 0;
        while !*stop.borrow() {
            let node = (self.number + turn) % self.nodes.len();
            let key = format!("{}-{}-{turn}", self.trader.username, self.number);
            match self.manner {
                Manner::TwiceAtMost => self.send_twice_at_most(node, &key).await,
                Manner::Persistent if turn % 4 == 3 => drop(self.send(node, None).await),
                Manner::Persistent if turn % 8 == 6 => self.send_twins(node, &key).await,
                Manner::Persistent => {
                    self.send_until_told(node, &key, &stop).await;
                    if turn % 4 == 1 {
                        // Who has been told may ask again: another node gives the same answer.
                        self.send(node + 1, Some(&key)).await;
                    }
                }
            }
            turn += 1;
            tokio::time::sleep(REST).await;
        }
        self
    }

    async fn send(&mut self, node: usize, key: Option<&str>) -> Sent {
        let nodes = self.nodes.len();
        let sent = self.nodes[node % nodes].send(&self.trader, key).await;
        self.journal.note(sent.clone());
        sent
    }

    async fn send_until_told(&mut self, first: usize, key: &str, stop: &watch::Receiver<bool>) {
        let mut node = first;
        while !is_final(&self.send(node, Some(key)).await) {
            node += 1;
            if *stop.borrow() {
                self.open.push((key.to_owned(), node));
                return;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// The same order at two nodes at the same time.
    async fn send_twins(&mut self, node: usize, key: &str) {
        let mut others = [Connection::to(self.nodes[node].address()), Connection::to(self.next(node))];
        let [one, other] = &mut others;
        let (one, other) =
            tokio::join!(one.send(&self.trader, Some(key)), other.send(&self.trader, Some(key)));
        let is_known = is_final(&one) || is_final(&other);
        self.journal.note(one);
        self.journal.note(other);
        if !is_known {
            self.open.push((key.to_owned(), node));
        }
    }

    fn next(&self, node: usize) -> SocketAddr {
        self.nodes[(node + 1) % self.nodes.len()].address()
    }

    async fn send_twice_at_most(&mut self, node: usize, key: &str) {
        let first = self.send(node, Some(key)).await;
        if is_final(&first) {
            return;
        }
        let second = self.send(node + 1, Some(key)).await;
        if !is_final(&second) {
            self.failed.push(format!("{key}: {first:?}, then {second:?}"));
            self.open.push((key.to_owned(), node));
        }
    }

    /// Asks about what is open until it is known.
    async fn settle(&mut self) {
        for (key, mut node) in std::mem::take(&mut self.open) {
            for tries in 1.. {
                if is_final(&self.send(node, Some(&key)).await) {
                    break;
                }
                assert!(tries < LAST_TRIES, "{key} cannot be sent");
                node += 1;
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Whether a client need not ask again.
fn is_final(sent: &Sent) -> bool {
    matches!(sent.told, Told::Accepted(_) | Told::Wrong(_))
}
