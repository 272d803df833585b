//! What holds of the work on orders: what is due, and what is recorded of it.

use std::collections::HashSet;

use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::Seq;
use hookfill_domain::lifecycle::{Change, OrderState};
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::Status;
use tokio::task::JoinSet;

use super::trial::{LATE, Trial, accepted, at, closed, executed, happening, submitting};
use crate::{Request, StoreError};

/// A whole life in one record: each shown change has a number of its own.
pub async fn events_recorded_together_are_all_kept_in_their_order(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let changes = vec![submitting(), accepted(30), executed(30), closed(40)];
    let recorded = trial.record(&order, 20, changes).await;
    assert_eq!((recorded.status(), recorded.due_at, recorded.updated_at), (Status::Closed, None, at(20)));
    let seen = trial.seen(ann.id).await;
    assert_eq!((&seen.orders, seen.head, seen.events.len()), (&vec![recorded], Seq(3), 3));
    let places: Vec<_> =
        seen.entries.iter().rev().skip(1).map(|entry| (entry.place.seq.0, entry.place.step)).collect();
    assert_eq!(places, [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0)]);
}

/// All or none: what came before it in the same record is not kept either.
pub async fn an_event_that_cannot_happen_leaves_nothing_behind(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let leased = trial.lease(&order).await;
    let before = trial.seen(ann.id).await;
    for changes in [vec![closed(20)], vec![submitting(), executed(20), submitting()]] {
        let events = happening(20, changes);
        let refused = trial.store.record(&leased, events).await;
        assert!(matches!(refused, Err(StoreError::Illegal(_))), "{refused:?}");
        assert_eq!(trial.seen(ann.id).await, before);
    }
    trial.accept(&ann, "EURUSD").await;
    let told = trial.recorder.shown(ann.id, 2).await;
    assert_eq!(told, trial.seen(ann.id).await.events);
    assert_eq!(told.len(), 2);
}

/// And makes nothing fail that is written beside it.
pub async fn an_event_that_cannot_happen_fails_alone(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut asking = JoinSet::new();
    for turn in 0..60 {
        let order = trial.accept(&ann, "EURUSD").await;
        let (store, leased) = (trial.store.clone(), trial.lease(&order).await);
        let changes =
            if turn % 3 == 0 { vec![submitting(), closed(20)] } else { vec![submitting(), executed(20)] };
        asking.spawn(async move { (turn, store.record(&leased, happening(20, changes)).await) });
    }
    for (turn, answer) in asking.join_all().await {
        assert_eq!(answer.is_ok(), turn % 3 != 0, "{turn}: {answer:?}");
    }
    let seen = trial.seen(ann.id).await;
    assert_eq!((seen.head, seen.tally.by_status), (Seq(100), [20, 40, 0, 0, 0, 0]));
}

/// The stream has an order's life as pending, executed, closed; the rest is for its history.
pub async fn internal_steps_take_no_number(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let lost = Change::AnswerLost { why: "a reset".to_owned(), check_again_at: at(30) };
    for change in [submitting(), lost, accepted(30)] {
        trial.record(&order, 20, vec![change]).await;
    }
    trial.store.request(ann.id, order.id, Request::Cancel, at(21)).await.unwrap();
    let refused = Change::CancelRefused { why: "too late".to_owned(), check_again_at: at(30) };
    trial.record(&order, 22, vec![refused]).await;
    let seen = trial.seen(ann.id).await;
    assert_eq!((seen.head, seen.events.len(), seen.entries.len()), (Seq(1), 1, 7));
    trial.record(&order, 23, vec![executed(23)]).await;
    assert_eq!(trial.store.head(ann.id).await.unwrap(), Seq(2));
}

/// Between the look and the record a user may have asked for something: that is not overwritten.
pub async fn events_are_applied_to_the_order_as_it_is_stored(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    trial.record(&order, 20, vec![submitting()]).await;
    let leased = trial.lease(&order).await;
    trial.store.request(ann.id, order.id, Request::Cancel, at(21)).await.unwrap();
    let recorded = trial.store.record(&leased, happening(22, vec![accepted(30)])).await.unwrap();
    assert_eq!(recorded.reason(), Some("cancel_requested"));
    assert_eq!(trial.store.order(ann.id, order.id).await.unwrap(), Some(recorded));
}

/// A fill after a cancel is real money: a finished order can still be told of it.
pub async fn a_finished_order_takes_a_late_fill(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let leased = trial.lease(&order).await;
    trial.store.record(&leased, happening(20, vec![submitting(), Change::Canceled])).await.unwrap();
    assert!(trial.store.due(at(LATE), 10, &HashSet::new()).await.unwrap().is_empty());
    let filled = trial.store.record(&leased, happening(30, vec![executed(30)])).await.unwrap();
    assert_eq!((filled.state(), filled.due_at), (OrderState::Filled, Some(at(40))));
    assert_eq!(trial.store.due(at(LATE), 10, &HashSet::new()).await.unwrap().len(), 1);
}

