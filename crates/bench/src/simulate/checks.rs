//! What must hold at any time. A check that fails says so in a sentence; a simulation whose list is empty has kept all.

use std::collections::BTreeMap;

use hookfill_store::Partition;

use super::agenda::Micros;
use super::orders::{Order, State};
use crate::figures::Samples;

/// How much longer than the lease a takeover may take.
const TAKEOVER_SLACK: Micros = 2_000_000;
/// Sentences that are kept; the first ones say enough.
const KEPT: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Checks {
    broken: Vec<String>,
    /// Partitions whose holder has crashed or is paused, and since when.
    orphaned: BTreeMap<Partition, Micros>,
    last_failure: Micros,
    /// Milliseconds from a crash, or the beginning of a pause, to the claim by another node.
    pub(super) takeovers: Samples,
    /// Takeovers later than the lease and two seconds, because another node failed meanwhile.
    pub(super) late_takeovers: u64,
    pub(super) lost_leases: u64,
}

impl Checks {
    pub(super) fn broken(&self) -> &[String] {
        &self.broken
    }

    pub(super) fn fail(&mut self, sentence: String) {
        if self.broken.len() < KEPT {
            self.broken.push(sentence);
        }
    }

    /// The holder of partitions does not answer from now on.
    pub(super) fn orphan(&mut self, partitions: impl Iterator<Item = Partition>, now: Micros) {
        self.last_failure = now;
        for partition in partitions {
            self.orphaned.entry(partition).or_insert(now);
        }
    }

    /// The holder is there again before anybody noticed.
    pub(super) fn renewed(&mut self, partition: Partition) {
        self.orphaned.remove(&partition);
    }

    /// A partition was claimed: if its holder has gone, in time.
    pub(super) fn claimed(&mut self, partition: Partition, now: Micros, lease: Micros) {
        if let Some(since) = self.orphaned.remove(&partition) {
            let took = now - since;
            self.takeovers.add(took as f64 / 1000.0);
            if took > lease + TAKEOVER_SLACK {
                self.late_takeovers += 1;
                // Who has just failed counts as living for a lease, and the others leave room for it: of two failures
                // the second one decides.
                if now > self.last_failure + lease + TAKEOVER_SLACK {
                    self.fail(format!("partition {} was taken over after {took} µs", partition.number()));
                }
            }
        }
    }

    /// What must be so once everything has come to its end.
    pub(super) fn at_the_end(&mut self, orders: &[Order], now: Micros, lease: Micros) {
        for (number, order) in orders.iter().enumerate() {
            if order.state != State::Closed {
                self.fail(format!("order {number} is {:?} at the end", order.state));
            }
            if order.submitted != 1 {
                self.fail(format!("order {number} was submitted {} times", order.submitted));
            }
        }
        let late = self.orphaned.iter().find(|(_, since)| now > **since + lease + TAKEOVER_SLACK);
        if let Some((partition, since)) = late {
            let sentence = format!("nobody has taken over partition {} since {since}", partition.number());
            self.fail(sentence);
        }
    }
}
