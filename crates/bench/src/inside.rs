//! The service as linked into this program, for a measurement without its binary.

use anyhow::Result;
use hookfill::app::App;
use hookfill::config::{Config, Environment, Flags};
use hookfill::telemetry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// If the service cannot start, or had to stop.
pub async fn serve() -> Result<()> {
    let config = Config::load(&Flags::default(), &Environment::of(std::env::vars_os()))?;
    telemetry::start_log(&config.log, false)?;
    let listen = config.listen.clone();
    let app = App::build(config).await?;
    let listener = TcpListener::bind(listen.as_slice()).await?;
    let until = terminated()?;
    println!("ready at http://{}", listener.local_addr()?);
    Ok(app.run(listener, until).await?)
}

/// Comes when the process is asked to stop.
///
/// # Errors
/// If the system does not tell of signals.
pub fn terminated() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
