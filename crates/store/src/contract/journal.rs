//! What holds of the journal: streams, histories, the audit log and its chain.

use hookfill_domain::audit::{AuditAction, Place};
use hookfill_domain::ids::{Seq, UserId};
use hookfill_domain::lifecycle::Change;
use hookfill_domain::order::{Bracket, Order};
use tokio::task::JoinSet;

use super::trial::{Trader, Trial, accepted, at, closed, executed, happening, keyed, patient, submitting};
use crate::{ChainState, MAX_PAGE, MAX_SCAN, Refusal, Request, StoreError, StoredEntry};

/// A life with everything in it: shown changes, internal ones, a refused signal, a second order.
async fn live(trial: &Trial, trader: &Trader) {
    let order = trial.accept(trader, "EURUSD").await;
    trial.record(&order, 20, vec![submitting()]).await;
    trial.record(&order, 21, vec![accepted(30)]).await;
    let bracket = Bracket { stop_loss: Some("1.0855".parse().unwrap()), ..order.bracket.clone() };
    trial.record(&order, 22, vec![Change::Modified { bracket }]).await;
    let refusal = Refusal { user_id: trader.id, at: at(23), details: b"{}".to_vec() };
    trial.store.refuse_signal(refusal, patient()).await.unwrap();
    let mut keyed_one = trial.draft(trader, "XAUUSD");
    keyed_one.idempotency = Some(keyed(1, 1));
    trial.store.accept_signal(keyed_one, patient()).await.unwrap();
    trial.record(&order, 30, vec![executed(30)]).await;
    trial.store.request(trader.id, order.id, Request::Close, at(31)).await.unwrap();
    trial.record(&order, 32, vec![closed(32)]).await;
}

/// Bytes are made once: what was sent is what is replayed and what was chained.
pub async fn a_message_is_told_kept_and_replayed_as_the_same_bytes(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    live(&trial, &ann).await;
    trial.accept(&bob, "EURUSD").await;
    let seen = trial.seen(ann.id).await;
    assert_eq!(trial.recorder.shown(ann.id, 5).await, seen.events);
    let kept: Vec<_> = seen.entries.iter().rev().filter_map(|entry| entry.message.clone()).collect();
    let replayed: Vec<_> = seen.events.iter().map(|event| event.message.as_bytes().to_vec()).collect();
    assert_eq!(kept, replayed);
    let types: Vec<_> = seen
        .events
        .iter()
        .map(|event| {
            let message: serde_json::Value = serde_json::from_str(&event.message).unwrap();
            assert_eq!(message["seq"], event.seq.0);
            message["type"].as_str().unwrap().to_owned()
        })
        .collect();
    let expected = ["order.pending", "order.modified", "order.pending", "order.executed", "order.closed"];
    assert_eq!(types, expected);
}

