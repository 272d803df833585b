//! Which databases are opened, with which settings, and which are refused, and how that is said.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use hookfill_rig::{Database, Postgres};
use hookfill_store::Role;
use hookfill_store::contract::{Trial, at, patient};
use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::{Accounts, NoListener, OpenError, Partition, Refusal};

use crate::scene::{OnServer, blocking, node, store, trial, trial_again};

fn tool() -> Options {
    Options { role: Role::Tool, ..node(9) }
}

async fn refusal(url: &str, options: Options) -> OpenError {
    match PostgresStore::open(url, options, Arc::new(NoListener)).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// Both roles refuse it as a database that does not fit, and say why.
async fn does_not_fit(database: &Database, because: &str) {
    for options in [node(1), tool()] {
        let error = refusal(database.url(), options).await;
        assert!(matches!(error, OpenError::Schema { .. }), "{error}");
        assert!(error.to_string().contains(because), "{because}: {error}");
    }
}

async fn used() -> OnServer {
    let server = OnServer::fresh(false);
    let trial = trial(server.database.url(), node(1)).await;
    let ann = trial.register("ann").await;
    trial.accept(&ann, "EURUSD").await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_sync_is_refused() {
    let server = blocking(|| Postgres::start_with(&[("fsync", "off")])).await;
    let database = server.database();
    for options in [node(1), tool()] {
        let error = refusal(database.url(), options).await;
        assert!(matches!(error, OpenError::Unsafe { setting: "fsync", .. }), "{error}");
        assert!(error.to_string().contains("set fsync = on"), "{error}");
    }
    assert_eq!(database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_history_of_migrations_is_refused() {
    let server = used().await;
    let histories = [
        (
            "INSERT INTO refinery_schema_history VALUES (2, 'later', '2026-01-01T00:00:00Z', '1')",
            "upgrade hookfill",
        ),
        (
            "DELETE FROM refinery_schema_history WHERE version = 2; UPDATE refinery_schema_history SET checksum = '1'",
            "",
        ),
        ("DELETE FROM refinery_schema_history", ""),
        ("DROP TABLE refinery_schema_history", ""),
    ];
    for (edit, because) in histories {
        server.database.psql(edit);
        does_not_fit(&server.database, because).await;
    }
    assert_eq!(server.database.psql("SELECT count(*) FROM orders"), "1", "and nothing is lost");
}

/// Without it two orders could have one key, two users one name, two entries one place; or each look at what is due
/// would read the whole table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_index_is_refused_by_its_name() {
    let damages = [
        ("DROP INDEX orders_by_key", "orders_by_key"),
        ("DROP INDEX orders_due", "orders_due"),
        ("ALTER TABLE users DROP CONSTRAINT users_username_key", "users_username_key"),
        ("ALTER TABLE journal DROP CONSTRAINT journal_pkey", "journal_pkey"),
        ("DROP INDEX orders_by_id; CREATE INDEX orders_by_id ON orders (user_id, id)", "orders_by_id"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_by_key'::regclass",
            "orders_by_key",
        ),
        ("DROP TABLE command_keys", "command_keys"),
    ];
    for (damage, name) in damages {
        let server = used().await;
        server.database.psql(damage);
        does_not_fit(&server.database, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_on_an_empty_database_all_come_up() {
    let server = OnServer::fresh(false);
    let url = server.database.url().to_owned();
    let nodes = [1, 2, 3].map(|number| {
        let url = url.clone();
        tokio::spawn(async move { store(&url, node(number)).await })
    });
    let mut installations = Vec::new();
    let mut held = 0;
    for opened in nodes {
        let opened = opened.await.unwrap();
        installations.push(opened.installation());
        held += Partition::all().filter(|partition| opened.works(*partition)).count();
    }
    installations.dedup();
    assert_eq!(installations.len(), 1);
    assert_eq!(held, Partition::COUNT, "each partition is somebody's");
    assert_eq!(server.database.psql("SELECT count(*) FROM refinery_schema_history"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_neither_migrates_nor_takes_work() {
    let server = OnServer::fresh(false);
    let error = refusal(server.database.url(), tool()).await;
    assert!(error.to_string().contains("hookfill migrate"), "{error}");
    assert_eq!(server.database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    let first = store(server.database.url(), node(1)).await;
    let tool = store(server.database.url(), tool()).await;
    assert!(Partition::all().all(|partition| first.works(partition) && !tool.works(partition)));
    assert!(tool.credentials_revision().await.is_ok());
    assert_eq!(server.database.psql("SELECT count(*) FROM nodes"), "1");
}

/// A server that asks everybody but its superuser for a password.
fn with_passwords() -> (Postgres, tempfile::NamedTempFile) {
    let mut rules = tempfile::NamedTempFile::new().unwrap();
    rules
        .write_all(b"host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        .unwrap();
    rules.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
    let server = Postgres::start_with(&[("hba_file", rules.path().to_str().unwrap())]);
    (server, rules)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reached_is_said_without_the_password() {
    let (server, _rules) = blocking(with_passwords).await;
    let database = server.database();
    database.psql("CREATE ROLE trader LOGIN PASSWORD 'swordfish'");
    database.psql(&format!("ALTER DATABASE {} OWNER TO trader", database.name()));
    let (address, name) = (server.address(), database.name());
    let unreachable = [
        (format!("postgres://trader:hunter2@{address}/{name}"), "password authentication failed"),
        (format!("postgres://hunter2@{address}/{name}"), "password"),
        (format!("postgres://trader:swordfish@{address}/no_such_database"), "no_such_database"),
        (format!("postgres://trader:hunter2@no-such-host.invalid:5432/{name}"), "no-such-host.invalid"),
        (format!("postgres://trader:hunter2@127.0.0.1:1/{name}"), "refused"),
    ];
    for (url, because) in unreachable {
        let error = refusal(&url, node(1)).await;
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error}");
        let said = format!("{error} {error:?}");
        assert!(said.contains(because), "{because}: {said}");
        assert!(!said.contains(":hunter2") && !said.contains("swordfish"), "{said}");
        assert!(!url.contains(":hunter2") || !said.contains("hunter2"), "{said}");
    }
    store(&format!("postgres://trader:swordfish@{address}/{name}"), node(1)).await;
}

/// Each session that writes leaves a note of how it commits: the lanes, the readers' pool, the keeper of leases.
const NOTE: &str = "
    CREATE TABLE notes (noted TEXT, setting TEXT);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN INSERT INTO notes VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NULL; END$$;
    CREATE TRIGGER note AFTER INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER UPDATE ON revision FOR EACH STATEMENT EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER UPDATE ON partitions FOR EACH STATEMENT EXECUTE FUNCTION note();";

async fn writes_everywhere(trial: &Trial) {
    // Enough for every lane.
    for number in 0..16 {
        let trader = trial.register(&format!("trader {number} {}", trial.draw())).await;
        let refusal = Refusal { user_id: trader.id, at: at(1), details: b"{}".to_vec() };
        trial.store.refuse_signal(refusal, patient()).await.unwrap();
    }
    trial.store.probe().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_commits_to_disk_whatever_the_database_says() {
    let server = OnServer::fresh(false);
    drop(store(server.database.url(), node(1)).await);
    server.database.psql(NOTE);
    let name = server.database.name();
    let rounds = [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")];
    for (round, (wanted, kept)) in rounds.into_iter().enumerate() {
        server.database.psql(&format!("ALTER DATABASE {name} SET synchronous_commit = {wanted}"));
        server.database.psql("TRUNCATE notes");
        let trial = trial_again(server.database.url(), round).await;
        writes_everywhere(&trial).await;
        let noted = server.database.psql("SELECT noted, setting FROM notes GROUP BY 1, 2 ORDER BY 1, 2");
        assert_eq!(noted, format!("journal|{kept}\npartitions|{kept}\nrevision|{kept}"), "{wanted}");
        drop(trial);
    }
    let url = format!("{}?options=-c%20synchronous_commit%3Doff", server.database.url());
    server.database.psql("TRUNCATE notes");
    writes_everywhere(&trial_again(&url, 9).await).await;
    assert_eq!(server.database.psql("SELECT DISTINCT setting FROM notes"), "on");
}
