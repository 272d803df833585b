//! The settings as flags. Their values are read as text: what is wrong with one is said by [`super::Config::load`].

use clap::Args;

/// What `--help` says about the settings that have no flag.
const SECRETS_HELP: &str = "\
Secrets come from the environment or from .env in the working directory:
  ENCRYPTION_KEY         Fernet keys, comma-separated: the first encrypts, all decrypt [default: the file DATABASE.key]
  HOOKFILL_ADMIN_TOKEN   The token that registration by `token` asks for [default: none]

A flag goes before the environment, the environment before .env, .env before the default.";

/// The flag that names the database. Has no `Debug`: a password may be in it.
#[derive(Clone, Default, Args)]
pub struct DatabaseFlag {
    /// The database: sqlite:PATH, postgres://… or postgresql://… [env: DATABASE_URL] [default: sqlite:hookfill.db]
    #[arg(long, allow_hyphen_values = true, value_name = "URL", help_heading = "Settings")]
    pub database_url: Option<String>,
}

/// The settings of the clients. Has no `Debug`, as above.
#[derive(Clone, Default, Args)]
pub struct ClientFlags {
    /// The service [env: HOOKFILL_URL] [default: http://127.0.0.1:8000]
    #[arg(long, allow_hyphen_values = true, value_name = "URL")]
    pub url: Option<String>,

    /// Your API key; other users of this machine can see arguments, so better leave it to the environment [env: HOOKFILL_API_KEY]
    #[arg(long, allow_hyphen_values = true, value_name = "KEY")]
    pub api_key: Option<String>,
}

/// The settings of the service. Has no `Debug`, as above.
#[derive(Clone, Default, Args)]
#[command(after_help = SECRETS_HELP)]
pub struct Flags {
    /// Address to listen at; port 0 picks one [env: HOOKFILL_LISTEN] [default: 127.0.0.1:8000]
    #[arg(long, allow_hyphen_values = true, value_name = "HOST:PORT", help_heading = "Settings")]
    pub listen: Option<String>,

    /// Base of the links that the service hands out; its origin may open /ws/ [env: HOOKFILL_PUBLIC_URL] [default: from Host]
    #[arg(long, allow_hyphen_values = true, value_name = "URL", help_heading = "Settings")]
    pub public_url: Option<String>,

    /// Further origins that may open /ws/, comma-separated [env: HOOKFILL_ALLOWED_ORIGINS] [default: none]
    #[arg(long, allow_hyphen_values = true, value_name = "ORIGINS", help_heading = "Settings")]
    pub allowed_origins: Option<String>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "a comment here would replace the help of the whole command")]
    pub database: DatabaseFlag,

    /// Several nodes: where wake-up hints travel [env: NATS_URL] [default: none]
    #[arg(long, allow_hyphen_values = true, value_name = "URL", help_heading = "Settings")]
    pub nats_url: Option<String>,

    /// Several nodes: after how long a silent node's work is taken over [env: HOOKFILL_LEASE] [default: 5s]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", help_heading = "Settings")]
    pub lease: Option<String>,

    /// Mock broker: pending becomes executed after this [env: HOOKFILL_MOCK_EXECUTE_AFTER] [default: 5s]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", help_heading = "Settings")]
    pub mock_execute_after: Option<String>,

    /// Mock broker: executed becomes closed after this [env: HOOKFILL_MOCK_CLOSE_AFTER] [default: 10s]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", help_heading = "Settings")]
    pub mock_close_after: Option<String>,

    /// Who may register without an API key: open, token or closed [env: HOOKFILL_REGISTRATION] [default: open to local requests, else token]
    #[arg(long, allow_hyphen_values = true, value_name = "WHO", help_heading = "Settings")]
    pub registration: Option<String>,

    /// Requests per key, as 600/m, 10/s, 5000/h, or off [env: HOOKFILL_RATE_LIMIT] [default: off to local requests, else 600/m]
    #[arg(long, allow_hyphen_values = true, value_name = "RATE", help_heading = "Settings")]
    pub rate_limit: Option<String>,

    /// Addresses or networks whose X-Forwarded-For is believed, comma-separated [env: HOOKFILL_TRUSTED_PROXIES] [default: none]
    #[arg(long, allow_hyphen_values = true, value_name = "ADDRESSES", help_heading = "Settings")]
    pub trusted_proxies: Option<String>,

    /// What to log, in `tracing` syntax [env: HOOKFILL_LOG] [default: info]
    #[arg(long, allow_hyphen_values = true, value_name = "FILTER", help_heading = "Settings")]
    pub log: Option<String>,

    /// How to log: text or json [env: HOOKFILL_LOG_FORMAT] [default: text]
    #[arg(long, allow_hyphen_values = true, value_name = "FORMAT", help_heading = "Settings")]
    pub log_format: Option<String>,
}
