//! Which partitions this node works: claimed, renewed each second, given up, lost.
//!
//! The server's clock alone says when a lease has run out. This node counts from before it asked, on a clock that
//! nobody sets: what it takes for its own is its own a little shorter than the server thinks.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookfill_domain::time::Timestamp;
use tokio::sync::{Mutex as Turn, watch};
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use super::connect::Target;
use super::error::sentence;
use crate::{Commit, CommitListener, Fence, OrderKey, Partition};

/// How often leases are renewed, and others' looked at.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for the server in one round.
const ROUND_LIMIT: Duration = Duration::from_secs(3);
/// How soon a round that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long giving everything up may take.
const RETIRE_LIMIT: Duration = Duration::from_millis(800);

const HEARTBEAT: &str = "\
    INSERT INTO nodes (id, name, started_at, expires_at)
    VALUES ($1, $2, clock_timestamp(), clock_timestamp() + $3::float8 * interval '1 second')
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at";
/// A row that somebody holds, an operator say, is passed over: the others must not run out with it. Who records work
/// under a lease holds no more than its epoch, which does not count here.
const RENEW: &str = "\
    WITH mine AS MATERIALIZED (
        SELECT partition FROM partitions WHERE owner = $1 ORDER BY partition FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE partitions p SET expires_at = clock_timestamp() + $2::float8 * interval '1 second'
    FROM mine WHERE p.partition = mine.partition RETURNING p.partition, p.epoch";
const OWNED: &str = "SELECT partition, epoch FROM partitions WHERE owner = $1";
const LIVING: &str = "SELECT count(*) FROM nodes WHERE expires_at > clock_timestamp()";
/// What another node has locked just now is passed over: it is claiming it, or still writing under it. A share may be left
/// for a node that counts as living and is not: what ran out a second ago and nobody has taken is for anybody.
const CLAIM: &str = "\
    WITH free AS MATERIALIZED (
        SELECT partition FROM partitions WHERE owner IS NULL OR expires_at <= clock_timestamp()
        ORDER BY owner IS NULL, partition
        LIMIT greatest($3::int8, (SELECT count(*) FROM partitions
                                  WHERE owner <> $1 AND expires_at <= clock_timestamp() - interval '1 second'))
        FOR UPDATE SKIP LOCKED
    )
    UPDATE partitions p SET owner = $1, epoch = p.epoch + 1,
                            expires_at = clock_timestamp() + $2::float8 * interval '1 second'
    FROM free WHERE p.partition = free.partition RETURNING p.partition, p.epoch";
/// Only as it was held: one that arrives late must not give up what was claimed again since.
const GIVE_UP: &str = "\
    UPDATE partitions p SET owner = NULL, expires_at = clock_timestamp()
    FROM unnest($2::int2[], $3::int8[]) AS mine (partition, epoch)
    WHERE p.owner = $1 AND p.partition = mine.partition AND p.epoch = mine.epoch";
/// The last thing that a node says.
const GIVE_UP_ALL: &str =
    "UPDATE partitions SET owner = NULL, expires_at = clock_timestamp() WHERE owner = $1";
const BURY: &str = "DELETE FROM nodes WHERE id = $1 OR expires_at < clock_timestamp() - interval '1 hour'";

/// A partition that this node may work.
#[derive(Debug, Clone, Copy)]
struct Held {
    fence: Fence,
    until: Instant,
    /// To be given up to a node that has less, once nothing of it is in hand.
    leaving: bool,
}

/// The partitions of a node.
pub(super) struct Leases {
    node: Uuid,
    name: String,
    lease: Duration,
    held: Mutex<[Option<Held>; Partition::COUNT]>,
    /// Leaving, and nothing of it in hand.
    idle: Mutex<HashSet<Partition>>,
    retired: watch::Sender<bool>,
    /// One round at a time.
    turn: Turn<()>,
}

