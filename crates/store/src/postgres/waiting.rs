//! The writes that wait in a lane, and how they are grouped.

use std::collections::BTreeMap;

use hookfill_domain::ids::UserId;

use super::books::{Group, Needs};
use crate::StoreError;
use crate::fair_queue::{FairQueue, Owner};
use crate::queue::{Budget, Job, run};

/// A write that waits in a lane.
pub(super) struct Waiting {
    pub(super) needs: Needs,
    pub(super) job: Box<dyn Job<Group>>,
}

impl Waiting {
    pub(super) fn owner(&self) -> Owner {
        self.job.owner()
    }
}

/// What became of each job of a group.
pub(super) type Outcomes = Vec<Result<(), StoreError>>;

/// Takes up and runs jobs until the group's budget is spent, and puts the rest back into the queue. Returns the jobs that
/// were taken up.
pub(super) fn take_up(
    group: &mut Group,
    jobs: Vec<Waiting>,
    queue: &mut FairQueue<Waiting>,
) -> (Vec<Waiting>, Result<Outcomes, StoreError>) {
    let (budget, mut outcomes, mut taken) = (Budget::begin(), Ok(Vec::new()), Vec::new());
    let mut jobs = jobs.into_iter();
    while !budget.is_spent(group.work)
        && let Ok(done) = &mut outcomes
        && let Some(mut next) = jobs.next()
    {
        // Its rows are already read. Until here it could be withdrawn.
        if !next.job.take() {
            continue;
        }
        let before = group.work;
        match run(group, &mut next.job) {
            Ok(outcome) => done.push(outcome),
            Err(error) => outcomes = Err(error),
        }
        // It was charged for the least when its turn came.
        queue.charge(next.owner(), (group.work - before).saturating_sub(1));
        taken.push(next);
    }
    for rest in jobs.rev() {
        queue.put_back(rest.owner(), rest);
    }
    (taken, outcomes)
}

/// Lets jobs wait again, after a rollback.
pub(super) fn release(jobs: &[Waiting]) {
    jobs.iter().for_each(|waiting| waiting.job.release());
}

/// Groups jobs by user. A job that makes a user is a group of its own.
pub(super) fn by_user(jobs: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut groups: BTreeMap<UserId, Vec<Waiting>> = BTreeMap::new();
    let mut alone = Vec::new();
    for waiting in jobs {
        match waiting.needs.head {
            Some(user_id) => groups.entry(user_id).or_default().push(waiting),
            None => alone.push(vec![waiting]),
        }
    }
    groups.into_values().chain(alone).collect()
}

pub(super) fn is_one_users(jobs: &[Waiting]) -> bool {
    let mut users = jobs.iter().map(|waiting| waiting.needs.head);
    match users.next() {
        Some(Some(first)) => users.all(|user_id| user_id == Some(first)),
        Some(None) | None => jobs.len() < 2,
    }
}

pub(super) fn refuse(jobs: Vec<Waiting>, error: &StoreError) {
    for Waiting { job, .. } in jobs {
        job.answer(Err(error.clone()));
    }
}
