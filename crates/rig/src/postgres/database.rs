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
        let url = with_database(admin_url, &name);
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

    /// The same through something that listens elsewhere, such as [`Proxy::address`](crate::Proxy::address).
    #[must_use]
    pub fn url_through(&self, address: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").expect("a URL has a scheme");
        let (authority, path) = rest.split_once('/').expect("a database's URL has a path");
        let user = authority.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
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
fn with_database(url: &str, name: &str) -> String {
    let (place, parameters) = url.split_once('?').map_or((url, None), |(place, rest)| (place, Some(rest)));
    let (scheme, rest) = place.split_once("://").expect("an admin URL begins with postgres://");
    let authority = rest.split('/').next().unwrap_or_default();
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    format!("{scheme}://{authority}/{name}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn a_url_keeps_everything_but_its_database() {
        let beside = with_database("postgres://u:p%2F@h:1/postgres?sslmode=require", "x");
        assert_eq!(beside, "postgres://u:p%2F@h:1/x?sslmode=require");
        assert_eq!(with_database("postgresql://u@h:1", "x"), "postgresql://u@h:1/x");
    }
}