impl Leases {
    /// Holds nothing yet.
    pub(super) fn new(node: Uuid, name: String, lease: Duration) -> Self {
        Self {
            node,
            name,
            lease,
            held: Mutex::new([None; Partition::COUNT]),
            idle: Mutex::default(),
            retired: watch::Sender::new(false),
            turn: Turn::default(),
        }
    }

    /// The node's id and name.
    pub(super) fn node(&self) -> (Uuid, &str) {
        (self.node, &self.name)
    }

    fn held(&self) -> MutexGuard<'_, [Option<Held>; Partition::COUNT]> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to a partition, if this node has it now.
    pub(super) fn fence(&self, partition: Partition) -> Option<Fence> {
        self.held()[partition.index()].filter(|held| held.until > Instant::now()).map(|held| held.fence)
    }

    /// The partitions whose orders may be taken up.
    pub(super) fn workable(&self) -> BTreeMap<Partition, Fence> {
        let now = Instant::now();
        let held = self.held();
        let mine = Partition::all().filter_map(|partition| Some((partition, held[partition.index()]?)));
        mine.filter(|(_, held)| held.until > now && !held.leaving)
            .map(|(partition, held)| (partition, held.fence))
            .collect()
    }

    /// Takes note of the orders that are in hand: what is leaving can be given up once none of its are.
    pub(super) fn in_hand(&self, busy: &HashSet<OrderKey>) {
        let busy: HashSet<Partition> = busy.iter().map(|(user_id, _)| Partition::of(*user_id)).collect();
        let held = self.held();
        let leaving =
            Partition::all().filter(|partition| held[partition.index()].is_some_and(|held| held.leaving));
        let idle = leaving.filter(|partition| !busy.contains(partition)).collect();
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = idle;
    }

    /// Renews, claims and gives up, until the node retires.
    pub(super) async fn keep(self: Arc<Self>, target: Target, listener: Arc<dyn CommitListener>) {
        let every = RENEW_EVERY.min(self.lease / 3);
        let mut retired = self.retired.subscribe();
        let mut client = None;
        loop {
            let rest = match timeout(ROUND_LIMIT, self.round(&target, &mut client, &*listener)).await {
                Ok(Ok(())) => every,
                Ok(Err(error)) => {
                    tracing::debug!(error = sentence(&error), "leases cannot be renewed now");
                    client = None;
                    AGAIN_AFTER
                }
                Err(_) => {
                    client = None;
                    AGAIN_AFTER
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = retired.wait_for(|retired| *retired) => return,
            }
        }
    }

    /// One round: says that this node lives, renews what it has, and brings that to its share.
    pub(super) async fn round(
        &self,
        target: &Target,
        client: &mut Option<Client>,
        listener: &dyn CommitListener,
    ) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        if *self.retired.borrow() {
            return Ok(());
        }
        let client = match client {
            Some(client) => client,
            None => {
                let connected = target.connect().await?;
                // Nodes that were killed bury nobody, themselves least of all.
                connected.execute(BURY, &[&Uuid::nil()]).await?;
                client.insert(connected)
            }
        };
        let seconds = self.lease.as_secs_f64();
        let asked_at = Instant::now();
        client.execute(HEARTBEAT, &[&self.node, &self.name, &seconds]).await?;
        let renewed = pairs(&client.query(RENEW, &[&self.node, &seconds]).await?)?;
        let owned = pairs(&client.query(OWNED, &[&self.node]).await?)?;
        self.keep_only(&owned);
        self.take_in(&renewed, asked_at);
        let living: i64 = client.query_one(LIVING, &[]).await?.try_get(0)?;
        let share = share(living);
        self.choose_leaving(owned.len().saturating_sub(share));
        let (idle, epochs) = self.forget_idle();
        if !idle.is_empty() {
            client.execute(GIVE_UP, &[&self.node, &idle, &epochs]).await?;
        }
        let wanted = i64::try_from(share.saturating_sub(owned.len())).unwrap_or(0);
        let asked_at = Instant::now();
        let claimed = pairs(&client.query(CLAIM, &[&self.node, &seconds, &wanted]).await?)?;
        self.take_in(&claimed, asked_at);
        if !claimed.is_empty() {
            tracing::info!(partitions = claimed.len(), nodes = living, "took over partitions");
            // What is due there is due at once.
            let due_here = Some(Timestamp::from_micros(i64::MIN));
            listener.committed(&Commit { due_here, ..Commit::default() });
        }
        Ok(())
    }

