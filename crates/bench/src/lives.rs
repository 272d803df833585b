//! Whole lives of orders a second: pending, executed, closed, with a broker that takes no time.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::command::Options;
use crate::figures::Samples;
use crate::load::{self, Plan};
use crate::process::{Program, Server};
use crate::report::Table;
use crate::users::{self, User};

/// How often it is asked how many orders are closed.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let (for_rows, for_service) = (options.fresh_folder()?, options.fresh_folder()?);
    let ceiling = Program::own(&["bare", "--rows", "rows.db"])?.start(for_rows.path()).await?;
    let service = options.service()?.delays("0s", "0s").start(for_service.path()).await?;
    let users = users::register(service.address, options.users.max(1)).await?;
    let at =
        |server: &Server| -> Vec<Vec<u8>> { users.iter().map(|user| user.signal(server.address)).collect() };
    let (at_rows, at_service) = (at(&ceiling), at(&service));
    let (mut rows, mut accepts, mut lives) = (Samples::default(), Samples::default(), Samples::default());
    for round in 1..=options.rounds.max(1) as u64 {
        rows.add(load::run(ceiling.address, &at_rows, options.connections, options.round()).await?.rate);
        let plan = Plan::Requests(options.lives);
        let done = load::run(service.address, &at_service, options.connections, plan).await?;
        until_closed(&service, &users, round * options.lives).await?;
        accepts.add(done.rate);
        lives.add(done.all as f64 / done.began.elapsed().as_secs_f64());
    }
    let mut table = Table::new("lives", &["what", "a second", "÷ three rows"]);
    for (name, rates) in [
        ("bare handler, three plain rows", &rows),
        ("accepts while lives go on", &accepts),
        ("whole lives, first accept to last close", &lives),
    ] {
        table.row([name.to_owned(), rates.rates(), rates.over(&rows).ratios()]);
    }
    table.note(format!(
        "{} rounds of {} orders, median (least to most); {} connections, {} users.",
        lives.count(),
        options.lives,
        options.connections,
        users.len(),
    ));
    Ok(table)
}

/// Waits until so many orders of the users are closed.
pub(crate) async fn until_closed(service: &Server, users: &[User], wanted: u64) -> Result<()> {
    while users::closed(service.address, users).await? < wanted {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
