//! The settings: flag, then environment, then `.env` in the working directory, then default.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;

use crate::secrets::Keyring;

mod client;
mod dotenv;
mod environment;
mod flags;
mod names;
mod nats;
mod network;
mod url;
mod value;

pub use client::Client;
pub use environment::Environment;
pub use flags::{ClientFlags, DatabaseFlag, Flags};
pub use names::{SETTINGS, Setting};
pub use nats::{NatsLogin, NatsUrl};
pub use network::Network;
pub use url::{BaseUrl, DatabaseUrl, Origin};

/// Everything that the service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen at, to be tried in this order; port 0 picks one.
    pub listen: Vec<SocketAddr>,
    /// Base of the links that it hands out, whose origin may open `/ws/`; `None` takes the request's `Host`.
    pub public_url: Option<BaseUrl>,
    /// Further origins that may open `/ws/`.
    pub allowed_origins: Vec<Origin>,
    /// Where the store is.
    pub database_url: DatabaseUrl,
    /// Where hints to other nodes travel.
    pub nats_url: Option<NatsUrl>,
    /// The keys of `ENCRYPTION_KEY`; `None` takes the file beside the database.
    pub encryption_keys: Option<Keyring>,
    /// After how long a silent node's work is taken over.
    pub lease: Duration,
    /// Mock broker: pending becomes executed after this.
    pub mock_execute_after: Duration,
    /// Mock broker: executed becomes closed after this.
    pub mock_close_after: Duration,
    /// Who may register without an API key; `None` is [`Registration::Open`] to local requests, else [`Registration::Token`].
    pub registration: Option<Registration>,
    /// What [`Registration::Token`] asks for.
    pub admin_token: Option<SecretString>,
    /// Requests per key.
    pub rate_limit: RateLimit,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// What to log: a filter that `tracing_subscriber::EnvFilter` has accepted.
    pub log: String,
    /// How to log.
    pub log_format: LogFormat,
}

/// Who may register without an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who shows the admin token.
    Token,
    /// Nobody.
    Closed,
}

/// How many requests a key may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// Nothing was set: off to local requests, else [`RateLimit::STANDARD`].
    Default,
    /// Any number.
    Off,
    /// So many in a window, with a burst of the same size.
    Per {
        /// Requests.
        count: NonZeroU32,
        /// The time in which they may be made.
        window: Duration,
    },
}

impl RateLimit {
    /// 600 a minute: what requests from elsewhere get by default.
    pub const STANDARD: (NonZeroU32, Duration) =
        (NonZeroU32::MIN.saturating_add(599), Duration::from_secs(60));
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the settings cannot be used. A sentence for the operator, without any secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A value that its setting does not take.
    #[error("{name} {problem}; for example: {example}")]
    Bad {
        /// The setting, by environment variable and flag.
        name: String,
        /// The rest of the sentence.
        problem: String,
        /// A good value.
        example: &'static str,
    },
    /// A name that begins as ours do and is none.
    #[error("{name} is no setting of hookfill{hint}")]
    UnknownName {
        /// The name.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// The address comes from `.env`, and the key that would be sent there does not.
    #[error(
        "HOOKFILL_URL comes from .env in this directory and HOOKFILL_API_KEY does not, so the key is not sent there; give \
         the address with --url, or set HOOKFILL_URL in the environment"
    )]
    AddressFromFile,
    /// A line of `.env` that cannot be read, counted from 1.
    #[error("line {0} of .env is not understood; a line is NAME=VALUE, with quotes closed")]
    DotenvLine(usize),
    /// `.env` is there and cannot be read.
    #[error(".env cannot be read: {0}")]
    DotenvUnreadable(String),
}

impl ConfigError {
    fn bad(setting: &Setting, problem: impl Into<String>) -> Self {
        Self::Bad { name: setting.to_string(), problem: problem.into(), example: setting.example }
    }
}

