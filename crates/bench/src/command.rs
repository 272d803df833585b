//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use tempfile::TempDir;

use crate::bare::Rows;
use crate::load::Plan;
use crate::process::{self, Program};
use crate::report::{Report, Table};
use crate::simulate::settings::Settings;
use crate::{accepts, bare, inside, latency, lives, memory, postgres, simulate, start};

/// Measures hookfill and prints Markdown tables.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
    #[command(flatten)]
    options: Options,
    /// A file in which the tables between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` are replaced
    #[arg(long, global = true, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// What all measurements share.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The service to measure, such as target/release/hookfill; without it, the service linked into this program
    #[arg(long, global = true, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// Where databases are made; it should be the disk that matters
    #[arg(long, global = true, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Keep-alive connections of the load
    #[arg(long, global = true, default_value_t = 64)]
    pub connections: usize,
    /// Users that the connections belong to
    #[arg(long, global = true, default_value_t = 64)]
    pub users: usize,
    /// Rounds of a throughput, each with its ceilings
    #[arg(long, global = true, default_value_t = 7)]
    pub rounds: usize,
    /// Seconds that count of each round
    #[arg(long, global = true, default_value_t = 3.0)]
    pub seconds: f64,
    /// Seconds before them that do not
    #[arg(long, global = true, default_value_t = 0.5)]
    pub warm_up: f64,
    /// Threads of the load generator; one for each processor if absent
    #[arg(long, global = true)]
    pub threads: Option<usize>,
    /// Starts of each kind
    #[arg(long, global = true, default_value_t = 30)]
    pub starts: usize,
    /// Orders of a round of `lives`
    #[arg(long, global = true, default_value_t = 20_000)]
    pub lives: u64,
    /// Orders of `memory`, and of the existing database of `start`
    #[arg(long, global = true, default_value_t = 100_000)]
    pub orders: u64,
    /// Open streams of `memory`
    #[arg(long, global = true, default_value_t = 1000)]
    pub streams: usize,
    /// Idle streams beside the one that is measured in the second half of `latency`
    #[arg(long, global = true, default_value_t = 900)]
    pub idle_streams: usize,
    /// Orders a second of `latency`
    #[arg(long, global = true, default_value_t = 100)]
    pub rate: u32,
    /// A setting of the PostgreSQL server that is started, to try it out
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = setting)]
    pub postgres_setting: Vec<(String, String)>,
    /// Seconds of each half of `latency`
    #[arg(long, global = true, default_value_t = 30)]
    pub latency_seconds: u32,
}

