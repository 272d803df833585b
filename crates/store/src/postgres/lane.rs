//! A lane runs the waiting writes of its users, commits them in groups, and answers each group after its commit.
//!
//! A user's writes go through one lane of a node. Nodes meet at the user's head, which a group locks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookfill_domain::ids::UserId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::Error;

use super::batch::Link;
use super::books::Needs;
use super::connect::Target;
use super::doubt::{Evidence, is_there};
use super::error::{Meaning, meaning, sentence};
use super::leases::Leases;
use super::load::load;
use super::sql::Statements;
use super::step::{Stopped, roll_back, silent, step};
use super::waiting::{Outcomes, Waiting, by_user, is_one_users, refuse, release, take_up};
use super::writes::Writes;
use crate::fair_queue::FairQueue;
use crate::queue::{GROUP, PanicWatch, line_up};
use crate::{Commit, CommitListener, Partition, StoreError};

/// How long writes wait for a connection that is being made, before they are told that there is none: over TLS, to a
/// server far away, it takes a dozen ways there and back. One that is refused they are told of at once.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How long making a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How soon after a failure it is tried again.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);
/// How often a group is run again that met another node's writes, before it is taken apart.
const TRIES: usize = 4;
/// The most sets of open orders that a group reads: each may have thousands of rows.
const OPEN_SETS: usize = 8;

/// A group whose commit was sent and never answered.
struct Doubt {
    jobs: Vec<Waiting>,
    outcomes: Outcomes,
    commit: Commit,
    evidence: Option<Evidence>,
}

/// Why a group is not committed, as far as is known.
enum Failure {
    /// It is not, and the connection is good.
    Undone(StoreError, Meaning),
    /// It is not, and the connection is gone.
    Lost(StoreError),
    /// Nobody knows.
    Unknown(Box<Doubt>),
}

/// How a lane works.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) target: Target,
    pub(super) listener: Arc<dyn CommitListener>,
    pub(super) leases: Arc<Leases>,
    /// A transaction for each user: what a database needs that keeps users apart.
    pub(super) split_by_user: bool,
}

pub(super) struct Lane {
    terms: Terms,
    queue: FairQueue<Waiting>,
    link: Option<Link>,
    connecting: Option<JoinHandle<Result<Link, String>>>,
    connect_at: Instant,
    doubt: Option<Doubt>,
}

impl Lane {
    pub(super) fn new(terms: Terms) -> Self {
        let queue = FairQueue::new();
        Self { terms, queue, link: None, connecting: None, connect_at: Instant::now(), doubt: None }
    }

