//! Streams, hints and the question that every node asks once a second: crates/server/src/bus and …/stream.

use std::collections::{BTreeMap, VecDeque};

use hookfill_store::MAX_HEADS;

use super::agenda::Micros;
use super::commits::Done;
use super::counts::Kind;
use super::leases::NodeId;
use super::node::Job;
use super::orders::{User, partition_of};
use super::settings::{DUE_REST, HINT_REST, heads_every, ping_every};
use super::world::{Event, World};

/// A user's open stream. The first users have one: they are also the busiest.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// `None` while the client is on its way to another node.
    pub(super) node: Option<NodeId>,
    /// The number of the last message that was sent.
    seen: u64,
    /// When the messages after it were committed.
    waiting: VecDeque<Micros>,
    is_reading: bool,
    /// A node has failed it since the last message: what is late then does not count as the usual.
    pub(super) was_failed: bool,
}

impl World {
    pub(super) fn open_streams(&mut self) {
        let nodes = self.nodes.len();
        for user in 0..self.plan.watching {
            let node = self.random.below(nodes);
            self.nodes[node].watched.insert(user);
            self.streams.push(Stream { node: Some(node), ..Stream::default() });
        }
    }

    /// A message was committed that a stream is to show.
    pub(super) fn shown_to_come(&mut self, user: User, number: u64) {
        let now = self.agenda.now();
        if let Some(stream) = self.streams.get_mut(user) {
            stream.waiting.push_back(now);
            debug_assert_eq!(stream.seen + stream.waiting.len() as u64, number);
        }
    }

    /// Sends a stream everything up to a number.
    fn deliver(&mut self, user: User, head: u64, same_node: bool) {
        let (now, counts) = (self.agenda.now(), self.counts_now());
        let Some(stream) = self.streams.get_mut(user) else { return };
        while stream.seen < head {
            stream.seen += 1;
            let Some(committed_at) = stream.waiting.pop_front() else {
                return self.checks.fail(format!("user {user} was sent a message that is not committed"));
            };
            if counts && !stream.was_failed {
                self.counts.delays[usize::from(!same_node)].add((now - committed_at) as f64 / 1000.0);
            }
        }
        stream.was_failed = false;
    }

    /// Tells streams of this node, and other nodes, what was committed.
    pub(super) fn announce(&mut self, node: NodeId, done: &[Done]) {
        let mut heads: BTreeMap<User, u64> = BTreeMap::new();
        let mut due = BTreeMap::new();
        for one in done.iter().filter(|one| one.stored) {
            heads.extend(one.shown.map(|number| (one.user, number)));
            if let Job::Accept { user, .. } = one.job {
                due.insert(partition_of(user), ());
            }
        }
        let now = self.agenda.now();
        for (user, head) in heads {
            if self.counts_now() {
                self.counts.hints.0 += 1;
            }
            match self.streams.get(user).map(|stream| (stream.node, stream.seen + 1 == head)) {
                Some((Some(at), true)) if at == node => self.deliver(user, head, true),
                Some((Some(at), false)) if at == node => self.read(node, user),
                Some((Some(at), _)) if !self.random.happens(self.plan.settings.hint_loss) => {
                    let took = self.random.about(self.plan.settings.nats_micros);
                    self.agenda.after(took, Event::Hint { node: at, user, head });
                    if self.counts_now() {
                        self.counts.hints.1 += 1;
                    }
                }
                Some(_) | None => {}
            }
        }
        for (partition, ()) in due {
            if self.nodes[node].holding.epoch(partition, now).is_some() {
                self.ring(node, now);
                continue;
            }
            let up = self.nodes.iter().filter(|node| !node.is_dead).count() as u64;
            if self.counts_now() {
                self.counts.due_hints.0 += 1;
                self.counts.due_hints.1 += up;
            }
            // Every node hears it; the one that holds the partition wakes.
            let holder = (0..self.nodes.len()).find(|other| {
                !self.nodes[*other].is_dead && self.nodes[*other].holding.epoch(partition, now).is_some()
            });
            if let Some(holder) = holder
                && !self.random.happens(self.plan.settings.hint_loss)
            {
                let took = self.random.about(self.plan.settings.nats_micros);
                let rest = self.nodes[holder].engine.due_hint_at;
                let at = (now + took).max(rest);
                self.nodes[holder].engine.due_hint_at = at + DUE_REST;
                self.agenda.at(at, Event::DueHint(holder));
            }
        }
    }

