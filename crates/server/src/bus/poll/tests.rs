use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use hookfill_domain::audit::Place;
use hookfill_domain::ids::{OrderId, Seq};
use hookfill_store::{ChainState, Commit, Page, Shown, StoreError, StoredEntry};
use tokio::task::JoinHandle;

use super::*;
use crate::bus::{Bus, Hint, Subscription};

const USER: UserId = UserId(7);

/// A store that knows heads, and counts who asks.
#[derive(Default)]
struct Heads {
    heads: Mutex<HashMap<UserId, Seq>>,
    asked: AtomicUsize,
    most: AtomicUsize,
    is_away: AtomicBool,
}

impl Heads {
    /// Another node commits.
    fn commit(&self, user_id: UserId, seq: i64) {
        self.heads.lock().unwrap().insert(user_id, Seq(seq));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Journal for Heads {
    async fn heads(&self, users: &[UserId]) -> Result<Vec<(UserId, Seq)>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(users.len(), Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let heads = self.heads.lock().unwrap();
        Ok(users.iter().filter_map(|user| Some((*user, *heads.get(user)?))).collect())
    }
    async fn head(&self, _: UserId) -> Result<Seq, StoreError> {
        unreachable!("the poll asks about many")
    }
    async fn events_after(&self, _: UserId, _: Seq, _: usize) -> Result<Vec<Shown>, StoreError> {
        unreachable!("streams read messages")
    }
    async fn history(
        &self,
        _: UserId,
        _: OrderId,
        _: Option<Place>,
        _: usize,
    ) -> Result<Option<Page<StoredEntry, Place>>, StoreError> {
        unreachable!()
    }
    async fn entries(&self, _: UserId, _: Option<Place>, _: usize) -> Result<Vec<StoredEntry>, StoreError> {
        unreachable!()
    }
    async fn verify(&self) -> Result<ChainState, StoreError> {
        unreachable!()
    }
}

/// A node that polls.
struct Node {
    bus: Arc<LocalBus>,
    store: Arc<Heads>,
    unconfirmed: Arc<Unconfirmed>,
    polling: JoinHandle<()>,
}

impl Node {
    fn start() -> Self {
        let (bus, store, unconfirmed) = (Arc::default(), Arc::<Heads>::default(), Arc::default());
        let journal = Arc::clone(&store) as Arc<dyn Journal>;
        let poll =
            Poll { bus: Arc::clone(&bus), journal, unconfirmed: Arc::clone(&unconfirmed), every: POLL };
        Self { bus, store, unconfirmed, polling: tokio::spawn(poll.run()) }
    }

    /// A hint from elsewhere, true or not.
    fn hint(&self, user_id: UserId, seq: i64) {
        if self.bus.is_news(user_id, Seq(seq)) {
            self.unconfirmed.add(user_id);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

/// The number of the next hint, and how long it took.
async fn heard(hints: &mut Subscription) -> (i64, Duration) {
    let began = Instant::now();
    match timeout(POLL * 3600, hints.next()).await.expect("a hint") {
        Hint::Head(Seq(seq)) => (seq, began.elapsed()),
        other @ (Hint::Message(_) | Hint::Look) => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_node_commits_is_heard_within_a_second_without_any_hint() {
    let node = Node::start();
    let mut hints = node.bus.subscribe(USER);
    for seq in [1, 2, 9] {
        node.store.commit(USER, seq);
        let (heard, after) = heard(&mut hints).await;
        assert!(heard == seq && after <= POLL, "{heard} after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_question_a_second_is_about_all_users_and_none_is_asked_for_nobody() {
    let node = Node::start();
    tokio::time::sleep(POLL * 10).await;
    assert_eq!(node.store.asked(), 0);
    let subscriptions: Vec<_> = (1..=500).map(|user| node.bus.subscribe(UserId(user))).collect();
    tokio::time::sleep(POLL * 10).await;
    assert_eq!((node.store.asked(), node.store.most.load(Ordering::SeqCst)), (10, 500));
    drop(subscriptions);
    tokio::time::sleep(POLL * 10).await;
    assert_eq!(node.store.asked(), 10);
}

#[tokio::test(start_paused = true)]
async fn no_question_is_about_more_users_than_the_store_answers() {
    let node = Node::start();
    let users = 2 * i64::try_from(MAX_HEADS).unwrap() + 1;
    let mut subscriptions: Vec<_> = (1..=users).map(|user| node.bus.subscribe(UserId(user))).collect();
    for user in 1..=users {
        node.store.commit(UserId(user), 1);
    }
    for hints in &mut subscriptions {
        assert_eq!(heard(hints).await.0, 1);
    }
    assert_eq!((node.store.asked(), node.store.most.load(Ordering::SeqCst)), (3, MAX_HEADS));
    for user in 1..=users {
        node.store.commit(UserId(user), 2);
        node.hint(UserId(user), 2);
    }
    tokio::time::sleep(REST / 2).await;
    assert_eq!(node.store.asked(), 4, "hints are followed one question after the other");
    for hints in &mut subscriptions {
        assert_eq!(heard(hints).await.0, 2);
    }
    assert_eq!((node.store.asked(), node.store.most.load(Ordering::SeqCst)), (6, MAX_HEADS));
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_followed_at_once() {
    let node = Node::start();
    let mut hints = node.bus.subscribe(USER);
    for seq in 1..=100 {
        node.store.commit(USER, seq);
        node.hint(USER, seq);
        let (heard, after) = heard(&mut hints).await;
        assert!(heard == seq && after <= REST, "{heard} after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_told_here_already_is_not_asked_about() {
    let node = Node::start();
    let mut hints = node.bus.subscribe(USER);
    let shown = Shown { user_id: USER, seq: Seq(3), message: "{}".into() };
    node.store.commit(USER, 3);
    node.bus.publish(&Commit { shown: vec![shown], ..Commit::default() });
    assert!(matches!(hints.next().await, Hint::Message(_)));
    for seq in [1, 2, 3] {
        node.hint(USER, seq);
        node.hint(UserId(8), seq);
    }
    tokio::time::sleep(POLL / 2).await;
    assert_eq!(node.store.asked(), 0);
    tokio::time::sleep(POLL).await;
    node.store.commit(USER, 4);
    assert_eq!(heard(&mut hints).await.0, 4, "and nobody is told it again");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_lies_becomes_two_questions_a_second_and_hides_no_truth() {
    let node = Node::start();
    let mut hints = node.bus.subscribe(USER);
    let lies = async {
        for seq in 1.. {
            node.hint(USER, 1_000_000 + seq);
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    };
    let seconds = 60;
    let truth = async {
        tokio::time::sleep(POLL * seconds).await;
        let asked = node.store.asked();
        node.store.commit(USER, 1);
        (asked, heard(&mut hints).await)
    };
    let (asked, (seq, after)) = tokio::select! {
        truth = truth => truth,
        () = lies => unreachable!(),
    };
    let (seconds, first_second) = (usize::try_from(seconds).unwrap(), 10);
    assert!(asked <= 2 * seconds + first_second, "{asked} questions in {seconds} s");
    assert!(seq == 1 && after <= POLL, "{seq} after {after:?}");
    // The flood is over: hints count again.
    node.store.commit(USER, 2);
    node.hint(USER, 2);
    assert_eq!(heard(&mut hints).await.0, 2);
    node.store.commit(USER, 3);
    node.hint(USER, 3);
    assert!(heard(&mut hints).await.1 <= REST);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_asked_one_thing_at_a_time_and_followed_when_it_is_back() {
    let node = Node::start();
    let mut hints = node.bus.subscribe(USER);
    node.store.is_away.store(true, Ordering::SeqCst);
    for seq in 1..=100 {
        node.hint(USER, seq);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let asked = node.store.asked();
    assert!((5..=11).contains(&asked), "{asked} questions in 10 s");
    node.store.is_away.store(false, Ordering::SeqCst);
    node.store.commit(USER, 1);
    let (seq, after) = heard(&mut hints).await;
    assert!(seq == 1 && after <= ANSWER + POLL, "{seq} after {after:?}");
}
