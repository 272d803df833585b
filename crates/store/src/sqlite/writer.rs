//! The one writer: a thread that takes whatever waits, commits it as one group, then answers all of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as StdInstant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::group::{Committed, Group};
use crate::{CommitListener, OpenError, StoreError};

/// Writes that may wait; more are told so at once.
const QUEUE: usize = 8192;
/// Most writes of one group.
const GROUP: usize = 512;
/// How long a caller without a deadline of its own waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One waiting write.
trait Job: Send {
    /// Whether its caller still waits; from then on it cannot be withdrawn.
    fn take(&self) -> bool;
    /// Does the work inside the group's transaction. May run again, after a rollback.
    fn run(&mut self, group: &mut Group<'_>) -> Result<(), StoreError>;
    /// Tells the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

struct Write<T, F> {
    work: F,
    output: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    ticket: Arc<AtomicU8>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnMut(&mut Group<'_>) -> Result<T, StoreError> + Send,
{
    fn take(&self) -> bool {
        self.ticket.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn run(&mut self, group: &mut Group<'_>) -> Result<(), StoreError> {
        self.output = Some((self.work)(group)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Write { output, reply, .. } = *self;
        let lost = || StoreError::Corrupt("a write made no answer".to_owned());
        // The caller may have stopped waiting; what is stored stays stored.
        let _ = reply.send(committed.and_then(|()| output.ok_or_else(lost)));
    }
}

/// The caller's end.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Self, OpenError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let body = move || {
            let _watch = PanicWatch(Arc::clone(&listener));
            Commits { connection, listener, failed: None }.run(waiting);
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
        F: FnMut(&mut Group<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LONGEST_WAIT);
        let (reply, answer) = oneshot::channel();
        let ticket = Arc::new(AtomicU8::new(WAITING));
        let write = Write { work, output: None, reply, ticket: Arc::clone(&ticket) };
        let Some(queue) = &self.queue else {
            return Err(StoreError::Unavailable("the store is closing".to_owned()));
        };
        match queue.try_send(Box::new(write)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(StoreError::Unavailable(format!("{QUEUE} writes wait already")));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(StoreError::Failed("the writer has stopped".to_owned()));
            }
        }
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Failed("the writer has stopped".to_owned())),
            Err(_)
                if ticket
                    .compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok() =>
            {
                Err(StoreError::Unavailable(
                    "the write was still waiting at its deadline and is withdrawn".to_owned(),
                ))
            }
            Err(_) => Err(StoreError::OutcomeUnknown),
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

/// Says so if the thread ends in a panic: nothing more is stored then.
struct PanicWatch(Arc<dyn CommitListener>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed("the writer has ended in a panic");
        }
    }
}

/// The thread's end.
struct Commits {
    connection: Connection,
    listener: Arc<dyn CommitListener>,
    failed: Option<String>,
}

impl Commits {
    fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
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
    fn begin(&mut self, jobs: &mut VecDeque<Box<dyn Job>>) -> bool {
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
    fn commit_group(&mut self, jobs: &mut VecDeque<Box<dyn Job>>) {
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
    fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let began = StdInstant::now();
        let worked = Self::work(&self.connection, jobs).and_then(|done| {
            self.connection.execute_batch("COMMIT")?;
            Ok(done)
        });
        match worked {
            Ok((outcomes, committed)) => {
                self.listener.group_committed(jobs.len(), began.elapsed());
                self.listener.committed(&committed.shown, committed.due_at);
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

    fn work(
        connection: &Connection,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<(Vec<Result<(), StoreError>>, Committed), StoreError> {
        let mut group = Group::new(connection);
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(match job.run(&mut group) {
                Ok(()) => Ok(()),
                // Decided before anything was written.
                Err(refusal @ (StoreError::Illegal(_) | StoreError::LeaseLost | StoreError::Missing(_))) => {
                    Err(refusal)
                }
                Err(
                    error @ (StoreError::Unavailable(_)
                    | StoreError::OutcomeUnknown
                    | StoreError::Failed(_)
                    | StoreError::Corrupt(_)),
                ) => return Err(error),
            });
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
