//! What is simulated: the size, the load, the failures; and what the product has fixed.

use std::time::Duration;

use clap::Args;
use hookfill::stream::Pace;

use super::agenda::Micros;

/// `RENEW_EVERY` of crates/store/src/postgres/leases.rs.
pub(super) const RENEW_EVERY: Micros = 1_000_000;
/// `LANES`, `READERS` of crates/store/src/postgres/mod.rs, and the one that keeps the leases.
pub(super) const LANES: usize = 4;
pub(super) const READERS: usize = 8;
pub(super) const KEEPERS: usize = 1;
/// `GROUP` of crates/store/src/queue.rs.
pub(super) const GROUP: usize = 512;
/// `idle_in_transaction_session_timeout` of crates/store/src/postgres/connect.rs.
pub(super) const IDLE_IN_TRANSACTION: Micros = 1_000_000;
/// `LOOK_EVERY` and `REMEMBERED` of crates/server/src/credentials.rs.
pub(super) const REVISION_EVERY: Micros = 250_000;
pub(super) const REMEMBERED: usize = 100_000;
/// `REST` of crates/server/src/bus/poll.rs.
pub(super) const HINT_REST: Micros = 5_000;
/// `REST` of crates/server/src/bus/nats/due.rs.
pub(super) const DUE_REST: Micros = 20_000;
/// `POLL`, `IN_FLIGHT`, `MANY` and `PACE` of crates/server/src/engine/mod.rs.
pub(super) const ENGINE_POLL: Micros = 1_000_000;
pub(super) const IN_FLIGHT: usize = 512;
pub(super) const MANY: usize = 32;
pub(super) const PACE: Micros = 2_000;

/// How long the last events are given to arrive: longer than a takeover, a broker's times and a poll.
pub(super) const DRAIN: Micros = 40_000_000;
/// How long nodes are given to share the partitions before anything counts.
const SETTLE: Micros = 15_000_000;
/// How long a client waits before it opens its stream again elsewhere, and up to how much longer.
pub(super) const RECONNECT: Micros = 1_000_000;

/// How often each stream asks the store by itself.
pub(super) fn ping_every() -> Micros {
    micros(Pace::default().ping_every)
}

/// How often a node asks about all users who have a stream there.
pub(super) fn heads_every() -> Micros {
    micros(hookfill::bus::POLL)
}

fn micros(time: Duration) -> Micros {
    time.as_micros().try_into().unwrap_or(Micros::MAX)
}

