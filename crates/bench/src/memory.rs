//! Resident memory: idle, after many orders, with many open streams.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::command::Options;
use crate::lives::until_closed;
use crate::load::{self, Plan};
use crate::process::Server;
use crate::report::Table;
use crate::streams::Held;
use crate::users;

/// How long an idle server is left alone before it is looked at.
const REST: Duration = Duration::from_secs(2);

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let mut table = Table::new("memory", &["when", "resident", "most so far"]);
    after_orders(options, &mut table).await?;
    with_streams(options, &mut table).await?;
    table.note("`VmRSS` and `VmHWM` of the server's process; the mock broker's delays are the defaults.");
    Ok(table)
}

fn look(table: &mut Table, when: String, server: &Server) -> Result<f64> {
    let (now, most) = (server.memory("VmRSS")?, server.memory("VmHWM")?);
    table.row([when, format!("{now:.1} MiB"), format!("{most:.1} MiB")]);
    Ok(now)
}

async fn after_orders(options: &Options, table: &mut Table) -> Result<()> {
    let folder = options.fresh_folder()?;
    let server = options.service()?.start(folder.path()).await?;
    sleep(REST).await;
    look(table, "idle after start".to_owned(), &server)?;
    let users = users::register(server.address, options.users.max(1)).await?;
    let requests: Vec<_> = users.iter().map(|user| user.signal(server.address)).collect();
    load::run(server.address, &requests, options.connections, Plan::Requests(options.orders)).await?;
    look(table, format!("{} orders just accepted", options.orders), &server)?;
    until_closed(&server, &users, options.orders).await?;
    sleep(REST).await;
    look(table, format!("{} orders closed", options.orders), &server)?;
    Ok(())
}

async fn with_streams(options: &Options, table: &mut Table) -> Result<()> {
    let folder = options.fresh_folder()?;
    let server = options.service()?.start(folder.path()).await?;
    let users = users::register(server.address, options.users.max(1)).await?;
    sleep(REST).await;
    let before = look(table, format!("idle with {} users", users.len()), &server)?;
    let mut streams = Held::open(server.address, &users, options.streams).await?;
    sleep(REST).await;
    let after = look(table, format!("{} open streams", options.streams), &server)?;
    streams.check()?;
    let each = (after - before) * 1024.0 / options.streams.max(1) as f64;
    table.note(format!("An open stream takes {each:.1} KiB."));
    Ok(())
}
