//! What the promises are tried on: a store on a database of its own, a listener that remembers, and verbs.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookfill_domain::account::BrokerAccount;
use hookfill_domain::ids::{BrokerAccountId, KeyId, OrderId, Seq, UserId};
use hookfill_domain::lifecycle::{Change, OrderEvent};
use hookfill_domain::order::{Order, OrderType, Origin, Side};
use hookfill_domain::signal::{Entry, OrderSignal};
use hookfill_domain::time::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Accepted, Commit, CommitListener, Idempotency, Leased, Linked, MAX_PAGE, NewAccount, NewKey, NewOrder,
    OrderQuery, Patience, Registered, Registration, SealedSecret, SharedStore, Shown, StoredEntry, Tally,
};

/// A backend on trial: one database that may be opened again and again.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Opens the database, the same one each time, with the right to work all of its orders.
    ///
    /// Every store that was opened before has been dropped.
    async fn open(&self, listener: Arc<dyn CommitListener>) -> SharedStore;
}

/// A listener that remembers what it was told.
#[derive(Default)]
pub struct Recorder {
    told: Mutex<(Vec<Shown>, Vec<Timestamp>)>,
    changed: Notify,
}

impl CommitListener for Recorder {
    fn committed(&self, commit: &Commit) {
        let mut told = self.told.lock().unwrap();
        told.0.extend_from_slice(&commit.shown);
        told.1.extend(commit.due_here);
        self.changed.notify_waiters();
    }

    fn group_committed(&self, _writes: usize, _took: Duration) {}

    fn failed(&self, cause: &str) {
        panic!("the store has failed: {cause}");
    }
}

impl Recorder {
    /// The messages of a user that it was told of, in order, as soon as there are so many.
    pub async fn shown(&self, user_id: UserId, count: usize) -> Vec<Shown> {
        let of_user = || -> Vec<Shown> {
            let told = self.told.lock().unwrap();
            told.0.iter().filter(|shown| shown.user_id == user_id).cloned().collect()
        };
        self.until(|| Some(of_user()).filter(|shown| shown.len() >= count)).await
    }

    /// Returns once it was told that work is due at that time.
    pub async fn due(&self, at: Timestamp) {
        self.until(|| self.told.lock().unwrap().1.contains(&at).then_some(())).await;
    }

    async fn until<T>(&self, check: impl Fn() -> Option<T>) -> T {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if let Some(found) = check() {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the listener is told of each commit")
    }
}

/// Far longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many seconds into the trial.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_350_645_000_000 + seconds * 1_000_000)
}

/// After everything that happens in a trial.
pub(super) const LATE: i64 = 1_000_000;

/// A deadline that no write reaches.
#[must_use]
pub fn patient() -> Patience {
    Patience::until(Instant::now() + PATIENCE)
}

/// A user on trial.
#[derive(Debug, Clone)]
pub struct Trader {
    /// The user.
    pub id: UserId,
    /// The hash of the first key.
    pub key_hash: [u8; 32],
    /// The first broker account.
    pub account: BrokerAccount,
}

/// All that a user can see.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Broker accounts, oldest first.
    pub accounts: Vec<BrokerAccount>,
    /// Orders, newest first.
    pub orders: Vec<Order>,
    /// The counts.
    pub tally: Tally,
    /// The last message's number.
    pub head: Seq,
    /// Every message.
    pub events: Vec<Shown>,
    /// Every entry, newest first.
    pub entries: Vec<StoredEntry>,
}

/// A store on trial.
pub struct Trial {
    backend: Box<dyn Backend>,
    /// The store.
    pub store: SharedStore,
    /// What the store told.
    pub recorder: Arc<Recorder>,
    drawn: AtomicU64,
}

impl Trial {
    /// Opens the backend's empty database.
    pub async fn open(backend: impl Backend) -> Trial {
        let recorder = Arc::new(Recorder::default());
        let store = backend.open(Arc::clone(&recorder) as _).await;
        Trial { backend: Box::new(backend), store, recorder, drawn: AtomicU64::new(1) }
    }

    /// Closes the store and opens it again.
    pub async fn reopen(self) -> Trial {
        let Trial { backend, store, recorder, drawn } = self;
        assert_eq!(Arc::strong_count(&store), 1, "somebody still holds the store");
        drop(store);
        let store = backend.open(Arc::clone(&recorder) as _).await;
        Trial { backend, store, recorder, drawn }
    }