/// The size of what is simulated, and its load.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Numbers of nodes, a simulation each
    #[arg(long, value_delimiter = ',', default_value = "100")]
    pub nodes: Vec<usize>,
    /// Users for each node: 100 nodes have 10 million
    #[arg(long, default_value_t = 100_000)]
    pub users_a_node: usize,
    /// Orders of a user on a day
    #[arg(long, default_value_t = 3.0)]
    pub orders_a_day: f64,
    /// How much more is going on than on average
    #[arg(long, default_value_t = 3.0)]
    pub rush: f64,
    /// Part of the users who have a stream open
    #[arg(long, default_value_t = 0.02)]
    pub watching: f64,
    /// How often in a year a user registers, or changes a key or an account
    #[arg(long, default_value_t = 2.0)]
    pub changes_a_year: f64,
    /// A user's requests come to the same node, as long as it is there
    #[arg(long)]
    pub sticky: bool,
    /// Part of the hints that are lost; 1 is without NATS
    #[arg(long, default_value_t = 0.001)]
    pub hint_loss: f64,
    /// From one node to another through NATS, in microseconds
    #[arg(long, default_value_t = 500)]
    pub nats_micros: u64,
    /// To PostgreSQL or back, in microseconds
    #[arg(long, default_value_t = 150)]
    pub postgres_micros: u64,
    /// One sync of PostgreSQL's log, in microseconds
    #[arg(long, default_value_t = 500)]
    pub sync_micros: u64,
    /// A broker's answer, in microseconds
    #[arg(long, default_value_t = 20_000)]
    pub broker_micros: u64,
    /// From a broker's acceptance to the execution, and from there to the close, in seconds
    #[arg(long, default_value_t = 5)]
    pub broker_seconds: u64,
    /// Seconds that are simulated and count, behind as many seconds of an order's life that do not
    #[arg(long, default_value_t = 30)]
    pub simulated_seconds: u64,
    /// After how many seconds without a sign of life a node's work is taken over
    #[arg(long, default_value_t = 5)]
    pub lease_seconds: u64,
    /// Nodes that crash meanwhile; as many start anew
    #[arg(long, default_value_t = 2)]
    pub crashes: usize,
    /// Nodes that are paused meanwhile, for up to three leases
    #[arg(long, default_value_t = 2)]
    pub pauses: usize,
    /// Processors of PostgreSQL's machine
    #[arg(long, default_value_t = 32.0)]
    pub postgres_cores: f64,
    /// Connections that PostgreSQL is set to
    #[arg(long, default_value_t = 2000.0)]
    pub postgres_connections: f64,
    /// Messages a second that NATS takes and delivers, together
    #[arg(long, default_value_t = 1_000_000.0)]
    pub nats_messages: f64,
    /// Processors of a node
    #[arg(long, default_value_t = 2.0)]
    pub node_cores: f64,
    /// What everything that is drawn depends on
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Settings {
    /// One simulation of so many nodes.
    pub(super) fn plan(&self, nodes: usize) -> Plan {
        let nodes = nodes.clamp(1, 1000);
        let users = (nodes * self.users_a_node).max(1);
        let orders_a_second = users as f64 * self.orders_a_day * self.rush / 86_400.0;
        let life = (2 * self.broker_seconds * 1_000_000 + 2_000_000).max(SETTLE);
        Plan {
            nodes,
            users,
            watching: ((users as f64 * self.watching) as usize).min(users),
            orders_a_second,
            changes_a_second: users as f64 * self.changes_a_year / (365.0 * 86_400.0),
            lease: self.lease_seconds.max(1) * 1_000_000,
            begin: life,
            end: life + self.simulated_seconds.max(1) * 1_000_000,
            settings: self.clone(),
        }
    }
}

/// One simulation.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) nodes: usize,
    pub(super) users: usize,
    pub(super) watching: usize,
    pub(super) orders_a_second: f64,
    pub(super) changes_a_second: f64,
    pub(super) lease: Micros,
    /// From here on it counts: orders of every age are there.
    pub(super) begin: Micros,
    /// No order comes after this.
    pub(super) end: Micros,
}

impl Plan {
    pub(super) fn counted_seconds(&self) -> f64 {
        (self.end - self.begin) as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    /// What is mirrored here is read where it comes from, so that a change there is noticed here.
    #[test]
    fn the_products_constants_are_these() {
        let leases = include_str!("../../../store/src/postgres/leases.rs");
        let store = include_str!("../../../store/src/postgres/mod.rs");
        let queue = include_str!("../../../store/src/queue.rs");
        let connect = include_str!("../../../store/src/postgres/connect.rs");
        let credentials = include_str!("../../../server/src/credentials.rs");
        let engine = include_str!("../../../server/src/engine/mod.rs");
        let poll = include_str!("../../../server/src/bus/poll.rs");
        let due = include_str!("../../../server/src/bus/nats/due.rs");
        for (source, line) in [
            (leases, "const RENEW_EVERY: Duration = Duration::from_secs(1);"),
            (leases, "Partition::COUNT.div_ceil("),
            (store, "const LANES: usize = 4;"),
            (store, "const READERS: usize = 8;"),
            (queue, "const GROUP: usize = 512;"),
            (connect, "('idle_in_transaction_session_timeout', '1000')"),
            (credentials, "const LOOK_EVERY: Duration = Duration::from_millis(250);"),
            (credentials, "const REMEMBERED: usize = 100_000;"),
            (poll, "const REST: Duration = Duration::from_millis(5);"),
            (due, "const REST: Duration = Duration::from_millis(20);"),
            (engine, "const POLL: Duration = Duration::from_secs(1);"),
            (engine, "const IN_FLIGHT: usize = 512;"),
            (engine, "const MANY: usize = 32;"),
            (engine, "const PACE: Duration = Duration::from_millis(2);"),
        ] {
            assert!(source.contains(line), "{line} has changed: change settings.rs as well");
        }
    }
}
