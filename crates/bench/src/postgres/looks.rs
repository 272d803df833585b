//! What each question of a node costs PostgreSQL, asked through the store itself: what `simulate` multiplies.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hookfill::clock::{Clock, SystemClock};
use hookfill_domain::account::Policy;
use hookfill_domain::ids::{Seq, UserId};
use hookfill_rig::Database;
use hookfill_store::Role;
use hookfill_store::postgres::{Options as OpenOptions, PostgresStore};
use hookfill_store::{Accounts, Journal, NoListener, Work};
use uuid::Uuid;

use super::cluster::{Cluster, ask};
use super::processor;
use crate::command::Options;
use crate::report::Table;

/// Users in the database, all with a key and an account.
const USERS: i64 = 100_000;
/// How often each question is asked.
const TIMES: usize = 2000;
/// How often a question about many rows is asked.
const TIMES_OF_MANY: usize = 200;
/// Nodes in the table of nodes.
const NODES: i64 = 100;
/// After how long a node of the measurement's own may be forgotten.
const LEASE: Duration = Duration::from_secs(3600);

const FILL: &str = "\
    INSERT INTO users (username, created_at) SELECT 'user ' || n, 0 FROM generate_series(1, 100000) AS n;
    INSERT INTO heads (user_id, username, seq, step, hash, tally)
        SELECT id, username, 3, 0, sha256(username::bytea), convert_to('[0,0,1,0,0,0]', 'UTF8') FROM users;
    INSERT INTO api_keys (id, user_id, key_hash, label, scopes, created_at)
        SELECT gen_random_uuid(), id, sha256(('key ' || id)::bytea), '', 'submit,read,trade', 0 FROM users;
    INSERT INTO broker_accounts (user_id, number, id, broker_name, account_id, secret, secret_key_id, is_active, policy, created_at)
        SELECT id, 1, gen_random_uuid(), 'Mock', '1', '', '', true, convert_to('POLICY', 'UTF8'), 0 FROM users;
    INSERT INTO journal (user_id, seq, step, at, action, details, message, hash)
        SELECT id, n, 0, 0, 'order_created', '{}', convert_to(repeat('m', 280), 'UTF8'), sha256('hash')
        FROM users CROSS JOIN generate_series(1, 3) AS n;
    INSERT INTO nodes (id, name, started_at, expires_at)
        SELECT gen_random_uuid(), 'another', now(), now() + interval '1 hour' FROM generate_series(2, 100);
    ANALYZE";

/// Times and rows of one question.
struct Asked {
    name: &'static str,
    times: usize,
    rows: usize,
    postgres_seconds: f64,
    own_seconds: f64,
    elapsed: Duration,
}

/// The store, the server below it, and what was asked so far.
struct Questions<'a> {
    cluster: &'a Cluster,
    asked: Vec<Asked>,
}

impl Questions<'_> {
    fn seconds(&self) -> Result<(f64, f64)> {
        let own = processor::seconds_of_process(std::process::id())?;
        Ok((processor::seconds_of(self.cluster.pid())?, own))
    }

    /// Asks a question many times, one after the other; each answers how many rows there were.
    async fn ask<F>(
        &mut self,
        name: &'static str,
        times: usize,
        mut question: impl FnMut(usize) -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<usize>>,
    {
        // Statements are prepared, pages are read.
        question(0).await?;
        let ((postgres, own), began, mut rows) = (self.seconds()?, Instant::now(), 0);
        for turn in 0..times {
            rows += question(turn).await?;
        }
        let (elapsed, after) = (began.elapsed(), self.seconds()?);
        let (postgres_seconds, own_seconds) = (after.0 - postgres, after.1 - own);
        self.asked.push(Asked { name, times, rows, postgres_seconds, own_seconds, elapsed });
        Ok(())
    }
}

/// Measures.
///
/// # Errors
/// If the store fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let cluster = Cluster::start(options)?;
    let database = cluster.database();
    // The first one makes the tables; the second has its share of what 100 nodes have.
    open(&database).await?.retire().await;
    let policy = serde_json::to_string(&Policy::default())?;
    ask(&database, &FILL.replace("POLICY", &policy))?;
    let store = open(&database).await?;
    let keys = keys(&database)?;
    let mut questions = Questions { cluster: &cluster, asked: Vec::new() };
    ask_all(&mut questions, &store, &keys).await?;
    rounds(&mut questions, &database)?;
    let columns = ["question", "rows", "processor time of PostgreSQL", "of the node", "elapsed"];
    let mut table = Table::new("postgres-looks", &columns);
    for asked in &questions.asked {
        let each = |seconds: f64| format!("{:.0} µs", seconds * 1e6 / asked.times as f64);
        table.row([
            asked.name.to_owned(),
            format!("{:.0}", asked.rows as f64 / asked.times as f64),
            each(asked.postgres_seconds),
            each(asked.own_seconds),
            each(asked.elapsed.as_secs_f64()),
        ]);
    }
    table.note(format!(
        "Each asked {TIMES} times in a row, or {TIMES_OF_MANY} times where there are many rows, over one connection; {USERS} users, \
         {NODES} nodes; {}. {} of memory is a connection's own, after this.",
        cluster.circumstances(&database)?,
        memory_of_connections(&cluster)?,
    ));
    Ok(table)
}

