//! Two nodes that serve the same users at the same time.

use std::sync::Arc;

use hookfill_domain::ids::{BrokerAccountId, UserId};
use hookfill_domain::manage::Command;
use hookfill_domain::signal::CancelSignal;
use hookfill_store::contract::{
    Trader, Trial, accepted, at, executed, happening, keyed, patient, submitting,
};
use hookfill_store::postgres::Options;
use hookfill_store::{
    Accepted, Linked, Made, Managed, NewAccount, NewCommand, Registered, Role, SharedStore, StoreError,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::scene::{OnServer, intact, leased, node, store, trial};

/// The node that works all orders, and another one that only takes them.
async fn two_nodes() -> (OnServer, Trial, [SharedStore; 2]) {
    let server = OnServer::fresh(false);
    let first = trial(server.database.url(), node(1)).await;
    let second: SharedStore = store(server.database.url(), Options { role: Role::Tool, ..node(2) }).await;
    let nodes = [Arc::clone(&first.store), second];
    (server, first, nodes)
}

/// Has orders accepted by both nodes at once, for the users in this order on the one and backwards on the other.
async fn accept_on_both(trial: &Trial, nodes: &[SharedStore; 2], traders: &[Trader], each: usize) {
    let mut accepts = JoinSet::new();
    for _ in 0..each {
        for (index, trader) in traders.iter().enumerate() {
            let (store, draft) = (Arc::clone(&nodes[0]), trial.draft(trader, "EURUSD"));
            accepts.spawn(async move { store.accept_signal(draft, patient()).await });
            let backwards = &traders[traders.len() - 1 - index];
            let (store, draft) = (Arc::clone(&nodes[1]), trial.draft(backwards, "GBPUSD"));
            accepts.spawn(async move { store.accept_signal(draft, patient()).await });
        }
    }
    for accepted in accepts.join_all().await {
        assert!(matches!(accepted, Ok(Accepted::Created(_))), "{accepted:?}");
    }
}

/// Numbers without gaps, each order once, and counts that agree.
async fn agrees(trial: &Trial, user_id: UserId, orders: usize) {
    let seen = trial.seen(user_id).await;
    let numbers: Vec<i64> = seen.events.iter().map(|shown| shown.seq.0).collect();
    assert_eq!(numbers, (1..=seen.head.0).collect::<Vec<_>>());
    assert_eq!(seen.orders.len(), orders);
    for (status, count) in hookfill_domain::wire::Status::ALL.into_iter().zip(seen.tally.by_status) {
        let listed = seen.orders.iter().filter(|order| order.status() == status).count();
        assert_eq!(usize::try_from(count).unwrap(), listed, "{status:?}");
    }
    let by_instrument: i64 = seen.tally.by_instrument.iter().map(|(_, count)| count).sum();
    assert_eq!(usize::try_from(by_instrument).unwrap(), orders);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_accept_for_one_user_without_a_gap_in_the_numbers() {
    let (_server, trial, nodes) = two_nodes().await;
    let ann = trial.register("ann").await;
    accept_on_both(&trial, &nodes, std::slice::from_ref(&ann), 150).await;
    agrees(&trial, ann.id, 300).await;
    assert_eq!(intact(&*trial.store).await, 301);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_over_the_same_users_in_other_orders_do_not_wait_for_each_other() {
    let (server, trial, nodes) = two_nodes().await;
    let mut traders = Vec::new();
    for number in 0..16 {
        traders.push(trial.register(&format!("trader {number}")).await);
    }
    accept_on_both(&trial, &nodes, &traders, 12).await;
    for trader in &traders {
        agrees(&trial, trader.id, 24).await;
    }
    intact(&*trial.store).await;
    let deadlocks = "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(server.database.psql(deadlocks), "|0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_on_both_nodes_makes_one_order() {
    let (_server, trial, nodes) = two_nodes().await;
    let ann = trial.register("ann").await;
    for key in 1..=20 {
        let accepts = nodes.clone().map(|store| {
            let mut draft = trial.draft(&ann, "EURUSD");
            draft.idempotency = Some(keyed(key, 1));
            let id = draft.order.id;
            tokio::spawn(async move { (id, store.accept_signal(draft, patient()).await.unwrap()) })
        });
        let [mut first, mut second] = [None, None];
        for (accept, slot) in accepts.into_iter().zip([&mut first, &mut second]) {
            *slot = Some(match accept.await.unwrap() {
                (id, Accepted::Created(_)) => (id, true),
                (_, Accepted::Remembered(known)) => match known.made {
                    Made::Order(id) => (id, false),
                    Made::Command { .. } => panic!("an order's key"),
                },
            });
        }
        let ((one, made_by_one), (other, made_by_other)) = (first.unwrap(), second.unwrap());
        assert!(one == other && made_by_one != made_by_other, "key {key}");
    }
    agrees(&trial, ann.id, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_name_on_both_nodes_makes_one_user() {
    let (server, trial, nodes) = two_nodes().await;
    let mut registrations = JoinSet::new();
    for number in 0..10 {
        for store in nodes.clone() {
            let registration = trial.registration(&format!("trader {number}"));
            registrations.spawn(async move { store.register(registration).await.unwrap() });
        }
    }
    let registered = registrations.join_all().await;
    let made = registered.iter().filter(|registered| matches!(registered, Registered::Created { .. }));
    assert_eq!(made.count(), 10);
    assert_eq!(server.database.psql("SELECT count(*) FROM users"), "10");
    assert_eq!(server.database.psql("SELECT count(*) FROM api_keys"), "10");
    assert_eq!(intact(&*trial.store).await, 10);
}

/// The ids of a user's accounts, in the order of the list and in the order of the log.
async fn linked(trial: &Trial, user_id: UserId) -> (Vec<String>, Vec<String>) {
    let seen = trial.seen(user_id).await;
    let logged = seen.entries.iter().rev().map(|entry| {
        let details: serde_json::Value = serde_json::from_slice(&entry.details).unwrap();
        details["broker_account_id"].as_str().unwrap().to_owned()
    });
    (seen.accounts.iter().map(|account| account.id.to_string()).collect(), logged.collect())
}

/// The second node's clock is behind, so its ids and times are lower.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_linked_at_both_nodes_are_listed_in_the_order_of_their_commits() {
    let (_server, trial, nodes) = two_nodes().await;
    let ann = trial.register("ann").await;
    for round in 0..4 {
        let mut linking = JoinSet::new();
        for number in 0..10 {
            for (node, store) in nodes.clone().into_iter().enumerate() {
                let mut account = trial.fresh_account();
                let behind = u128::try_from(node).unwrap() << 64;
                account.id = BrokerAccountId(Uuid::from_u128((1 << 100) + number + 100 * round - behind));
                let (user_id, second) = (ann.id, -60 * i64::try_from(node).unwrap());
                linking.spawn(async move { store.link_account(user_id, account, at(second)).await.unwrap() });
            }
        }
        linking.join_all().await;
    }
    let (listed, logged) = linked(&trial, ann.id).await;
    assert_eq!(listed, logged);
    assert_eq!(listed.len(), 81);
    intact(&*trial.store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_both_nodes_link_at_once_is_linked_once() {
    let (server, trial, nodes) = two_nodes().await;
    let ann = trial.register("ann").await;
    let mut linking = JoinSet::new();
    for _ in 0..10 {
        let first = trial.fresh_account();
        for store in nodes.clone().into_iter().chain(nodes.clone()) {
            let account = NewAccount { id: BrokerAccountId(trial.draw()), ..first.clone() };
            let user_id = ann.id;
            linking.spawn(async move { store.link_account(user_id, account, at(1)).await.unwrap() });
        }
    }
    let linked = linking.join_all().await;
    assert_eq!(linked.iter().filter(|linked| matches!(linked, Linked::Created(_))).count(), 10);
    assert_eq!(server.database.psql("SELECT count(*) FROM broker_accounts"), "11");
    assert_eq!(intact(&*trial.store).await, 11);
}

fn cancel_all(user_id: UserId) -> NewCommand {
    let signal = CancelSignal { instrument: None, side: None, reference: None, notes: Vec::new() };
    let (command, details) = (Command::Cancel(signal), serde_json::Map::new());
    NewCommand { user_id, account_id: None, command, idempotency: None, details, at: at(25) }
}

/// The first node works orders while the second has commands to cancel whatever is pending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_on_one_node_meet_the_work_of_the_other() {
    let (_server, trial, nodes) = two_nodes().await;
    let ann = trial.register("ann").await;
    let mut works = JoinSet::new();
    for _ in 0..30 {
        let order = trial.accept(&ann, "EURUSD").await;
        let leased = leased(&*trial.store, &order).await.unwrap();
        let [worker, other] = nodes.clone();
        works.spawn(async move {
            for change in [submitting(), accepted(30), executed(30)] {
                match worker.record(&leased, happening(20, vec![change])).await {
                    Ok(_) | Err(StoreError::Illegal(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        let user_id = ann.id;
        works.spawn(async move {
            let managed = other.manage(cancel_all(user_id), patient()).await.unwrap();
            assert!(matches!(managed, Managed::Touched { .. } | Managed::Refused(_)), "{managed:?}");
        });
    }
    works.join_all().await;
    agrees(&trial, ann.id, 30).await;
    for order in trial.seen(ann.id).await.orders {
        let history = trial.history(ann.id, order.id).await;
        let mut words: Vec<_> = history.iter().map(|entry| entry.action.as_str()).collect();
        let steps = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), steps, "each step once: {words:?}");
    }
    intact(&*trial.store).await;
}
