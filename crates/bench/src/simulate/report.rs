//! What simulations came to, a column each.

use super::counts::Kind;
use super::limits::{self, Limit};
use super::world::World;
use crate::figures::{Samples, count};
use crate::report::Table;

/// Memory of a node without streams, and of a stream, in MiB: docs/PERFORMANCE.md, `memory`.
const NODE_MEMORY: (f64, f64) = (16.0, 17.2 / 1024.0);

/// A row: its name, and what is in it.
type Row = (&'static str, fn(&World) -> String);

const ROWS: [Row; 18] = [
    ("users", |world| count(world.plan.users as f64)),
    ("orders a second", |world| a_second(world, world.counts.orders)),
    ("steps of orders a second, accepts included", |world| {
        a_second(world, world.counts.orders + world.counts.steps)
    }),
    ("open streams", |world| count(world.plan.watching as f64)),
    ("PostgreSQL: statements a second, a group being one", |world| {
        a_second(world, Kind::ALL.iter().map(|kind| world.counts.of(*kind).statements).sum())
    }),
    ("PostgreSQL: rows a second", |world| {
        a_second(world, Kind::ALL.iter().map(|kind| world.counts.of(*kind).rows).sum())
    }),
    ("PostgreSQL: groups committed a second; steps in one", |world| {
        let (groups, steps) =
            (world.counts.of(Kind::Group).statements, world.counts.orders + world.counts.steps);
        format!("{}; {:.1}", a_second(world, groups), steps as f64 / groups.max(1) as f64)
    }),
    ("PostgreSQL: syncs of the log a second", |world| a_second(world, world.counts.syncs)),
    ("PostgreSQL: connections", |world| count(limits::connections(world.plan.nodes) as f64)),
    ("NATS: messages a second, published; delivered", |world| {
        let ((a, b), (c, d)) = (world.counts.hints, world.counts.due_hints);
        format!("{}; {}", a_second(world, a + c), a_second(world, b + d))
    }),
    ("NATS: subscriptions", |world| count((world.plan.watching + world.plan.nodes) as f64)),
    ("a node: open streams; memory", |world| {
        let streams = world.plan.watching as f64 / world.plan.nodes as f64;
        format!("{}; {} MiB", count(streams), count(NODE_MEMORY.0 + streams * NODE_MEMORY.1))
    }),
    ("nodes that hold partitions; most of one", |world| {
        let held = world.nodes.iter().filter(|node| !node.is_dead);
        let held: Vec<usize> = held.map(|node| node.holding.workable(world.agenda.now()).count()).collect();
        let working = held.iter().filter(|count| **count > 0).count();
        format!("{working}; {}", held.iter().max().copied().unwrap_or(0))
    }),
    ("takeover after a crash or a pause, p50; most", |world| times(&world.checks.takeovers, &[0.5, 1.0])),
    ("takeovers later than lease + 2 s, for a second failure; leases lost while working", |world| {
        format!("{}; {}", world.checks.late_takeovers, world.checks.lost_leases)
    }),
    ("signal to answer, p50; p99", |world| times(&world.counts.answers, &[0.5, 0.99])),
    ("commit to stream at the same node, p50; p99", |world| times(&world.counts.delays[0], &[0.5, 0.99])),
    ("commit to stream at another node, p50; p99; most", |world| {
        times(&world.counts.delays[1], &[0.5, 0.99, 1.0])
    }),
];

fn a_second(world: &World, all: u64) -> String {
    count(all as f64 / world.plan.counted_seconds())
}

fn times(samples: &Samples, parts: &[f64]) -> String {
    if samples.count() == 0 {
        return "—".to_owned();
    }
    parts.iter().map(|part| samples.time(*part)).collect::<Vec<_>>().join("; ")
}

/// Tables with a column for each simulation.
pub(super) fn tables(worlds: &[World]) -> Vec<Table> {
    vec![overview(worlds), statements(worlds), next_limits(worlds)]
}

fn columns<'a>(first: &'a str, names: &'a [String]) -> Vec<&'a str> {
    std::iter::once(first).chain(names.iter().map(String::as_str)).collect()
}

fn names(worlds: &[World]) -> Vec<String> {
    worlds.iter().map(|world| format!("{} nodes", world.plan.nodes)).collect()
}

fn overview(worlds: &[World]) -> Table {
    let names = names(worlds);
    let mut table = Table::new("simulate", &columns("what", &names));
    for (name, cell) in ROWS {
        table.row(std::iter::once(name.to_owned()).chain(worlds.iter().map(cell)));
    }
    if let Some(world) = worlds.first() {
        let settings = &world.plan.settings;
        table.note(format!(
            "{} s simulated that count, seed {}; {} crashes and {} pauses each, lease {} s; {:.1} % of hints lost. Every \
             check held.",
            settings.simulated_seconds,
            settings.seed,
            settings.crashes,
            settings.pauses,
            settings.lease_seconds,
            settings.hint_loss * 100.0,
        ));
    }
    table
}

fn statements(worlds: &[World]) -> Table {
    let names = names(worlds);
    let mut first = columns("statements a second (PostgreSQL processors)", &names);
    first.push("grow with");
    let mut table = Table::new("simulate-statements", &first);
    for kind in Kind::ALL {
        let (name, grows_with) = kind.name();
        let cells = worlds.iter().map(|world| {
            let seconds = world.counts.seconds(kind) / world.plan.counted_seconds();
            format!("{} ({seconds:.2})", a_second(world, world.counts.of(kind).statements))
        });
        table.row(std::iter::once(name.to_owned()).chain(cells).chain([grows_with.to_owned()]));
    }
    let all = worlds.iter().map(|world| {
        let seconds: f64 = Kind::ALL.iter().map(|kind| world.counts.seconds(*kind)).sum();
        format!("({:.2})", seconds / world.plan.counted_seconds())
    });
    table.row(std::iter::once("all".to_owned()).chain(all).chain([String::new()]));
    table.note("Processors are those of the machine on which the prices of statements were measured.");
    table
}

fn next_limits(worlds: &[World]) -> Table {
    let names = names(worlds);
    let mut table = Table::new("simulate-limits", &columns("used", &names));
    let all: Vec<Vec<Limit>> = worlds.iter().map(limits::limits).collect();
    for index in 0..all.first().map_or(0, Vec::len) {
        let cells = all.iter().map(|limits| format!("{:.0} %", limits[index].used() * 100.0));
        table.row(std::iter::once(all[0][index].name.to_owned()).chain(cells));
    }
    let told = |next: Option<(&Limit, f64)>, of: f64, what: &str| {
        next.map_or("none".to_owned(), |(limit, factor)| {
            format!("{} {what} (× {factor:.2}): {}", count(of * factor), limit.name)
        })
    };
    let by_load = worlds
        .iter()
        .zip(&all)
        .map(|(world, limits)| told(limits::next_by_load(limits), world.plan.users as f64, "users"));
    table.row(std::iter::once("**next, with more load**".to_owned()).chain(by_load));
    let by_nodes = worlds
        .iter()
        .zip(&all)
        .map(|(world, limits)| told(limits::next_by_nodes(limits), world.plan.nodes as f64, "nodes"));
    table.row(std::iter::once("**next, with more nodes**".to_owned()).chain(by_nodes));
    if let Some(world) = worlds.first() {
        let settings = &world.plan.settings;
        table.note(format!(
            "PostgreSQL with {} processors and {} connections; NATS with {} messages a second; nodes with {} processors.",
            settings.postgres_cores,
            count(settings.postgres_connections),
            count(settings.nats_messages),
            settings.node_cores,
        ));
    }
    table
}