async fn open(database: &Database) -> Result<PostgresStore> {
    let options = OpenOptions {
        role: Role::Server,
        node: Uuid::from_u128(1),
        name: "bench".to_owned(),
        lease: LEASE,
        split_by_user: false,
    };
    Ok(PostgresStore::open(database.url(), options, Arc::new(NoListener)).await?)
}

async fn ask_all(questions: &mut Questions<'_>, store: &PostgresStore, keys: &[[u8; 32]]) -> Result<()> {
    let user = |turn: usize| UserId(1 + (turn as i64 * 7919) % USERS);
    questions
        .ask("revision of keys and accounts", TIMES, |_| async {
            Ok(store.credentials_revision().await.map(|_| 1)?)
        })
        .await?;
    questions
        .ask("a key", TIMES, |turn| async move {
            store.principal(keys[turn % keys.len()]).await?.context("a key is not found")?;
            Ok(1)
        })
        .await?;
    questions
        .ask("a user's accounts", TIMES, |turn| async move { Ok(store.accounts(user(turn)).await?.len()) })
        .await?;
    for (name, times, many) in [("heads of 1 user", TIMES, 1), ("heads of 1,000 users", TIMES_OF_MANY, 1000)]
    {
        questions
            .ask(name, times, |turn| async move {
                let users: Vec<UserId> = (0..many).map(|place| user(turn * many + place)).collect();
                Ok(store.heads(&users).await?.len())
            })
            .await?;
    }
    for (name, after) in [("messages of a stream that has all", 3), ("messages of a stream that lacks 3", 0)]
    {
        questions
            .ask(name, TIMES, |turn| async move {
                Ok(store.events_after(user(turn), Seq(after), 256).await?.len())
            })
            .await?;
    }
    // Nothing is due: the price of looking.
    let (now, busy) = (SystemClock.now(), HashSet::new());
    questions
        .ask("what is due, 3 partitions held", TIMES, |_| async {
            Ok(store.due(now, 512, &busy).await?.len())
        })
        .await?;
    questions
        .ask("when the next is due, 3 partitions held", TIMES, |_| async {
            Ok(store.next_due(now).await.map(|_| 1)?)
        })
        .await?;
    Ok(())
}

/// The hashes of some keys.
fn keys(database: &Database) -> Result<Vec<[u8; 32]>> {
    let sql = "SELECT encode(key_hash, 'hex') FROM api_keys WHERE user_id % 50 = 0";
    let hashes = ask(database, sql)?;
    let read = |line: &str| -> Option<[u8; 32]> {
        let byte = |at: usize| u8::from_str_radix(line.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
        bytes?.try_into().ok()
    };
    hashes.lines().map(|line| read(line).context("no hash")).collect()
}

/// A round of leases is not the store's to be asked for: its statements, as they stand in leases.rs, in a loop at the server.
fn rounds(questions: &mut Questions<'_>, database: &Database) -> Result<()> {
    for (name, statement) in [
        (
            "renewal of 3 partitions",
            "WITH mine AS MATERIALIZED (SELECT partition FROM partitions \
             WHERE owner = '00000000-0000-0000-0000-000000000001' ORDER BY partition FOR NO KEY UPDATE SKIP LOCKED) \
             UPDATE partitions p SET expires_at = clock_timestamp() + interval '1 hour' \
             FROM mine WHERE p.partition = mine.partition",
        ),
        ("how many of 100 nodes live", "PERFORM count(*) FROM nodes WHERE expires_at > clock_timestamp()"),
        (
            "a claim that finds nothing free",
            "WITH free AS MATERIALIZED (SELECT partition FROM partitions WHERE owner IS NULL \
             OR expires_at <= clock_timestamp() ORDER BY partition LIMIT 1 FOR UPDATE SKIP LOCKED) \
             UPDATE partitions p SET epoch = p.epoch + 1 FROM free WHERE p.partition = free.partition",
        ),
    ] {
        let repeated = format!(
            "DO $$ BEGIN \
             PERFORM set_config(name, 'off', false) FROM unnest(ARRAY['jit', 'enable_seqscan', 'enable_bitmapscan', \
                                                                     'enable_hashjoin', 'enable_mergejoin']) AS name; \
             FOR turn IN 1..{TIMES_OF_MANY} LOOP {statement}; COMMIT; END LOOP; END $$"
        );
        let ((postgres, own), began) = (questions.seconds()?, Instant::now());
        ask(database, &repeated)?;
        let (elapsed, after) = (began.elapsed(), questions.seconds()?);
        questions.asked.push(Asked {
            name,
            times: TIMES_OF_MANY,
            rows: 3 * TIMES_OF_MANY,
            postgres_seconds: after.0 - postgres,
            own_seconds: after.1 - own,
            elapsed,
        });
    }
    Ok(())
}

/// Memory that each connection's process has for itself, in MiB: the median.
fn memory_of_connections(cluster: &Cluster) -> Result<String> {
    let mut own = processor::memory_of_children(cluster.pid())?;
    own.sort_by(f64::total_cmp);
    Ok(format!("{:.1} MiB", crate::figures::percentile(&own, 0.5)))
}
