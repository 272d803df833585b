//! Everything that is simulated, and the loop that goes from one event to the next.

use std::collections::{BTreeMap, HashMap};

use super::agenda::{Agenda, Micros};
use super::checks::Checks;
use super::commits::{Group, Log};
use super::counts::{Counts, Kind};
use super::leases::{Lease, NodeId, Rows};
use super::node::{GroupId, Node};
use super::orders::{Book, OrderId, State, User};
use super::random::Random;
use super::rules::Rules;
use super::settings::{DRAIN, Plan};
use super::streams::Stream;

/// What happens.
#[derive(Debug)]
pub(super) enum Event {
    Signal,
    Change,
    Crash,
    Pause,
    Join,
    Reconnect(User),
    // At the server.
    RoundAtServer { node: NodeId, asked_at: Micros },
    ClaimAtServer { node: NodeId, asked_at: Micros, wanted: usize },
    LookAtServer(NodeId),
    GroupAtServer(GroupId),
    WritesAtServer(GroupId),
    IdleTooLong(GroupId),
    Synced,
    // At a node: none of these come to one that is dead, and late to one that is paused.
    Round(NodeId),
    Renewed { node: NodeId, asked_at: Micros, leases: Vec<Lease>, living: usize },
    Claimed { node: NodeId, asked_at: Micros, leases: Vec<Lease> },
    Wake(NodeId),
    Looked { node: NodeId, due: Vec<(OrderId, State, u64)>, next: Option<Micros> },
    BrokerAnswered { node: NodeId, order: OrderId, from: State, epoch: u64 },
    StartLane(NodeId, usize),
    GroupLoaded(NodeId, GroupId),
    GroupCommitted(NodeId, GroupId),
    Enqueue { node: NodeId, user: User, came_at: Micros },
    Hint { node: NodeId, user: User, head: u64 },
    DueHint(NodeId),
    AskHinted(NodeId),
    HeadsAnswered { node: NodeId, behind: Vec<User>, hinted: bool },
    CaughtUp { node: NodeId, user: User, head: u64 },
    PollHeads(NodeId),
    LookAtRevision(NodeId),
}

impl Event {
    /// The node at which it happens.
    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Round(node)
            | Self::Renewed { node, .. }
            | Self::Claimed { node, .. }
            | Self::Wake(node)
            | Self::Looked { node, .. }
            | Self::BrokerAnswered { node, .. }
            | Self::StartLane(node, _)
            | Self::GroupLoaded(node, _)
            | Self::GroupCommitted(node, _)
            | Self::Enqueue { node, .. }
            | Self::Hint { node, .. }
            | Self::DueHint(node)
            | Self::AskHinted(node)
            | Self::HeadsAnswered { node, .. }
            | Self::CaughtUp { node, .. }
            | Self::PollHeads(node)
            | Self::LookAtRevision(node) => Some(*node),
            Self::Signal
            | Self::Change
            | Self::Crash
            | Self::Pause
            | Self::Join
            | Self::Reconnect(_)
            | Self::RoundAtServer { .. }
            | Self::ClaimAtServer { .. }
            | Self::LookAtServer(_)
            | Self::GroupAtServer(_)
            | Self::WritesAtServer(_)
            | Self::IdleTooLong(_)
            | Self::Synced => None,
        }
    }
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) rules: Rules,
    pub(super) random: Random,
    pub(super) agenda: Agenda<Event>,
    pub(super) rows: Rows,
    pub(super) book: Book,
    pub(super) nodes: Vec<Node>,
    pub(super) groups: HashMap<GroupId, Group>,
    pub(super) groups_so_far: GroupId,
    /// Which group has a user's head, and which groups wait for another.
    pub(super) locked: HashMap<User, GroupId>,
    pub(super) blocked: BTreeMap<GroupId, Vec<GroupId>>,
    pub(super) log: Log,
    pub(super) streams: Vec<Stream>,
    pub(super) revision: u64,
    pub(super) counts: Counts,
    pub(super) checks: Checks,
}

