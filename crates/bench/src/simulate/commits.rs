//! Lanes, groups, the locks they take, and the server's log: crates/store/src/postgres/lane.rs, and what PostgreSQL does.

use std::collections::BTreeSet;

use hookfill_store::Partition;

use super::agenda::Micros;
use super::counts::Kind;
use super::leases::NodeId;
use super::node::{GroupId, Job};
use super::orders::{State, User, partition_of};
use super::settings::{GROUP, IDLE_IN_TRANSACTION, LANES};
use super::world::{Event, World};

/// Time of a group at the server beside its waits: to begin, and for each of its writes.
const GROUP_TIME: (Micros, Micros) = (150, 20);

#[derive(Debug)]
pub(super) struct Group {
    node: NodeId,
    lane: usize,
    jobs: Vec<Job>,
    users: BTreeSet<User>,
    partitions: BTreeSet<Partition>,
    stage: Stage,
    /// What its jobs came to, once it is committed.
    done: Vec<Done>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waits for heads, or is on its way to the server.
    Loading,
    /// Has its heads; the node decides what to write.
    Loaded,
    /// On its way to the log.
    Writing,
}

/// What a job came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) job: Job,
    /// False: the lease was lost, or the order has gone on.
    pub(super) stored: bool,
    pub(super) user: User,
    /// The number of the message, where a stream shows it.
    pub(super) shown: Option<u64>,
}

/// The server's log: one sync at a time, and all that wait share the next one.
#[derive(Debug, Default)]
pub(super) struct Log {
    syncing: Vec<GroupId>,
    waiting: Vec<GroupId>,
}

impl World {
    /// Puts a job into its user's lane.
    pub(super) fn enqueue(&mut self, node: NodeId, job: Job) {
        let lane = partition_of(self.user_of(job)).index() % LANES;
        self.nodes[node].lanes[lane].waiting.push_back(job);
        self.start_group(node, lane);
    }

    fn user_of(&self, job: Job) -> User {
        match job {
            Job::Accept { user, .. } => user,
            Job::Record { order, .. } => self.book.orders[order].user,
        }
    }

    /// Takes whatever waits, if the lane is free.
    pub(super) fn start_group(&mut self, node: NodeId, lane: usize) {
        let waiting = &mut self.nodes[node].lanes[lane];
        if waiting.group.is_some() || waiting.waiting.is_empty() {
            return;
        }
        let jobs: Vec<Job> = waiting.waiting.drain(..waiting.waiting.len().min(GROUP)).collect();
        self.groups_so_far += 1;
        let number = self.groups_so_far;
        self.nodes[node].lanes[lane].group = Some(number);
        let users: BTreeSet<User> = jobs.iter().map(|job| self.user_of(*job)).collect();
        let records = jobs.iter().filter(|job| matches!(job, Job::Record { .. }));
        let partitions = records.map(|job| partition_of(self.user_of(*job))).collect();
        let (stage, done) = (Stage::Loading, Vec::new());
        self.groups.insert(number, Group { node, lane, jobs, users, partitions, stage, done });
        let way = self.way();
        self.agenda.after(way, Event::GroupAtServer(number));
    }

    /// Locks the heads, all or none: who waits, waits for one group at a time.
    pub(super) fn group_at_server(&mut self, number: GroupId) {
        let Some(group) = self.groups.get(&number) else { return };
        if let Some(other) = group.users.iter().find_map(|user| self.locked.get(user)) {
            self.blocked.entry(*other).or_default().push(number);
            if self.counts_now() {
                self.counts.waited_for_heads += 1;
            }
            return;
        }
        let (users, partitions) = (group.users.clone(), group.partitions.clone());
        let (node, load) = (group.node, GROUP_TIME.0 / 2);
        self.locked.extend(users.iter().map(|user| (*user, number)));
        partitions.iter().for_each(|partition| self.rows.hold(*partition, true));
        if let Some(group) = self.groups.get_mut(&number) {
            group.stage = Stage::Loaded;
        }
        let way = self.way();
        self.agenda.after(load + way, Event::GroupLoaded(node, number));
        self.agenda.after(load + IDLE_IN_TRANSACTION, Event::IdleTooLong(number));
    }

    /// The node has decided what to write.
    pub(super) fn group_loaded(&mut self, number: GroupId) {
        let Some(group) = self.groups.get_mut(&number) else { return };
        if group.stage != Stage::Loaded {
            return;
        }
        group.stage = Stage::Writing;
        let took = GROUP_TIME.0 / 2 + GROUP_TIME.1 * group.jobs.len() as Micros;
        let way = self.way();
        self.agenda.after(way + took, Event::WritesAtServer(number));
    }

