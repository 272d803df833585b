//! Orders, users' heads and what is due, as the database has them.

use std::collections::{BTreeSet, HashMap};

use hookfill_domain::ids::UserId;
use hookfill_store::Partition;

use super::agenda::Micros;

pub(super) type OrderId = usize;
pub(super) type User = usize;

/// How far an order is: each state but the last has one step to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    New,
    Submitting,
    Accepted,
    Executed,
    Closed,
}

impl State {
    fn next(self) -> Self {
        match self {
            Self::New => Self::Submitting,
            Self::Submitting => Self::Accepted,
            Self::Accepted => Self::Executed,
            Self::Executed | Self::Closed => Self::Closed,
        }
    }

    /// Whether a stream shows that an order has come here.
    fn is_shown(self) -> bool {
        matches!(self, Self::New | Self::Executed | Self::Closed)
    }
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) user: User,
    pub(super) state: State,
    /// How often a broker was handed it.
    pub(super) submitted: usize,
    due_at: Option<Micros>,
}

/// Everything of the database that belongs to users.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) orders: Vec<Order>,
    heads: HashMap<User, u64>,
    due: Vec<BTreeSet<(Micros, OrderId)>>,
    broker_time: Micros,
}

impl Book {
    pub(super) fn new(broker_time: Micros) -> Self {
        let due = vec![BTreeSet::new(); Partition::COUNT];
        Self { orders: Vec::new(), heads: HashMap::new(), due, broker_time }
    }

    /// The number of a user's last message.
    pub(super) fn head(&self, user: User) -> u64 {
        self.heads.get(&user).copied().unwrap_or(0)
    }

    /// A new order is committed; the number of its message.
    pub(super) fn create(&mut self, user: User, now: Micros) -> u64 {
        self.orders.push(Order { user, state: State::New, submitted: 0, due_at: None });
        self.come_to(self.orders.len() - 1, State::New, now).unwrap_or(0)
    }

    /// A step is committed, unless the order has gone on meanwhile; the number of its message, if it has one.
    pub(super) fn step(&mut self, order: OrderId, from: State, now: Micros) -> Option<u64> {
        if self.orders[order].state != from || from == State::Closed {
            return None;
        }
        self.come_to(order, from.next(), now)
    }

    fn come_to(&mut self, number: OrderId, state: State, now: Micros) -> Option<u64> {
        let order = &mut self.orders[number];
        let due = &mut self.due[partition_of(order.user).index()];
        if let Some(due_at) = order.due_at.take() {
            due.remove(&(due_at, number));
        }
        order.state = state;
        order.due_at = match state {
            State::New | State::Submitting => Some(now),
            State::Accepted | State::Executed => Some(now + self.broker_time),
            State::Closed => None,
        };
        due.extend(order.due_at.map(|due_at| (due_at, number)));
        let head = self.heads.entry(order.user).or_default();
        *head += u64::from(state.is_shown());
        state.is_shown().then_some(*head)
    }

    /// What is due in a partition, earliest first.
    pub(super) fn due(&self, partition: Partition, now: Micros) -> impl Iterator<Item = OrderId> + '_ {
        self.due[partition.index()].range(..=(now, OrderId::MAX)).map(|(_, order)| *order)
    }

    /// When the next order of a partition is due that is not due now.
    pub(super) fn next_due(&self, partition: Partition, now: Micros) -> Option<Micros> {
        self.due[partition.index()].range((now + 1, 0)..).next().map(|(due_at, _)| *due_at)
    }
}

/// The partition of a user: the product's own function. Users are numbered from 1.
pub(super) fn partition_of(user: User) -> Partition {
    Partition::of(UserId(i64::try_from(user + 1).unwrap_or(i64::MAX)))
}