    /// The next id: later ones are greater, as ids made of the time are.
    pub fn draw(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.drawn.fetch_add(1, Ordering::Relaxed)))
    }

    /// A key that nobody has.
    pub fn fresh_key(&self) -> NewKey {
        let id = self.draw();
        let mut hash = [7; 32];
        hash[16..].copy_from_slice(id.as_bytes());
        NewKey { id: KeyId(id), hash, label: "a key".to_owned() }
    }

    /// An account that nobody has.
    pub fn fresh_account(&self) -> NewAccount {
        let id = self.draw();
        NewAccount {
            id: BrokerAccountId(id),
            broker_name: "a broker".to_owned(),
            account_id: format!("account-{id}"),
            secret: SealedSecret { token: format!("token-{id}"), key_id: [1; 8] },
        }
    }

    /// What a user of that name sends to register.
    pub fn registration(&self, username: &str) -> Registration {
        let (key, account) = (self.fresh_key(), self.fresh_account());
        Registration { username: username.to_owned(), key, account, at: at(0) }
    }

    /// Registers a user of that name.
    pub async fn register(&self, username: &str) -> Trader {
        let registration = self.registration(username);
        let key_hash = registration.key.hash;
        match self.store.register(registration).await.unwrap() {
            Registered::Created { user_id, account } => Trader { id: user_id, key_hash, account },
            Registered::UsernameTaken => panic!("`{username}` is taken"),
        }
    }

    /// Links a further account.
    pub async fn link(&self, user_id: UserId, account: NewAccount, at: Timestamp) -> BrokerAccount {
        match self.store.link_account(user_id, account, at).await.unwrap() {
            Linked::Created(account) => account,
            Linked::AccountExists(id) => panic!("it is linked as {id}"),
        }
    }

    /// A limit order, ready to be accepted.
    pub fn draft(&self, trader: &Trader, instrument: &str) -> NewOrder {
        let signal = OrderSignal {
            side: Side::Buy,
            instrument: instrument.parse().unwrap(),
            order_type: OrderType::Limit,
            entry: Entry::At("1.0860".parse().unwrap()),
            stop_loss: Some("1.0850".parse().unwrap()),
            take_profits: vec!["1.0890".parse().unwrap(), "1.0900".parse().unwrap()],
            quantity: None,
            risk: None,
            leverage: None,
            distances: hookfill_domain::signal::Distances::default(),
            notes: Vec::new(),
        };
        let origin = Origin {
            id: OrderId(self.draw()),
            user_id: trader.id,
            broker_account_id: trader.account.id,
            source_id: None,
        };
        let details = br#"{"signal":"BUY \u0000 EURUSD"}"#.to_vec();
        NewOrder { order: Order::from_signal(signal, origin, None, at(10)), idempotency: None, details }
    }

    /// Has an order accepted and gives it as it is stored.
    pub async fn accept(&self, trader: &Trader, instrument: &str) -> Order {
        let new = self.draft(trader, instrument);
        let mut order = new.order.clone();
        match self.store.accept_signal(new, patient()).await.unwrap() {
            Accepted::Created(seq) => order.seq = seq,
            Accepted::Remembered(known) => panic!("nothing to remember: {known:?}"),
        }
        order
    }

    /// Takes an order to work on, as the engine does.
    pub async fn lease(&self, order: &Order) -> Leased {
        let due = self.store.due(at(LATE), 100_000, &HashSet::new()).await.unwrap();
        due.into_iter().find(|leased| leased.order.id == order.id).expect("an open order is due at some time")
    }

    /// Records what happens to an order at a time.
    pub async fn record(&self, order: &Order, second: i64, changes: Vec<Change>) -> Order {
        let leased = self.lease(order).await;
        self.store.record(&leased, happening(second, changes)).await.unwrap()
    }

    /// An order's whole history, page by page.
    pub async fn history(&self, user_id: UserId, id: OrderId) -> Vec<StoredEntry> {
        let (mut whole, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.history(user_id, id, after, MAX_PAGE).await.unwrap().expect("an order");
            whole.extend(page.items);
            match page.next {
                Some(_) => after = page.next,
                None => return whole,
            }
        }
    }

    /// All that a user can see.
    pub async fn seen(&self, user_id: UserId) -> Seen {
        let query = OrderQuery { limit: MAX_PAGE, ..OrderQuery::default() };
        Seen {
            accounts: self.store.accounts(user_id).await.unwrap(),
            orders: self.store.orders(user_id, query).await.unwrap().items,
            tally: self.store.tally(user_id).await.unwrap(),
            head: self.store.head(user_id).await.unwrap(),
            events: self.store.events_after(user_id, Seq(0), MAX_PAGE).await.unwrap(),
            entries: self.store.entries(user_id, None, MAX_PAGE).await.unwrap(),
        }
    }
}

/// Changes as events of one time.
#[must_use]
pub fn happening(second: i64, changes: Vec<Change>) -> Vec<OrderEvent> {
    changes.into_iter().map(|change| OrderEvent { at: at(second), change }).collect()
}

/// It was decided to send the order.
#[must_use]
pub fn submitting() -> Change {
    Change::Submitting { fixed: "as it was then".to_owned() }
}

/// The broker has the order; to be looked at again then.
#[must_use]
pub fn accepted(second: i64) -> Change {
    Change::Accepted { broker_order_id: "B-1".to_owned(), check_again_at: at(second) }
}

/// The order filled; to be looked at again then.
#[must_use]
pub fn executed(second: i64) -> Change {
    Change::Executed { executed_at: at(second), check_again_at: at(second + 10) }
}

/// The position was closed.
#[must_use]
pub fn closed(second: i64) -> Change {
    Change::Closed { closed_at: at(second), reason: None }
}

/// An idempotency key and a body, by number.
#[must_use]
pub fn keyed(key: u8, body: u8) -> Idempotency {
    Idempotency { key_hash: [key; 16], body_hash: [body; 16] }
}
