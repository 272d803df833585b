//! From the start of the process to its ready line.

use anyhow::Result;

use crate::command::Options;
use crate::figures::{Samples, count};
use crate::load::{self, Plan};
use crate::report::Table;
use crate::users;

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let program = options.service()?;
    let (mut empty, mut stopped, mut killed) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..options.starts.max(1) {
        let folder = options.fresh_folder()?;
        empty.add_time(program.start(folder.path()).await?.ready_after);
    }
    // Orders stay pending, so that every start finds the same database and nothing to work off.
    let program = program.delays("1h", "1h");
    let folder = options.fresh_folder()?;
    let server = program.start(folder.path()).await?;
    let users = users::register(server.address, options.users.max(1)).await?;
    let requests: Vec<_> = users.iter().map(|user| user.signal(server.address)).collect();
    let plan = Plan::Requests(options.orders);
    load::run(server.address, &requests, options.connections, plan).await?;
    server.quiet().await?;
    server.stop().await?;
    for _ in 0..options.starts.max(1) {
        let server = program.start(folder.path()).await?;
        stopped.add_time(server.ready_after);
        server.stop().await?;
    }
    for _ in 0..options.starts.max(1) {
        let server = program.start(folder.path()).await?;
        let requests = [users[0].signal(server.address)];
        load::run(server.address, &requests, 1, Plan::Requests(100)).await?;
        server.quiet().await?;
        // Dropped, it is killed; the write-ahead log stays behind.
        drop(server);
        let server = program.start(folder.path()).await?;
        killed.add_time(server.ready_after);
        server.stop().await?;
    }
    let mut table = Table::new("start", &["database", "median", "p95", "most"]);
    let orders = count(options.orders as f64);
    let (existing, recovered) =
        (format!("{orders} pending orders, stopped"), format!("{orders} pending orders, killed"));
    for (name, times) in [("empty".to_owned(), empty), (existing, stopped), (recovered, killed)] {
        table.row([name, times.time(0.5), times.time(0.95), times.time(1.0)]);
    }
    table.note(format!("{} starts of each kind; files are in the system's cache.", options.starts.max(1)));
    Ok(table)
}
