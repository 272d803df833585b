//! The statements of a group: over arrays, so that their number does not depend on how many writes it has.

use futures_util::future::try_join_all;
use tokio_postgres::{Client, Error, Statement};

/// The columns of an order, in the order in which [`super::rows::read_order`] takes them.
macro_rules! order_columns {
    () => {
        "o.user_id, o.seq, o.id, o.broker_account_id, o.source_id, o.terms, o.bracket, o.progress, o.due_at, \
         o.created_at, o.updated_at, o.last_seq, o.last_step"
    };
}
pub(super) use order_columns;

/// A user's open orders, of one instrument or, without one, of all. There are two sub-selects, because a single one with
/// an `OR` would read all orders.
pub(super) const OPEN_ORDERS: &str = concat!(
    "SELECT ",
    order_columns!(),
    " FROM unnest($1::int8[], $2::text[]) AS w (user_id, instrument) \
     CROSS JOIN LATERAL ((SELECT * FROM orders x WHERE x.user_id = w.user_id \
     AND x.due_at IS NOT NULL AND x.instrument = w.instrument LIMIT $3) \
     UNION ALL (SELECT * FROM orders x WHERE w.instrument IS NULL AND x.user_id = w.user_id \
     AND x.due_at IS NOT NULL LIMIT $3)) AS o"
);

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        /// A statement that is prepared once a connection.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Sql {
            $($(#[$doc])* $name,)*
        }

        const TEXTS: &[&str] = &[$($text,)*];
    };
}

