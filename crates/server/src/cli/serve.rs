//! `hookfill serve`: run the service.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::stop::{Forced, Stop};
use super::{Outcome, say};
use crate::app::App;
use crate::config::{Config, Environment, Flags, LogFormat};
use crate::telemetry;

/// Runs the service until it is asked to stop.
///
/// # Errors
/// Why it cannot start, or could not go on.
pub fn run(flags: &Flags) -> anyhow::Result<Outcome> {
    let environment = Environment::read()?;
    environment.refuse_unknown_names()?;
    let config = Config::load(flags, &environment)?;
    drop(environment);
    telemetry::start_log(&config.log, config.log_format == LogFormat::Json)?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve_until_stopped(config));
    // What still blocks a thread is not waited for: the store has said what is durable.
    runtime.shutdown_background();
    outcome
}

async fn serve_until_stopped(config: Config) -> anyhow::Result<Outcome> {
    // Before anything else, so that a stop during the start is heard too.
    let stop = Stop::catch()?;
    let service = serve(config, stop.clone());
    tokio::pin!(service);
    tokio::select! {
        ended = &mut service => ended.map(|()| Outcome::Done),
        forced = stop.forced() => {
            // Not by returning: dropping the service could wait for just what takes too long.
            let (sentence, code) = match forced {
                Forced::TimeIsUp => ("stopped before all connections were done; what was accepted is stored", 0),
                Forced::AskedTwice => ("stopped at once, as asked twice; what was accepted is stored", 1),
            };
            say(sentence);
            std::process::exit(code)
        }
    }
}

async fn serve(config: Config, stop: Stop) -> anyhow::Result<()> {
    // First: an address that is taken is no reason to make a database.
    let listener = bind(&config.listen).await?;
    let address = listener.local_addr()?;
    let app = App::build(config).await?;
    if let Some(path) = app.made_key_file() {
        say(&format!(
            "made the encryption key {}; keep a copy: without it the brokers' secrets cannot be read",
            path.display()
        ));
    }
    announce(address);
    app.run(listener, stop.requested()).await?;
    Ok(())
}

async fn bind(addresses: &[SocketAddr]) -> anyhow::Result<TcpListener> {
    let tried = || addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" and ");
    match TcpListener::bind(addresses).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => anyhow::bail!(
            "{} is in use by another program; stop that one, or choose another address with --listen",
            tried()
        ),
        Err(error) => Err(error).with_context(|| format!("cannot listen at {}", tried())),
    }
}

/// The one line on standard output. Nobody need read it: the service goes on without.
fn announce(address: SocketAddr) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "hookfill {} is ready at http://{address}", env!("CARGO_PKG_VERSION"))
        .and_then(|()| out.flush());
}
