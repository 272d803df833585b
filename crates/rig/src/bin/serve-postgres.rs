//! A PostgreSQL server for a run of tests: prints its URL, and lives until its standard input ends.

use std::io::{self, Read, Write};

use hookfill_rig::Postgres;

fn main() -> io::Result<()> {
    let postgres = Postgres::start();
    let mut output = io::stdout();
    writeln!(output, "{}", postgres.admin_url())?;
    output.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
