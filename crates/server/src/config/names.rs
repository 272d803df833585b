//! The names of every setting, in one table.

use std::fmt;

/// A setting: where it is written and how it looks.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its environment variable.
    pub env: &'static str,
    /// Its flag; secrets have none, because arguments can be seen by every user of the machine.
    pub flag: Option<&'static str>,
    /// What an error offers as a good value.
    pub example: &'static str,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flag {
            Some(flag) => write!(f, "{} ({flag})", self.env),
            None => f.write_str(self.env),
        }
    }
}

macro_rules! settings {
    ($($name:ident = $env:literal, $flag:expr, $example:literal;)*) => {
        $(pub(super) const $name: Setting = Setting { env: $env, flag: $flag, example: $example };)*
        /// Every setting of the service, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[$($name),*];
    };
}

settings! {
    LISTEN = "HOOKFILL_LISTEN", Some("--listen"), "127.0.0.1:8000";
    PUBLIC_URL = "HOOKFILL_PUBLIC_URL", Some("--public-url"), "https://hooks.example.com";
    ALLOWED_ORIGINS = "HOOKFILL_ALLOWED_ORIGINS", Some("--allowed-origins"),
        "https://app.example.com,https://desk.example.com:8443";
    DATABASE_URL = "DATABASE_URL", Some("--database-url"), "sqlite:hookfill.db";
    NATS_URL = "NATS_URL", Some("--nats-url"), "nats://127.0.0.1:4222";
    ENCRYPTION_KEY = "ENCRYPTION_KEY", None, "the line that `hookfill keys new` prints";
    LEASE = "HOOKFILL_LEASE", Some("--lease"), "5s";
    MOCK_EXECUTE_AFTER = "HOOKFILL_MOCK_EXECUTE_AFTER", Some("--mock-execute-after"), "5s";
    MOCK_CLOSE_AFTER = "HOOKFILL_MOCK_CLOSE_AFTER", Some("--mock-close-after"), "10s";
    REGISTRATION = "HOOKFILL_REGISTRATION", Some("--registration"), "token";
    ADMIN_TOKEN = "HOOKFILL_ADMIN_TOKEN", None, "32 random letters and digits";
    RATE_LIMIT = "HOOKFILL_RATE_LIMIT", Some("--rate-limit"), "600/m";
    TRUSTED_PROXIES = "HOOKFILL_TRUSTED_PROXIES", Some("--trusted-proxies"), "10.0.0.7,192.168.0.0/16";
    LOG = "HOOKFILL_LOG", Some("--log"), "info,hookfill=debug";
    LOG_FORMAT = "HOOKFILL_LOG_FORMAT", Some("--log-format"), "json";
}

/// The address that the clients (`send`, `watch`) talk to.
pub(super) const URL: Setting =
    Setting { env: "HOOKFILL_URL", flag: Some("--url"), example: "http://127.0.0.1:8000" };
/// The API key that the clients (`send`, `watch`) show.
pub(super) const API_KEY: Setting = Setting {
    env: "HOOKFILL_API_KEY",
    flag: Some("--api-key"),
    example: "the `api_key` of the answer to `POST /accounts/`",
};

/// Every name that begins so is ours, and one that we do not know is a slip of the pen.
const PREFIX: &str = "HOOKFILL_";
/// How alike two names are before one is offered for the other: Jaro-Winkler, as clap does for flags.
const NEAR: f64 = 0.8;

/// Whether `name` claims to be ours and is not: then what was probably meant, if anything is near.
pub(super) fn unknown(name: &str) -> Option<Option<&'static str>> {
    let rest = name.strip_prefix(PREFIX)?;
    // What Kubernetes injects into every pod beside a service called `hookfill`.
    let injected = rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
    let known = || SETTINGS.iter().chain([&URL, &API_KEY]).map(|setting| setting.env);
    if injected || known().any(|env| env == name) {
        return None;
    }
    if let Some(env) = known().find(|env| *env == rest) {
        return Some(Some(env));
    }
    let nearest = known()
        .map(|env| (env, strsim::jaro_winkler(env.trim_start_matches(PREFIX), rest)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    Some(nearest.filter(|(_, alike)| *alike > NEAR).map(|(env, _)| env))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_named_with_what_was_meant() {
        assert_eq!(unknown("HOOKFILL_LISTN"), Some(Some("HOOKFILL_LISTEN")));
        assert_eq!(unknown("HOOKFILL_RATELIMIT"), Some(Some("HOOKFILL_RATE_LIMIT")));
        assert_eq!(unknown("HOOKFILL_DATABASE_URL"), Some(Some("DATABASE_URL")));
        assert_eq!(unknown("HOOKFILL_ENCRYPTION_KEY"), Some(Some("ENCRYPTION_KEY")));
        assert_eq!(unknown("HOOKFILL_XYZZY"), Some(None));
    }

    #[test]
    fn known_names_and_those_that_kubernetes_injects_pass() {
        for setting in SETTINGS {
            assert_eq!(unknown(setting.env), None, "{setting}");
        }
        for name in [
            "HOOKFILL_URL",
            "HOOKFILL_API_KEY",
            "HOOKFILL_PORT",
            "HOOKFILL_PORT_8000_TCP_ADDR",
            "HOOKFILL_SERVICE_HOST",
            "PATH",
            "DATABASE_URI",
        ] {
            assert_eq!(unknown(name), None, "{name}");
        }
    }
}