    /// The server ends a transaction whose client is silent: its node runs the jobs again when it is back.
    pub(super) fn idle_too_long(&mut self, number: GroupId) {
        if self.groups.get(&number).is_some_and(|group| group.stage == Stage::Loaded) {
            self.undo(number);
        }
    }

    fn undo(&mut self, number: GroupId) {
        let Some(group) = self.groups.remove(&number) else { return };
        self.let_go(number, &group);
        let lane = &mut self.nodes[group.node].lanes[group.lane];
        lane.group = None;
        group.jobs.into_iter().rev().for_each(|job| lane.waiting.push_front(job));
        self.agenda.after(0, Event::StartLane(group.node, group.lane));
    }

    /// A node has died: what it had begun is rolled back, what it had sent goes on.
    pub(super) fn nobody_is_there(&mut self, event: &Event) {
        if let Event::GroupLoaded(_, group) = event {
            self.undo(*group);
        }
        if let Event::GroupCommitted(_, group) = event {
            self.groups.remove(group);
        }
    }

    /// Heads and epochs are free again; who waited for this group goes on.
    fn let_go(&mut self, number: GroupId, group: &Group) {
        group.users.iter().for_each(|user| {
            if self.locked.get(user) == Some(&number) {
                self.locked.remove(user);
            }
        });
        if group.stage != Stage::Loading {
            group.partitions.iter().for_each(|partition| self.rows.hold(*partition, false));
        }
        for waiting in self.blocked.remove(&number).unwrap_or_default() {
            self.group_at_server(waiting);
        }
    }

    pub(super) fn writes_at_server(&mut self, number: GroupId) {
        self.log.waiting.push(number);
        self.sync();
    }

    fn sync(&mut self) {
        if self.log.syncing.is_empty() && !self.log.waiting.is_empty() {
            self.log.syncing = std::mem::take(&mut self.log.waiting);
            if self.counts_now() {
                self.counts.syncs += 1;
            }
            let took = self.random.about(self.plan.settings.sync_micros);
            self.agenda.after(took, Event::Synced);
        }
    }

    /// All groups that shared a sync are committed.
    pub(super) fn synced(&mut self) {
        for number in std::mem::take(&mut self.log.syncing) {
            let Some(mut group) = self.groups.remove(&number) else { continue };
            group.done = group.jobs.iter().map(|job| self.commit(*job)).collect();
            self.let_go(number, &group);
            let rows = group.users.len() + group.done.iter().map(|done| rows_of(done.job)).sum::<usize>();
            self.count(Kind::Group, 1, rows as u64);
            if self.counts_now() {
                self.counts.largest_group = self.counts.largest_group.max(group.jobs.len());
            }
            let (node, way) = (group.node, self.way());
            self.groups.insert(number, group);
            self.agenda.after(way, Event::GroupCommitted(node, number));
        }
        self.sync();
    }

    /// What a job does to the rows.
    fn commit(&mut self, job: Job) -> Done {
        let (now, counts) = (self.agenda.now(), self.counts_now());
        let user = self.user_of(job);
        let (stored, shown) = match job {
            Job::Accept { .. } => {
                self.counts.orders += u64::from(counts);
                (true, Some(self.book.create(user, now)))
            }
            Job::Record { order, from, epoch } => {
                let right = self.rows.epoch(partition_of(user)) == epoch;
                if !right && !self.rules.stores_without_fence {
                    self.checks.lost_leases += 1;
                    return Done { job, stored: false, user, shown: None };
                }
                let before = self.book.orders[order].state;
                let shown = self.book.step(order, from, now);
                let stored = before == from && before != State::Closed;
                if stored && !right {
                    self.checks.fail(format!("a step of order {order} was stored under a lost lease"));
                }
                self.counts.steps += u64::from(counts && stored);
                (stored, shown)
            }
        };
        if let Some(number) = shown {
            self.shown_to_come(user, number);
        }
        Done { job, stored, user, shown }
    }

    /// The node hears of the commit: it announces, answers, and goes on with the lane.
    pub(super) fn group_committed(&mut self, number: GroupId) {
        let Some(group) = self.groups.remove(&number) else { return };
        self.announce(group.node, &group.done);
        for done in &group.done {
            self.conclude(group.node, *done);
        }
        self.nodes[group.node].lanes[group.lane].group = None;
        self.start_group(group.node, group.lane);
    }
}

/// Rows that a job writes beside the user's head.
fn rows_of(job: Job) -> usize {
    match job {
        // Order, journal entry, count of the instrument.
        Job::Accept { .. } => 3,
        // Order, journal entry.
        Job::Record { .. } => 2,
    }
}