/// A client that names its last number misses nothing and sees nothing twice.
pub async fn events_after_a_number_are_all_the_later_ones_in_order(trial: Trial) {
    let ann = trial.register("ann").await;
    live(&trial, &ann).await;
    let all = trial.store.events_after(ann.id, Seq(0), MAX_PAGE).await.unwrap();
    assert_eq!(all.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for after in 0..7 {
        for limit in [0, 1, 2, 10] {
            let events = trial.store.events_after(ann.id, Seq(after), limit).await.unwrap();
            let expected: Vec<_> =
                all.iter().filter(|event| event.seq.0 > after).take(limit).cloned().collect();
            assert_eq!(events, expected, "{limit} after {after}");
        }
    }
}

/// Everything that happened to the order and nothing else, internal steps included.
pub async fn a_history_is_oldest_first_and_shows_internal_steps(trial: Trial) {
    let ann = trial.register("ann").await;
    live(&trial, &ann).await;
    let newest_first = trial.seen(ann.id).await.orders;
    let [keyed_one, order] = &newest_first[..] else { panic!("{newest_first:?}") };
    let history = trial.history(ann.id, order.id).await;
    let actions: Vec<_> = history.iter().map(|entry| (entry.action, entry.message.is_some())).collect();
    let expected = [
        (AuditAction::OrderCreated, true),
        (AuditAction::OrderSubmitting, false),
        (AuditAction::OrderSubmitted, false),
        (AuditAction::OrderModified, true),
        (AuditAction::OrderExecuted, true),
        (AuditAction::OrderCloseRequested, false),
        (AuditAction::OrderClosed, true),
    ];
    assert_eq!(actions, expected);
    assert!(history.iter().all(|entry| entry.order_id == Some(order.id)));
    assert!(history.is_sorted_by_key(|entry| entry.place));
    let other = trial.history(ann.id, keyed_one.id).await;
    assert_eq!(other.iter().map(|entry| entry.action).collect::<Vec<_>>(), [AuditAction::OrderCreated]);
}

/// Makes this many journal entries for an order, none of which the wire shows.
async fn doubted(trial: &Trial, order: &Order, times: usize) {
    let leased = trial.lease(order).await;
    let lost = |_| Change::AnswerLost { why: "a reset".to_owned(), check_again_at: at(40) };
    for begin in (0..times).step_by(500) {
        let doubts = (begin..times.min(begin + 500)).map(lost).collect();
        trial.store.record(&leased, happening(30, doubts)).await.unwrap();
    }
}

/// Reads an order's history in pages. Between two pages something happens to both orders.
async fn paged(trial: &Trial, trader: &Trader, orders: [&Order; 2], limit: usize) -> Vec<StoredEntry> {
    let (mut whole, mut after) = (Vec::new(), None);
    loop {
        let page = trial.store.history(trader.id, orders[0].id, after, limit).await.unwrap().unwrap();
        assert!(page.items.len() <= limit, "{}", page.items.len());
        whole.extend(page.items);
        if page.next.is_none() {
            return whole;
        }
        assert!(page.next > after, "{after:?} is followed by {:?}", page.next);
        after = page.next;
        for order in orders {
            doubted(trial, order, 1).await;
        }
    }
}

/// The order's entries among all entries of its user, oldest first.
async fn of_order(trial: &Trial, trader: &Trader, order: &Order) -> Vec<StoredEntry> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = trial.store.entries(trader.id, before, MAX_PAGE).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.place);
        found.extend(page.into_iter().filter(|entry| entry.order_id == Some(order.id)));
    }
    found.reverse();
    found
}

/// Each entry comes once, oldest first, even while more are added.
pub async fn a_long_history_is_complete_in_pages(trial: Trial) {
    let ann = trial.register("ann").await;
    let (order, other) = (trial.accept(&ann, "EURUSD").await, trial.accept(&ann, "XAUUSD").await);
    for order in [&order, &other] {
        trial.record(order, 20, vec![submitting()]).await;
    }
    doubted(&trial, &order, 2500).await;
    for limit in [MAX_PAGE, 700] {
        let whole = paged(&trial, &ann, [&order, &other], limit).await;
        assert!(whole.len() > 2500 && whole[0].action == AuditAction::OrderCreated, "{}", whole.len());
        assert_eq!(whole, of_order(&trial, &ann, &order).await);
    }
    for limit in [1, 2, 3, 4, 100] {
        let page = trial.store.history(ann.id, order.id, None, limit).await.unwrap().unwrap();
        assert_eq!(page.items.len(), limit);
        assert_eq!(page.next, page.items.last().map(|entry| entry.place));
    }
    let whole = trial.history(ann.id, order.id).await;
    let last = whole.last().map(|entry| entry.place);
    let rest = trial.store.history(ann.id, order.id, last, 10).await.unwrap().unwrap();
    assert_eq!((rest.items.len(), rest.next), (0, None));
    let rest = trial.store.history(ann.id, order.id, whole.get(whole.len() - 3).map(|entry| entry.place), 2);
    let rest = rest.await.unwrap().unwrap();
    assert_eq!((&rest.items[..], rest.next), (&whole[whole.len() - 2..], None));
    let all = trial.store.history(ann.id, order.id, None, usize::MAX).await.unwrap().unwrap();
    assert_eq!(all.items[..], whole[..MAX_PAGE]);
}

/// However long the history is, and whatever else happened in between: a page may come back short, but skips no entry.
pub async fn a_history_of_more_entries_than_a_walk_looks_at_is_complete_in_pages(trial: Trial) {
    let ann = trial.register("ann").await;
    let before = trial.accept(&ann, "GBPUSD").await;
    let (order, other) = (trial.accept(&ann, "EURUSD").await, trial.accept(&ann, "XAUUSD").await);
    for order in [&before, &order, &other] {
        trial.record(order, 20, vec![submitting()]).await;
    }
    for (order, times) in
        [(&order, 40), (&other, MAX_SCAN), (&before, 300), (&order, MAX_SCAN), (&other, 10), (&order, 200)]
    {
        doubted(&trial, order, times).await;
    }
    let whole = paged(&trial, &ann, [&order, &other], MAX_PAGE).await;
    assert!(whole.len() > MAX_SCAN + 240, "{}", whole.len());
    assert_eq!(whole, of_order(&trial, &ann, &order).await);
}

