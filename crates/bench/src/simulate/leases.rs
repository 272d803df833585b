//! Leases, as crates/store/src/postgres/leases.rs has them: the rows at the server, and what a node takes for its own.

use std::collections::BTreeMap;

use hookfill_store::Partition;

use super::agenda::Micros;
use super::rules::Rules;

/// A node, from its start to its end: one that starts again is another one.
pub(super) type NodeId = usize;

/// A row of `partitions`.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    owner: Option<NodeId>,
    epoch: u64,
    expires_at: Micros,
    /// Groups that hold the epoch (`FOR KEY SHARE`): a claim passes the row over meanwhile.
    in_use: usize,
}

/// The tables `partitions` and `nodes`.
#[derive(Debug)]
pub(super) struct Rows {
    partitions: [Row; Partition::COUNT],
    nodes: BTreeMap<NodeId, Micros>,
}

/// A partition under an epoch.
pub(super) type Lease = (Partition, u64);

impl Rows {
    pub(super) fn new() -> Self {
        Self { partitions: [Row::default(); Partition::COUNT], nodes: BTreeMap::new() }
    }

    /// `HEARTBEAT` and `RENEW`.
    pub(super) fn renew(&mut self, node: NodeId, now: Micros, lease: Micros) -> Vec<Lease> {
        self.nodes.insert(node, now + lease);
        let mine = Partition::all().filter_map(|partition| {
            let row = &mut self.partitions[partition.index()];
            (row.owner == Some(node)).then(|| {
                row.expires_at = now + lease;
                (partition, row.epoch)
            })
        });
        mine.collect()
    }

    /// `LIVING`.
    pub(super) fn living(&self, now: Micros) -> usize {
        self.nodes.values().filter(|expires_at| **expires_at > now).count()
    }

    /// `CLAIM`: so many that are free, and that nobody is using just now.
    pub(super) fn claim(
        &mut self,
        (node, wanted): (NodeId, usize),
        now: Micros,
        lease: Micros,
        rules: &Rules,
    ) -> Vec<Lease> {
        let free = |row: &Row| row.owner.is_none() || row.expires_at <= now || rules.claims_what_is_held;
        let mut claimed = Vec::new();
        for partition in Partition::all() {
            let row = &mut self.partitions[partition.index()];
            if claimed.len() < wanted && row.owner != Some(node) && free(row) && row.in_use == 0 {
                *row = Row { owner: Some(node), epoch: row.epoch + 1, expires_at: now + lease, in_use: 0 };
                claimed.push((partition, row.epoch));
            }
        }
        claimed
    }

    /// `GIVE_UP`.
    pub(super) fn give_up(&mut self, node: NodeId, partitions: &[Partition], now: Micros) {
        for partition in partitions {
            let row = &mut self.partitions[partition.index()];
            if row.owner == Some(node) {
                (row.owner, row.expires_at) = (None, now);
            }
        }
    }

    pub(super) fn epoch(&self, partition: Partition) -> u64 {
        self.partitions[partition.index()].epoch
    }

    /// A group holds a partition's epoch, or lets it go.
    pub(super) fn hold(&mut self, partition: Partition, holds: bool) {
        let in_use = &mut self.partitions[partition.index()].in_use;
        *in_use = if holds { *in_use + 1 } else { in_use.saturating_sub(1) };
    }
}

/// A partition that a node takes for its own.
#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: u64,
    until: Micros,
    leaving: bool,
}

/// What a node takes for its own.
#[derive(Debug)]
pub(super) struct Holding([Option<Held>; Partition::COUNT]);

impl Holding {
    pub(super) fn new() -> Self {
        Self([None; Partition::COUNT])
    }

    /// `Leases::fence`.
    pub(super) fn epoch(&self, partition: Partition, now: Micros) -> Option<u64> {
        self.0[partition.index()].filter(|held| held.until > now).map(|held| held.epoch)
    }

    /// `Leases::workable`.
    pub(super) fn workable(&self, now: Micros) -> impl Iterator<Item = Partition> + '_ {
        Partition::all().filter(move |partition| {
            self.0[partition.index()].is_some_and(|held| held.until > now && !held.leaving)
        })
    }

    /// `Leases::take_in`.
    pub(super) fn take_in(&mut self, leases: &[Lease], until: Micros, all: bool) {
        let before = if all { std::mem::replace(&mut self.0, [None; Partition::COUNT]) } else { self.0 };
        for (partition, epoch) in leases {
            let leaving = before[partition.index()].is_some_and(|held| held.leaving && held.epoch == *epoch);
            self.0[partition.index()] = Some(Held { epoch: *epoch, until, leaving });
        }
    }

    /// `Leases::choose_leaving`.
    pub(super) fn choose_leaving(&mut self, surplus: usize) {
        let leaving = self.0.iter().flatten().filter(|held| held.leaving).count();
        let staying = self.0.iter_mut().rev().flatten().filter(|held| !held.leaving);
        staying.take(surplus.saturating_sub(leaving)).for_each(|held| held.leaving = true);
    }

    /// What leaves, and is not in use.
    pub(super) fn idle(&self, in_use: impl Fn(Partition) -> bool) -> Vec<Partition> {
        let leaves = |partition: &Partition| self.0[partition.index()].is_some_and(|held| held.leaving);
        Partition::all().filter(|partition| leaves(partition) && !in_use(*partition)).collect()
    }

    pub(super) fn forget(&mut self, partitions: &[Partition]) {
        partitions.iter().for_each(|partition| self.0[partition.index()] = None);
    }
}

/// `share` of crates/store/src/postgres/leases.rs: a node's part where so many live.
pub(super) fn share(living: usize) -> usize {
    Partition::COUNT.div_ceil(living.max(1))
}
