//! The only writer: a thread that runs waiting writes, commits them in groups, and answers each group after its commit.

use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant as StdInstant;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::books::{Group, Rows};
use super::wal;
use crate::fair_queue::{FairQueue, Owner};
use crate::queue::{Budget, Job, PanicWatch, Patience, Queue, line_up, queue, run};
use crate::{Commit, CommitListener, OpenError, Role, StoreError};

/// A write that waits.
type Waiting = Box<dyn Job<Group>>;

/// What became of each job of a group.
type Outcomes = Vec<Result<(), StoreError>>;

/// The caller's end.
pub(super) struct Writer {
    queue: Option<Queue<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        role: Role,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Self, OpenError> {
        let (queue, waiting) = queue();
        let body = move || {
            let _watch = PanicWatch(Arc::clone(&listener));
            let mut commits = Commits { connection: Rc::new(connection), listener, failed: None };
            commits.run(waiting);
            // A database whose disk has failed is left as it is, with its log.
            if commits.failed.is_none() {
                wal::before_closing(&commits.connection, role);
            }
        };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(body);
        let thread = thread.map_err(|error| super::unreadable("the writer's thread".as_ref(), error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Does some work in a transaction and returns once it is on disk. See [`Queue::write`].
    pub(super) async fn write<T, F>(&self, patience: Patience, owner: Owner, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Group) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.queue {
            Some(queue) => queue.write(patience, owner, work, |job| job).await,
            None => Err(StoreError::Unavailable("the store is closing".to_owned())),
        }
    }
}

impl Drop for Writer {
    /// Lets the thread finish what waits and close the database.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread ended in a panic");
        }
    }
}

/// The thread's end.
struct Commits {
    connection: Rc<Connection>,
    listener: Arc<dyn CommitListener>,
    failed: Option<String>,
}

impl Commits {
    fn run(&mut self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut queue = FairQueue::new();
        loop {
            if queue.is_empty() {
                let Some(first) = waiting.blocking_recv() else { return };
                queue.push(first.owner(), first);
            }
            line_up(&mut waiting, &mut queue, |job| job.owner());
            match self.begin() {
                Ok(()) => self.commit_group(&mut queue),
                // All of them are told. Waiting for the database again for each write would keep the last one waiting that
                // many times as long.
                Err(error) => queue.drain().for_each(|job| job.answer(Err(error.clone()))),
            }
        }
    }

    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), StoreError> {
        let begun = match &self.failed {
            Some(cause) => Err(StoreError::Failed(cause.clone())),
            None => self.connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from),
        };
        begun.inspect_err(|error| self.note_failure(error))
    }

    /// Commits one group of waiting jobs or, if that fails, each of its jobs by itself: a job that fails, fails alone.
    ///
    /// A transaction has begun.
    fn commit_group(&mut self, queue: &mut FairQueue<Waiting>) {
        let began = StdInstant::now();
        let mut jobs = Vec::new();
        match self.transact(queue, &mut jobs) {
            Ok((outcomes, commit)) => {
                self.listener.group_committed(jobs.len(), began.elapsed());
                self.listener.committed(&commit);
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    job.answer(outcome);
                }
            }
            Err(error) => {
                self.note_failure(&error);
                if jobs.len() == 1 {
                    jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
                } else {
                    tracing::warn!(%error, writes = jobs.len(), "a group did not commit; its writes go one by one");
                    self.commit_one_by_one(jobs);
                }
            }
        }
    }

    fn commit_one_by_one(&mut self, jobs: Vec<Waiting>) {
        jobs.iter().for_each(|job| job.release());
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            match self.begin() {
                Ok(()) => {
                    let mut alone = FairQueue::new();
                    alone.push(job.owner(), job);
                    self.commit_group(&mut alone);
                }
                Err(error) => {
                    std::iter::once(job).chain(&mut jobs).for_each(|job| job.answer(Err(error.clone())));
                }
            }
        }
    }

    /// Runs jobs in the transaction until the group's budget is spent, and commits. A job's own refusal is its outcome; any
    /// other error undoes the whole. `jobs` receives the jobs that were run.
    fn transact(
        &mut self,
        queue: &mut FairQueue<Waiting>,
        jobs: &mut Vec<Waiting>,
    ) -> Result<(Outcomes, Commit), StoreError> {
        let worked = self.work(queue, jobs).and_then(|done| {
            self.connection.execute_batch("COMMIT")?;
            Ok(done)
        });
        // Some errors have rolled back already.
        if worked.is_err()
            && !self.connection.is_autocommit()
            && let Err(rollback) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%rollback, "a transaction could not be rolled back");
        }
        worked
    }

    fn work(
        &self,
        queue: &mut FairQueue<Waiting>,
        jobs: &mut Vec<Waiting>,
    ) -> Result<(Outcomes, Commit), StoreError> {
        let mut group = Group::new(Rows { connection: Rc::clone(&self.connection) });
        let (budget, mut outcomes) = (Budget::begin(), Vec::new());
        while !budget.is_spent(group.work)
            && let Some((owner, mut job)) = queue.pop()
        {
            // The transaction has begun. Until here the job could be withdrawn.
            if !job.take() {
                continue;
            }
            let before = group.work;
            let outcome = run(&mut group, &mut job);
            // It was charged for the least when its turn came.
            queue.charge(owner, (group.work - before).saturating_sub(1));
            jobs.push(job);
            outcomes.push(outcome?);
        }
        Ok((outcomes, group.finish()?))
    }

    /// After a disk error nothing more is taken: a sync that is tried again may claim a success that is none.
    fn note_failure(&mut self, error: &StoreError) {
        if let StoreError::Failed(cause) = error
            && self.failed.is_none()
        {
            self.failed = Some(cause.clone());
            self.listener.failed(cause);
        }
    }
}

#[cfg(test)]
mod tests;
