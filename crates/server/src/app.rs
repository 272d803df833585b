//! The wiring: what is made of the settings, who is given what, in which order it stops.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hookfill_store::{Commit, CommitListener, Journal, OpenError, StoreError, Work};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::broker::{Broker, MockBroker};
use crate::bus::{Bus, Node, POLL, Reach, Relay};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, DatabaseUrl, RateLimit};
use crate::credentials::Credentials;
use crate::database::{self, Database};
use crate::engine::{Alarm, Engine};
use crate::http::state::{AppState, Rate, Settings};
use crate::http::webhook::UnknownOutcomes;
use crate::http::{self, limits, serve};
use crate::secrets::{Obtained, SecretsError};
use crate::shutdown::{self, Present, Stopper};
use crate::stream::{self, Pace, Streams};
use crate::telemetry::Metrics;

/// How long streams may take to say goodbye, beside the connections that finish: longer than one tries to close.
const STREAM_DRAIN: Duration = Duration::from_millis(2500);

/// Why the service cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The database cannot be served.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys do not fit the database.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

/// Why the service stopped by itself.
#[derive(Debug, Error)]
pub enum RunError {
    /// The disk failed: nothing more may be promised until a restart has looked at what is there.
    #[error("the store has failed, and the service has stopped so that nothing is promised that is not kept")]
    StoreFailed,
    /// A part of the service ended that must not.
    #[error("{0} has ended by itself, and the service with it")]
    EndedEarly(&'static str),
}

impl RunError {
    fn ended_early(what: &'static str, ended: Result<(), tokio::task::JoinError>) -> Self {
        finished(what, ended);
        Self::EndedEarly(what)
    }
}

/// What the service takes from outside, beside its settings.
pub struct Parts {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where orders are worked.
    pub broker: Arc<dyn Broker>,
    /// How patient streams are.
    pub pace: Pace,
}

/// The service, ready to run.
pub struct App {
    state: Arc<AppState>,
    engine: Arc<Engine>,
    streams: Streams,
    relay: Relay,
    node: Node,
    stop: Stopper,
    failed: watch::Receiver<bool>,
    made_key_file: Option<PathBuf>,
}

/// Passes on what the writer has committed.
struct Announcer {
    bus: Arc<dyn Bus>,
    alarm: Arc<Alarm>,
    metrics: Arc<Metrics>,
    failed: Arc<AtomicBool>,
    failing: watch::Sender<bool>,
}

impl CommitListener for Announcer {
    fn committed(&self, commit: &Commit) {
        self.bus.publish(commit);
        if let Some(due_at) = commit.due_here {
            self.alarm.ring(due_at);
        }
    }

    fn group_committed(&self, writes: usize, took: Duration) {
        self.metrics.commit_seconds.observe(took.as_secs_f64());
        self.metrics.commit_writes.observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
    }

    fn failed(&self, cause: &str) {
        tracing::error!(cause, "the store has failed");
        self.failed.store(true, Ordering::Release);
        self.failing.send_replace(true);
    }
}

impl App {
    /// Opens the store and puts everything together. Nothing is served yet.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub async fn build(config: Config) -> Result<App, StartError> {
        let broker = Arc::new(MockBroker::new(config.mock_execute_after, config.mock_close_after));
        Self::build_with(config, Parts { clock: Arc::new(SystemClock), broker, pace: Pace::default() }).await
    }

