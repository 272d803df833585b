//! The way to a PostgreSQL server: its URL, encryption, and the settings of every connection.

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::sentence;
use super::tls::{self, Proof};

/// How long a connection may take to be made, to each of the server's addresses.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// After how long without an acknowledgement a connection counts as broken.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);
/// Idle connections are probed this often.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// What every connection is told, whatever the server's own settings are.
///
/// * Commits are on disk when they are answered; `remote_apply`, which promises more, is left as it is.
/// * A transaction whose client has gone silent, as a process does that is paused, is ended: its locks would keep
///   other nodes from the same users.
/// * Nothing waits without limit.
/// * Rows are found by index, and in its order: a plan made while tables were small would read all of them later, and a
///   bitmap is made of all of a user's rows before the first one of a page is known. Where the server has no such
///   setting, it is left out.
const SETTINGS: &str = "\
    SELECT set_config(wanted.name, wanted.value, false)
    FROM (VALUES
        ('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END),
        ('idle_in_transaction_session_timeout', '1000'),
        ('lock_timeout', '1500'),
        ('statement_timeout', '5000'),
        ('tcp_user_timeout', '3000'),
        ('client_min_messages', 'warning'),
        ('jit', 'off'),
        ('enable_seqscan', 'off'),
        ('enable_bitmapscan', 'off'),
        ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off')
    ) AS wanted (name, value)
    JOIN pg_settings AS known ON known.name = wanted.name";

/// A server, and how it is spoken to.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Target {
    /// Reads a URL. What is wrong with it is said without repeating it: a password may be in it.
    ///
    /// # Errors
    /// The rest of a sentence that begins with what holds the URL.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (bare, wanted) = Wanted::split_off(url)?;
        let not_understood = |error: tokio_postgres::Error| {
            format!(
                "is not understood: {}",
                std::error::Error::source(&error).map_or_else(String::new, ToString::to_string)
            )
        };
        let mut config = Config::from_str(&bare).map_err(not_understood)?;
        let is_named = |host: &Host| !matches!(host, Host::Tcp(name) if name.is_empty());
        if !config.get_hosts().iter().any(is_named) {
            return Err("names no server".to_owned());
        }
        // The library ends a password at the first `@`: what follows would be shown as the server's name.
        if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return Err("has an @ too many; write one in a user's name or a password as %40".to_owned());
        }
        config.ssl_mode(wanted.mode);
        config.connect_timeout(CONNECT_LIMIT);
        config.tcp_user_timeout(SILENCE_LIMIT);
        config.keepalives_idle(KEEPALIVE);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("hookfill");
        }
        let tls = MakeRustlsConnect::new(tls::settings(wanted.proof, wanted.roots.as_deref())?);
        Ok(Self { config, tls })
    }

    /// A connection, with every setting made.
    ///
    /// # Errors
    /// A sentence without secrets.
    pub(super) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = sentence(&error), "a connection to the database has ended");
            }
        });
        settle(&client).await?;
        Ok(client)
    }

    /// The server for people: host, port and database, nothing secret.
    pub(super) fn name(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => Cow::from(host),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.to_string_lossy(),
            None => Cow::from("?"),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or("?");
        format!("{database} at {host}:{port}")
    }
}

/// Makes the settings of a new connection.
pub(super) async fn settle(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.simple_query(SETTINGS).await.map(drop)
}

/// What a URL wants of encryption.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    mode: SslMode,
    proof: Proof,
    roots: Option<PathBuf>,
}

impl Wanted {
    /// Takes `sslmode` and `sslrootcert` out of a URL.
    fn split_off(url: &str) -> Result<(String, Self), String> {
        let (bare, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value).decode_utf8().map_err(|_| "is not UTF-8".to_owned())?;
            match name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(value.into_owned()),
                _ => rest.push(parameter),
            }
        }
        // `system` is libpq's word for the system's certificates.
        let roots = roots.filter(|path| path != "system").map(PathBuf::from);
        let (mode, proof) = match mode.as_deref() {
            Some("disable") => (SslMode::Disable, Proof::Nothing),
            None | Some("allow" | "prefer") => (SslMode::Prefer, Proof::Nothing),
            // With certificates at hand libpq uses them.
            Some("require") if roots.is_some() => (SslMode::Require, Proof::Authority),
            Some("require") => (SslMode::Require, Proof::Nothing),
            Some("verify-ca") => (SslMode::Require, Proof::Authority),
            Some("verify-full") => (SslMode::Require, Proof::Name),
            Some(_) => {
                return Err("has an sslmode that is none of disable, allow, prefer, require, verify-ca and \
                            verify-full"
                    .to_owned());
            }
        };
        let bare = if rest.is_empty() { bare.to_owned() } else { format!("{bare}?{}", rest.join("&")) };
        Ok((bare, Self { mode, proof, roots }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> (SslMode, Proof) {
        let (bare, wanted) = Wanted::split_off(&format!("postgres://u:p@h/d{query}")).unwrap();
        assert_eq!(bare, "postgres://u:p@h/d");
        (wanted.mode, wanted.proof)
    }

    #[test]
    fn sslmode_means_what_it_means_to_libpq() {
        assert_eq!(wanted(""), (SslMode::Prefer, Proof::Nothing));
        assert_eq!(wanted("?sslmode=disable"), (SslMode::Disable, Proof::Nothing));
        assert_eq!(wanted("?sslmode=require"), (SslMode::Require, Proof::Nothing));
        assert_eq!(wanted("?sslmode=require&sslrootcert=/ca.pem"), (SslMode::Require, Proof::Authority));
        assert_eq!(wanted("?sslrootcert=system&sslmode=verify-ca"), (SslMode::Require, Proof::Authority));
        assert_eq!(wanted("?sslmode=verify-full"), (SslMode::Require, Proof::Name));
        assert!(Wanted::split_off("postgres://h/d?sslmode=always").is_err());
    }

    #[test]
    fn other_parameters_stay() {
        let url = "postgres://h/d?application_name=a&sslmode=require&options=-c%20geqo%3Doff";
        let (bare, wanted) = Wanted::split_off(url).unwrap();
        assert_eq!(bare, "postgres://h/d?application_name=a&options=-c%20geqo%3Doff");
        assert_eq!(wanted.roots, None);
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        for url in [
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@/d?host=",
            "postgres://u:hunter2@h?sslmode=x",
            "postgres://u:pass@hunter2@h/d",
        ] {
            let said = Target::parse(url).err().unwrap_or_default();
            assert!(!said.is_empty() && !said.contains("hunter2"), "{url}: {said:?}");
        }
    }
}
