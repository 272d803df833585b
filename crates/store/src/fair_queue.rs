//! Decides whose write is next: users take turns, weighted by the work done for each.
//!
//! This is start-time fair queuing. Every user has a line of jobs and a count of the work done for it, and the user with
//! the lowest count is next. A user who returns after a pause starts at the others' count, so turns cannot be saved up.

use std::collections::{BTreeSet, HashMap, VecDeque};

use hookfill_domain::ids::UserId;

/// The user whose line a job waits in. All jobs that belong to no user yet share the line of `None`.
pub(crate) type Owner = Option<UserId>;

struct Line<J> {
    /// The work done for the owner, on a scale that all lines share.
    used: u64,
    jobs: VecDeque<J>,
}

/// Jobs in the order in which their owners take turns. Each owner's jobs keep their order.
pub(crate) struct FairQueue<J> {
    lines: HashMap<Owner, Line<J>>,
    /// The owners with waiting jobs, by the work done for them.
    turns: BTreeSet<(u64, Owner)>,
    /// The count of the owner who had the last turn.
    now: u64,
    waiting: usize,
}

impl<J> FairQueue<J> {
    pub(crate) fn new() -> Self {
        Self { lines: HashMap::new(), turns: BTreeSet::new(), now: 0, waiting: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Adds a job at the end of its owner's line.
    pub(crate) fn push(&mut self, owner: Owner, job: J) {
        self.line_up(owner).push_back(job);
    }

    /// Returns a popped job to the head of its owner's line. Several jobs must be put back in reverse order.
    pub(crate) fn put_back(&mut self, owner: Owner, job: J) {
        self.line_up(owner).push_front(job);
    }

    /// Pops the next job, and charges its owner the minimum of 1.
    pub(crate) fn pop(&mut self) -> Option<(Owner, J)> {
        let (used, owner) = self.turns.pop_first()?;
        let line = self.lines.get_mut(&owner)?;
        let job = line.jobs.pop_front()?;
        self.waiting -= 1;
        self.now = used;
        line.used = used + 1;
        if !line.jobs.is_empty() {
            self.turns.insert((line.used, owner));
        }
        Some((owner, job))
    }

    /// Charges an owner for the work of a popped job, on top of the 1 that its turn costs.
    pub(crate) fn charge(&mut self, owner: Owner, work: usize) {
        let Some(line) = self.lines.get_mut(&owner) else { return };
        let waits = self.turns.remove(&(line.used, owner));
        line.used = line.used.saturating_add(u64::try_from(work).unwrap_or(u64::MAX));
        if waits {
            self.turns.insert((line.used, owner));
        }
    }

    /// Forgets the owners who have no waiting job. To be called between two groups, because what a group cost its owners
    /// is known only at its end.
    pub(crate) fn forget_idle(&mut self) {
        self.lines.retain(|_, line| !line.jobs.is_empty());
    }

    /// Removes all jobs.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = J> {
        self.turns.clear();
        self.waiting = 0;
        std::mem::take(&mut self.lines).into_values().flat_map(|line| line.jobs)
    }

    /// The owner's line, registered and counted for one more job.
    fn line_up(&mut self, owner: Owner) -> &mut VecDeque<J> {
        let now = self.now;
        let line = self.lines.entry(owner).or_insert_with(|| Line { used: now, jobs: VecDeque::new() });
        // A line that was empty has no claim to the turns that it missed.
        line.used = line.used.max(now);
        if line.jobs.is_empty() {
            self.turns.insert((line.used, owner));
        }
        self.waiting += 1;
        &mut line.jobs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANN: Owner = Some(UserId(1));
    const BOB: Owner = Some(UserId(2));

    fn popped(queue: &mut FairQueue<u32>, count: usize) -> Vec<(Owner, u32)> {
        std::iter::from_fn(|| queue.pop()).take(count).collect()
    }

    #[test]
    fn users_take_turns_whoever_came_first() {
        let mut queue = FairQueue::new();
        (0..100).for_each(|job| queue.push(ANN, job));
        (0..2).for_each(|job| queue.push(BOB, job));
        assert_eq!(popped(&mut queue, 4), [(ANN, 0), (BOB, 0), (ANN, 1), (BOB, 1)]);
        assert_eq!(queue.len(), 98);
    }

    #[test]
    fn a_user_who_was_charged_waits_until_the_others_have_had_as_much() {
        let mut queue = FairQueue::new();
        (0..3).for_each(|job| queue.push(ANN, job));
        (0..40).for_each(|job| queue.push(BOB, job));
        assert_eq!(queue.pop(), Some((ANN, 0)));
        queue.charge(ANN, 30);
        let next = popped(&mut queue, 31);
        assert!(next.iter().all(|(owner, _)| *owner == BOB), "{next:?}");
        assert_eq!(queue.pop(), Some((ANN, 1)));
    }

    #[test]
    fn a_user_who_comes_back_begins_where_the_others_are() {
        let mut queue = FairQueue::new();
        (0..100).for_each(|job| queue.push(ANN, job));
        popped(&mut queue, 50);
        queue.forget_idle();
        (0..50).for_each(|job| queue.push(BOB, job));
        let next = popped(&mut queue, 10);
        assert_eq!(next.iter().filter(|(owner, _)| *owner == ANN).count(), 5, "{next:?}");
    }

    #[test]
    fn a_debt_outlasts_an_empty_line_until_the_group_ends() {
        let mut queue = FairQueue::new();
        queue.push(ANN, 0);
        assert_eq!(queue.pop(), Some((ANN, 0)));
        queue.charge(ANN, 5);
        queue.put_back(ANN, 0);
        (0..5).for_each(|job| queue.push(BOB, job));
        assert!(popped(&mut queue, 5).iter().all(|(owner, _)| *owner == BOB));
        assert_eq!(queue.pop(), Some((ANN, 0)));
    }

    proptest! {
        /// After any pushes, pops and charges, nothing is lost and each user's jobs keep their order.
        #[test]
        fn every_job_is_popped_once_and_in_its_users_order(
            steps in prop::collection::vec((0..4u8, 0..5i64, 0..600usize), 0..300)
        ) {
            let mut queue = FairQueue::new();
            let (mut next, mut seen) = (HashMap::<Owner, u32>::new(), HashMap::<Owner, u32>::new());
            let came = |seen: &mut HashMap<Owner, u32>, owner, job| {
                let expected = seen.entry(owner).or_default();
                prop_assert_eq!(job, *expected);
                *expected += 1;
                Ok(())
            };
            for (what, user, work) in steps {
                let owner = (user > 0).then_some(UserId(user));
                match what {
                    0 | 1 => {
                        let number = next.entry(owner).or_default();
                        queue.push(owner, *number);
                        *number += 1;
                    }
                    2 => if let Some((owner, job)) = queue.pop() {
                        if work % 3 == 0 {
                            queue.put_back(owner, job);
                        } else {
                            came(&mut seen, owner, job)?;
                        }
                        queue.charge(owner, work);
                    },
                    _ => queue.forget_idle(),
                }
            }
            while let Some((owner, job)) = queue.pop() {
                came(&mut seen, owner, job)?;
            }
            next.retain(|_, count| *count > 0);
            prop_assert_eq!(next, seen);
            prop_assert!(queue.is_empty());
        }

        /// However the others are charged, none of them has two turns before a waiting user has had one.
        #[test]
        fn nobody_waits_for_more_than_one_turn_of_each_other_user(
            waiting in prop::collection::vec(2..6i64, 1..200),
            charges in prop::collection::vec(0..500usize, 1..20),
        ) {
            let mut queue = FairQueue::new();
            for user in waiting {
                queue.push(Some(UserId(user)), 0);
            }
            queue.push(ANN, 1);
            let (mut turns, mut charges) = (HashMap::<Owner, u32>::new(), charges.into_iter().cycle());
            while let Some((owner, _)) = queue.pop() {
                if owner == ANN {
                    break;
                }
                *turns.entry(owner).or_default() += 1;
                queue.charge(owner, charges.next().unwrap_or_default());
            }
            prop_assert!(turns.values().all(|count| *count <= 1), "{:?}", turns);
        }
    }
}