/// Pages of the log by place, of one user's entries only.
pub async fn entries_page_newest_first_without_gap_or_repetition(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    live(&trial, &bob).await;
    live(&trial, &ann).await;
    let all = trial.seen(ann.id).await.entries;
    assert_eq!(all.len(), 10);
    assert!(all.is_sorted_by(|later, earlier| later.place > earlier.place));
    assert_eq!(all.last().unwrap().place, Place { seq: Seq(0), step: 1 });
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = trial.store.entries(ann.id, before, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        before = Some(last.place);
        paged.extend(page);
        trial.accept(&ann, "EURUSD").await;
    }
    assert_eq!(paged, all);
}

/// Whatever the caller asks for.
pub async fn a_page_of_entries_or_events_is_bounded(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut asking = JoinSet::new();
    for turn in 0..2 * (MAX_PAGE + 1) {
        let (store, new) = (trial.store.clone(), trial.draft(&ann, "EURUSD"));
        asking.spawn(async move {
            if turn % 2 == 0 {
                store.accept_signal(new, patient()).await.map(drop)
            } else {
                let refusal = Refusal { user_id: new.order.user_id, at: at(20), details: b"{}".to_vec() };
                store.refuse_signal(refusal, patient()).await
            }
        });
    }
    assert!(asking.join_all().await.iter().all(Result::is_ok));
    assert_eq!(trial.store.entries(ann.id, None, usize::MAX).await.unwrap().len(), MAX_PAGE);
    assert_eq!(trial.store.events_after(ann.id, Seq(0), usize::MAX).await.unwrap().len(), MAX_PAGE);
}

/// The head is the number of the last message that anybody could have seen.
pub async fn the_head_is_the_last_message(trial: Trial) {
    let ann = trial.register("ann").await;
    assert_eq!(trial.store.head(ann.id).await.unwrap(), Seq(0));
    live(&trial, &ann).await;
    assert_eq!(trial.store.head(ann.id).await.unwrap(), Seq(5));
    let nobody = trial.store.head(UserId(ann.id.0 + 1_000_000)).await;
    assert!(matches!(nobody, Err(StoreError::Missing(_))), "{nobody:?}");
}

/// Nothing that the store itself does breaks a chain.
pub async fn an_untouched_journal_is_intact(trial: Trial) {
    assert_eq!(trial.store.verify().await.unwrap(), ChainState::Intact { entries: 0 });
    for name in ["ann", "bob"] {
        let trader = trial.register(name).await;
        live(&trial, &trader).await;
    }
    trial.store.issue_key("ann", trial.fresh_key(), at(50)).await.unwrap();
    assert_eq!(trial.store.verify().await.unwrap(), ChainState::Intact { entries: 21 });
}

/// What a caller was told is there after any restart, and numbers go on where they were.
pub async fn everything_survives_reopening(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    live(&trial, &ann).await;
    let before = (trial.seen(ann.id).await, trial.seen(bob.id).await);
    let revision = trial.store.credentials_revision().await.unwrap();
    let due = trial.store.next_due(at(0)).await.unwrap();
    let trial = trial.reopen().await;
    assert_eq!((trial.seen(ann.id).await, trial.seen(bob.id).await), before);
    assert!(trial.store.credentials_revision().await.unwrap() >= revision);
    assert_eq!((trial.store.next_due(at(0)).await.unwrap(), due), (due, Some(at(10))));
    assert!(trial.store.principal(ann.key_hash).await.unwrap().is_some());
    let remembered = trial.store.remembered(ann.id, keyed(1, 1)).await.unwrap();
    assert_eq!(remembered.map(|known| known.same_body), Some(true));
    assert_eq!(trial.accept(&ann, "EURUSD").await.seq, Seq(6));
    assert_eq!(trial.store.verify().await.unwrap(), ChainState::Intact { entries: 12 });
}
