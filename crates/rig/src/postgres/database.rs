//! A database of one's own.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::cluster::Cluster;
use super::psql;

/// An empty database with a name that no other has. It is dropped with this, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    admin_url: String,
    /// Keeps a server that was started here for as long as somebody needs it.
    _server: Option<Arc<Cluster>>,
}

impl Database {
    pub(super) fn create(admin_url: &str, server: Option<Arc<Cluster>>) -> Self {
        let name = format!("hookfill_test_{:016x}", RandomState::new().build_hasher().finish());
        let created = psql::run(admin_url, &format!("CREATE DATABASE {name}"));
        created.unwrap_or_else(|error| panic!("{error}"));
        let url = beside(admin_url, &name);
        Self { name, url, admin_url: admin_url.to_owned(), _server: server }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a client connects.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port` of its server, for [`Proxy::to`](crate::Proxy::to).
    #[must_use]
    pub fn address(&self) -> String {
        parts(&self.url).2.to_owned()
    }

    /// Where a client connects through something that listens elsewhere, such as the address of a
    /// [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn url_through(&self, address: &str) -> String {
        let (scheme, user, _, path) = parts(&self.url);
        format!("{scheme}://{user}{address}/{path}")
    }

    /// Runs SQL through `psql`, and gives the rows: a line each, columns separated by `|`.
    ///
    /// # Panics
    /// If it fails.
    pub fn psql(&self, sql: &str) -> String {
        psql::run(&self.url, sql).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, with psql's complaint where it fails.
    ///
    /// # Errors
    /// If it fails.
    pub fn try_psql(&self, sql: &str) -> Result<String, String> {
        psql::run(&self.url, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = psql::run(&self.admin_url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // A server of the test's own may be down by now, and goes with all that is in it.
        if let (Err(error), None) = (dropped, &self._server) {
            eprintln!("a test's database is left behind: {error}");
        }
    }
}

/// The URL of a database beside another.
fn beside(url: &str, name: &str) -> String {
    let (scheme, user, address, path) = parts(url);
    let parameters = path.split_once('?').map(|(_, parameters)| format!("?{parameters}")).unwrap_or_default();
    format!("{scheme}://{user}{address}/{name}{parameters}")
}

/// What a URL consists of: `scheme://[user@]address/path`.
fn parts(url: &str) -> (&str, &str, &str, &str) {
    let (scheme, rest) = url.split_once("://").expect("a URL begins with postgres://");
    let (authority, path) = rest.split_once('/').expect("a URL ends in /database");
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    (scheme, &authority[..user], &authority[user..], path)
}

#[cfg(test)]
mod tests {
    use super::{beside, parts};

    #[test]
    fn a_url_keeps_everything_but_its_database() {
        let url = beside("postgres://u:p%2F@h:1/postgres?sslmode=require", "x");
        assert_eq!(url, "postgres://u:p%2F@h:1/x?sslmode=require");
        assert_eq!(beside("postgresql://h/postgres", "x"), "postgresql://h/x");
    }

    #[test]
    fn an_address_is_told_from_its_user() {
        let taken_apart = parts("postgres://u:p@127.0.0.1:1/x?y");
        assert_eq!(taken_apart, ("postgres", "u:p@", "127.0.0.1:1", "x?y"));
    }
}
