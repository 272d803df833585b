//! What is counted of a simulation, and what each kind of it costs PostgreSQL.

use std::collections::BTreeMap;

use crate::figures::Samples;

/// What a node asks of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A lane's transaction; its rows are those it writes.
    Group,
    /// What is due, and when the next is.
    Due,
    /// A key or a user's accounts, because a request came with it.
    Credential,
    /// A key, because something was changed anywhere and a stream has it.
    Guard,
    /// The revision of keys and accounts.
    Revision,
    /// Heartbeat, renewal, and what is still one's own; its rows are the partitions that are looked at.
    Lease,
    /// How many nodes live; its rows are the nodes.
    Living,
    /// Partitions that are free, where a node has less than its share.
    Claim,
    /// How far users are: all who have a stream, once a second.
    Poll,
    /// The same of users who were hinted at.
    Hinted,
    /// A stream's missing messages.
    CatchUp,
    /// The same every 20 s for each stream, whether it lacks any or not.
    Ping,
}

impl Kind {
    pub(super) const ALL: [Self; 12] = [
        Self::Group,
        Self::Due,
        Self::Credential,
        Self::Guard,
        Self::Revision,
        Self::Lease,
        Self::Living,
        Self::Claim,
        Self::Poll,
        Self::Hinted,
        Self::CatchUp,
        Self::Ping,
    ];

    /// Its name, and what it grows with.
    pub(super) fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Group => ("groups that write", "orders, and nodes that share them"),
            Self::Due => ("what is due, and when next", "orders, and one a second a node"),
            Self::Credential => ("keys and accounts of requests", "orders"),
            Self::Guard => ("keys of streams after a change", "streams × changes"),
            Self::Revision => ("the revision of keys", "nodes"),
            Self::Lease => ("heartbeats and renewals", "nodes"),
            Self::Living => ("how many nodes live", "nodes × nodes"),
            Self::Claim => ("claims", "nodes without their share"),
            Self::Poll => ("heads of users with a stream", "streams"),
            Self::Hinted => ("heads after hints", "orders of users with a stream"),
            Self::CatchUp => ("messages that are missing", "orders of users with a stream"),
            Self::Ping => ("messages, asked with each ping", "streams"),
        }
    }

    /// How its statements grow with the load (users, streams, orders), and with the number of nodes.
    pub(super) fn growth(self) -> (i32, i32) {
        match self {
            Self::Group | Self::Due | Self::Credential | Self::Hinted | Self::CatchUp => (1, 0),
            Self::Poll | Self::Ping => (1, 0),
            // Twice the users change twice as much, and twice the streams ask after each change.
            Self::Guard => (2, 0),
            Self::Revision | Self::Lease | Self::Claim => (0, 1),
            Self::Living => (0, 2),
        }
    }

    /// Processor time of PostgreSQL in microseconds: for a statement (of a group: all of its statements), and for each
    /// of its rows. Measured by `hookfill-bench postgres-looks` and `postgres-costs`.
    pub(super) fn price(self) -> (f64, f64) {
        match self {
            Self::Group => (600.0, 10.0),
            Self::Due => (190.0, 3.0),
            Self::Credential | Self::Guard => (70.0, 0.0),
            Self::Revision => (50.0, 0.0),
            // Those rows are looked at, not read.
            Self::Lease => (120.0, 0.0),
            Self::Living => (40.0, 0.1),
            Self::Claim => (200.0, 0.0),
            Self::Poll | Self::Hinted => (80.0, 2.5),
            Self::CatchUp | Self::Ping => (70.0, 8.0),
        }
    }
}

/// Statements of a kind, and the rows that they read or write.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Count {
    pub(super) statements: u64,
    pub(super) rows: u64,
}

/// What is counted between the beginning and the end of what counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    kinds: BTreeMap<Kind, Count>,
    pub(super) orders: u64,
    pub(super) steps: u64,
    pub(super) syncs: u64,
    /// Hints of users: published, and delivered.
    pub(super) hints: (u64, u64),
    /// Hints that something is due: published, and delivered to every node.
    pub(super) due_hints: (u64, u64),
    /// Writes of the largest group.
    pub(super) largest_group: usize,
    /// Groups that waited for another node's group with the same user.
    pub(super) waited_for_heads: u64,
    /// Milliseconds from a signal to its answer.
    pub(super) answers: Samples,
    /// Milliseconds from a commit to its message on a stream at the same node, and at another.
    pub(super) delays: [Samples; 2],
}

impl Counts {
    pub(super) fn add(&mut self, kind: Kind, statements: u64, rows: u64) {
        let count = self.kinds.entry(kind).or_default();
        count.statements += statements;
        count.rows += rows;
    }

    pub(super) fn of(&self, kind: Kind) -> Count {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }

    /// Processor time of PostgreSQL for a kind, in seconds.
    pub(super) fn seconds(&self, kind: Kind) -> f64 {
        let (Count { statements, rows }, (each, a_row)) = (self.of(kind), kind.price());
        (statements as f64 * each + rows as f64 * a_row) / 1e6
    }
}
