//! What waits to be told to other nodes: the last number of each user, the first time of each partition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::time::Timestamp;
use hookfill_store::{Commit, Partition};
use tokio::sync::Notify;

use super::subjects::Subjects;
use crate::telemetry::{HintFate, Metrics};

/// Users of whom something waits to be told; of others nothing is told until there is room.
const USERS: usize = 4096;
/// What is due later than this is not told: whoever works it looks by itself that often.
const SOON: Duration = Duration::from_secs(1);

/// Hints that wait for the link. Filled on the writer, which it never blocks.
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    metrics: Arc<Metrics>,
}

/// Hints, one a user and one a partition.
#[derive(Default)]
pub(super) struct Waiting {
    heads: HashMap<UserId, Seq>,
    due: HashMap<Partition, Timestamp>,
}

impl Outbox {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { waiting: Mutex::default(), filled: Notify::new(), metrics }
    }

    /// Notes what a commit has to tell other nodes.
    pub(super) fn put(&self, commit: &Commit, now: Timestamp) {
        let mut dropped = 0;
        let mut waiting = self.lock();
        for shown in &commit.shown {
            let has_room = waiting.heads.len() < USERS;
            match waiting.heads.get_mut(&shown.user_id) {
                Some(head) => *head = shown.seq.max(*head),
                None if has_room => {
                    waiting.heads.insert(shown.user_id, shown.seq);
                }
                None => dropped += 1,
            }
        }
        for (partition, due_at) in &commit.due_elsewhere {
            if *due_at <= now.plus(SOON) {
                let earliest = waiting.due.entry(*partition).or_insert(*due_at);
                *earliest = (*earliest).min(*due_at);
            }
        }
        let is_empty = waiting.len() == 0;
        drop(waiting);
        if dropped > 0 {
            self.metrics.count_hints(HintFate::Dropped, dropped);
        }
        if !is_empty {
            self.filled.notify_one();
        }
    }

    /// All that waits, once anything does.
    pub(super) async fn take(&self) -> Waiting {
        loop {
            self.filled.notified().await;
            let waiting = std::mem::take(&mut *self.lock());
            if waiting.len() > 0 {
                return waiting;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// How many hints they are.
    pub(super) fn len(&self) -> u64 {
        (self.heads.len() + self.due.len()) as u64
    }

    /// Their subjects and payloads.
    pub(super) fn hints(self, subjects: &Subjects) -> impl Iterator<Item = (String, Bytes)> {
        let users = self.heads.into_iter().map(|(user_id, seq)| (subjects.user(user_id), seq.0));
        let due = self.due.into_iter().map(|(partition, at)| (subjects.due(partition), at.as_micros()));
        // What is due may be an order that waits for its broker; a stream waits for a reader.
        due.chain(users).map(|(subject, number)| (subject, Bytes::from(number.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hookfill_store::Shown;
    use uuid::Uuid;

    use super::*;

    fn outbox() -> (Outbox, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        (Outbox::new(Arc::clone(&metrics)), metrics)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn shown(user: i64, seq: i64) -> Shown {
        Shown { user_id: UserId(user), seq: Seq(seq), message: "{}".into() }
    }

    async fn told(outbox: &Outbox) -> BTreeMap<String, String> {
        let subjects = Subjects::of(Uuid::nil());
        let hints = outbox.take().await.hints(&subjects);
        let short = |subject: String| subject.rsplit('.').take(2).collect::<Vec<_>>().join(" of ");
        hints.map(|(subject, number)| (short(subject), String::from_utf8(number.to_vec()).unwrap())).collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(subject, number)| ((*subject).to_owned(), (*number).to_owned())).collect()
    }

    #[tokio::test]
    async fn many_messages_of_a_user_are_one_hint_over_any_number_of_groups() {
        let (outbox, _) = outbox();
        let group = |seqs: std::ops::Range<i64>| Commit {
            shown: seqs.flat_map(|seq| [shown(1, seq), shown(2, seq + 100)]).collect(),
            ..Commit::default()
        };
        outbox.put(&group(1..21), at(0));
        outbox.put(&group(21..31), at(0));
        outbox.put(&group(5..6), at(0));
        assert_eq!(told(&outbox).await, expected(&[("1 of user", "30"), ("2 of user", "130")]));
    }

    #[tokio::test]
    async fn what_is_due_within_a_second_is_told_once_a_partition_with_its_first_time() {
        let (outbox, _) = outbox();
        let partition = |number| Partition::from_number(number).unwrap();
        let due = |due: &[(i16, i64)]| Commit {
            due_elsewhere: due.iter().map(|(number, seconds)| (partition(*number), at(*seconds))).collect(),
            ..Commit::default()
        };
        outbox.put(&due(&[(0, 101), (255, 100), (7, 102)]), at(100));
        outbox.put(&due(&[(0, 99), (255, 101)]), at(100));
        assert_eq!(told(&outbox).await, expected(&[("0 of due", "99000000"), ("255 of due", "100000000")]));
        outbox.put(&due(&[(7, 102)]), at(100));
        assert_eq!(outbox.lock().len(), 0);
    }

    #[tokio::test]
    async fn nobody_is_woken_for_nothing() {
        let (outbox, _) = outbox();
        outbox.put(&Commit::default(), at(0));
        assert!(tokio::time::timeout(Duration::ZERO, outbox.take()).await.is_err());
        // What came just before an earlier taker looked went with that.
        outbox.put(&Commit { shown: vec![shown(1, 1)], ..Commit::default() }, at(0));
        drop(std::mem::take(&mut *outbox.lock()));
        assert!(tokio::time::timeout(Duration::ZERO, outbox.take()).await.is_err());
    }

    #[tokio::test]
    async fn what_nobody_takes_is_bounded_and_dropped_by_count() {
        let (outbox, metrics) = outbox();
        let users = i64::try_from(USERS).unwrap();
        for user in 0..users + 10 {
            for seq in 1..=3 {
                outbox.put(&Commit { shown: vec![shown(user, seq)], ..Commit::default() }, at(0));
            }
        }
        assert_eq!(outbox.lock().len(), USERS as u64);
        let text = metrics.render();
        assert!(text.contains("hookfill_nats_hints_total{fate=\"dropped\"} 30\n"), "{text}");
        assert!(outbox.take().await.heads.values().all(|head| *head == Seq(3)), "the newest are kept");
    }
}
