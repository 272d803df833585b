//! The `hookfill` binary: a table of contents.

use std::process::ExitCode;

use clap::Parser;
use hookfill::cli::{self, Cli, Command, backup, doctor, keys, migrate, openapi, parse, send, serve, watch};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli { command, flags } = Cli::parse();
    cli::finish(match command.unwrap_or_else(|| Command::Serve(Box::new(flags))) {
        Command::Serve(flags) => serve::run(&flags),
        Command::Parse(arguments) => parse::run(arguments),
        Command::Send(arguments) => send::run(arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Keys(command) => keys::run(command),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Openapi => openapi::run(),
        Command::Doctor(flags) => doctor::run(&flags),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn verify_cli() {
        super::Cli::command().debug_assert();
    }
}
