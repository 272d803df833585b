//! `hookfill migrate`: bring a database up to date, or say what that would take.

use std::io::{self, Write};

use clap::Args;
use hookfill_store::migration::{Migration, Standing, pending};
use hookfill_store::{postgres, sqlite};
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, Runtime};

use super::{Outcome, harmless};
use crate::config::{self, DatabaseFlag, DatabaseUrl, Environment};

/// Which database, and whether to look only.
#[derive(Args)]
#[command(about = "Bring a database up to date, as a server does when it starts")]
pub struct Arguments {
    /// Change nothing; list every migration of this version and when it was applied
    #[arg(long, conflicts_with = "dry_run")]
    list: bool,
    /// Change nothing; print the SQL that would be applied
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: DatabaseFlag,
}

/// Applies what is to come, or shows it.
///
/// # Errors
/// Wrong settings, and a database that does not fit this version or is being served.
pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let environment = Environment::read()?;
    environment.refuse_unknown_names()?;
    let url = config::database(&arguments.database, &environment)?;
    let mut out = io::stdout().lock();
    if arguments.list {
        standing(&url)?.iter().try_for_each(|standing| list(&mut out, standing))?;
    } else if arguments.dry_run {
        dry_run(&mut out, &pending(standing(&url)?))?;
    } else {
        report(&mut out, &apply(&url)?)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn standing(url: &DatabaseUrl) -> anyhow::Result<Vec<Standing>> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(sqlite::migrations(path)?),
        DatabaseUrl::Postgres(url) => Ok(runtime()?.block_on(postgres::migrations(url.expose_secret()))?),
    }
}

fn apply(url: &DatabaseUrl) -> anyhow::Result<Vec<Migration>> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(sqlite::migrate(path)?),
        DatabaseUrl::Postgres(url) => Ok(runtime()?.block_on(postgres::migrate(url.expose_secret()))?),
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn list(out: &mut impl Write, Standing { migration, applied_at }: &Standing) -> io::Result<()> {
    let Migration { version, name, .. } = migration;
    match applied_at {
        Some(at) => writeln!(out, "V{version} {name}: applied {}", harmless(at)),
        None => writeln!(out, "V{version} {name}: pending"),
    }
}

fn dry_run(out: &mut impl Write, to_come: &[Migration]) -> io::Result<()> {
    if to_come.is_empty() {
        writeln!(out, "-- nothing to apply: the database is up to date")?;
    }
    for Migration { version, name, sql, .. } in to_come {
        writeln!(out, "-- V{version} {name} would be applied:\n{}", sql.trim_end())?;
    }
    Ok(())
}

fn report(out: &mut impl Write, applied: &[Migration]) -> io::Result<()> {
    if applied.is_empty() {
        writeln!(out, "nothing to apply: the database is up to date")?;
    }
    for Migration { version, name, .. } in applied {
        writeln!(out, "applied V{version} {name}")?;
    }
    Ok(())
}
