//! The queue of waiting writes, for every backend. A write is withdrawn at its deadline unless a transaction has taken it
//! up, and answered after the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::fair_queue::{FairQueue, Owner};
use crate::{CommitListener, StoreError};

/// Writes that may wait; more are told so at once.
pub(crate) const QUEUE: usize = 8192;
/// The most work of one group, in journal entries of a few rows each. A command makes one for each order it changes.
pub(crate) const GROUP: usize = 512;
/// How long a group may work before it commits. The writes that it has taken up can no longer be withdrawn.
pub(crate) const GROUP_TIME: Duration = Duration::from_millis(100);
/// How long a caller without a deadline of its own waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One waiting write to a group `G`.
pub(crate) trait Job<G>: Send {
    /// The user in whose line it waits.
    fn owner(&self) -> Owner;
    /// Withdraws it if its deadline has passed. Returns whether it is not withdrawn.
    fn waits(&self) -> bool;
    /// Takes it up just before it runs; from then on it cannot be withdrawn. Returns false if it no longer waits.
    fn take(&self) -> bool;
    /// Makes it wait again after its transaction was rolled back; it can then be withdrawn again.
    fn release(&self);
    /// Does the work inside the group's transaction. May run again, after a rollback.
    fn run(&mut self, group: &mut G) -> Result<(), StoreError>;
    /// Tells the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// How long a caller waits for a write.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    deadline: Instant,
    give_up: Instant,
}

impl Patience {
    /// A write that is still waiting at the deadline is withdrawn and not stored. If it has been taken up by then, its
    /// outcome is unknown.
    #[must_use]
    pub fn until(deadline: Instant) -> Self {
        Self { deadline, give_up: deadline }
    }

    /// The same, but after the deadline a write that has been taken up is waited for this much longer.
    #[must_use]
    pub fn with_commit_wait(self, commit_wait: Duration) -> Self {
        Self { give_up: self.deadline + commit_wait, ..self }
    }

    /// The patience of a caller that has no deadline of its own.
    pub(crate) fn standard() -> Self {
        Self::until(Instant::now() + LONGEST_WAIT)
    }
}

/// The state of a job, shared by its caller and the writer.
struct Ticket(AtomicU8);

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Ticket {
    fn moves(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }
}

struct Write<T, F> {
    owner: Owner,
    work: F,
    output: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    ticket: Arc<Ticket>,
    deadline: Instant,
}

impl<G, T, F> Job<G> for Write<T, F>
where
    T: Send,
    F: FnMut(&mut G) -> Result<T, StoreError> + Send,
{
    fn owner(&self) -> Owner {
        self.owner
    }

    fn waits(&self) -> bool {
        // A process that was paused wakes up long after what was promised: its caller's own clock may come too late.
        if Instant::now() >= self.deadline {
            self.ticket.moves(WAITING, WITHDRAWN);
        }
        !self.ticket.is_withdrawn()
    }

    fn take(&self) -> bool {
        self.waits() && self.ticket.moves(WAITING, TAKEN)
    }

    fn release(&self) {
        self.ticket.moves(TAKEN, WAITING);
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
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not stored and will not be. [`StoreError::OutcomeUnknown`]: it was taken up
    /// before the deadline, and its outcome is not known yet. Other errors are the work's own.
    pub(crate) async fn write<G, T, F>(
        &self,
        patience: Patience,
        owner: Owner,
        work: F,
        wrap: impl FnOnce(Box<dyn Job<G>>) -> M,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut G) -> Result<T, StoreError> + Send + 'static,
    {
        let Patience { deadline, give_up } = patience;
        let (reply, mut answer) = oneshot::channel();
        let ticket = Arc::new(Ticket(AtomicU8::new(WAITING)));
        let write = Write { owner, work, output: None, reply, ticket: Arc::clone(&ticket), deadline };
        match self.0.try_send(wrap(Box::new(write))) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(StoreError::Unavailable(format!("{QUEUE} writes wait already")));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(StoreError::Failed("the writer has stopped".to_owned()));
            }
        }
        let withdrawn =
            || StoreError::Unavailable("the write waited until its deadline and was withdrawn".to_owned());
        let answered = match tokio::time::timeout_at(deadline, &mut answer).await {
            Ok(answered) => answered,
            Err(_) if ticket.moves(WAITING, WITHDRAWN) => return Err(withdrawn()),
            Err(_) => match tokio::time::timeout_at(give_up, answer).await {
                Ok(answered) => answered,
                Err(_) => return Err(StoreError::OutcomeUnknown),
            },
        };
        match answered {
            Ok(answer) => answer,
            Err(_) if ticket.is_withdrawn() => Err(withdrawn()),
            Err(_) => Err(StoreError::Failed("the writer has stopped".to_owned())),
        }
    }
}

/// Moves incoming writes from the channel to the fair queue while that has room. The rest stays in the channel.
pub(crate) fn line_up<M>(
    waiting: &mut mpsc::Receiver<M>,
    queue: &mut FairQueue<M>,
    owner: impl Fn(&M) -> Owner,
) {
    queue.forget_idle();
    while queue.len() < QUEUE
        && let Ok(message) = waiting.try_recv()
    {
        queue.push(owner(&message), message);
    }
}

/// How much a group may do before it commits.
pub(crate) struct Budget {
    began: Instant,
}

impl Budget {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now() }
    }

    /// Whether a group that has done this much work must commit.
    pub(crate) fn is_spent(&self, work: usize) -> bool {
        work >= GROUP || self.began.elapsed() >= GROUP_TIME
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

/// Runs a job in a group. Returns the job's own outcome, or an error that undoes the whole group.
pub(crate) fn run<G>(group: &mut G, job: &mut Box<dyn Job<G>>) -> Result<Result<(), StoreError>, StoreError> {
    match job.run(group) {
        Err(error) if !is_refusal(&error) => Err(error),
        outcome => Ok(outcome),
    }
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

    fn due_at(deadline: Instant) -> (Box<dyn Job<()>>, Arc<Ticket>) {
        let ticket = Arc::new(Ticket(AtomicU8::new(WAITING)));
        let (reply, _) = oneshot::channel::<Result<(), StoreError>>();
        let work = |_: &mut ()| Ok(());
        let write = Write { owner: None, work, output: None, reply, ticket: Arc::clone(&ticket), deadline };
        (Box::new(write), ticket)
    }

    #[test]
    fn a_writer_that_wakes_up_after_the_deadline_withdraws_waiting_writes() {
        let (late, ticket) = due_at(Instant::now());
        assert!(!late.take());
        assert!(ticket.is_withdrawn());
        let (in_time, ticket) = due_at(Instant::now() + LONGEST_WAIT);
        assert!(in_time.take());
        assert!(!ticket.moves(WAITING, WITHDRAWN), "what was taken up cannot be withdrawn");
    }

    #[test]
    fn a_job_whose_transaction_was_rolled_back_can_be_withdrawn_again() {
        let (job, ticket) = due_at(Instant::now() + LONGEST_WAIT);
        assert!(job.take());
        job.release();
        assert!(ticket.moves(WAITING, WITHDRAWN));
        assert!(!job.take());
        job.release();
        assert!(ticket.is_withdrawn());
    }
}
