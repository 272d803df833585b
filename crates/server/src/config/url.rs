//! Settings that are URLs. What may hold a password is never repeated in an error.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use secrecy::SecretString;

/// Where the store is.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// A SQLite file, by its path.
    Sqlite(String),
    /// A PostgreSQL server; the whole URL, since a password may be in it.
    Postgres(SecretString),
}

impl DatabaseUrl {
    /// The path of a SQLite file.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            hookfill_store::postgres::check_url(text)?;
            return Ok(Self::Postgres(SecretString::from(text)));
        }
        let path = text
            .strip_prefix("sqlite:")
            .ok_or("begins with none of sqlite:, postgres:// and postgresql://")?;
        // `sqlite:///path` is an absolute path to everybody; with two slashes, readers differ.
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => {
                return Err("has two slashes: sqlite:PATH is relative, sqlite:///PATH absolute".to_owned());
            }
            None => path,
        };
        match path {
            "" => Err("names no file".to_owned()),
            ":memory:" => {
                Err("is kept in memory, where nothing survives a restart: a file is needed".to_owned())
            }
            _ if path.contains(['?', '#', '\0']) => {
                Err("has parameters, which sqlite: does not take".to_owned())
            }
            _ => Ok(Self::Sqlite(path.to_owned())),
        }
    }
}

/// Scheme, host and port: what a browser says a page came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin as a browser writes it in its `Origin` header: lower case, without the scheme's own port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(uri: &Uri) -> Result<Self, String> {
        let scheme = uri.scheme_str().ok_or("has no scheme such as https://")?.to_ascii_lowercase();
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("has a user name in it".to_owned());
        }
        let host = authority.host().to_ascii_lowercase();
        let port = match (authority.port_u16(), scheme.as_str()) {
            (None, _) | (Some(80), "http") | (Some(443), "https") => String::new(),
            (Some(port), _) => format!(":{port}"),
        };
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| "holds something that is no origin")?;
        let origin = Self::of(&uri)?;
        if uri.path_and_query().is_some_and(|rest| rest != "/") {
            return Err("has a path: an origin is scheme, host and port alone".to_owned());
        }
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a service is found: what all its URLs begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    base: String,
    origin: Origin,
    is_loopback: bool,
}

impl BaseUrl {
    /// The text that URLs begin with; no slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it is on this machine, where no proxy can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| "is no URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("begins with neither http:// nor https://".to_owned());
        }
        let origin = Origin::of(&uri)?;
        if text.contains(['?', '#']) {
            return Err("has a query or fragment: a base of links cannot".to_owned());
        }
        let base = format!("{origin}{}", uri.path().trim_end_matches('/'));
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_loopback = host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
        Ok(Self { base, origin, is_loopback })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(text: &str) -> Result<String, String> {
        text.parse().map(|url| match url {
            DatabaseUrl::Sqlite(path) => path,
            DatabaseUrl::Postgres(_) => "postgres".to_owned(),
        })
    }

    #[test]
    fn a_sqlite_url_is_a_path() {
        assert_eq!(sqlite("sqlite:hookfill.db").as_deref(), Ok("hookfill.db"));
        assert_eq!(sqlite("sqlite:/var/lib/h.db").as_deref(), Ok("/var/lib/h.db"));
        assert_eq!(sqlite("sqlite:///var/lib/h.db").as_deref(), Ok("/var/lib/h.db"));
        assert_eq!(sqlite("postgresql://u:p@h/d").as_deref(), Ok("postgres"));
        for wrong in [
            "",
            "hookfill.db",
            "sqlite:",
            "sqlite://h.db",
            "sqlite::memory:",
            "sqlite:a?mode=rwc",
            "mysql://x",
        ] {
            assert!(sqlite(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_a_database_url_is_never_shown() {
        let url: DatabaseUrl = "postgres://user:canary@host/db".parse().unwrap();
        assert!(!format!("{url:?}").contains("canary"));
        assert!(!sqlite("mysql://user:canary@host").unwrap_err().contains("canary"));
    }

    #[test]
    fn an_origin_reads_as_a_browser_writes_it() {
        let origin = |text: &str| text.parse().map(|origin: Origin| origin.to_string());
        assert_eq!(origin("HTTPS://App.Example.com:443/").as_deref(), Ok("https://app.example.com"));
        assert_eq!(origin("http://[::1]:8000").as_deref(), Ok("http://[::1]:8000"));
        assert_eq!(origin("tauri://localhost").as_deref(), Ok("tauri://localhost"));
        for wrong in
            ["*", "null", "example.com", "https://a.example/x", "https://a.example/?q", "https://u@a.example"]
        {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_public_url_may_have_a_path() {
        let url: BaseUrl = "https://Example.com/hooks/".parse().unwrap();
        assert_eq!((url.base(), url.origin().as_str()), ("https://example.com/hooks", "https://example.com"));
        for wrong in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https://a/?q=1",
            "https://a/#f",
            "https://u:p@a/",
        ] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_url_on_this_machine_is_known_as_such() {
        let is_loopback = |text: &str| text.parse::<BaseUrl>().unwrap().is_loopback();
        assert!(
            is_loopback("http://127.0.0.1:8000")
                && is_loopback("http://[::1]/")
                && is_loopback("http://LOCALHOST")
        );
        assert!(!is_loopback("http://10.0.0.1") && !is_loopback("https://localhost.example.com"));
    }
}
