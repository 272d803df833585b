//! What waits to be written: taken in groups, withdrawn at its deadline, answered after the commit. For every backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::{CommitListener, StoreError};

/// Writes that may wait; more are told so at once.
pub(crate) const QUEUE: usize = 8192;
/// Most writes of one group.
pub(crate) const GROUP: usize = 512;
/// How long a caller without a deadline of its own waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One waiting write to a group `G`.
pub(crate) trait Job<G>: Send {
    /// Whether its caller still waits; from then on it cannot be withdrawn. May be asked again.
    fn take(&self) -> bool;
    /// Does the work inside the group's transaction. May run again, after a rollback.
    fn run(&mut self, group: &mut G) -> Result<(), StoreError>;
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
    deadline: Instant,
}

impl<G, T, F> Job<G> for Write<T, F>
where
    T: Send,
    F: FnMut(&mut G) -> Result<T, StoreError> + Send,
{
    fn take(&self) -> bool {
        // A process that was paused wakes up long after what was promised: its caller's own clock may come too late.
        let next = if Instant::now() < self.deadline { TAKEN } else { WITHDRAWN };
        match self.ticket.compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => next == TAKEN,
            Err(state) => state == TAKEN && !self.reply.is_closed(),
        }
    }

    fn run(&mut self, group: &mut G) -> Result<(), StoreError> {
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

/// The callers' end of a queue of messages, each of which carries a job.
pub(crate) struct Queue<M>(mpsc::Sender<M>);

/// A queue and the end that takes from it.
pub(crate) fn queue<M>() -> (Queue<M>, mpsc::Receiver<M>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Queue(sender), receiver)
}

impl<M> Queue<M> {
    /// Does some work in a group and returns once it is on disk.
    ///
    /// `work` may run more than once, so it must depend on nothing that it changes outside the group.
    pub(crate) async fn write<G, T, F>(
        &self,
        deadline: Option<Instant>,
        work: F,
        wrap: impl FnOnce(Box<dyn Job<G>>) -> M,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut G) -> Result<T, StoreError> + Send + 'static,
    {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LONGEST_WAIT);
        let (reply, answer) = oneshot::channel();
        let ticket = Arc::new(AtomicU8::new(WAITING));
        let write = Write { work, output: None, reply, ticket: Arc::clone(&ticket), deadline };
        match self.0.try_send(wrap(Box::new(write))) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(StoreError::Unavailable(format!("{QUEUE} writes wait already")));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(StoreError::Failed("the writer has stopped".to_owned()));
            }
        }
        let answer = tokio::time::timeout_at(deadline, answer).await;
        if answer.is_err() {
            // Unless it was taken, or the other end has found the deadline passed.
            let _ = ticket.compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        }
        match answer {
            Ok(Ok(answer)) => answer,
            _ if ticket.load(Ordering::Acquire) == WITHDRAWN => Err(StoreError::Unavailable(
                "the write was still waiting at its deadline and is withdrawn".to_owned(),
            )),
            Ok(Err(_)) => Err(StoreError::Failed("the writer has stopped".to_owned())),
            Err(_) => Err(StoreError::OutcomeUnknown),
        }
    }
}

/// Whether an error is a job's own refusal, decided before anything was written: it fails alone. Any other undoes the
/// whole group.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    match error {
        StoreError::Illegal(_) | StoreError::LeaseLost | StoreError::Missing(_) => true,
        StoreError::Unavailable(_)
        | StoreError::OutcomeUnknown
        | StoreError::Failed(_)
        | StoreError::Corrupt(_) => false,
    }
}

/// Runs jobs in a group: each one's own outcome, or what undoes the whole.
pub(crate) fn run<'j, G: 'j>(
    group: &mut G,
    jobs: impl Iterator<Item = &'j mut Box<dyn Job<G>>>,
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    jobs.map(|job| match job.run(group) {
        Err(error) if !is_refusal(&error) => Err(error),
        outcome => Ok(outcome),
    })
    .collect()
}

/// Says so if a writer ends in a panic: nothing more is stored then.
pub(crate) struct PanicWatch(pub(crate) Arc<dyn CommitListener>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed("the writer has ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_at(deadline: Instant) -> (Box<dyn Job<()>>, Arc<AtomicU8>) {
        let ticket = Arc::new(AtomicU8::new(WAITING));
        let (reply, _) = oneshot::channel::<Result<(), StoreError>>();
        let work = |_: &mut ()| Ok(());
        (Box::new(Write { work, output: None, reply, ticket: Arc::clone(&ticket), deadline }), ticket)
    }

    #[test]
    fn who_wakes_up_after_the_deadline_withdraws_what_still_waits() {
        let (late, ticket) = due_at(Instant::now());
        assert!(!late.take());
        assert_eq!(ticket.load(Ordering::Acquire), WITHDRAWN);
        let (in_time, ticket) = due_at(Instant::now() + LONGEST_WAIT);
        assert!(in_time.take());
        assert_eq!(ticket.load(Ordering::Acquire), TAKEN);
    }
}
