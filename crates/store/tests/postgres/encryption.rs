//! Encryption on the way to the server, and whom the store takes for the server, as `sslmode` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hookfill_rig::Postgres;
use hookfill_store::postgres::PostgresStore;
use hookfill_store::{NoListener, OpenError};

use crate::scene::{blocking, node, trial, trial_again};

struct Servers {
    server: Postgres,
    database: hookfill_rig::Database,
    /// Signed by somebody else.
    stranger: Postgres,
}

impl Servers {
    async fn start() -> Self {
        let server = blocking(Postgres::start_with_tls).await;
        let stranger = blocking(Postgres::start_with_tls).await;
        Self { database: server.database(), server, stranger }
    }

    /// The URL with a host's name, whatever that is, and some parameters.
    fn url(&self, host: &str, parameters: &str) -> String {
        let (port, name) = (self.server.port(), self.database.name());
        format!("postgres://postgres@{host}:{port}/{name}?{parameters}")
    }

    fn trusted(&self) -> String {
        format!("sslrootcert={}", self.server.ca_path().display())
    }

    fn strange(&self) -> String {
        format!("sslrootcert={}", self.stranger.ca_path().display())
    }
}

/// It is opened and used: by the lanes, the readers and the keeper.
async fn is_used(url: &str) {
    static ROUND: AtomicUsize = AtomicUsize::new(1);
    let trial = trial_again(url, ROUND.fetch_add(1, Ordering::Relaxed)).await;
    let trader = trial.register(&format!("trader {url}")).await;
    trial.accept(&trader, "EURUSD").await;
    assert_eq!(trial.store.head(trader.id).await.unwrap().0, 1, "{url}");
}

async fn is_refused(url: &str, because: &str) {
    match PostgresStore::open(url, node(1), Arc::new(NoListener)).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error @ (OpenError::Unreadable { .. } | OpenError::Url(_))) => {
            assert!(error.to_string().contains(because), "{url}: {error}");
        }
        Err(error) => panic!("{url}: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_is_encrypted_and_the_server_known_as_far_as_sslmode_says() {
    let servers = Servers::start().await;
    let (trusted, strange) = (servers.trusted(), servers.strange());
    let url = |host: &str, parameters: String| servers.url(host, &parameters);

    is_refused(&url("127.0.0.1", "sslmode=disable".into()), "pg_hba.conf").await;
    is_used(&url("127.0.0.1", String::new())).await;
    is_used(&url("127.0.0.1", "sslmode=require".into())).await;

    is_used(&url("127.0.0.1", format!("sslmode=verify-ca&{trusted}"))).await;
    is_refused(&url("127.0.0.1", format!("sslmode=verify-ca&{strange}")), "certificate").await;
    is_refused(&url("127.0.0.1", format!("sslmode=require&{strange}")), "certificate").await;

    is_used(&url("127.0.0.1", format!("sslmode=verify-full&{trusted}"))).await;
    is_used(&url("localhost", format!("hostaddr=127.0.0.1&sslmode=verify-full&{trusted}"))).await;
    is_refused(&url("127.0.0.1", format!("sslmode=verify-full&{strange}")), "certificate").await;

    // The same server under a name that its certificate does not have.
    let other = "hostaddr=127.0.0.1";
    is_refused(&url("broker.example", format!("{other}&sslmode=verify-full&{trusted}")), "certificate").await;
    is_used(&url("broker.example", format!("{other}&sslmode=verify-ca&{trusted}"))).await;

    is_refused(&url("127.0.0.1", "sslmode=verify-full&sslrootcert=/no/such/file".into()), "/no/such/file")
        .await;
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'hookfill'";
    let _open = trial(&url("127.0.0.1", "sslmode=require".into()), node(1)).await;
    assert_eq!(servers.database.psql(encrypted), "t");
}