/// At its very microsecond and not before, the longest due first, no more than asked for.
pub async fn an_order_is_due_when_its_time_has_come(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let mut ids = Vec::new();
    for (trader, second) in [(&ann, 300), (&bob, 100), (&ann, 200)] {
        let order = trial.accept(trader, "EURUSD").await;
        trial.record(&order, 20, vec![submitting(), accepted(second)]).await;
        ids.push(order.id);
    }
    let over = trial.accept(&bob, "EURUSD").await;
    trial.record(&over, 20, vec![Change::Expired { reason: "old".to_owned() }]).await;
    let due = async |now, limit| -> Vec<_> {
        let due = trial.store.due(now, limit, &HashSet::new()).await.unwrap();
        due.into_iter().map(|leased| leased.order.id).collect()
    };
    let just_before = Timestamp::from_micros(at(200).as_micros() - 1);
    assert_eq!(due(at(99), 10).await, []);
    assert_eq!(due(just_before, 10).await, [ids[1]]);
    assert_eq!(due(at(200), 10).await, [ids[1], ids[2]]);
    assert_eq!(due(at(LATE), 10).await, [ids[1], ids[2], ids[0]]);
    assert_eq!(due(at(LATE), 2).await, [ids[1], ids[2]]);
}

/// What is being worked is not handed out again, and takes nobody's place.
pub async fn what_is_busy_is_passed_over(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(trial.accept(&ann, "EURUSD").await);
    }
    let busy: HashSet<_> = orders[..3].iter().map(|order| (order.user_id, order.seq)).collect();
    for (limit, expected) in [(1, &orders[3..4]), (10, &orders[3..])] {
        let due = trial.store.due(at(LATE), limit, &busy).await.unwrap();
        assert_eq!(
            due.iter().map(|leased| leased.order.id).collect::<Vec<_>>(),
            expected.iter().map(|o| o.id).collect::<Vec<_>>()
        );
    }
}

/// The engine sleeps until then, so it must be the earliest of all, and told when an earlier one comes.
pub async fn the_next_due_time_is_the_earliest(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), None);
    let first = trial.accept(&ann, "EURUSD").await;
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), Some(at(10)));
    assert_eq!(trial.store.next_due(at(10)).await.unwrap(), None, "it is due already");
    trial.recorder.due(at(10)).await;
    trial.record(&first, 20, vec![submitting(), accepted(300)]).await;
    trial.recorder.due(at(300)).await;
    let second = trial.accept(&bob, "EURUSD").await;
    trial.record(&second, 20, vec![submitting(), accepted(100)]).await;
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), Some(at(100)));
    trial.record(&second, 100, vec![Change::Canceled]).await;
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), Some(at(300)));
    trial.record(&first, 300, vec![Change::Canceled]).await;
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), None);
}

/// Nothing has changed, so nothing but the time is written.
pub async fn a_postponed_order_is_due_later_and_no_entry_says_so(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let before = trial.seen(ann.id).await;
    let leased = trial.lease(&order).await;
    trial.store.postpone(&leased, at(500)).await.unwrap();
    assert_eq!(trial.store.due(at(499), 10, &HashSet::new()).await.unwrap(), []);
    assert_eq!(trial.store.next_due(at(0)).await.unwrap(), Some(at(500)));
    trial.recorder.due(at(500)).await;
    let mut after = trial.seen(ann.id).await;
    assert_eq!(after.orders[0].due_at.replace(at(10)), Some(at(500)));
    assert_eq!(after, before);
}

/// A request is due at once, whatever the engine had found before it came.
pub async fn postponing_gives_way_to_a_request_that_came_meanwhile(trial: Trial) {
    let ann = trial.register("ann").await;
    // Also when it came at the very time at which the order was due.
    for second in [25, 30] {
        let order = trial.accept(&ann, "EURUSD").await;
        trial.record(&order, 20, vec![submitting(), accepted(30)]).await;
        let leased = trial.lease(&order).await;
        trial.store.request(ann.id, order.id, Request::Cancel, at(second)).await.unwrap();
        trial.store.postpone(&leased, at(500)).await.unwrap();
        let stored = trial.store.order(ann.id, order.id).await.unwrap().unwrap();
        assert_eq!((stored.due_at, stored.reason()), (Some(at(second)), Some("cancel_requested")));
    }
}

/// Each step is on the log under its own word.
pub async fn each_recorded_step_is_audited_under_its_word(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = trial.accept(&ann, "EURUSD").await;
    let changes = vec![submitting(), accepted(30), executed(30)];
    for change in changes {
        let action = AuditAction::from(&change);
        let details = serde_json::to_vec(&change).unwrap();
        trial.record(&order, 20, vec![change]).await;
        let entries = trial.store.entries(ann.id, None, 1).await.unwrap();
        assert_eq!((entries[0].action, &entries[0].details), (action, &details));
    }
}

/// Readiness asks whether the store takes writes; the question leaves no trace for anybody to see.
pub async fn a_probe_is_seen_by_nobody(trial: Trial) {
    let ann = trial.register("ann").await;
    let before = (trial.seen(ann.id).await, trial.store.credentials_revision().await.unwrap());
    trial.store.probe().await.unwrap();
    assert_eq!((trial.seen(ann.id).await, trial.store.credentials_revision().await.unwrap()), before);
}