impl World {
    pub(super) fn new(plan: Plan, rules: Rules) -> Self {
        let broker_time = plan.settings.broker_seconds * 1_000_000;
        let mut world = Self {
            random: Random::new(plan.settings.seed),
            agenda: Agenda::new(),
            rows: Rows::new(),
            book: Book::new(broker_time),
            nodes: Vec::new(),
            groups: HashMap::new(),
            groups_so_far: 0,
            locked: HashMap::new(),
            blocked: BTreeMap::new(),
            log: Log::default(),
            streams: Vec::new(),
            revision: 0,
            counts: Counts::default(),
            checks: Checks::default(),
            plan,
            rules,
        };
        (0..world.plan.nodes).for_each(|_| world.join());
        world.open_streams();
        world.plan_failures();
        world.agenda.at(0, Event::Signal);
        world.agenda.at(0, Event::Change);
        world
    }

    /// Goes on to the end, and lets everything arrive.
    pub(super) fn run(mut self) -> Self {
        let end = self.plan.end + DRAIN;
        while let Some(event) = self.agenda.next(end) {
            self.happen(event);
        }
        self.checks.at_the_end(&self.book.orders, self.agenda.now(), self.plan.lease);
        self.check_streams();
        self
    }

    fn happen(&mut self, event: Event) {
        if let Some(number) = event.node() {
            let node = &self.nodes[number];
            if node.is_dead {
                return self.nobody_is_there(&event);
            }
            if node.paused_until > self.agenda.now() {
                return self.agenda.at(self.nodes[number].paused_until, event);
            }
        }
        match event {
            Event::Signal => self.signal(),
            Event::Change => self.change(),
            Event::Crash => self.crash(),
            Event::Pause => self.pause(),
            Event::Join => self.join(),
            Event::Reconnect(user) => self.reconnect(user),
            Event::Round(node) => self.round(node),
            Event::RoundAtServer { node, asked_at } => self.round_at_server(node, asked_at),
            Event::Renewed { node, asked_at, leases, living } => {
                self.renewed((node, asked_at), &leases, living);
            }
            Event::ClaimAtServer { node, asked_at, wanted } => self.claim_at_server(node, asked_at, wanted),
            Event::Claimed { node, asked_at, leases } => self.claimed(node, asked_at, &leases),
            Event::Wake(node) => self.wake(node),
            Event::LookAtServer(node) => self.look_at_server(node),
            Event::Looked { node, due, next } => self.looked(node, &due, next),
            Event::BrokerAnswered { node, order, from, epoch } => {
                self.broker_answered(node, order, from, epoch);
            }
            Event::Enqueue { node, user, came_at } => self.accept(node, user, came_at),
            Event::GroupAtServer(group) => self.group_at_server(group),
            Event::StartLane(node, lane) => self.start_group(node, lane),
            Event::GroupLoaded(_, group) => self.group_loaded(group),
            Event::IdleTooLong(group) => self.idle_too_long(group),
            Event::WritesAtServer(group) => self.writes_at_server(group),
            Event::Synced => self.synced(),
            Event::GroupCommitted(_, group) => self.group_committed(group),
            Event::Hint { node, user, head } => self.hint(node, user, head),
            Event::DueHint(node) => self.due_hint(node),
            Event::AskHinted(node) => self.ask_hinted(node),
            Event::HeadsAnswered { node, behind, hinted } => self.heads_answered(node, &behind, hinted),
            Event::CaughtUp { node, user, head } => self.caught_up(node, user, head),
            Event::PollHeads(node) => self.poll_heads(node),
            Event::LookAtRevision(node) => self.look_at_revision(node),
        }
    }

    /// The way to the server, or back.
    pub(super) fn way(&mut self) -> Micros {
        self.random.about(self.plan.settings.postgres_micros)
    }

    pub(super) fn counts_now(&self) -> bool {
        (self.plan.begin..self.plan.end).contains(&self.agenda.now())
    }

    pub(super) fn count(&mut self, kind: Kind, statements: u64, rows: u64) {
        if self.counts_now() {
            self.counts.add(kind, statements, rows);
        }
    }

    /// A node that answers; there is always one.
    pub(super) fn any_node(&mut self, user: User) -> NodeId {
        let now = self.agenda.now();
        let up: Vec<NodeId> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_up(now)).collect();
        if up.is_empty() {
            return self.nodes.len() - 1;
        }
        if self.plan.settings.sticky { up[user % up.len()] } else { up[self.random.below(up.len())] }
    }
}
