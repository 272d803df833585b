//! What holds of lists of orders and of the counts over them.

use hookfill_domain::ids::{OrderId, Seq};
use hookfill_domain::lifecycle::Change;
use hookfill_domain::order::Order;
use hookfill_domain::wire::Status;
use tokio::task::JoinSet;

use super::trial::{Trader, Trial, accepted, closed, executed, patient, submitting};
use crate::{MAX_PAGE, MAX_SCAN, OrderQuery, Page, Tally};

async fn page(trial: &Trial, trader: &Trader, query: &OrderQuery) -> Page<Order, Seq> {
    trial.store.orders(trader.id, query.clone()).await.unwrap()
}

fn ids(orders: &[Order]) -> Vec<OrderId> {
    orders.iter().map(|order| order.id).collect()
}

/// By acceptance: a later change moves nothing.
pub async fn orders_are_listed_newest_first(trial: Trial) {
    let ann = trial.register("ann").await;
    let first = trial.accept(&ann, "EURUSD").await;
    let second = trial.accept(&ann, "XAUUSD").await;
    trial.record(&first, 20, vec![submitting(), accepted(30)]).await;
    let all = page(&trial, &ann, &OrderQuery { limit: 10, ..OrderQuery::default() }).await;
    assert_eq!((ids(&all.items), all.next), (vec![second.id, first.id], None));
}

/// The cursor is a place in the history, so what comes in at its head shifts nothing.
pub async fn pages_neither_repeat_nor_skip_while_orders_come_in(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(trial.accept(&ann, "EURUSD").await.id);
    }
    expected.reverse();
    let mut query = OrderQuery { limit: 3, ..OrderQuery::default() };
    let mut listed = Vec::new();
    let mut pages = 0;
    loop {
        let Page { items, next } = page(&trial, &ann, &query).await;
        pages += 1;
        assert!(items.len() <= 3);
        listed.extend(ids(&items));
        trial.accept(&ann, "EURUSD").await;
        let Some(before) = next else { break };
        query.before = Some(before);
    }
    assert_eq!((listed, pages), (expected, 3));
}

/// A page that ends at the last order has no next one.
pub async fn the_last_page_says_so(trial: Trial) {
    let ann = trial.register("ann").await;
    for _ in 0..4 {
        trial.accept(&ann, "EURUSD").await;
    }
    for (limit, next) in [(3, true), (4, false), (5, false)] {
        for instrument in [None, Some("EURUSD".parse().unwrap())] {
            let query = OrderQuery { limit, instrument, ..OrderQuery::default() };
            assert_eq!(page(&trial, &ann, &query).await.next.is_some(), next, "{query:?}");
        }
    }
    let bob = trial.register("bob").await;
    let none = page(&trial, &bob, &OrderQuery { limit: 5, ..OrderQuery::default() }).await;
    assert_eq!(none, Page { items: vec![], next: None });
}

/// Status and instrument and place, all at once.
pub async fn filters_combine(trial: Trial) {
    let ann = trial.register("ann").await;
    let mut orders = Vec::new();
    for turn in 0..8 {
        let order = trial.accept(&ann, if turn % 2 == 0 { "EURUSD" } else { "XAUUSD" }).await;
        let changes = vec![submitting(), executed(30)];
        orders.push(if turn < 4 { trial.record(&order, 20, changes).await } else { order });
    }
    orders.reverse();
    for status in [None, Some(Status::Executed), Some(Status::Pending), Some(Status::Expired)] {
        for instrument in [None, Some("XAUUSD".parse().unwrap()), Some("XAUUS".parse().unwrap())] {
            for before in [None, Some(orders[3].seq)] {
                let query = OrderQuery { before, status, instrument: instrument.clone(), limit: 10 };
                let wanted = orders.iter().filter(|order| {
                    status.is_none_or(|status| order.status() == status)
                        && instrument.as_ref().is_none_or(|wanted| order.terms.instrument == *wanted)
                        && before.is_none_or(|before| order.seq < before)
                });
                let wanted: Vec<Order> = wanted.cloned().collect();
                assert_eq!(page(&trial, &ann, &query).await.items, wanted, "{query:?}");
            }
        }
    }
}

