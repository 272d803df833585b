-- Times are microseconds since 1970-01-01T00:00:00Z, UTC. UUIDs are 16 bytes. JSON is kept as the bytes that were written.

-- Marks the file as hookfill's: the bytes `hkfl`.
PRAGMA application_id = 1751869036;

-- Who may use the service. A look-up table: it does not belong to one user's history.
CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the integer user id of the API; never used again
    username   TEXT    NOT NULL UNIQUE,           -- compared exactly, 1 to 150 characters
    created_at INTEGER NOT NULL                   -- when the user registered
) STRICT;

-- API keys. The key itself is not kept anywhere.
CREATE TABLE api_keys (
    id         BLOB    NOT NULL PRIMARY KEY,      -- UUID of the key, safe to show
    user_id    INTEGER NOT NULL REFERENCES users (id), -- whose key
    key_hash   BLOB    NOT NULL UNIQUE,           -- SHA-256 of the key's text, 32 bytes
    label      TEXT    NOT NULL,                  -- the owner's name for it
    scopes     TEXT    NOT NULL,                  -- comma-separated: submit, read, trade, admin
    created_at INTEGER NOT NULL,                  -- when it was made
    expires_at INTEGER,                           -- from when it is refused; NULL is never
    revoked_at INTEGER                            -- when it was revoked; NULL while it works
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- Accounts at brokers. `number` tells their age; ids and times come from clocks, which can be wrong.
CREATE TABLE broker_accounts (
    user_id       INTEGER NOT NULL REFERENCES users (id), -- the owner
    number        INTEGER NOT NULL,               -- counts the owner's accounts in the order in which they were linked
    id            BLOB    NOT NULL,               -- UUID of the account
    broker_name   TEXT    NOT NULL,               -- which broker, in the owner's words
    account_id    TEXT    NOT NULL,               -- the account's id at the broker
    secret        TEXT    NOT NULL,               -- the broker's secret: a Fernet token with its owner inside
    secret_key_id BLOB    NOT NULL,               -- fingerprint of the Fernet key that encrypted it
    is_active     INTEGER NOT NULL,               -- 0 once it takes no new orders
    policy        BLOB    NOT NULL,               -- what the account asks of a signal, JSON
    created_at    INTEGER NOT NULL,               -- when it was linked
    PRIMARY KEY (user_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX broker_accounts_by_id ON broker_accounts (user_id, id);
-- An account that was deleted may be linked again.
CREATE UNIQUE INDEX broker_accounts_linked ON broker_accounts (user_id, broker_name, account_id) WHERE is_active = 1;
CREATE INDEX broker_accounts_by_secret_key ON broker_accounts (secret_key_id);

-- Where each user's journal stands, and the tallies over the user's orders. Locked by whoever appends.
CREATE TABLE heads (
    user_id  INTEGER NOT NULL PRIMARY KEY,        -- the user; 0 is the installation itself
    username TEXT    NOT NULL,                    -- copied here so that a message is written from one row
    seq      INTEGER NOT NULL,                    -- number of the last stream message
    step     INTEGER NOT NULL,                    -- internal entries since that message
    hash     BLOB    NOT NULL,                    -- the chain's hash over the last entry, 32 bytes
    tally    BLOB    NOT NULL                     -- how many orders have each status, JSON array in the order of a life
) STRICT;

-- Orders as they are now. The key is the place in the user's history, so that a list is a walk along it.
CREATE TABLE orders (
    user_id           INTEGER NOT NULL,           -- the owner
    seq               INTEGER NOT NULL,           -- number of the order's first stream message
    id                BLOB    NOT NULL,           -- UUID of the order, and its client order id at the broker
    broker_account_id BLOB    NOT NULL,           -- the account that works it
    source_id         BLOB,                       -- the source that sent it; NULL for a user's own key
    instrument        TEXT    NOT NULL,           -- what is traded, copied from terms for filters
    state             TEXT    NOT NULL,           -- the state's name, copied from progress for filters
    terms             BLOB    NOT NULL,           -- what was asked, JSON; never changes
    bracket           BLOB    NOT NULL,           -- stop loss and targets now, JSON
    progress          BLOB    NOT NULL,           -- where it stands, JSON
    due_at            INTEGER,                    -- when to look at it next; NULL once nothing more can happen
    created_at        INTEGER NOT NULL,           -- when it was accepted
    updated_at        INTEGER NOT NULL,           -- when it last changed
    last_seq          INTEGER NOT NULL,           -- place of its last journal entry: the end of its history
    last_step         INTEGER NOT NULL,           -- likewise
    key_hash          BLOB,                       -- idempotency key with its scope, hashed to 16 bytes; NULL without one
    body_hash         BLOB,                       -- the request's bytes, hashed to 16 bytes; NULL without a key
    PRIMARY KEY (user_id, seq)
) STRICT, WITHOUT ROWID;
-- Ids are made in time order, so that all users' new ones go to the same page.
CREATE UNIQUE INDEX orders_by_id ON orders (id);
CREATE UNIQUE INDEX orders_by_key ON orders (user_id, key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX orders_open ON orders (user_id, instrument) WHERE due_at IS NOT NULL;

-- Idempotency keys of commands: a command makes no order whose row could hold its key.
CREATE TABLE command_keys (
    user_id   INTEGER NOT NULL,                   -- the user
    key_hash  BLOB    NOT NULL,                   -- idempotency key with its scope, hashed to 16 bytes
    body_hash BLOB    NOT NULL,                   -- the request's bytes, hashed to 16 bytes
    made      BLOB    NOT NULL,                   -- what it did, JSON: the first answer is made of it
    PRIMARY KEY (user_id, key_hash)
) STRICT, WITHOUT ROWID;

-- Every user's one append-only log: the stream and the audit log in one.
CREATE TABLE journal (
    user_id   INTEGER NOT NULL,                   -- whose log
    seq       INTEGER NOT NULL,                   -- number of the last stream message, this entry's own included
    step      INTEGER NOT NULL,                   -- 0 on the entry that carries that message, then 1, 2, 3 …
    at        INTEGER NOT NULL,                   -- when it was recorded
    action    TEXT    NOT NULL,                   -- what it records: a word of the closed list of audit actions
    order_id  BLOB,                               -- the order it is about; NULL if none
    prev_seq  INTEGER,                            -- place of that order's entry before this one; NULL at its first
    prev_step INTEGER,                            -- likewise
    details   BLOB    NOT NULL,                   -- circumstances, a JSON object
    message   BLOB,                               -- the stream message, the very bytes that are sent; NULL if internal
    hash      BLOB    NOT NULL,                   -- SHA-256 over this entry and the hash before it, 32 bytes
    PRIMARY KEY (user_id, seq, step)
) STRICT, WITHOUT ROWID;

-- How many orders a user has had of each instrument.
CREATE TABLE instrument_counts (
    user_id    INTEGER NOT NULL,                  -- the user
    instrument TEXT    NOT NULL,                  -- the instrument
    count      INTEGER NOT NULL,                  -- orders so far, whatever became of them
    PRIMARY KEY (user_id, instrument)
) STRICT, WITHOUT ROWID;

-- One row: what other processes and caches watch.
CREATE TABLE revision (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), -- there is one row
    credentials INTEGER NOT NULL,                 -- goes up when keys or accounts change
    probe       INTEGER NOT NULL                  -- written to find out whether the store takes writes
) STRICT;
INSERT INTO revision (id, credentials, probe) VALUES (1, 0, 0);
INSERT INTO heads (user_id, username, seq, step, hash, tally) VALUES (0, 'system', 0, 0, zeroblob(32), CAST('[0,0,0,0,0,0]' AS BLOB));