impl Config {
    /// Settles every setting.
    ///
    /// # Errors
    /// [`ConfigError`] names the first setting that cannot be used.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        use names as of;
        let settle = Settle { environment };
        let second = Duration::from_secs(1);
        let origins = |text: &str| value::list(text, str::parse);
        let proxies = |text: &str| value::list(text, str::parse);
        let keys = |text: &str| Keyring::parse(text).map_err(|error| error.to_string());
        let database_url = database(&flags.database, environment)?;
        let encryption_keys = settle.value(&of::ENCRYPTION_KEY, &None, keys)?;
        if let (DatabaseUrl::Postgres(_), None) = (&database_url, &encryption_keys) {
            let problem = "is not set, and has to be with PostgreSQL: all nodes must have the same; \
                           `hookfill keys new` makes one";
            return Err(ConfigError::bad(&of::ENCRYPTION_KEY, problem));
        }
        let here = || vec![SocketAddr::from(([127, 0, 0, 1], 8000))];
        Ok(Self {
            listen: settle.value(&of::LISTEN, &flags.listen, value::listen)?.unwrap_or_else(here),
            public_url: settle.value(&of::PUBLIC_URL, &flags.public_url, str::parse)?,
            allowed_origins: settle
                .value(&of::ALLOWED_ORIGINS, &flags.allowed_origins, origins)?
                .unwrap_or_default(),
            database_url,
            nats_url: settle.value(&of::NATS_URL, &flags.nats_url, str::parse)?,
            encryption_keys,
            lease: settle.value(&of::LEASE, &flags.lease, value::lease)?.unwrap_or(5 * second),
            mock_execute_after: settle
                .value(&of::MOCK_EXECUTE_AFTER, &flags.mock_execute_after, value::duration)?
                .unwrap_or(5 * second),
            mock_close_after: settle
                .value(&of::MOCK_CLOSE_AFTER, &flags.mock_close_after, value::duration)?
                .unwrap_or(10 * second),
            registration: settle.value(&of::REGISTRATION, &flags.registration, value::registration)?,
            admin_token: settle.value(&of::ADMIN_TOKEN, &None, value::token)?,
            rate_limit: settle
                .value(&of::RATE_LIMIT, &flags.rate_limit, value::rate_limit)?
                .unwrap_or(RateLimit::Default),
            trusted_proxies: settle
                .value(&of::TRUSTED_PROXIES, &flags.trusted_proxies, proxies)?
                .unwrap_or_default(),
            log: settle.value(&of::LOG, &flags.log, value::log)?.unwrap_or_else(|| "info".to_owned()),
            log_format: settle
                .value(&of::LOG_FORMAT, &flags.log_format, value::log_format)?
                .unwrap_or(LogFormat::Text),
        })
    }
}

/// Where the store is; also for commands that need no more than that.
///
/// # Errors
/// [`ConfigError`] for a value that names none.
pub fn database(flag: &DatabaseFlag, environment: &Environment) -> Result<DatabaseUrl, ConfigError> {
    let setting = &names::DATABASE_URL;
    let url = Settle { environment }.value(setting, &flag.database_url, str::parse)?;
    Ok(url.unwrap_or_else(|| DatabaseUrl::Sqlite("hookfill.db".to_owned())))
}

/// Decides which text counts for a setting.
struct Settle<'a> {
    environment: &'a Environment,
}

impl<'a> Settle<'a> {
    fn text(&self, setting: &Setting, flag: &'a Option<String>) -> Result<Option<&'a str>, ConfigError> {
        match flag {
            Some(text) => Ok(Some(text.trim())),
            None => self.environment.lookup(setting),
        }
    }

    fn value<T>(
        &self,
        setting: &Setting,
        flag: &'a Option<String>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let text = self.text(setting, flag)?;
        text.map(read).transpose().map_err(|problem| ConfigError::bad(setting, problem))
    }
}

#[cfg(test)]
mod tests;
