//! What holds of signals, of the orders made of them, and of what users ask of those.

use std::time::Duration;

use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::{OrderId, Seq, SourceId, UserId};
use hookfill_domain::lifecycle::Change;
use hookfill_domain::money::Price;
use hookfill_domain::order::{Order, OrderType};
use hookfill_domain::signal::{Amount, Entry, Unit};
use hookfill_domain::wire::Status;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::trial::{Trader, Trial, accepted, at, executed, keyed, patient, submitting};
use crate::{Accepted, MAX_PAGE, Made, Patience, Refusal, Remembered, Request, Requested, StoreError};

/// Once the caller hears of it, all of it is there.
pub async fn an_accepted_order_is_stored_with_its_event_its_entry_and_its_count(trial: Trial) {
    let ann = trial.register("ann").await;
    let new = trial.draft(&ann, "EURUSD");
    let taken = trial.store.accept_signal(new.clone(), patient()).await.unwrap();
    assert_eq!(taken, Accepted::Created(Seq(1)));
    let stored = Order { seq: Seq(1), ..new.order };
    assert_eq!(trial.store.order(ann.id, stored.id).await.unwrap(), Some(stored.clone()));

    let seen = trial.seen(ann.id).await;
    assert_eq!((&seen.orders, seen.head), (&vec![stored.clone()], Seq(1)));
    assert_eq!(seen.tally.by_status, [1, 0, 0, 0, 0, 0]);
    assert_eq!(seen.tally.by_instrument, [("EURUSD".to_owned(), 1)]);
    let entry = &seen.entries[0];
    assert_eq!(
        (entry.action, entry.order_id, entry.at),
        (AuditAction::OrderCreated, Some(stored.id), at(10))
    );
    assert_eq!(entry.details, new.details);

    let message = &seen.events[0].message;
    assert_eq!(entry.message.as_deref(), Some(message.as_bytes()));
    let message: serde_json::Value = serde_json::from_str(message).unwrap();
    assert_eq!(message["type"], "order.pending");
    assert_eq!((&message["seq"], &message["user"]), (&1.into(), &"ann".into()));
    assert_eq!(message["order_id"], stored.id.to_string());
}

