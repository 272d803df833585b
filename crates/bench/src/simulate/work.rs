//! The engine: crates/server/src/engine. What is due is looked for, handed to the broker, and what came of it recorded.

use super::agenda::Micros;
use super::commits::Done;
use super::counts::Kind;
use super::leases::NodeId;
use super::node::Job;
use super::orders::{OrderId, State, User, partition_of};
use super::settings::{ENGINE_POLL, IN_FLIGHT, MANY, PACE};
use super::world::{Event, World};

impl World {
    /// Another signal, from a user drawn so that the first ones are the busiest.
    pub(super) fn signal(&mut self) {
        let now = self.agenda.now();
        if now >= self.plan.end {
            return;
        }
        let place = self.random.unit();
        let user = ((place * place * self.plan.users as f64) as usize).min(self.plan.users - 1);
        let node = self.any_node(user);
        let waits = self.look_up_credentials(node, user);
        self.agenda.after(waits, Event::Enqueue { node, user, came_at: now });
        let gap = self.random.gap(self.plan.orders_a_second);
        self.agenda.after(gap, Event::Signal);
    }

    pub(super) fn accept(&mut self, node: NodeId, user: User, came_at: Micros) {
        self.enqueue(node, Job::Accept { user, came_at });
    }

    /// `Alarm::ring`.
    pub(super) fn ring(&mut self, node: NodeId, due_at: Micros) {
        if due_at < self.nodes[node].engine.wake_at {
            self.look_soon(node);
        }
    }

    /// Looks now, or as soon as the look is over that is under way.
    fn look_soon(&mut self, node: NodeId) {
        let now = self.agenda.now();
        let engine = &mut self.nodes[node].engine;
        if engine.is_looking {
            engine.again = true;
            return;
        }
        let pace = if engine.in_flight.len() >= MANY { PACE } else { 0 };
        if engine.wake_at > now + pace {
            engine.wake_at = now + pace;
            self.agenda.at(now + pace, Event::Wake(node));
        }
    }

    pub(super) fn wake(&mut self, node: NodeId) {
        let (now, way) = (self.agenda.now(), self.way());
        let engine = &mut self.nodes[node].engine;
        if engine.is_looking || engine.wake_at > now {
            return;
        }
        (engine.is_looking, engine.again, engine.wake_at) = (true, false, Micros::MAX);
        self.agenda.after(way, Event::LookAtServer(node));
    }

    pub(super) fn look_at_server(&mut self, node: NodeId) {
        let now = self.agenda.now();
        let this = &self.nodes[node];
        let room = IN_FLIGHT.saturating_sub(this.engine.in_flight.len());
        let (mut due, mut next) = (Vec::new(), None);
        for partition in this.holding.workable(now) {
            let found = self.book.due(partition, now).filter(|order| !this.engine.in_flight.contains(order));
            // The right as it was before the look.
            let Some(epoch) = this.holding.epoch(partition, now) else { continue };
            due.extend(found.take(room).map(|order| (order, self.book.orders[order].state, epoch)));
            next = [next, self.book.next_due(partition, now)].into_iter().flatten().min();
        }
        due.truncate(room);
        let partitions = this.holding.workable(now).count() as u64;
        // Each partition has its own run along the index, in both questions; without partitions only one is asked.
        self.count(Kind::Due, 1 + u64::from(partitions > 0), 2 * partitions + due.len() as u64);
        let way = self.way() + self.way();
        self.agenda.after(way, Event::Looked { node, due, next });
    }

    pub(super) fn looked(&mut self, node: NodeId, due: &[(OrderId, State, u64)], next: Option<Micros>) {
        let now = self.agenda.now();
        for (order, state, epoch) in due {
            let partition = partition_of(self.book.orders[*order].user);
            let engine = &mut self.nodes[node].engine;
            engine.in_flight.insert(*order);
            engine.busy[partition.index()] += 1;
            self.work(node, *order, *state, *epoch);
        }
        let engine = &mut self.nodes[node].engine;
        engine.is_looking = false;
        let wake_at = next.unwrap_or(Micros::MAX).min(now + ENGINE_POLL);
        engine.wake_at = if engine.again { now } else { wake_at.max(now) };
        self.agenda.at(engine.wake_at, Event::Wake(node));
    }

    /// The first step of an order that was taken up.
    fn work(&mut self, node: NodeId, order: OrderId, state: State, epoch: u64) {
        match state {
            // The intent is stored before the broker is called.
            State::New => self.enqueue(node, Job::Record { order, from: State::New, epoch }),
            // In doubt, or due: the broker is asked.
            State::Submitting | State::Accepted | State::Executed => {
                let took = self.random.about(self.plan.settings.broker_micros);
                self.agenda.after(took, Event::BrokerAnswered { node, order, from: state, epoch });
            }
            State::Closed => self.leave(node, order),
        }
    }

    pub(super) fn broker_answered(&mut self, node: NodeId, order: OrderId, from: State, epoch: u64) {
        // A broker that has never heard of an order in doubt is handed it.
        if from == State::Submitting
            && self.book.orders[order].submitted == 0
            && self.holds(node, order, epoch)
        {
            self.book.orders[order].submitted += 1;
        }
        self.enqueue(node, Job::Record { order, from, epoch });
    }

    /// `Work::holds`: looked at last before a broker is called.
    fn holds(&self, node: NodeId, order: OrderId, epoch: u64) -> bool {
        let partition = partition_of(self.book.orders[order].user);
        let held = self.nodes[node].holding.epoch(partition, self.agenda.now());
        held == Some(epoch) || self.rules.submits_without_looking
    }

    /// What follows a job that is committed.
    pub(super) fn conclude(&mut self, node: NodeId, done: Done) {
        let now = self.agenda.now();
        match done.job {
            Job::Accept { came_at, .. } => {
                if self.counts_now() {
                    self.counts.answers.add((now - came_at) as f64 / 1000.0);
                }
            }
            Job::Record { order, from: State::New, epoch }
                if done.stored && self.holds(node, order, epoch) =>
            {
                self.book.orders[order].submitted += 1;
                let took = self.random.about(self.plan.settings.broker_micros);
                self.agenda
                    .after(took, Event::BrokerAnswered { node, order, from: State::Submitting, epoch });
            }
            Job::Record { order, .. } => self.leave(node, order),
        }
    }

    /// An order is in hand no more: the engine looks again.
    fn leave(&mut self, node: NodeId, order: OrderId) {
        let partition = partition_of(self.book.orders[order].user);
        let engine = &mut self.nodes[node].engine;
        if engine.in_flight.remove(&order) {
            let busy = &mut engine.busy[partition.index()];
            *busy = busy.saturating_sub(1);
        }
        self.look_soon(node);
    }
}
