//! PostgreSQL servers and databases.

mod cluster;
mod database;
mod psql;
mod shared;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::programs;
use cluster::Cluster;
pub use database::Database;
pub use shared::SharedPostgres;

/// A PostgreSQL server of one's own, to break and to restart. It is gone, with everything in it, when this and the last of
/// its databases are dropped, and when the process ends.
///
/// It syncs what it commits; the user is `postgres`, without a password.
#[derive(Debug)]
pub struct Postgres {
    cluster: Arc<Cluster>,
}

impl Postgres {
    /// Makes an empty cluster, starts it, and waits until it accepts connections: a second or two. A test that does not
    /// break its server takes a [`Postgres::shared`] one.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings of `postgresql.conf`, such as `[("fsync", "off")]`.
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self { cluster: Arc::new(Cluster::start(settings, false)) }
    }

    /// The same over TLS: plain connections are refused, and the certificate, for 127.0.0.1 and localhost, is signed by
    /// the authority at [`Postgres::ca_path`].
    #[must_use]
    pub fn start_with_tls() -> Self {
        Self { cluster: Arc::new(Cluster::start(&[], true)) }
    }

    /// The server at `TEST_POSTGRES_URL`, or one that all of this process share.
    #[must_use]
    pub fn shared() -> SharedPostgres {
        SharedPostgres::open()
    }

    /// The path of one of PostgreSQL's programs, such as `pg_dump`.
    #[must_use]
    pub fn program(name: &str) -> PathBuf {
        programs::postgres_folder().join(name)
    }

    /// Where a superuser connects.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.cluster.admin_url()
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.port.number()
    }

    /// `host:port`, for [`Proxy::to`](crate::Proxy::to).
    #[must_use]
    pub fn address(&self) -> String {
        self.cluster.port.address().to_string()
    }

    /// The process id of the postmaster.
    ///
    /// # Panics
    /// If the server does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.cluster.pid().expect("the server runs")
    }

    /// Makes an empty database.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::create(&self.admin_url(), Some(Arc::clone(&self.cluster)))
    }

    /// The certificate, as PEM, of who signed the server's.
    ///
    /// # Panics
    /// If the server was not started with TLS.
    #[must_use]
    pub fn ca_path(&self) -> &Path {
        self.cluster.ca.as_deref().expect("the server was started with TLS")
    }

    /// Ends the server at once (SIGQUIT, an "immediate" shutdown), as a crash of the machine would for its clients: nobody
    /// is told anything, nothing is written, and connections are refused from then on.
    pub fn kill_immediate(&self) {
        self.cluster.kill_immediate();
    }

    /// Starts the server again, on the same port and with what was committed. One that still runs is shut down first, its
    /// clients disconnected.
    pub fn restart(&self) {
        self.cluster.restart();
    }

    /// Kills (SIGKILL) the process behind the oldest client connection, whereupon the server ends all others and recovers.
    ///
    /// # Panics
    /// If there is no client connection.
    pub fn kill_a_backend(&self) {
        let oldest = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' \
                      AND pid <> pg_backend_pid() ORDER BY backend_start LIMIT 1";
        let pid = psql::run(&self.admin_url(), oldest).unwrap_or_else(|error| panic!("{error}"));
        let pid = pid.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a client is connected");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a backend can be killed");
    }
}