    /// Forgets what is no longer ours.
    fn keep_only(&self, owned: &[(Partition, Fence)]) {
        let owned: BTreeMap<Partition, Fence> = owned.iter().copied().collect();
        let mut held = self.held();
        let mut lost = 0;
        for partition in Partition::all() {
            let gone = held[partition.index()].take_if(|held| owned.get(&partition) != Some(&held.fence));
            lost += usize::from(gone.is_some());
        }
        if lost > 0 {
            tracing::warn!(partitions = lost, "other nodes have taken partitions over from this one");
        }
    }

    /// Takes in what is ours for the time of a lease.
    fn take_in(&self, ours: &[(Partition, Fence)], asked_at: Instant) {
        let mut held = self.held();
        for (partition, fence) in ours {
            let leaving = held[partition.index()].is_some_and(|held| held.leaving && held.fence == *fence);
            held[partition.index()] = Some(Held { fence: *fence, until: asked_at + self.lease, leaving });
        }
    }

    /// Brings the number of those that are leaving to the surplus.
    fn choose_leaving(&self, surplus: usize) {
        let mut held = self.held();
        let (leaving, mut staying): (Vec<_>, Vec<_>) =
            held.iter_mut().flatten().partition(|held| held.leaving);
        let more = surplus.saturating_sub(leaving.len());
        staying.iter_mut().rev().take(more).for_each(|held| held.leaving = true);
        // A node that was to have them may be gone by now.
        leaving.into_iter().skip(surplus).for_each(|held| held.leaving = false);
    }

    /// Stops holding what is leaving and of which nothing is in hand, and says under which epochs it was held.
    fn forget_idle(&self) -> (Vec<i16>, Vec<i64>) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let mut held = self.held();
        let leaving = idle.into_iter().filter_map(|partition| {
            let gone = held[partition.index()].take_if(|held| held.leaving)?;
            Some((partition.number(), gone.fence.0))
        });
        leaving.unzip()
    }

    /// Gives everything up. What cannot be given up runs out by itself.
    pub(super) async fn retire(&self, target: &Target) {
        self.retired.send_replace(true);
        let give_up = async {
            // A round that is under way ends first: it would take back what is given up.
            let _turn = self.turn.lock().await;
            *self.held() = [None; Partition::COUNT];
            let client = target.connect().await?;
            client.execute(GIVE_UP_ALL, &[&self.node]).await?;
            client.execute(BURY, &[&self.node]).await
        };
        match timeout(RETIRE_LIMIT, give_up).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = sentence(&error), "the leases were not given up; they run out");
            }
            Err(_) => tracing::warn!("the leases were not given up in time; they run out"),
        }
    }
}

/// Rows of a partition and its epoch.
fn pairs(rows: &[Row]) -> Result<Vec<(Partition, Fence)>, Error> {
    let mut pairs = Vec::with_capacity(rows.len());
    for row in rows {
        let (partition, epoch) = (row.try_get(0)?, row.try_get(1)?);
        pairs.extend(Partition::from_number(partition).map(|partition| (partition, Fence(epoch))));
    }
    Ok(pairs)
}

/// A node's share of the partitions where so many live, itself included.
fn share(living: i64) -> usize {
    Partition::COUNT.div_ceil(usize::try_from(living).unwrap_or(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_all_partitions() {
        for living in 1..300 {
            let share = share(living);
            assert!(share * usize::try_from(living).unwrap() >= Partition::COUNT && share >= 1, "{living}");
        }
        assert_eq!(
            [share(0), share(1), share(2), share(3), share(256), share(1000)],
            [256, 256, 128, 86, 1, 1]
        );
    }
}