/// Numbers are 1, 2, 3 … for each user, and no two orders share one.
pub async fn numbers_have_no_gaps_however_many_accept_at_once(trial: Trial) {
    let mut traders = Vec::new();
    for name in ["ann", "bob", "eve", "joe"] {
        traders.push(trial.register(name).await);
    }
    let mut asking = JoinSet::new();
    for turn in 0..200 {
        let (store, new) = (trial.store.clone(), trial.draft(&traders[turn % 4], "EURUSD"));
        asking.spawn(async move {
            let (user_id, id) = (new.order.user_id, new.order.id);
            (user_id, store.accept_signal(new, patient()).await.unwrap(), id)
        });
    }
    let answers = asking.join_all().await;
    for trader in traders {
        let mut given: Vec<(i64, OrderId)> = Vec::new();
        for (user_id, accepted, id) in &answers {
            let Accepted::Created(seq) = accepted else { panic!("{accepted:?}") };
            if *user_id == trader.id {
                given.push((seq.0, *id));
            }
        }
        given.sort_unstable();
        assert_eq!(given.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
        let seen = trial.seen(trader.id).await;
        assert_eq!(
            seen.events.iter().map(|event| event.seq.0).collect::<Vec<_>>(),
            (1..=50).collect::<Vec<_>>()
        );
        let listed: Vec<_> = seen.orders.iter().rev().map(|order| (order.seq.0, order.id)).collect();
        assert_eq!(listed, given);
        assert_eq!(seen.tally.by_status[0], 50);
    }
}

/// The same key and body again is the same request; the same key with another body is a mistake.
pub async fn a_repeated_key_gives_the_first_order(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut first = trial.draft(&ann, "EURUSD");
    first.idempotency = Some(keyed(1, 1));
    assert_eq!(trial.store.remembered(ann.id, keyed(1, 1)).await.unwrap(), None);
    trial.store.accept_signal(first.clone(), patient()).await.unwrap();
    let before = trial.seen(ann.id).await;
    for (body, same_body) in [(1, true), (2, false)] {
        let known = Remembered { made: Made::Order(first.order.id), same_body };
        let mut again = trial.draft(&ann, "EURUSD");
        again.idempotency = Some(keyed(1, body));
        assert_eq!(
            trial.store.accept_signal(again, patient()).await.unwrap(),
            Accepted::Remembered(known.clone())
        );
        assert_eq!(trial.store.remembered(ann.id, keyed(1, body)).await.unwrap(), Some(known));
    }
    assert_eq!(trial.seen(ann.id).await, before);
}

/// However many come at the same moment.
pub async fn many_requests_with_one_key_make_one_order(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut asking = JoinSet::new();
    for _ in 0..64 {
        let (store, mut new) = (trial.store.clone(), trial.draft(&ann, "EURUSD"));
        new.idempotency = Some(keyed(1, 1));
        asking.spawn(async move { store.accept_signal(new, patient()).await.unwrap() });
    }
    let answers = asking.join_all().await;
    let seen = trial.seen(ann.id).await;
    let [order] = &seen.orders[..] else { panic!("{} orders", seen.orders.len()) };
    let created = answers.iter().filter(|answer| **answer == Accepted::Created(Seq(1))).count();
    let known = Accepted::Remembered(Remembered { made: Made::Order(order.id), same_body: true });
    let remembered = answers.iter().filter(|answer| **answer == known).count();
    assert_eq!((created, remembered), (1, 63));
    assert_eq!((seen.events.len(), seen.tally.by_status[0]), (1, 1));
}

/// What one user sends never answers another.
pub async fn an_idempotency_key_belongs_to_one_user(trial: Trial) {
    for name in ["ann", "bob"] {
        let trader = trial.register(name).await;
        let mut new = trial.draft(&trader, "EURUSD");
        new.idempotency = Some(keyed(1, 1));
        let taken = trial.store.accept_signal(new, patient()).await.unwrap();
        assert_eq!(taken, Accepted::Created(Seq(1)), "{name}");
    }
}

/// Without a key nothing is taken for a repetition.
pub async fn equal_orders_without_a_key_are_two_orders(trial: Trial) {
    let ann = trial.register("ann").await;
    let (first, second) = (trial.accept(&ann, "EURUSD").await, trial.accept(&ann, "EURUSD").await);
    assert_eq!((first.seq, second.seq), (Seq(1), Seq(2)));
}

/// Never through floating point, and no zero is lost at the end.
pub async fn prices_come_back_with_their_very_digits(trial: Trial) {
    let ann = trial.register("ann").await;
    let price = |text: &str| text.parse::<Price>().unwrap();
    let entries = [
        Entry::Market,
        Entry::At(price("999999999999.999999999999")),
        Entry::Zone(price("1.0800"), price("1.08600")),
        Entry::Ladder(vec![price("0.000000000001"), price("0.10"), price("60000.000")]),
    ];
    for entry in entries {
        let mut new = trial.draft(&ann, "EURUSD");
        let terms = &mut new.order.terms;
        terms.order_type = if entry == Entry::Market { OrderType::Market } else { OrderType::Limit };
        terms.entry = entry;
        terms.quantity = Some(Amount { value: "0.10".parse().unwrap(), unit: Unit::Lots });
        terms.valid_until = Some(at(99));
        new.order.bracket.stop_loss = Some(price("1.0850"));
        new.order.bracket.take_profits = vec![price("1950.00"), price("1950.000")];
        trial.store.accept_signal(new.clone(), patient()).await.unwrap();
        let stored = trial.store.order(ann.id, new.order.id).await.unwrap().unwrap();
        // Equal numbers with unlike zeros are equal, so the texts are compared.
        let texts = |order: &Order| format!("{:?} {:?}", order.terms, order.bracket);
        assert_eq!(texts(&stored), texts(&new.order));
        assert!(trial.seen(ann.id).await.events.last().unwrap().message.contains(r#""stop_loss":"1.0850""#));
    }
}

/// The sender is told no only after the log knows; the stream never hears of it.
pub async fn a_refused_signal_is_journaled_and_takes_no_number(trial: Trial) {
    let ann = trial.register("ann").await;
    trial.accept(&ann, "EURUSD").await;
    let details = br#"{"signal":"BUY","code":"missing_instrument"}"#.to_vec();
    let refusal = Refusal { user_id: ann.id, at: at(20), details: details.clone() };
    trial.store.refuse_signal(refusal, patient()).await.unwrap();
    let seen = trial.seen(ann.id).await;
    let entry = &seen.entries[0];
    assert_eq!((entry.action, entry.at, &entry.details), (AuditAction::SignalRejected, at(20), &details));
    assert_eq!((entry.order_id, &entry.message), (None, &None));
    assert_eq!((seen.head, seen.events.len(), seen.orders.len()), (Seq(1), 1, 1));
    assert_eq!(trial.accept(&ann, "EURUSD").await.seq, Seq(2));
}

/// What the caller is told at a deadline is the truth: withdrawn is not stored, now or later.
pub async fn what_is_withdrawn_at_its_deadline_is_not_stored(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut asking = JoinSet::new();
    for turn in 0..200 {
        let (store, new) = (trial.store.clone(), trial.draft(&ann, "EURUSD"));
        let deadline = Instant::now() + Duration::from_micros(turn * 20);
        asking
            .spawn(async move { (new.order.id, store.accept_signal(new, Patience::until(deadline)).await) });
    }
    let answers = asking.join_all().await;
    // Whatever still waited has been decided once a later write is.
    let last = trial.accept(&ann, "EURUSD").await;
    let mut sure = 0;
    for (id, answer) in answers {
        let stored = trial.store.order(ann.id, id).await.unwrap();
        match answer {
            Ok(Accepted::Created(seq)) => assert_eq!(stored.map(|order| order.seq), Some(seq)),
            Err(StoreError::Unavailable(_)) => assert_eq!(stored, None),
            Err(StoreError::OutcomeUnknown) => {}
            other => panic!("{other:?}"),
        }
        sure += i64::from(trial.store.order(ann.id, id).await.unwrap().is_some());
    }
    assert_eq!(last.seq, Seq(sure + 1));
}

/// A user who does not exist has no order, and makes no other write fail.
pub async fn an_order_of_nobody_is_refused(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut nobodys = trial.draft(&ann, "EURUSD");
    nobodys.order.user_id = UserId(ann.id.0 + 1_000_000);
    let ours = trial.draft(&ann, "EURUSD");
    let (refused, taken) = tokio::join!(
        trial.store.accept_signal(nobodys, patient()),
        trial.store.accept_signal(ours, patient())
    );
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    assert_eq!(taken, Ok(Accepted::Created(Seq(1))));
}

/// Neither by its id, nor in a list, nor by what can be asked of it.
pub async fn another_users_order_is_not_there(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let order = trial.accept(&ann, "EURUSD").await;
    let before = trial.seen(ann.id).await;
    for id in [order.id, OrderId(trial.draw())] {
        assert_eq!(trial.store.order(bob.id, id).await.unwrap(), None);
        assert_eq!(trial.store.history(bob.id, id, None, MAX_PAGE).await.unwrap(), None);
        for asked in [Request::Cancel, Request::Close] {
            let answer = trial.store.request(bob.id, id, asked, at(20)).await.unwrap();
            assert_eq!(answer, Requested::NotFound);
        }
    }
    assert_eq!((trial.seen(bob.id).await.orders, trial.seen(ann.id).await), (vec![], before));
}

/// An order in the state that a request asks for: pending or executed.
async fn ready(trial: &Trial, trader: &Trader, asked: Request) -> Order {
    let order = trial.accept(trader, "EURUSD").await;
    let mut changes = vec![submitting(), accepted(30)];
    if asked == Request::Close {
        changes.push(executed(30));
    }
    trial.record(&order, 20, changes).await
}

/// The request outlives the process that took it; asking again is no second request.
pub async fn a_request_is_stored_once(trial: Trial) {
    let ann = trial.register("ann").await;
    for (asked, reason) in [(Request::Cancel, "cancel_requested"), (Request::Close, "close_requested")] {
        let order = ready(&trial, &ann, asked).await;
        let answer = trial.store.request(ann.id, order.id, asked, at(25)).await.unwrap();
        let Requested::Stored(stored) = answer else { panic!("{answer:?}") };
        assert_eq!(
            (stored.reason(), stored.due_at, stored.status()),
            (Some(reason), Some(at(25)), order.status())
        );
        let before = trial.seen(ann.id).await;
        assert!(before.orders.contains(&stored));
        assert_eq!(before.head.0, i64::try_from(before.events.len()).unwrap());
        assert_eq!(before.entries[0].message, None, "a request is an internal step");

        let again = trial.store.request(ann.id, order.id, asked, at(26)).await.unwrap();
        assert_eq!(again, Requested::Stored(stored));
        assert_eq!(trial.seen(ann.id).await, before);
    }
}

/// The caller is given the order as it is, to say why.
pub async fn a_request_that_the_status_does_not_allow_changes_nothing(trial: Trial) {
    let ann = trial.register("ann").await;
    let pending = ready(&trial, &ann, Request::Cancel).await;
    let filled = ready(&trial, &ann, Request::Close).await;
    let lost = ready(&trial, &ann, Request::Cancel).await;
    let lost = trial.record(&lost, 30, vec![Change::Rejected { reason: "no margin".to_owned() }]).await;
    assert_eq!(lost.status(), Status::Rejected);
    let before = trial.seen(ann.id).await;
    let wrong = [
        (pending, Request::Close),
        (filled, Request::Cancel),
        (lost.clone(), Request::Cancel),
        (lost, Request::Close),
    ];
    for (order, asked) in wrong {
        let answer = trial.store.request(ann.id, order.id, asked, at(40)).await.unwrap();
        assert_eq!(answer, Requested::WrongStatus(order));
    }
    assert_eq!(trial.seen(ann.id).await, before);
}

/// Where an order goes and where it came from are kept as they were given.
pub async fn an_order_keeps_its_account_and_its_source(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut new = trial.draft(&ann, "EURUSD");
    let source = SourceId(trial.draw());
    let account = trial.link(ann.id, trial.fresh_account(), at(1)).await;
    (new.order.source_id, new.order.broker_account_id) = (Some(source), account.id);
    trial.store.accept_signal(new.clone(), patient()).await.unwrap();
    let stored = trial.store.order(ann.id, new.order.id).await.unwrap().unwrap();
    assert_eq!((stored.source_id, stored.broker_account_id), (Some(source), account.id));
}
