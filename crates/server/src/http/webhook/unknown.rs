//! Signals whose senders were told that the outcome is unknown. A sender who repeats such a signal, with equal bytes and
//! the same API key, gets the outcome of the first delivery, because it cannot know whether that was stored.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookfill_domain::ids::KeyId;
use hookfill_store::{Idempotency, Made};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::delivery::half_hash;

/// How long after such an answer a repetition is recognized.
pub const REMEMBERED: Duration = Duration::from_secs(60);
/// The most deliveries that are remembered; the oldest is forgotten first.
const MOST: usize = 65_536;

/// The outcome of a write that was still running when its answer was due.
pub(super) enum Outcome {
    /// It is stored, and made this.
    Stored(Made),
    /// It is not stored and will not be.
    NotStored,
    /// The wait for it was given up.
    Unknown,
}

/// A write that was still running when its answer was due.
pub(super) type UnderWay = BoxFuture<'static, Outcome>;

/// A hash of the API key's id and the bytes of the body.
type Fingerprint = [u8; 16];

/// The state of the first delivery, or of a repetition that took its place.
pub(super) enum Fate {
    /// Its commit is still running.
    UnderWay(JoinHandle<Outcome>),
    /// It has ended.
    Ended(Outcome),
}

impl Fate {
    pub(super) fn under_way(write: UnderWay) -> Self {
        Self::UnderWay(tokio::spawn(write))
    }

    /// Waits for the outcome until the deadline.
    async fn settle(&mut self, deadline: Instant) {
        if let Self::UnderWay(write) = self
            && let Ok(ended) = timeout_at(deadline, write).await
        {
            *self = Self::Ended(ended.unwrap_or(Outcome::Unknown));
        }
    }
}

/// A remembered delivery. Its repetitions are answered one at a time.
pub(super) struct Earlier {
    fate: tokio::sync::Mutex<Fate>,
    idempotency: Option<Idempotency>,
    told_at: Mutex<Instant>,
}

/// The remembered deliveries, by fingerprint.
#[derive(Default)]
struct Deliveries {
    by_fingerprint: HashMap<Fingerprint, Arc<Earlier>>,
    /// When a sender was last told that its outcome is unknown.
    last_told: Option<Instant>,
}

impl Earlier {
    /// Its state by the deadline, for one repetition at a time. `None` if another repetition is still being answered.
    pub(super) async fn fate(&self, deadline: Instant) -> Option<tokio::sync::MutexGuard<'_, Fate>> {
        let mut fate = timeout_at(deadline, self.fate.lock()).await.ok()?;
        fate.settle(deadline).await;
        Some(fate)
    }

    fn told_at(&self) -> Instant {
        *self.told_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_recent(&self) -> bool {
        self.told_at().elapsed() <= REMEMBERED
    }
}

/// The deliveries whose outcome was unknown, for [`REMEMBERED`].
#[derive(Default)]
pub struct UnknownOutcomes {
    deliveries: Mutex<Deliveries>,
    /// How many there are. It is nearly always 0, and then nothing is locked or hashed.
    count: AtomicUsize,
}

impl UnknownOutcomes {
    /// The remembered delivery that this one repeats. Two different idempotency keys say that they are different signals; a
    /// key on one side alone says nothing, since a sender may add one only when it tries again.
    pub(super) fn earlier(
        &self,
        key_id: KeyId,
        bytes: &[u8],
        idempotency: Option<Idempotency>,
    ) -> Option<Arc<Earlier>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut deliveries = self.lock();
        if deliveries.last_told.is_none_or(|last| last.elapsed() > REMEMBERED) {
            deliveries.by_fingerprint.clear();
            self.count.store(0, Ordering::Release);
        }
        let earlier = deliveries.by_fingerprint.get(&fingerprint(key_id, bytes))?;
        let differs = idempotency.zip(earlier.idempotency).is_some_and(|(this, that)| this != that);
        (earlier.is_recent() && !differs).then(|| Arc::clone(earlier))
    }

    /// Remembers a delivery, before its sender is answered.
    pub(super) fn remember(
        &self,
        key_id: KeyId,
        bytes: &[u8],
        idempotency: Option<Idempotency>,
        write: UnderWay,
    ) {
        let (now, fate) = (Instant::now(), tokio::sync::Mutex::new(Fate::under_way(write)));
        let earlier = Earlier { fate, idempotency, told_at: Mutex::new(now) };
        let mut deliveries = self.lock();
        deliveries.last_told = Some(now);
        let known = &mut deliveries.by_fingerprint;
        known.retain(|_, earlier| earlier.is_recent());
        if known.len() >= MOST {
            let oldest = known.iter().min_by_key(|(_, earlier)| earlier.told_at());
            let oldest = oldest.map(|(fingerprint, _)| *fingerprint);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        known.insert(fingerprint(key_id, bytes), Arc::new(earlier));
        self.count.store(known.len(), Ordering::Release);
    }

    /// Notes that a sender was told again that the outcome is unknown, and remembers the delivery from now on.
    pub(super) fn told_again(&self, earlier: &Earlier) {
        let now = Instant::now();
        self.lock().last_told = Some(now);
        *earlier.told_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn lock(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fingerprint(key_id: KeyId, bytes: &[u8]) -> Fingerprint {
    half_hash(&[key_id.0.as_bytes(), bytes])
}
