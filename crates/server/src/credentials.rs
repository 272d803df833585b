//! Who has which key and which accounts: asked of the store, remembered for as long as nothing changes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hookfill_domain::account::BrokerAccount;
use hookfill_domain::ids::UserId;
use hookfill_store::{Principal, SharedStore, StoreError};
use tokio::sync::watch;

use crate::api_key;
use crate::clock::Clock;
use crate::shutdown::Stop;

/// How often the store is asked whether keys or accounts have changed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How old the last answer to that may be for a remembered key to count.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// Keys and accounts remembered; beyond that all are forgotten and looked up again.
const REMEMBERED: usize = 100_000;

/// What is remembered of keys and accounts.
pub struct Credentials {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    keys: RwLock<HashMap<[u8; 32], Arc<Principal>>>,
    accounts: RwLock<HashMap<UserId, Arc<Vec<BrokerAccount>>>>,
    /// When the store last confirmed that what is remembered holds, in microseconds.
    confirmed_at: AtomicI64,
    /// The revision that what is remembered belongs to.
    revision: AtomicI64,
    changes: watch::Sender<i64>,
    turn: tokio::sync::Mutex<()>,
}

impl Credentials {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(store: SharedStore, clock: Arc<dyn Clock>) -> Self {
        let (keys, accounts) = (RwLock::default(), RwLock::default());
        let (confirmed_at, revision) = (AtomicI64::new(i64::MIN), AtomicI64::new(-1));
        let (changes, turn) = (watch::Sender::new(-1), tokio::sync::Mutex::new(()));
        Self { store, clock, keys, accounts, confirmed_at, revision, changes, turn }
    }

    /// Watches for changes until told to stop.
    pub async fn watch(&self, mut stop: Stop) {
        while !stop.is_ordered() {
            if let Err(error) = self.confirm().await {
                tracing::debug!(%error, "changes of keys and accounts cannot be seen now");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.ordered() => {}
            }
        }
    }

    /// Something was changed here: what is remembered is forgotten before the change is answered.
    pub async fn changed(&self) {
        if let Err(error) = self.confirm().await {
            tracing::debug!(%error, "a change is seen with the next look");
        }
    }

    /// Asks the store once; forgets everything if something has changed.
    pub async fn confirm(&self) -> Result<(), StoreError> {
        // One at a time: an older answer must not come after a newer one.
        let _turn = self.turn.lock().await;
        let asked_at = self.clock.now().as_micros();
        let revision = self.store.credentials_revision().await?;
        // In this order: an answer that was asked for before the change is either forgotten here, or comes to be
        // remembered later and then finds that its revision has passed. Only after that is anybody told.
        if self.revision.swap(revision, Ordering::AcqRel) != revision {
            self.keys.write().unwrap_or_else(PoisonError::into_inner).clear();
            self.accounts.write().unwrap_or_else(PoisonError::into_inner).clear();
            self.changes.send_replace(revision);
        }
        self.confirmed_at.store(asked_at, Ordering::Release);
        Ok(())
    }

    /// Tells when keys or accounts change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.changes.subscribe()
    }

    fn is_fresh(&self) -> bool {
        let age = self.clock.now().as_micros().saturating_sub(self.confirmed_at.load(Ordering::Acquire));
        u64::try_from(age).is_ok_and(|age| Duration::from_micros(age) <= FRESH_FOR)
    }

    /// Who has a key. `None`: nobody, or it has expired.
    ///
    /// # Errors
    /// The store's, if it had to be asked and could not be: what cannot be looked up is not refused.
    pub async fn principal(&self, key: &str) -> Result<Option<Arc<Principal>>, StoreError> {
        if !api_key::API_KEY.plausible(key) {
            return Ok(None);
        }
        let hash = api_key::hash(key);
        let remembered = if self.is_fresh() {
            self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
        } else {
            None
        };
        let principal = match remembered {
            Some(principal) => principal,
            None => {
                let seen = self.revision.load(Ordering::Acquire);
                let Some(principal) = self.store.principal(hash).await? else { return Ok(None) };
                let principal = Arc::new(principal);
                self.remember(&self.keys, hash, &principal, seen);
                principal
            }
        };
        let expired = principal.expires_at.is_some_and(|at| at <= self.clock.now());
        Ok((!expired).then_some(principal))
    }

    /// A user's broker accounts, oldest first.
    ///
    /// # Errors
    /// The store's, if it had to be asked and could not be.
    pub async fn accounts(&self, user_id: UserId) -> Result<Arc<Vec<BrokerAccount>>, StoreError> {
        if self.is_fresh()
            && let Some(known) = self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&user_id)
        {
            return Ok(Arc::clone(known));
        }
        let seen = self.revision.load(Ordering::Acquire);
        let accounts = Arc::new(self.store.accounts(user_id).await?);
        self.remember(&self.accounts, user_id, &accounts, seen);
        Ok(accounts)
    }

    /// Keeps an answer, unless something has changed since it was asked for.
    fn remember<K: std::hash::Hash + Eq, V>(
        &self,
        map: &RwLock<HashMap<K, Arc<V>>>,
        key: K,
        value: &Arc<V>,
        seen: i64,
    ) {
        let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
        if self.revision.load(Ordering::Acquire) == seen {
            if map.len() >= REMEMBERED {
                map.clear();
            }
            map.insert(key, Arc::clone(value));
        }
    }
}
