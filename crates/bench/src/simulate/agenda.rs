//! What is to happen when. Nothing waits: time goes on from one event to the next.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A time or a duration of the model, in microseconds.
pub(super) type Micros = u64;

/// Events in the order of their times, and of those at the same time in the order in which they were planned.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    now: Micros,
    planned: u64,
    events: BinaryHeap<Entry<E>>,
}

#[derive(Debug)]
struct Entry<E> {
    at: Micros,
    number: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(super) fn new() -> Self {
        Self { now: 0, planned: 0, events: BinaryHeap::new() }
    }

    pub(super) fn now(&self) -> Micros {
        self.now
    }

    /// Plans an event; what should have been is now.
    pub(super) fn at(&mut self, at: Micros, event: E) {
        self.planned += 1;
        self.events.push(Entry { at: at.max(self.now), number: self.planned, event });
    }

    pub(super) fn after(&mut self, wait: Micros, event: E) {
        self.at(self.now + wait, event);
    }

    /// The next event up to a time; then it is that time.
    pub(super) fn next(&mut self, until: Micros) -> Option<E> {
        if self.events.peek().is_none_or(|entry| entry.at > until) {
            self.now = self.now.max(until);
            return None;
        }
        let entry = self.events.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    /// The heap gives the greatest first: that is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
