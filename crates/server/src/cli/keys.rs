//! `hookfill keys`: encryption keys and API keys.

use std::io::{self, Write};
use std::path::Path;

use clap::{Args, Subcommand};
use hookfill_domain::ids::KeyId;
use hookfill_store::NewKey;
use secrecy::{ExposeSecret, SecretString};

use super::{Outcome, say};
use crate::api_key::{self, API_KEY};
use crate::clock::{Clock, SystemClock, new_uuid};
use crate::config::{self, DatabaseFlag, Environment};
use crate::database::open_for_tool;
use crate::secrets;

/// Make encryption keys and API keys
#[derive(Subcommand)]
pub enum Command {
    /// Print a new Fernet key for ENCRYPTION_KEY
    New,
    /// Print a new API key for a user who lost theirs; on the machine that has the database
    Issue(Issue),
}

/// Whose key, and where.
#[derive(Args)]
pub struct Issue {
    /// The user's name, exactly as registered
    username: String,
    #[command(flatten)]
    database: DatabaseFlag,
}

/// Runs a sub-command.
///
/// # Errors
/// No database, no such user, no randomness.
pub fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::New => print(&secrets::new_key()?),
        Command::Issue(issue) => issue_key(&issue),
    }
}

fn issue_key(Issue { username, database }: &Issue) -> anyhow::Result<Outcome> {
    let url = config::database(database, &Environment::read()?)?;
    if let Some(path) = url.path() {
        anyhow::ensure!(Path::new(path).exists(), "there is no database {path}; `hookfill serve` makes one");
    }
    let key = API_KEY.generate()?;
    let new = NewKey {
        id: KeyId(new_uuid()),
        hash: api_key::hash(key.expose_secret()),
        label: "issued on the command line".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let issued = runtime.block_on(async {
        let store = open_for_tool(&url).await?;
        anyhow::Ok(store.issue_key(username, new, SystemClock.now()).await?)
    });
    if issued?.is_none() {
        say(&format!("nobody is called `{username}` in that database"));
        return Ok(Outcome::Failed);
    }
    say("this key is shown once; it may do everything that its owner may");
    print(&key)
}

fn print(secret: &SecretString) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", secret.expose_secret())?;
    out.flush()?;
    Ok(Outcome::Done)
}