statements! {
    /// Always in the order of users, so that no two groups wait for each other.
    LockHeads = "SELECT user_id, username, seq, step, hash, tally FROM heads WHERE user_id = ANY($1) \
                 ORDER BY user_id FOR UPDATE";
    /// Holds off a change of the epoch, and not the renewal of the lease.
    HoldPartitions = "SELECT partition, epoch FROM partitions WHERE partition = ANY($1) \
                      ORDER BY partition FOR KEY SHARE";
    Keys = "SELECT w.user_id, w.key_hash, o.body_hash, o.id, NULL::bytea \
            FROM unnest($1::int8[], $2::bytea[]) AS w (user_id, key_hash) \
            JOIN orders o ON o.user_id = w.user_id AND o.key_hash = w.key_hash AND o.key_hash IS NOT NULL \
            UNION ALL \
            SELECT w.user_id, w.key_hash, c.body_hash, NULL::uuid, c.made \
            FROM unnest($1::int8[], $2::bytea[]) AS w (user_id, key_hash) \
            JOIN command_keys c ON c.user_id = w.user_id AND c.key_hash = w.key_hash";
    OrdersById = concat!("SELECT ", order_columns!(), " FROM unnest($1::int8[], $2::uuid[]) AS w (user_id, id) \
                          JOIN orders o ON o.user_id = w.user_id AND o.id = w.id");
    OrdersAt = concat!("SELECT ", order_columns!(), " FROM unnest($1::int8[], $2::int8[]) AS w (user_id, seq) \
                        JOIN orders o ON o.user_id = w.user_id AND o.seq = w.seq");
    OpenOrders = OPEN_ORDERS;
    Accounts = "SELECT a.user_id, a.id, a.broker_name, a.account_id, a.is_active, a.policy, a.created_at \
                FROM unnest($1::int8[], $2::uuid[]) AS w (user_id, id) \
                JOIN broker_accounts a ON a.user_id = w.user_id AND a.id = w.id";
    LinkedAccounts = "SELECT a.user_id, a.id, a.broker_name, a.account_id, a.is_active, a.policy, a.created_at \
                      FROM unnest($1::int8[], $2::text[], $3::text[]) AS w (user_id, broker_name, account_id) \
                      JOIN broker_accounts a ON a.user_id = w.user_id AND a.broker_name = w.broker_name \
                      AND a.account_id = w.account_id AND a.is_active";
    Usernames = "SELECT username, id FROM users WHERE username = ANY($1)";
    FreshNumbers = "SELECT nextval(pg_get_serial_sequence('users', 'id')) FROM generate_series(1, $1::int8)";

    InsertUsers = "INSERT INTO users (id, username, created_at) \
                   SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[])";
    InsertHeads = "INSERT INTO heads (user_id, username, seq, step, hash, tally) \
                   SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int8[], $5::bytea[], $6::bytea[])";
    InsertKeys = "INSERT INTO api_keys (id, user_id, key_hash, label, scopes, created_at) \
                  SELECT * FROM unnest($1::uuid[], $2::int8[], $3::bytea[], $4::text[], $5::text[], $6::int8[])";
    /// Continues the numbers of each owner's accounts. The lock on the owner's head keeps them in the order of commits.
    InsertAccounts = "INSERT INTO broker_accounts (user_id, number, id, broker_name, account_id, secret, \
                      secret_key_id, is_active, policy, created_at) \
                      SELECT w.user_id, coalesce((SELECT a.number FROM broker_accounts a \
                      WHERE a.user_id = w.user_id ORDER BY a.number DESC LIMIT 1), 0) \
                      + row_number() OVER (PARTITION BY w.user_id ORDER BY w.nth), w.id, w.broker_name, \
                      w.account_id, w.secret, w.secret_key_id, w.is_active, w.policy, w.created_at \
                      FROM unnest($1::int8[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bool[], \
                      $8::bytea[], $9::int8[]) WITH ORDINALITY AS w (user_id, id, broker_name, account_id, secret, \
                      secret_key_id, is_active, policy, created_at, nth)";
    UpdateAccounts = "UPDATE broker_accounts a SET policy = w.policy, is_active = w.is_active \
                      FROM unnest($1::int8[], $2::uuid[], $3::bytea[], $4::bool[]) AS w (user_id, id, policy, is_active) \
                      WHERE a.user_id = w.user_id AND a.id = w.id";
    InsertEntries = "INSERT INTO journal (user_id, seq, step, at, action, order_id, prev_seq, prev_step, details, \
                     message, hash) \
                     SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[], $6::uuid[], \
                     $7::int8[], $8::int8[], $9::bytea[], $10::bytea[], $11::bytea[])";
    InsertOrders = "INSERT INTO orders (user_id, seq, id, broker_account_id, source_id, instrument, state, terms, \
                    bracket, progress, partition, due_at, created_at, updated_at, last_seq, last_step, key_hash, \
                    body_hash) \
                    SELECT * FROM unnest($1::int8[], $2::int8[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], \
                    $7::text[], $8::bytea[], $9::bytea[], $10::bytea[], $11::int2[], $12::int8[], $13::int8[], \
                    $14::int8[], $15::int8[], $16::int8[], $17::bytea[], $18::bytea[])";
    UpdateOrders = "UPDATE orders o SET state = w.state, bracket = w.bracket, progress = w.progress, \
                    due_at = w.due_at, updated_at = w.updated_at, last_seq = w.last_seq, last_step = w.last_step \
                    FROM unnest($1::int8[], $2::int8[], $3::text[], $4::bytea[], $5::bytea[], $6::int8[], $7::int8[], \
                    $8::int8[], $9::int8[]) \
                    AS w (user_id, seq, state, bracket, progress, due_at, updated_at, last_seq, last_step) \
                    WHERE o.user_id = w.user_id AND o.seq = w.seq";
    InsertCommandKeys = "INSERT INTO command_keys (user_id, key_hash, body_hash, made) \
                         SELECT * FROM unnest($1::int8[], $2::bytea[], $3::bytea[], $4::bytea[])";
    UpdateHeads = "UPDATE heads h SET seq = w.seq, step = w.step, hash = w.hash, tally = w.tally \
                   FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::bytea[], $5::bytea[]) \
                   AS w (user_id, seq, step, hash, tally) WHERE h.user_id = w.user_id";
    CountInstruments = "INSERT INTO instrument_counts AS c (user_id, instrument, count) \
                        SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[]) \
                        ON CONFLICT (user_id, instrument) DO UPDATE SET count = c.count + excluded.count";
    RaiseRevision = "UPDATE revision SET credentials = credentials + 1";
    /// Held by whoever makes a user, who has no head yet that could be locked. Behind the heads, as always.
    HoldRevision = "SELECT id FROM revision FOR UPDATE";
    EntryHash = "SELECT hash FROM journal WHERE user_id = $1 AND seq = $2 AND step = $3";
}

/// The statements, prepared on one connection.
pub(super) struct Statements(Vec<Statement>);

impl Statements {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        try_join_all(TEXTS.iter().map(|text| client.prepare(text))).await.map(Self)
    }

    pub(super) fn of(&self, sql: Sql) -> &Statement {
        &self.0[sql as usize]
    }
}