    pub(super) fn due_hint(&mut self, node: NodeId) {
        self.ring(node, 0);
    }

    pub(super) fn hint(&mut self, node: NodeId, user: User, head: u64) {
        if self.streams[user].node != Some(node) || self.streams[user].seen >= head {
            return;
        }
        let now = self.agenda.now();
        let this = &mut self.nodes[node];
        this.unconfirmed.insert(user);
        if !this.asks {
            this.asks = true;
            self.agenda.at(now.max(this.ask_not_before), Event::AskHinted(node));
        }
    }

    /// `Poll::run`, after a hint: one question about all who were hinted at.
    pub(super) fn ask_hinted(&mut self, node: NodeId) {
        let unconfirmed = &mut self.nodes[node].unconfirmed;
        let users: Vec<User> = unconfirmed.iter().take(MAX_HEADS).copied().collect();
        for user in &users {
            unconfirmed.remove(user);
        }
        self.count(Kind::Hinted, 1, users.len() as u64);
        let way = self.way() + self.way();
        self.agenda.after(way, Event::HeadsAnswered { node, behind: users, hinted: true });
    }

    /// `Poll::run`, once a second: about all who have a stream.
    pub(super) fn poll_heads(&mut self, node: NodeId) {
        let every = heads_every();
        self.agenda.after(every, Event::PollHeads(node));
        let (watched, pings) = (self.nodes[node].watched.len(), self.nodes[node].pings);
        // The pings' questions: one a stream, spread over their time.
        let pings = pings + watched as f64 * every as f64 / ping_every() as f64;
        self.nodes[node].pings = pings.fract();
        self.count(Kind::Ping, pings as u64, 0);
        self.count(Kind::Poll, watched.div_ceil(MAX_HEADS) as u64, watched as u64);
        if self.rules.never_polls {
            return;
        }
        let is_behind = |user: &&User| self.book.head(**user) > self.streams[**user].seen;
        let behind: Vec<User> = self.nodes[node].watched.iter().filter(is_behind).copied().collect();
        let way = (self.way() + self.way()) * watched.div_ceil(MAX_HEADS).max(1) as Micros;
        self.agenda.after(way, Event::HeadsAnswered { node, behind, hinted: false });
    }

    pub(super) fn heads_answered(&mut self, node: NodeId, behind: &[User], hinted: bool) {
        behind.iter().for_each(|user| self.read(node, *user));
        if hinted {
            let now = self.agenda.now();
            let this = &mut self.nodes[node];
            this.ask_not_before = now + HINT_REST;
            this.asks = !this.unconfirmed.is_empty();
            if this.asks {
                self.agenda.at(now + HINT_REST, Event::AskHinted(node));
            }
        }
    }

    /// A stream asks the store for what it lacks.
    pub(super) fn read(&mut self, node: NodeId, user: User) {
        let stream = &mut self.streams[user];
        if stream.node != Some(node) || stream.is_reading || stream.waiting.is_empty() {
            return;
        }
        stream.is_reading = true;
        let missing = stream.waiting.len() as u64;
        self.count(Kind::CatchUp, 1, missing);
        let (there, back) = (self.way(), self.way());
        let head = self.book.head(user);
        self.agenda.after(there + back, Event::CaughtUp { node, user, head });
    }

    pub(super) fn caught_up(&mut self, node: NodeId, user: User, head: u64) {
        if self.streams[user].node == Some(node) {
            self.streams[user].is_reading = false;
            self.deliver(user, head, false);
        }
    }

    /// A client that lost its node opens its stream elsewhere, and is sent what it missed.
    pub(super) fn reconnect(&mut self, user: User) {
        let node = self.any_node(user);
        let stream = &mut self.streams[user];
        (stream.node, stream.is_reading, stream.was_failed) = (Some(node), false, true);
        self.nodes[node].watched.insert(user);
        self.look_up_credentials(node, user);
        self.count(Kind::Hinted, 1, 1);
        self.read(node, user);
    }

    /// Every message that was committed is on its stream.
    pub(super) fn check_streams(&mut self) {
        for (user, stream) in self.streams.iter().enumerate() {
            if stream.seen != self.book.head(user) {
                let sentence =
                    format!("user {user} was sent {} of {} messages", stream.seen, self.book.head(user));
                self.checks.fail(sentence);
            }
        }
    }
}
