//! The one writer: a thread that takes whatever waits, commits it as one group, then answers all of it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant as StdInstant;

use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::books::{Group, Rows};
use super::wal;
use crate::queue::{GROUP, Job, PanicWatch, Queue, queue, run};
use crate::{Commit, CommitListener, OpenError, Role, StoreError};

/// What became of each job of a group.
type Outcomes = Vec<Result<(), StoreError>>;

/// The caller's end.
pub(super) struct Writer {
    queue: Option<Queue<Box<dyn Job<Group>>>>,
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

    /// Does some work in a transaction and returns once it is on disk.
    ///
    /// `work` may run more than once, so it must depend on nothing that it changes outside the group.
    pub(super) async fn write<T, F>(&self, deadline: Option<Instant>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Group) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.queue {
            Some(queue) => queue.write(deadline, work, |job| job).await,
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
    fn run(&mut self, mut waiting: mpsc::Receiver<Box<dyn Job<Group>>>) {
        let mut jobs = VecDeque::with_capacity(GROUP);
        while let Some(first) = waiting.blocking_recv() {
            jobs.push_back(first);
            while jobs.len() < GROUP
                && let Ok(job) = waiting.try_recv()
            {
                jobs.push_back(job);
            }
            if self.begin(&mut jobs) {
                // Only now, with the database at hand: until here a job can be withdrawn.
                jobs.retain(|job| job.take());
                self.commit_group(&mut jobs);
            }
        }
    }

    /// Begins a transaction for the jobs or, where the database cannot be had, tells all of them so: to wait for it
    /// once more for each would keep the last one waiting that many times as long.
    fn begin(&mut self, jobs: &mut VecDeque<Box<dyn Job<Group>>>) -> bool {
        let begun = match &self.failed {
            Some(cause) => Err(StoreError::Failed(cause.clone())),
            None => self.connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from),
        };
        if let Err(error) = &begun {
            self.note_failure(error);
            jobs.drain(..).for_each(|job| job.answer(Err(error.clone())));
        }
        begun.is_ok()
    }

    /// Commits all jobs as one group or, if that fails, each by itself: a job that fails, fails alone.
    ///
    /// A transaction has begun.
    fn commit_group(&mut self, jobs: &mut VecDeque<Box<dyn Job<Group>>>) {
        match self.transact(jobs.make_contiguous()) {
            Ok(outcomes) => {
                for (job, outcome) in jobs.drain(..).zip(outcomes) {
                    job.answer(outcome);
                }
            }
            Err(error) if jobs.len() == 1 => {
                self.note_failure(&error);
                jobs.drain(..).for_each(|job| job.answer(Err(error.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, writes = jobs.len(), "a group did not commit; its writes go one by one");
                self.note_failure(&error);
                while !jobs.is_empty() && self.begin(jobs) {
                    self.commit_group(&mut jobs.drain(..1).collect());
                }
            }
        }
    }

    /// Runs the jobs in the transaction. A job's own refusal is its outcome; any other error undoes the whole.
    fn transact(&mut self, jobs: &mut [Box<dyn Job<Group>>]) -> Result<Outcomes, StoreError> {
        let began = StdInstant::now();
        let worked = self.work(jobs).and_then(|done| {
            self.connection.execute_batch("COMMIT")?;
            Ok(done)
        });
        match worked {
            Ok((outcomes, commit)) => {
                self.listener.group_committed(jobs.len(), began.elapsed());
                self.listener.committed(&commit);
                Ok(outcomes)
            }
            Err(error) => {
                // Some errors have rolled back already.
                if !self.connection.is_autocommit()
                    && let Err(rollback) = self.connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(%rollback, "a transaction could not be rolled back");
                }
                Err(error)
            }
        }
    }

    fn work(&self, jobs: &mut [Box<dyn Job<Group>>]) -> Result<(Outcomes, Commit), StoreError> {
        let mut group = Group::new(Rows { connection: Rc::clone(&self.connection) });
        let outcomes = run(&mut group, jobs.iter_mut())?;
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