    /// Works until nobody can send any more.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        let _watch = PanicWatch(Arc::clone(&self.terms.listener));
        // If this fails, the first write hears of it, or finds what has changed since.
        let _ = self.ready().await;
        loop {
            let healthy = self.link.is_some() && self.doubt.is_none();
            if self.queue.is_empty() {
                tokio::select! {
                    first = waiting.recv() => match first {
                        Some(first) => self.queue.push(first.owner(), first),
                        None => return,
                    },
                    // Without writes, so that the first one finds a connection.
                    () = tokio::time::sleep(RECONNECT_AFTER), if !healthy => {}
                }
            }
            line_up(&mut waiting, &mut self.queue, Waiting::owner);
            if let Err(cause) = self.ready().await {
                refuse(self.queue.drain().collect(), &cause);
                continue;
            }
            for group in self.next_groups() {
                self.commit(group).await;
            }
        }
    }

    /// The jobs whose turn it is, in groups that are committed separately. None of them is taken up yet.
    fn next_groups(&mut self) -> Vec<Vec<Waiting>> {
        let (mut jobs, mut open_sets) = (Vec::new(), BTreeSet::new());
        while jobs.len() < GROUP
            && let Some((owner, next)) = self.queue.pop()
        {
            if let Some(open) = &next.needs.open {
                open_sets.insert((owner, open.clone()));
                if open_sets.len() > OPEN_SETS {
                    self.queue.put_back(owner, next);
                    break;
                }
            }
            if next.job.waits() {
                jobs.push(next);
            }
        }
        if jobs.is_empty() || self.terms.split_by_user { by_user(jobs) } else { vec![jobs] }
    }

    /// Sees to it that there is a connection, and no doubt.
    async fn ready(&mut self) -> Result<(), StoreError> {
        if self.link.as_ref().is_some_and(|link| link.client.is_closed()) {
            self.link = None;
        }
        if self.link.is_none() {
            self.connect().await?;
        }
        match self.doubt.take() {
            Some(doubt) => self.settle(doubt).await,
            None => Ok(()),
        }
    }

    /// Waits a little for a connection; the attempt goes on if that was not enough.
    async fn connect(&mut self) -> Result<(), StoreError> {
        let away = |why: String| StoreError::Unavailable(format!("the database cannot be reached: {why}"));
        if self.connecting.is_none() {
            tokio::time::sleep_until(self.connect_at).await;
            let target = self.terms.target.clone();
            self.connecting = Some(tokio::spawn(link_to(target)));
        }
        let Some(attempt) = &mut self.connecting else { return Err(away("no attempt".to_owned())) };
        let Ok(ended) = timeout(CONNECT_PATIENCE, attempt).await else {
            return Err(away("no answer yet".to_owned()));
        };
        self.connecting = None;
        self.connect_at = Instant::now() + RECONNECT_AFTER;
        match ended {
            Ok(Ok(link)) => {
                self.link = Some(link);
                Ok(())
            }
            Ok(Err(why)) => Err(away(why)),
            Err(ended) => Err(away(ended.to_string())),
        }
    }

    /// Looks whether a group was committed whose answer was lost. If not, its jobs are run again: nothing is guessed.
    async fn settle(&mut self, doubt: Doubt) -> Result<(), StoreError> {
        match is_there(self.link.as_ref(), doubt.evidence.as_ref()).await {
            Ok(true) => {
                tracing::info!(writes = doubt.jobs.len(), "a commit whose answer was lost had been made");
                self.conclude(doubt.jobs, doubt.outcomes, &doubt.commit);
            }
            Ok(false) => {
                tracing::info!(writes = doubt.jobs.len(), "a commit whose answer was lost had not been made");
                // Jobs whose deadline has passed are withdrawn when their turn comes.
                release(&doubt.jobs);
                self.commit(doubt.jobs).await;
            }
            Err(cause) => {
                self.doubt = Some(doubt);
                self.link = None;
                return Err(cause);
            }
        }
        Ok(())
    }

    /// Commits all jobs as one group or, if that fails, in ever smaller ones: a job that fails, fails alone.
    fn commit(&mut self, mut jobs: Vec<Waiting>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for _ in 0..TRIES {
                match self.transact(jobs).await {
                    Ok(()) => return,
                    Err((_, Failure::Unknown(doubt))) => {
                        self.link = None;
                        self.doubt = Some(*doubt);
                        return;
                    }
                    Err((back, Failure::Undone(_, Meaning::Again))) => jobs = back,
                    // A group with one user's head takes one head lock, so the next try cannot deadlock over heads.
                    Err((back, Failure::Undone(_, Meaning::Deadlocked))) if is_one_users(&back) => {
                        jobs = back;
                    }
                    Err((back, Failure::Undone(error, meaning)))
                        if back.len() == 1 || (meaning == Meaning::Locked && is_one_users(&back)) =>
                    {
                        return refuse(back, &error);
                    }
                    Err((back, Failure::Undone(error, _))) => {
                        tracing::warn!(%error, writes = back.len(), "a group did not commit; it is taken apart");
                        jobs = back;
                        break;
                    }
                    Err((back, Failure::Lost(error))) => {
                        tracing::debug!(%error, "the connection was lost before the commit");
                        self.link = None;
                        jobs = back;
                        // The server may have closed no more than this one connection.
                        if let Err(cause) = self.ready().await {
                            return refuse(jobs, &cause);
                        }
                    }
                }
            }
            self.commit_apart(jobs).await;
        })
    }

    /// Commits each user's jobs by themselves or, where all are one user's, one by one.
    async fn commit_apart(&mut self, jobs: Vec<Waiting>) {
        if jobs.len() == 1 {
            return refuse(jobs, &StoreError::Unavailable("others keep writing the same".to_owned()));
        }
        let parts = if is_one_users(&jobs) {
            jobs.into_iter().map(|waiting| vec![waiting]).collect()
        } else {
            by_user(jobs)
        };
        for part in parts {
            match self.ready().await {
                Ok(()) => self.commit(part).await,
                Err(cause) => refuse(part, &cause),
            }
        }
    }

    /// Runs the jobs in one transaction and answers them. Jobs that do not fit into the group go back to the queue. A job's
    /// own refusal is its outcome; any other error undoes the whole, and gives the jobs back.
    async fn transact(&mut self, jobs: Vec<Waiting>) -> Result<(), (Vec<Waiting>, Failure)> {
        let began = Instant::now();
        let Some(link) = &self.link else {
            return Err((jobs, Failure::Lost(StoreError::Unavailable("there is no connection".to_owned()))));
        };
        let needs: Vec<Needs> = jobs.iter().map(|waiting| waiting.needs.clone()).collect();
        let mut group = match step(load(link, &needs)).await {
            Ok(Ok(group)) => group,
            Ok(Err(error)) => return Err((jobs, undo(link, error, Meaning::Refused).await)),
            Err(stopped) => return Err((jobs, undo_stopped(link, stopped).await)),
        };
        let (jobs, ran) = take_up(&mut group, jobs, &mut self.queue);
        let made = match ran {
            // All jobs were withdrawn while their rows were read.
            Ok(outcomes) if outcomes.is_empty() => {
                return roll_back(link).await.map_err(|lost| (jobs, Failure::Lost(lost)));
            }
            Ok(outcomes) => Writes::of(group).map(|writes| (outcomes, writes)),
            Err(error) => Err(error),
        };
        let (outcomes, writes) = match made {
            Ok(made) => made,
            Err(error) => {
                release(&jobs);
                return Err((jobs, undo(link, error, Meaning::Refused).await));
            }
        };
        match step(writes.commit(link)).await {
            Ok(()) => {
                let commit = self.announcement(&writes);
                self.terms.listener.group_committed(jobs.len(), began.elapsed());
                self.conclude(jobs, outcomes, &commit);
                Ok(())
            }
            // The server has said what was wrong: then its answer to COMMIT was that it undid everything.
            Err(Stopped::Said(error)) if meaning(&error) != Meaning::Disconnected => {
                let meaning = meaning(&error);
                release(&jobs);
                Err((jobs, Failure::Undone(error.into(), meaning)))
            }
            Err(_) => {
                let evidence = Evidence::of(writes.group());
                let commit = self.announcement(&writes);
                Err((Vec::new(), Failure::Unknown(Box::new(Doubt { jobs, outcomes, commit, evidence }))))
            }
        }
    }

    fn announcement(&self, writes: &Writes) -> Commit {
        let group = writes.group();
        let mut commit = Commit { shown: group.shown.clone(), ..Commit::default() };
        for (partition, due_at) in &group.due {
            if self.terms.leases.fence(*partition).is_some() {
                commit.due_here = Some(commit.due_here.map_or(*due_at, |known| known.min(*due_at)));
            } else {
                commit.due_elsewhere.push((*partition, *due_at));
            }
        }
        commit
    }

    fn conclude(&self, jobs: Vec<Waiting>, outcomes: Outcomes, commit: &Commit) {
        self.terms.listener.committed(commit);
        for (Waiting { job, .. }, outcome) in jobs.into_iter().zip(outcomes) {
            job.answer(outcome);
        }
    }
}

async fn link_to(target: Target) -> Result<Link, String> {
    let made = async {
        let client = target.connect().await?;
        let statements = Statements::prepare(&client).await?;
        Ok(Link { client, statements })
    };
    match timeout(CONNECT_LIMIT, made).await {
        Ok(made) => made.map_err(|error: Error| sentence(&error)),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

/// Undoes a group that stopped before COMMIT was sent: nothing is stored, whatever stopped it.
async fn undo_stopped(link: &Link, stopped: Stopped) -> Failure {
    match stopped {
        Stopped::Said(error) => {
            let meaning = meaning(&error);
            undo(link, error.into(), meaning).await
        }
        Stopped::Silent => Failure::Lost(silent()),
    }
}

/// Rolls back. If even that fails, the connection is no good.
async fn undo(link: &Link, error: StoreError, meaning: Meaning) -> Failure {
    if meaning == Meaning::Disconnected {
        return Failure::Lost(error);
    }
    match roll_back(link).await {
        Ok(()) => Failure::Undone(error, meaning),
        Err(_) => Failure::Lost(error),
    }
}

/// The lane of a user, of so many.
pub(super) fn lane_of(user_id: UserId, lanes: usize) -> usize {
    Partition::of(user_id).index() % lanes.max(1)
}