    /// As [`App::build`], with a clock and a broker of the caller's choice.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn build_with(config: Config, parts: Parts) -> Result<App, StartError> {
        let Parts { clock, broker, pace } = parts;
        let metrics = Arc::new(Metrics::default());
        let (bus, relay) = reach(&config).wire(Arc::clone(&clock), Arc::clone(&metrics));
        let alarm = Arc::new(Alarm::default());
        let (failing, failed) = watch::channel(false);
        let failed_flag = Arc::new(AtomicBool::new(false));
        let announcer = Announcer {
            bus: Arc::clone(&bus),
            alarm: Arc::clone(&alarm),
            metrics: Arc::clone(&metrics),
            failed: Arc::clone(&failed_flag),
            failing,
        };
        let (database, keys) = open_store(&config, announcer).await?;
        let store = Arc::clone(&database.store);
        let credentials = Arc::new(Credentials::new(Arc::clone(&store), Arc::clone(&clock)));
        credentials.confirm().await?;
        let engine = Engine {
            store: Arc::clone(&store) as Arc<dyn Work>,
            broker,
            clock: Arc::clone(&clock),
            alarm: Arc::clone(&alarm),
            metrics: Arc::clone(&metrics),
        };
        let node = Node {
            journal: Arc::clone(&store) as Arc<dyn Journal>,
            installation: database.installation(),
            holds: database.holds(),
            ring: Box::new(move |due_at| alarm.ring(due_at)),
            poll_every: POLL,
        };
        let (stop, stopping) = shutdown::order();
        let state = AppState {
            store,
            clock,
            credentials,
            keyring: Arc::new(keys.keyring),
            bus,
            metrics,
            rate: rate(config.rate_limit),
            settings: Settings {
                public_url: config.public_url,
                allowed_origins: config.allowed_origins,
                registration: config.registration,
                admin_token: config.admin_token,
                trusted_proxies: config.trusted_proxies,
            },
            failed: failed_flag,
            unknown_outcomes: UnknownOutcomes::default(),
            probed: tokio::sync::Mutex::default(),
            stopping,
        };
        Ok(App {
            state: Arc::new(state),
            engine: Arc::new(engine),
            streams: Streams { pace, open: Present::default() },
            relay,
            node,
            stop,
            failed,
            made_key_file: keys.made,
        })
    }

    /// The key file, if it was made just now.
    #[must_use]
    pub fn made_key_file(&self) -> Option<&Path> {
        self.made_key_file.as_deref()
    }

    /// Serves `until` it is time to stop, then finishes what is in hand: connections first, then the engine, then the store.
    ///
    /// # Errors
    /// [`RunError`] if the service had to stop by itself.
    pub async fn run(self, listener: TcpListener, until: impl Future<Output = ()>) -> Result<(), RunError> {
        let App { state, engine, streams, relay, node, stop, mut failed, made_key_file: _ } = self;
        let (engine_stop, engine_stopping) = shutdown::order();
        let (relay_stop, relay_stopping) = shutdown::order();
        let router = http::router(Arc::clone(&state), stream::routes(streams.clone()));
        let metrics = Arc::clone(&state.metrics);
        let mut server = tokio::spawn(serve::serve(listener, router, metrics, state.stopping.clone()));
        let mut worker = tokio::spawn(engine.run(engine_stopping));
        let mut relay = tokio::spawn(relay.run(node, relay_stopping));
        let credentials = Arc::clone(&state.credentials);
        let stopping = state.stopping.clone();
        let watcher = tokio::spawn(async move { credentials.watch(stopping).await });
        let ended = tokio::select! {
            () = until => Ok(()),
            _ = failed.wait_for(|failed| *failed) => Err(RunError::StoreFailed),
            early = &mut server => Err(RunError::ended_early("the server", early)),
            early = &mut worker => Err(RunError::ended_early("the engine", early)),
            early = &mut relay => Err(RunError::ended_early("the relay of hints", early)),
        };
        if matches!(ended, Err(RunError::EndedEarly(_))) {
            // Half a service answers and does not work: better none, and a restart.
            return ended;
        }
        stop.stop();
        let goodbye = Instant::now() + STREAM_DRAIN;
        finished("the server", server.await);
        // A connection that became a stream is the server's no longer.
        if tokio::time::timeout_at(goodbye, streams.open.left()).await.is_err() {
            tracing::warn!("streams were still open when the time to finish was over");
        }
        engine_stop.stop();
        finished("the engine", worker.await);
        relay_stop.stop();
        finished("the relay of hints", relay.await);
        state.store.retire().await;
        finished("the watch over keys", watcher.await);
        ended
    }
}

/// Who else has the store.
fn reach(config: &Config) -> Reach {
    match (&config.database_url, &config.nats_url) {
        (DatabaseUrl::Sqlite(_), nats_url) => {
            if nats_url.is_some() {
                tracing::warn!("NATS_URL has no effect: one server has the whole of a SQLite database");
            }
            Reach::Alone
        }
        (DatabaseUrl::Postgres(_), None) => Reach::Polling,
        (DatabaseUrl::Postgres(_), Some(url)) => Reach::Nats(url.clone()),
    }
}

/// Opens the database and the keys to what is encrypted in it.
async fn open_store(config: &Config, announcer: Announcer) -> Result<(Database, Obtained), StartError> {
    let database = database::open(&config.database_url, config.lease, Arc::new(announcer)).await?;
    let keys = match keys_to(&database, config).await {
        Ok(keys) => keys,
        Err(refused) => {
            // Other nodes have made room for this one, and would wait until its lease has run out.
            database.store.retire().await;
            return Err(refused);
        }
    };
    if let Some(warning) = &keys.warning {
        tracing::warn!("{warning}");
    }
    Ok((database, keys))
}

async fn keys_to(database: &Database, config: &Config) -> Result<Obtained, StartError> {
    let samples = database.store.sample_secrets().await?;
    Ok(database::obtain_keys(config, &samples)?)
}

fn finished(what: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "{what} ended in a panic");
    }
}

fn rate(setting: RateLimit) -> Rate {
    match setting {
        RateLimit::Off => Rate::Off,
        RateLimit::Default => {
            let (count, window) = RateLimit::STANDARD;
            Rate::Foreign(limits::RateLimit::new(count, window))
        }
        RateLimit::Per { count, window } => Rate::Everyone(limits::RateLimit::new(count, window)),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, Flags};

    use super::*;

    fn reached(database: &str, nats: Option<&str>) -> Reach {
        let settings = Environment::of(nats.map(|url| ("NATS_URL".into(), url.into())));
        let mut config = Config::load(&Flags::default(), &settings).unwrap();
        config.database_url = database.parse().unwrap();
        reach(&config)
    }

    #[test]
    fn hints_reach_as_far_as_the_store_does() {
        let (sqlite, postgres, nats) = ("sqlite:h.db", "postgres://h/d", Some("nats://me:canary@h"));
        assert!(matches!(reached(sqlite, None), Reach::Alone));
        assert!(matches!(reached(sqlite, nats), Reach::Alone));
        assert!(matches!(reached(postgres, None), Reach::Polling));
        assert!(matches!(reached(postgres, nats), Reach::Nats(url) if url.server() == "nats://h"));
    }
}
