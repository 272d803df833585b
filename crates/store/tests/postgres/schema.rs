//! The schema as it must be for a database that keeps users apart, and what it says about itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use hookfill_store::contract::{Trial, patient};
use tokio::task::JoinSet;

use crate::scene::{OnServer, node, store};

/// Look-ups, and the few rows that all nodes share.
const EXCEPTIONS: &str = "'users', 'api_keys', 'partitions', 'nodes', 'revision', 'refinery_schema_history'";

async fn migrated() -> OnServer {
    let server = OnServer::fresh(false);
    drop(store(server.database.url(), node(1)).await);
    server
}

/// The rows of a query, one of the tables of users' histories in each `{OF_USERS}`.
fn found(server: &OnServer, sql: &str) -> Vec<String> {
    let of_users = format!(
        "SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname NOT IN ({EXCEPTIONS})"
    );
    let rows = server.database.psql(&sql.replace("{OF_USERS}", &of_users));
    rows.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_a_users_history_is_found_by_user() {
    let server = migrated().await;
    let tables: BTreeSet<_> = found(&server, "SELECT relname FROM ({OF_USERS}) t").into_iter().collect();
    let expected = ["broker_accounts", "command_keys", "heads", "instrument_counts", "journal", "orders"];
    assert_eq!(tables, expected.map(str::to_owned).into(), "an exception is listed, with its reason");

    let keys = "SELECT t.relname FROM ({OF_USERS}) t LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary \
                LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0] \
                WHERE a.attname IS DISTINCT FROM 'user_id'";
    assert_eq!(found(&server, keys), [""; 0], "a primary key begins with user_id");
    let unique = "SELECT i.indexrelid::regclass FROM ({OF_USERS}) t JOIN pg_index i ON i.indrelid = t.oid \
                  WHERE i.indisunique AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid \
                  AND a.attname = 'user_id' AND a.attnum = ANY(i.indkey))";
    assert_eq!(found(&server, unique), [""; 0], "only within a user can anything be unique");
    let foreign = "SELECT conname FROM ({OF_USERS}) t JOIN pg_constraint c ON t.oid IN (c.conrelid, c.confrelid) \
                   WHERE c.contype = 'f'";
    assert_eq!(found(&server, foreign), [""; 0], "no row needs another one elsewhere");
    let defaults = "SELECT relname FROM ({OF_USERS}) t JOIN pg_attribute a ON a.attrelid = t.oid \
                    WHERE a.attnum > 0 AND (a.atthasdef OR a.attidentity <> '')";
    assert_eq!(found(&server, defaults), [""; 0], "no sequence, which would be one place for all");
    let triggers = "SELECT tgname FROM ({OF_USERS}) t JOIN pg_trigger g ON g.tgrelid = t.oid";
    assert_eq!(found(&server, triggers), [""; 0], "nothing happens that no statement says");
}

/// The questions above find what they look for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_would_keep_users_together_is_found() {
    let server = migrated().await;
    server.database.psql("CREATE UNIQUE INDEX everywhere ON orders (id)");
    let unique = "SELECT i.indexrelid::regclass FROM ({OF_USERS}) t JOIN pg_index i ON i.indrelid = t.oid \
                  WHERE i.indisunique AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid \
                  AND a.attname = 'user_id' AND a.attnum = ANY(i.indkey))";
    assert_eq!(found(&server, unique), ["everywhere"]);
}

/// The store checks before it inserts; the schema refuses rows that bypass the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_cannot_be_active_twice_for_one_user() {
    let server = migrated().await;
    let insert = |user: i64, number: i64, active: bool| {
        server.database.try_psql(&format!(
            "INSERT INTO broker_accounts VALUES ({user}, {number}, gen_random_uuid(), 'a broker', '1', '', '', {active}, '', 0)"
        ))
    };
    insert(1, 1, true).unwrap();
    insert(2, 1, true).unwrap();
    insert(1, 2, false).unwrap();
    insert(1, 3, false).unwrap();
    assert!(insert(1, 4, true).unwrap_err().contains("broker_accounts_linked"));
    assert!(insert(1, 3, false).unwrap_err().contains("broker_accounts_pkey"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_says_what_it_holds() {
    let server = migrated().await;
    let silent = "SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                  WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname <> 'refinery_schema_history' \
                  AND length(coalesce(col_description(c.oid, a.attnum), '')) < 6";
    assert_eq!(found(&server, silent), [""; 0]);
}

/// TEXT refuses NUL, and JSONB changes the order of keys and the digits of numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_kept_as_bytes() {
    let server = migrated().await;
    let json = "SELECT table_name, column_name FROM information_schema.columns \
                WHERE table_schema = 'public' AND data_type IN ('json', 'jsonb')";
    assert_eq!(found(&server, json), [""; 0]);
    for column in ["journal.details", "journal.message", "orders.terms", "orders.bracket", "orders.progress"]
    {
        let (table, name) = column.split_once('.').unwrap();
        let kind = format!(
            "SELECT data_type FROM information_schema.columns WHERE table_name = '{table}' AND column_name = '{name}'"
        );
        assert_eq!(found(&server, &kind), ["bytea"], "{column}");
    }
}

/// How many users each transaction wrote for, at most, under a load of everything at once.
async fn users_of_a_transaction(split_by_user: bool) -> i64 {
    let backend = OnServer::fresh(split_by_user);
    let url = backend.database.url().to_owned();
    let trial = Arc::new(Trial::open(backend).await);
    let note = "CREATE TABLE notes (transaction BIGINT, user_id BIGINT);
                CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN INSERT INTO notes VALUES (txid_current(), NEW.user_id); RETURN NULL; END';
                CREATE TRIGGER note AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION note();";
    let raw = crate::scene::raw(&url).await;
    raw.batch_execute(note).await.unwrap();
    let mut traders = Vec::new();
    for number in 0..12 {
        traders.push(trial.register(&format!("trader {number}")).await);
    }
    let mut writes = JoinSet::new();
    for round in 0..20 {
        for trader in &traders {
            let (store, draft) = (Arc::clone(&trial.store), trial.draft(trader, "EURUSD"));
            writes.spawn(async move { store.accept_signal(draft, patient()).await.map(drop) });
        }
        let (store, registration) =
            (Arc::clone(&trial.store), trial.registration(&format!("newcomer {round}")));
        writes.spawn(async move { store.register(registration).await.map(drop) });
    }
    for written in writes.join_all().await {
        written.unwrap();
    }
    let most =
        "SELECT max(users) FROM (SELECT count(DISTINCT user_id) AS users FROM notes GROUP BY transaction) n";
    raw.query_one(most, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transaction_has_two_users_where_they_are_kept_apart() {
    assert_eq!(users_of_a_transaction(true).await, 1);
    let together = users_of_a_transaction(false).await;
    assert!(together > 1, "the load makes groups of many users where it may: {together}");
}
