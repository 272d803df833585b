//! Nodes that come, crash and are paused; and the cache of keys, which every change anywhere empties everywhere.

use super::agenda::Micros;
use super::counts::Kind;
use super::leases::NodeId;
use super::node::Node;
use super::orders::User;
use super::settings::{READERS, RECONNECT, REMEMBERED, RENEW_EVERY, REVISION_EVERY, heads_every};
use super::world::{Event, World};

impl World {
    /// Failures are spread over what counts.
    pub(super) fn plan_failures(&mut self) {
        let span = self.plan.end - self.plan.begin;
        let (crashes, pauses) = (self.plan.settings.crashes, self.plan.settings.pauses);
        // The last node has nobody to take over from it.
        if self.plan.nodes < 2 {
            return;
        }
        for (count, event) in [(crashes, true), (pauses, false)] {
            for _ in 0..count {
                let at = self.plan.begin + (self.random.unit() * span as f64) as Micros;
                self.agenda.at(at, if event { Event::Crash } else { Event::Pause });
            }
        }
    }

    /// A node starts, at any time of a second.
    pub(super) fn join(&mut self) {
        let node = self.nodes.len();
        self.nodes.push(Node::new(self.revision));
        let mut soon = |every: Micros| (self.random.unit() * every as f64) as Micros;
        let (round, poll, look) = (soon(RENEW_EVERY), soon(heads_every()), soon(REVISION_EVERY));
        self.agenda.after(round, Event::Round(node));
        self.agenda.after(poll, Event::PollHeads(node));
        self.agenda.after(look, Event::LookAtRevision(node));
        self.nodes[node].engine.wake_at = self.agenda.now() + round;
        self.agenda.after(round, Event::Wake(node));
    }

    /// A node that works, but never the last one.
    fn victim(&mut self) -> Option<NodeId> {
        let now = self.agenda.now();
        let up: Vec<NodeId> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_up(now)).collect();
        (up.len() > 1).then(|| up[self.random.below(up.len())])
    }

    fn orphan(&mut self, node: NodeId) {
        let now = self.agenda.now();
        let held: Vec<_> = self.nodes[node].holding.workable(now).collect();
        self.checks.orphan(held.into_iter(), now);
    }

    /// A node is gone, with everything that it had in memory.
    pub(super) fn crash(&mut self) {
        let Some(node) = self.victim() else { return };
        self.orphan(node);
        self.nodes[node].is_dead = true;
        for user in std::mem::take(&mut self.nodes[node].watched) {
            (self.streams[user].node, self.streams[user].was_failed) = (None, true);
            let waits = RECONNECT + (self.random.unit() * RECONNECT as f64) as Micros;
            self.agenda.after(waits, Event::Reconnect(user));
        }
        self.agenda.after(3 * RECONNECT, Event::Join);
    }

    /// A node stands still for up to three leases, and goes on as if nothing had been.
    pub(super) fn pause(&mut self) {
        let Some(node) = self.victim() else { return };
        self.orphan(node);
        let length = (self.random.unit() * 3.0 * self.plan.lease as f64) as Micros;
        self.nodes[node].paused_until = self.agenda.now() + length;
        let users: Vec<User> = self.nodes[node].watched.iter().copied().collect();
        users.into_iter().for_each(|user| self.streams[user].was_failed = true);
    }

    /// Somebody registers, or changes a key or an account.
    pub(super) fn change(&mut self) {
        if self.agenda.now() > 0 && self.agenda.now() < self.plan.end {
            self.revision += 1;
            self.count(Kind::Group, 1, 3);
        }
        let gap = self.random.gap(self.plan.changes_a_second);
        self.agenda.after(gap, Event::Change);
    }

    /// `Credentials::confirm`: after a change everything is forgotten, and every stream's key is looked up again.
    pub(super) fn look_at_revision(&mut self, node: NodeId) {
        self.agenda.after(REVISION_EVERY, Event::LookAtRevision(node));
        self.count(Kind::Revision, 1, 1);
        let this = &mut self.nodes[node];
        if this.revision != self.revision {
            this.revision = self.revision;
            this.remembered.clear();
            let streams = this.watched.len() as u64;
            self.count(Kind::Guard, streams, streams);
        }
    }

    /// Looks up a key and the accounts of its owner, unless they are remembered; how long that takes.
    pub(super) fn look_up_credentials(&mut self, node: NodeId, user: User) -> Micros {
        let remembered = &mut self.nodes[node].remembered;
        if remembered.contains(&user) {
            return 0;
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(user);
        self.count(Kind::Credential, 2, 2);
        2 * (self.way() + self.way())
    }
}

/// How long a node's readers take to look up the keys of so many streams, if each look-up takes so long.
pub(super) fn burst(streams: f64, each: Micros) -> f64 {
    (streams / READERS as f64).ceil() * each as f64 / 1e6
}
