//! Signals whose senders were told that their outcome is unknown. A sender who repeats one, with equal bytes and the
//! same key, is answered with what became of the first: it cannot know that the first was stored.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookfill_domain::ids::KeyId;
use hookfill_store::{Idempotency, Made};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// For how long after such an answer a repetition is recognized.
pub const REMEMBERED: Duration = Duration::from_secs(60);
/// The most of them; the oldest gives way.
const MOST: usize = 65_536;

/// What becomes of a write that was under way when its time was up.
pub(super) enum Outcome {
    /// It was stored, and made this.
    Stored(Made),
    /// It was not stored, and will not be.
    NotStored,
    /// It was given up without an answer.
    Unknown,
}

/// A write that was under way when its time was up.
pub(super) type UnderWay = BoxFuture<'static, Outcome>;

/// Whose bytes, and which.
type Fingerprint = [u8; 32];

/// What has become of the first delivery, or of a repetition that took its place.
pub(super) enum Fate {
    /// Its commit is still under way.
    UnderWay(JoinHandle<Outcome>),
    /// It is over.
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

/// A delivery that is remembered. Its repetitions are answered one after the other.
pub(super) struct Earlier {
    fate: tokio::sync::Mutex<Fate>,
    idempotency: Option<Idempotency>,
    told_at: Mutex<Instant>,
}

/// The deliveries, by whose bytes they were and which.
#[derive(Default)]
struct Deliveries {
    by_fingerprint: HashMap<Fingerprint, Arc<Earlier>>,
    /// When the last of them was told.
    last_told: Option<Instant>,
}

impl Earlier {
    /// What became of it, as far as that is known by the deadline, for one repetition at a time. `None`: another one is
    /// still being answered.
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

/// The deliveries that are remembered.
#[derive(Default)]
pub struct UnknownOutcomes {
    deliveries: Mutex<Deliveries>,
    /// How many there are. Nearly always none, and then nothing is locked or hashed.
    count: AtomicUsize,
}

impl UnknownOutcomes {
    /// The delivery that this one repeats. One with an idempotency key of its own repeats only what had that key.
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
        let is_meant = idempotency.is_none_or(|key| earlier.idempotency == Some(key));
        (earlier.is_recent() && is_meant).then(|| Arc::clone(earlier))
    }

    /// Remembers a delivery, before its sender is told.
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

    /// The sender of a delivery was told again that its outcome is unknown.
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
    let mut hash = Sha256::new();
    hash.update(key_id.0.as_bytes());
    hash.update(bytes);
    hash.finalize().into()
}