/// Accepts this many orders of EURUSD.
pub(super) async fn accept_many(trial: &Trial, trader: &Trader, count: usize) {
    for wave in 0..count.div_ceil(500) {
        let mut asking = JoinSet::new();
        for _ in 0..(count - wave * 500).min(500) {
            let (store, new) = (trial.store.clone(), trial.draft(trader, "EURUSD"));
            asking.spawn(async move { store.accept_signal(new, patient()).await.unwrap() });
        }
        asking.join_all().await;
    }
}

/// No page costs more than a look at so many orders: it comes back short, and says where to go on.
pub async fn a_filtered_page_looks_at_a_bounded_number_of_orders(trial: Trial) {
    let ann = trial.register("ann").await;
    let rare = [trial.accept(&ann, "XAUUSD").await.id, trial.accept(&ann, "XAUUSD").await.id];
    accept_many(&trial, &ann, MAX_SCAN).await;
    let instrument = Some("XAUUSD".parse().unwrap());
    let mut query = OrderQuery { instrument, limit: 10, ..OrderQuery::default() };
    let short = page(&trial, &ann, &query).await;
    assert_eq!((ids(&short.items), short.next), (vec![], Some(Seq(3))));
    query.before = short.next;
    let rest = page(&trial, &ann, &query).await;
    assert_eq!((ids(&rest.items), rest.next), (vec![rare[1], rare[0]], None));

    let all = page(&trial, &ann, &OrderQuery { limit: usize::MAX, ..OrderQuery::default() }).await;
    assert_eq!(all.items.len(), MAX_PAGE);
}

/// Each order counts once, under the status that it has; what was traded counts whatever became of it.
pub async fn counts_follow_an_order_through_its_whole_life(trial: Trial) {
    let ann = trial.register("ann").await;
    assert_eq!(trial.store.tally(ann.id).await.unwrap(), Tally::default());
    let order = trial.accept(&ann, "EURUSD").await;
    let lives = [
        (vec![submitting(), accepted(30)], [1, 0, 0, 0, 0, 0]),
        (vec![executed(30)], [0, 1, 0, 0, 0, 0]),
        (vec![Change::CloseRequested], [0, 1, 0, 0, 0, 0]),
        (vec![closed(40)], [0, 0, 1, 0, 0, 0]),
    ];
    for (changes, by_status) in lives {
        trial.record(&order, 20, changes).await;
        assert_eq!(trial.store.tally(ann.id).await.unwrap().by_status, by_status);
    }
    let ends = [
        (vec![submitting(), Change::Canceled], [0, 0, 1, 1, 0, 0]),
        (vec![submitting(), Change::Rejected { reason: "no".to_owned() }], [0, 0, 1, 1, 1, 0]),
        (vec![Change::Expired { reason: "old".to_owned() }], [0, 0, 1, 1, 1, 1]),
        (vec![submitting(), executed(30), closed(40)], [0, 0, 2, 1, 1, 1]),
    ];
    for (changes, by_status) in ends {
        let order = trial.accept(&ann, "XAUUSD").await;
        trial.record(&order, 20, changes).await;
        assert_eq!(trial.store.tally(ann.id).await.unwrap().by_status, by_status);
    }
    let by_instrument = trial.store.tally(ann.id).await.unwrap().by_instrument;
    assert_eq!(by_instrument, [("XAUUSD".to_owned(), 4), ("EURUSD".to_owned(), 1)]);
}

/// Both counts are of one moment: they have the same total.
pub async fn counts_agree_while_orders_come_in(trial: Trial) {
    let ann = trial.register("ann").await;
    let (store, user_id) = (trial.store.clone(), ann.id);
    let counting = tokio::spawn(async move {
        loop {
            let Tally { by_status, by_instrument } = store.tally(user_id).await.unwrap();
            let total: i64 = by_status.iter().sum();
            assert_eq!(by_instrument.iter().map(|(_, count)| count).sum::<i64>(), total);
            if total == 400 {
                return;
            }
        }
    });
    for _ in 0..400 {
        trial.accept(&ann, "EURUSD").await;
    }
    counting.await.unwrap();
}
