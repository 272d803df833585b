//! What many nodes and many users ask of PostgreSQL and NATS, and whether the promises hold: a simulation of discrete
//! events. Nothing sleeps, nothing is sent; what is drawn depends on a seed, so that every run is the same.
//!
//! What is the product's own is taken from it (`Partition::of`, public constants) or mirrored with the name of its file
//! (`settings.rs`, held by a test). What is not modeled: processors that are too slow (their load is reported instead),
//! NATS and PostgreSQL failing, clocks that run at different speeds, more than one stream a user.
//!
//! Counts as a failure (`checks.rs`): a partition with two holders, a takeover later than the lease and two seconds, an order
//! that does not come to its end or is submitted twice, a result stored under a lost lease, a message that is not on its stream.

mod agenda;
mod checks;
mod commits;
mod counts;
mod failures;
mod leases;
mod limits;
mod node;
mod orders;
mod random;
mod report;
mod rounds;
mod rules;
pub mod settings;
mod streams;
#[cfg(test)]
mod tests;
mod work;
mod world;

use anyhow::{Result, bail};

use self::rules::Rules;
use self::settings::Settings;
use self::world::World;
use crate::report::Table;

/// Simulates each number of nodes, and says what it came to.
///
/// # Errors
/// If a promise was broken.
pub fn run(settings: &Settings) -> Result<Vec<Table>> {
    let mut worlds = Vec::new();
    for nodes in &settings.nodes {
        let world = World::new(settings.plan(*nodes), Rules::default()).run();
        if !world.checks.broken().is_empty() {
            bail!("with {nodes} nodes: {}", world.checks.broken().join("; "));
        }
        worlds.push(world);
    }
    Ok(report::tables(&worlds))
}
