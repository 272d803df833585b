//! A node: what it holds in memory.

use std::collections::{BTreeSet, HashSet, VecDeque};

use hookfill_store::Partition;

use super::agenda::Micros;
use super::leases::Holding;
use super::orders::{OrderId, State, User};
use super::settings::LANES;

pub(super) type GroupId = u64;

/// A write that waits in a lane.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    /// A signal that came at a time.
    Accept { user: User, came_at: Micros },
    /// What came of a step of an order, under an epoch.
    Record { order: OrderId, from: State, epoch: u64 },
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<Job>,
    pub(super) group: Option<GroupId>,
}

/// The engine's loop.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) in_flight: HashSet<OrderId>,
    pub(super) busy: [usize; Partition::COUNT],
    pub(super) is_looking: bool,
    pub(super) again: bool,
    /// When it means to look next; another wake-up is out of date.
    pub(super) wake_at: Micros,
    pub(super) due_hint_at: Micros,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) is_dead: bool,
    pub(super) paused_until: Micros,
    pub(super) holding: Holding,
    pub(super) lanes: [Lane; LANES],
    pub(super) engine: Engine,
    /// Users who have a stream here.
    pub(super) watched: BTreeSet<User>,
    pub(super) unconfirmed: BTreeSet<User>,
    /// A question about hinted users is planned or under way.
    pub(super) asks: bool,
    pub(super) ask_not_before: Micros,
    pub(super) remembered: HashSet<User>,
    pub(super) revision: u64,
    /// Rounds of leases so far.
    pub(super) rounds: u64,
    /// Streams that are asked with their pings, in parts of one.
    pub(super) pings: f64,
}

impl Node {
    pub(super) fn new(revision: u64) -> Self {
        Self {
            is_dead: false,
            paused_until: 0,
            holding: Holding::new(),
            lanes: Default::default(),
            engine: Engine {
                in_flight: HashSet::new(),
                busy: [0; Partition::COUNT],
                is_looking: false,
                again: false,
                wake_at: Micros::MAX,
                due_hint_at: 0,
            },
            watched: BTreeSet::new(),
            unconfirmed: BTreeSet::new(),
            asks: false,
            ask_not_before: 0,
            remembered: HashSet::new(),
            revision,
            rounds: 0,
            pings: 0.0,
        }
    }

    pub(super) fn is_up(&self, now: Micros) -> bool {
        !self.is_dead && self.paused_until <= now
    }
}
