//! `/audit/`

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, Service, Setup, Trader};
use crate::orders::next_page;
use crate::wire::{is_id, is_time};

async fn all(alice: &Trader<'_>, limit: usize) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut next = Some(format!("/audit/?limit={limit}"));
    while let Some(path) = next {
        let answer = alice.call(Method::GET, &path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let page = answer.json();
        let page = page.as_array().unwrap();
        next = next_page(&answer);
        assert!(page.len() == limit || next.is_none(), "{path}");
        found.extend(page.iter().cloned());
    }
    found
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_life_of_an_order_reads_as_in_the_replaced_service() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let order = alice.order(BUY).await;
    stream.take(3).await;
    let mut entries = all(&alice, 1000).await;
    entries.reverse();
    let told: Vec<&str> =
        actions(&entries).into_iter().filter(|action| *action != "order_submitting").collect();
    let expected = [
        "account_created",
        "signal_received",
        "order_created",
        "order_submitted",
        "order_executed",
        "order_closed",
    ];
    assert_eq!(told, expected);
    for entry in &entries {
        let fields: Vec<&String> = entry.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["action", "at", "details", "id", "order_id"]);
        assert!(is_id(&entry["id"]) && is_time(&entry["at"]) && entry["details"].is_object(), "{entry}");
        let about_an_order = entry["action"].as_str().unwrap().starts_with("order_");
        assert_eq!(entry["order_id"], if about_an_order { json!(order) } else { Value::Null }, "{entry}");
    }
    assert_eq!(entries[1]["details"]["signal"], BUY);
}

#[tokio::test]
async fn every_page_size_shows_the_same_log_once_newest_first() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    for _ in 0..3 {
        alice.order(BUY).await;
        alice.signal("hello").await;
        stream.take(3).await;
    }
    let whole = all(&alice, 1000).await;
    let unique: BTreeSet<&str> = whole.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(unique.len(), whole.len());
    let times: Vec<&str> = whole.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.iter().rev().is_sorted(), "{times:?}");
    for (position, action) in actions(&whole).iter().enumerate() {
        if ["order_created", "signal_rejected"].contains(action) {
            assert_eq!(whole[position + 1]["action"], "signal_received");
        }
    }
    for limit in [1, 2, 3, 5, whole.len() - 1, whole.len(), whole.len() + 1] {
        assert_eq!(all(&alice, limit).await, whole, "{limit}");
    }
}

#[tokio::test]
async fn pages_stay_as_they_are_while_new_entries_come() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for _ in 0..3 {
        alice.signal("hello").await;
    }
    let before = all(&alice, 1000).await;
    let mut found = Vec::new();
    let mut next = Some("/audit/?limit=1".to_owned());
    while let Some(path) = next {
        let answer = alice.call(Method::GET, &path, None).await;
        next = next_page(&answer);
        found.extend(answer.json().as_array().unwrap().iter().cloned());
        alice.order(BUY).await;
    }
    assert_eq!(found, before);
}

#[tokio::test]
async fn a_full_page_of_the_largest_size_has_its_next() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let path = format!("/accounts/{}/", alice.account_id);
    // Changes of a policy are one item each, so that a page of a thousand is a thousand entries.
    for round in 0..17 {
        let patch = |number| json!({ "policy": { "aliases": { format!("A{round}.{number}"): "XAUUSD" } } });
        let changes = (0..60).map(|number| alice.call(Method::PATCH, &path, Some(patch(number))));
        for answer in join_all(changes).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
    let entries = all(&alice, 1000).await;
    assert_eq!(entries.len(), 17 * 60 + 1);
    assert_eq!(entries.last().unwrap()["action"], "account_created");
}

#[tokio::test]
async fn a_refusal_is_on_the_log_before_its_sender_is_told() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let answer = bob.call(Method::DELETE, &format!("/accounts/{}/", bob.account_id), None).await;
    assert_eq!(answer.status, 204);
    let named = |id: &str| json!({ "signal": BUY, "broker_account_id": id });
    for (trader, body, status) in [
        (&alice, json!({ "signal": "hello" }), 422),
        (&alice, json!({ "signal": "BUY EURUSD SL 1.09 TP 1.08" }), 422),
        (&alice, json!({ "signal": "BUY EURUSD TP 1.0890" }), 422),
        (&alice, named("nonsense"), 422),
        (&alice, named(&bob.account_id), 422),
        (&bob, named(&bob.account_id), 409),
        (&bob, json!({ "signal": BUY }), 409),
        (&bob, json!({ "signal": BUY, "format": "auto", "idempotency_key": "k" }), 409),
    ] {
        let answer = trader.call(Method::POST, "/webhook/receive-signal/", Some(body.clone())).await;
        let code = answer.refusal(status);
        let log = trader.get("/audit/?limit=2").await;
        assert_eq!(log[0]["action"], "signal_rejected", "{body}");
        assert_eq!(log[0]["details"]["code"], code.as_str());
        assert_eq!(log[0]["details"]["detail"], answer.json()["detail"]);
        assert_eq!(log[0]["order_id"], Value::Null);
        assert_eq!(log[1]["action"], "signal_received");
        assert_eq!(log[1]["details"]["signal"], body["signal"]);
        assert_eq!(log[1]["at"], log[0]["at"]);
    }
}
