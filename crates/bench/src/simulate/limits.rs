//! Which limit is reached first: what each resource is asked for, how that grows, and how much of it there is.

use hookfill::http::limits::CONNECTIONS;
use hookfill_store::Partition;

use super::counts::Kind;
use super::failures::burst;
use super::settings::{KEEPERS, LANES, READERS};
use super::world::World;

/// Processor time of a node for an order's whole life without company, in microseconds: `hookfill-bench postgres-costs`.
const NODE_ORDER: f64 = 1000.0;
/// Processor time of a node for each hint that it hears, in microseconds; assumed.
const NODE_HINT: f64 = 3.0;
/// How long a query waits for a reader (`READER_WAIT` of crates/store/src/postgres/mod.rs): later, a request is 503.
const READER_WAIT: f64 = 2.0;
/// How long a key's look-up takes a reader, in microseconds.
const LOOK_UP: u64 = 500;

/// A part of a demand: how much it is now, and the powers with which it grows with load and with nodes.
type Part = (f64, i32, i32);

/// Something that there is so much of.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) name: &'static str,
    parts: Vec<Part>,
    most: f64,
}

impl Limit {
    /// The part of it that is used when load and nodes are so many times what they are.
    fn used_at(&self, load: f64, nodes: f64) -> f64 {
        let demand = self
            .parts
            .iter()
            .map(|(amount, by_load, by_nodes)| amount * load.powi(*by_load) * nodes.powi(*by_nodes));
        demand.sum::<f64>() / self.most
    }

    pub(super) fn used(&self) -> f64 {
        self.used_at(1.0, 1.0)
    }

    /// How many times the load it bears; less than 1 if it is over its limit already.
    pub(super) fn load_factor(&self) -> Option<f64> {
        factor(|factor| self.used_at(factor, 1.0))
    }

    /// How many times the nodes it bears, at the same load.
    pub(super) fn node_factor(&self) -> Option<f64> {
        factor(|factor| self.used_at(1.0, factor))
    }
}

/// Where a demand that grows comes to 1; `None` if it does not within a factor of a million.
fn factor(used: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut low, mut high) = (1e-6_f64, 1e6_f64);
    if used(high) <= 1.0 || used(high) <= used(low) {
        return None;
    }
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if used(middle) > 1.0 { high = middle } else { low = middle }
    }
    Some(low)
}

/// Connections that all nodes hold.
pub(super) fn connections(nodes: usize) -> usize {
    nodes * (LANES + READERS + KEEPERS)
}

/// Every limit of a simulated installation.
pub(super) fn limits(world: &World) -> Vec<Limit> {
    let (plan, counts) = (&world.plan, &world.counts);
    let (settings, seconds) = (&plan.settings, plan.counted_seconds());
    let (nodes, streams) = (plan.nodes as f64, plan.watching as f64);
    let orders = counts.orders as f64 / seconds;
    let a_second = |count: u64| count as f64 / seconds;
    let processor = Kind::ALL.map(|kind| {
        let (by_load, by_nodes) = kind.growth();
        (counts.seconds(kind) / seconds, by_load, by_nodes)
    });
    let (hints_in, hints_out) = (a_second(counts.hints.0), a_second(counts.hints.1));
    let (due_in, due_out) = (a_second(counts.due_hints.0), a_second(counts.due_hints.1));
    let per_change = streams * Kind::Guard.price().0 / 1e6 / settings.postgres_cores;
    let is_told = if settings.hint_loss < 1.0 { 1.0 } else { 0.0 };
    vec![
        Limit { name: "PostgreSQL: processors", parts: processor.to_vec(), most: settings.postgres_cores },
        Limit {
            name: "PostgreSQL: connections",
            parts: vec![(connections(plan.nodes) as f64, 0, 1)],
            most: settings.postgres_connections,
        },
        Limit {
            name: "PostgreSQL: all its processors for one change of a key, s of 2 s",
            parts: vec![(per_change, 1, 0)],
            most: READER_WAIT,
        },
        Limit {
            name: "NATS: messages in and out",
            parts: vec![((hints_in + hints_out + due_in) * is_told, 1, 0), (due_out * is_told, 1, 1)],
            most: settings.nats_messages,
        },
        Limit {
            name: "a node: processors",
            parts: vec![
                (orders / nodes * NODE_ORDER / 1e6, 1, -1),
                (due_out / nodes * is_told * NODE_HINT / 1e6, 1, 0),
            ],
            most: settings.node_cores,
        },
        Limit {
            name: "a node: connections",
            parts: vec![(streams / nodes, 1, -1)],
            most: CONNECTIONS as f64,
        },
        Limit {
            name: "a node: its readers for one change of a key, s of 2 s",
            parts: vec![(burst(streams / nodes, LOOK_UP), 1, -1)],
            most: READER_WAIT,
        },
        Limit {
            name: "partitions: nodes that have orders to work",
            parts: vec![(nodes, 0, 1)],
            most: Partition::COUNT as f64,
        },
    ]
}

/// The limit that is reached first when the load grows and the nodes stay; with the factor.
pub(super) fn next_by_load(limits: &[Limit]) -> Option<(&Limit, f64)> {
    first(limits, Limit::load_factor)
}

/// The limit that is reached first when nodes are added at the same load; with the factor.
pub(super) fn next_by_nodes(limits: &[Limit]) -> Option<(&Limit, f64)> {
    first(limits, Limit::node_factor)
}

fn first(limits: &[Limit], factor: impl Fn(&Limit) -> Option<f64>) -> Option<(&Limit, f64)> {
    let known = limits.iter().filter_map(|limit| Some((limit, factor(limit)?)));
    known.min_by(|(_, a), (_, b)| a.total_cmp(b))
}
