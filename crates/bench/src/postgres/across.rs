//! From a signal at one node to its message on a stream at another.

use anyhow::Result;

use super::cluster::{self, Cluster};
use crate::command::Options;
use crate::figures::Samples;
use crate::latency::{Way, half};
use crate::report::Table;
use crate::users;

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let cluster = Cluster::start(options)?;
    let mut table = Table::new("postgres-across", &["stream", "what", "p50", "p90", "p99", "most"]);
    let mut late = Samples::default();
    let mut circumstances = String::new();
    for with_nats in [true, false] {
        let nats = with_nats.then(cluster::nats);
        let nodes = cluster.nodes(options, options.service()?, 2, nats.as_ref()).await?;
        let users = users::register(nodes.servers[0].address, 2).await?;
        let [a, b] = [nodes.servers[0].address, nodes.servers[1].address];
        let ways = [
            ("at the node of the signal", Way { sent_to: a, heard_at: a }),
            (
                if with_nats { "at another node, with NATS" } else { "at another node, without NATS" },
                Way { sent_to: a, heard_at: b },
            ),
        ];
        for ((name, way), user) in ways.into_iter().zip(&users).skip(usize::from(!with_nats)) {
            let times = half(way, user, options).await?;
            for (what, times) in [("signal to stream", &times.stream), ("signal to answer", &times.answer)] {
                let parts = [0.5, 0.9, 0.99, 1.0].map(|part| times.time(part));
                table.row([name.to_owned(), what.to_owned()].into_iter().chain(parts));
            }
            late = times.late;
        }
        circumstances = cluster.circumstances(&nodes.database)?;
    }
    table.note(format!(
        "{} signals/s for {} s each, one user a row, mock broker with its default delays; two nodes and {circumstances}; \
         the load generator was late by {} (p99).",
        options.rate,
        options.latency_seconds,
        late.time(0.99),
    ));
    Ok(table)
}
