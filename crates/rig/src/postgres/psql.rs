//! SQL from outside, so that no client library is needed, nor trusted.

use std::env;
use std::process::{Command, Stdio};

use crate::programs;

/// Runs SQL, each statement on its own, and gives the rows: a line each, columns separated by `|`.
pub(super) fn run(url: &str, sql: &str) -> Result<String, String> {
    let mut command = Command::new(programs::postgres_folder().join("psql"));
    command.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    quiet_environment(&mut command).env("PGCONNECT_TIMEOUT", "10").stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("psql does not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(format!("{sql}: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
    }
}

/// Takes away what would lead PostgreSQL's programs elsewhere.
pub(super) fn quiet_environment(command: &mut Command) -> &mut Command {
    let of_postgres = |name: &str| name.starts_with("PG");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_postgres)) {
        command.env_remove(name);
    }
    command
}
