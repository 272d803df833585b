//! Durable accepts a second, as ratios to two ceilings that are measured in the same rounds.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;

use crate::command::Options;
use crate::figures::Samples;
use crate::load::{self, SLOT};
use crate::process::{Program, Server};
use crate::report::Table;
use crate::users::{self, User};

/// Writes that are synced to find out what one sync costs.
const SYNCS: usize = 200;

/// What is measured in a round, in this order.
struct Contest {
    name: &'static str,
    requests: Vec<Vec<u8>>,
    rates: Samples,
    /// Orders a second until the last one was also handed to the broker.
    sustained: Samples,
}

impl Contest {
    fn new(name: &'static str, requests: Vec<Vec<u8>>) -> Self {
        Self { name, requests, rates: Samples::default(), sustained: Samples::default() }
    }

    async fn round(&mut self, server: &Server, options: &Options) -> Result<()> {
        let done = load::run(server.address, &self.requests, options.connections, options.round()).await?;
        let quiet = server.quiet().await?;
        self.rates.add(done.rate);
        // Known to a look at the processor's clock, a tenth of a second.
        self.sustained.add(done.all as f64 / (quiet - done.began).as_secs_f64());
        Ok(())
    }
}

/// The two ceilings, and the service.
struct Servers {
    bare: Server,
    rows: Server,
    service: Server,
}

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let (for_bare, for_rows, for_service) =
        (options.fresh_folder()?, options.fresh_folder()?, options.fresh_folder()?);
    let sync = sync_time(options)?;
    let servers = Servers {
        bare: Program::own(&["bare"])?.start(for_bare.path()).await?,
        rows: Program::own(&["bare", "--rows", "rows.db"])?.start(for_rows.path()).await?,
        // Orders stay pending: what is measured is accepting them and handing them to the broker.
        service: options.service()?.delays("1h", "1h").start(for_service.path()).await?,
    };
    let users = users::register(servers.service.address, options.users.max(1)).await?;
    let plain = |server: &Server, users: &[User]| -> Vec<Vec<u8>> {
        users.iter().map(|user| user.signal(server.address)).collect()
    };
    let keyed = |server: &Server| -> Vec<Vec<u8>> {
        let line = format!("idempotency-key: {SLOT}\r\n");
        users.iter().map(|user| user.signal_with(server.address, &line)).collect()
    };
    let mut bare = Contest::new("bare handler", plain(&servers.bare, &users));
    let mut rows = Contest::new("bare handler, three plain rows", plain(&servers.rows, &users));
    let mut service = [
        Contest::new("hookfill", plain(&servers.service, &users)),
        Contest::new("hookfill, one user", plain(&servers.service, &users[..1])),
        Contest::new("hookfill, each with an Idempotency-Key", keyed(&servers.service)),
    ];
    for _ in 0..options.rounds.max(1) {
        bare.round(&servers.bare, options).await?;
        service[0].round(&servers.service, options).await?;
        rows.round(&servers.rows, options).await?;
        service[1].round(&servers.service, options).await?;
        service[2].round(&servers.service, options).await?;
    }
    let columns = ["server", "accepts/s", "÷ bare", "÷ three rows", "accepted and submitted/s"];
    let mut table = Table::new("accepts", &columns);
    for contest in [&bare, &rows].into_iter().chain(&service) {
        let ratios = [&bare, &rows].map(|ceiling| contest.rates.over(&ceiling.rates).ratios());
        let [to_bare, to_rows] = ratios;
        let ours = contest.name.starts_with("hookfill");
        let sustained = if ours { contest.sustained.rates() } else { "—".to_owned() };
        table.row([contest.name.to_owned(), contest.rates.rates(), to_bare, to_rows, sustained]);
    }
    table.note(format!(
        "{} rounds, median (least to most); {} connections, {} users; one write and fdatasync of 4 KiB takes {}.",
        bare.rates.count(),
        options.connections,
        users.len(),
        sync.time(0.5),
    ));
    Ok(table)
}

/// How long the disk takes to make one page durable.
pub(crate) fn sync_time(options: &Options) -> Result<Samples> {
    let folder = options.fresh_folder()?;
    let mut file = std::fs::File::create(folder.path().join("page"))?;
    let mut times = Samples::default();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.add_time(began.elapsed());
    }
    Ok(times)
}