impl Options {
    /// A new folder for a database; it goes with the value.
    ///
    /// # Errors
    /// The system's.
    pub fn fresh_folder(&self) -> Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("hookfill-bench-");
        Ok(match &self.folder {
            Some(folder) => builder.tempdir_in(folder)?,
            None => builder.tempdir()?,
        })
    }

    /// The service.
    ///
    /// # Errors
    /// If it is not there.
    pub fn service(&self) -> Result<Program> {
        Program::service(self.binary.as_deref())
    }

    /// One round of a throughput.
    #[must_use]
    pub fn round(&self) -> Plan {
        let warm_up = Duration::from_secs_f64(self.warm_up);
        Plan::Time { warm_up, counted: Duration::from_secs_f64(self.seconds) }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("is not NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What to measure.
#[derive(Debug, Clone, Subcommand)]
pub enum Measurement {
    /// Everything on SQLite, one after the other
    All,
    /// Durable accepts a second, as ratios to two ceilings
    Accepts,
    /// Whole lives of orders a second
    Lives,
    /// From the start of the process to its ready line
    Start,
    /// Resident memory
    Memory,
    /// From a signal to its message on the stream
    Latency,
    /// Everything on PostgreSQL, one after the other
    Postgres,
    /// Durable accepts a second on PostgreSQL, by one node and by two
    PostgresAccepts,
    /// Whole lives of orders a second on PostgreSQL, by one node and by two
    PostgresLives,
    /// From a signal at one node to its message on a stream at another, with NATS and without
    PostgresAcross,
    /// What an order costs on PostgreSQL, and what is left of it on the disk
    PostgresCosts,
    /// What each question of a node costs PostgreSQL
    PostgresLooks,
    /// What many nodes and many users would ask of PostgreSQL and NATS, by a model that is seeded and measures nothing
    Simulate(Settings),
    /// Serves the ceiling; started by the other commands
    #[command(hide = true)]
    Bare {
        /// Commits three rows a request to this database
        #[arg(long, conflicts_with = "postgres")]
        rows: Option<PathBuf>,
        /// Commits three rows a request to this empty database
        #[arg(long, value_name = "URL")]
        postgres: Option<String>,
        /// Over so many connections
        #[arg(long, default_value_t = 1)]
        lanes: usize,
    },
    /// Serves hookfill from inside this program; started by the other commands
    #[command(hide = true)]
    ServeInside,
}

/// What `all` measures, in this order.
const ALL: [Measurement; 5] =
    [Measurement::Start, Measurement::Memory, Measurement::Latency, Measurement::Accepts, Measurement::Lives];
/// What `postgres` measures, in this order.
const POSTGRES: [Measurement; 5] = [
    Measurement::PostgresAcross,
    Measurement::PostgresAccepts,
    Measurement::PostgresLives,
    Measurement::PostgresCosts,
    Measurement::PostgresLooks,
];

impl Measurement {
    /// Whether it is a server that another measurement has started.
    fn is_server(&self) -> bool {
        matches!(self, Self::Bare { .. } | Self::ServeInside)
    }
}

impl Arguments {
    /// How many threads the runtime is to have, if it is not one for each processor.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        // Servers run as they would alone.
        if self.measurement.is_server() { None } else { self.options.threads }
    }
}

/// Does what the command line says.
///
/// # Errors
/// If a server does not start, or answers anything but what it should.
pub async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { measurement, options, write } = arguments;
    let chosen = match measurement {
        Measurement::Bare { rows, postgres, lanes } => {
            return bare::serve(match (rows, postgres) {
                (Some(path), _) => Rows::Sqlite(path),
                (None, Some(url)) => Rows::Postgres(url, lanes),
                (None, None) => Rows::None,
            })
            .await;
        }
        Measurement::ServeInside => return inside::serve().await,
        Measurement::All => ALL.to_vec(),
        Measurement::Postgres => POSTGRES.to_vec(),
        one @ (Measurement::Accepts
        | Measurement::Lives
        | Measurement::Start
        | Measurement::Memory
        | Measurement::Latency
        | Measurement::PostgresAccepts
        | Measurement::PostgresLives
        | Measurement::PostgresAcross
        | Measurement::PostgresCosts
        | Measurement::PostgresLooks
        | Measurement::Simulate(_)) => vec![one],
    };
    process::raise_file_limit();
    let report = Report::begin(write, &options)?;
    let stopped = inside::terminated()?;
    // Whatever ends this, every process that was started ends with the value that stands for it.
    tokio::select! {
        () = stopped => bail!("stopped"),
        done = Box::pin(measure_all(&chosen, &options, &report)) => done,
    }
}

async fn measure_all(chosen: &[Measurement], options: &Options, report: &Report) -> Result<()> {
    for measurement in chosen {
        for table in Box::pin(measure(measurement, options)).await? {
            report.add(&table)?;
        }
    }
    Ok(())
}

async fn measure(measurement: &Measurement, options: &Options) -> Result<Vec<Table>> {
    let table = match measurement {
        Measurement::Accepts => accepts::measure(options).await?,
        Measurement::Lives => lives::measure(options).await?,
        Measurement::Start => start::measure(options).await?,
        Measurement::Memory => memory::measure(options).await?,
        Measurement::Latency => latency::measure(options).await?,
        Measurement::PostgresAccepts => postgres::accepts::measure(options).await?,
        Measurement::PostgresLives => postgres::lives::measure(options).await?,
        Measurement::PostgresAcross => postgres::across::measure(options).await?,
        Measurement::PostgresLooks => postgres::looks::measure(options).await?,
        Measurement::PostgresCosts => return postgres::costs::measure(options).await,
        Measurement::Simulate(settings) => return simulate::run(settings),
        Measurement::All | Measurement::Postgres | Measurement::Bare { .. } | Measurement::ServeInside => {
            bail!("no measurement")
        }
    };
    Ok(vec![table])
}
