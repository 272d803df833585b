//! `/orders/{id}/cancel/` and `/orders/{id}/close/`

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookfill::broker::{Answer, Broker, MockBroker};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use http::Method;
use serde_json::json;

use crate::harness::{self, BUY, NEVER, Service, Setup, Trader};

async fn ask(alice: &Trader<'_>, id: &str, what: &str) -> harness::Answer {
    alice.call(Method::POST, &format!("/orders/{id}/{what}/"), None).await
}

#[tokio::test]
async fn a_pending_order_is_canceled_once() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    assert_eq!(ask(&alice, &id, "close").await.refusal(409), "order_not_executed");
    let answer = ask(&alice, &id, "cancel").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.json()["status"], &answer.json()["id"]), (&json!("canceled"), &json!(id)));
    assert_eq!(answer.json(), alice.get(&format!("/orders/{id}/")).await);
    assert_eq!(stream.take(2).await, [("order.pending".to_owned(), 1), ("order.canceled".to_owned(), 2)]);
    assert_eq!(ask(&alice, &id, "cancel").await.refusal(409), "order_not_pending");
    assert_eq!(ask(&alice, &id, "close").await.refusal(409), "order_not_executed");
    let audit = alice.get("/audit/").await.to_string();
    assert!(audit.contains("order_cancel_requested") && audit.contains("order_canceled"), "{audit}");
}

#[tokio::test]
async fn an_executed_order_is_closed_once() {
    let service = Setup::default().delays("0ms", NEVER).start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    stream.take(2).await;
    assert_eq!(ask(&alice, &id, "cancel").await.refusal(409), "order_not_pending");
    let answer = ask(&alice, &id, "close").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let order = answer.json();
    assert_eq!(order["status"], "closed");
    assert!(order["executed_at"].as_str() <= order["closed_at"].as_str(), "{order}");
    assert_eq!(stream.take(1).await, [("order.closed".to_owned(), 3)]);
    assert_eq!(ask(&alice, &id, "close").await.refusal(409), "order_not_executed");
}

/// A broker that does as the mock does, save that it never answers a cancel or a close.
struct Silent(MockBroker);

#[async_trait]
impl Broker for Silent {
    fn fix(&self) -> String {
        self.0.fix()
    }
    async fn submit(&self, order: &Order, now: Timestamp) -> Answer {
        self.0.submit(order, now).await
    }
    async fn query(&self, order: &Order, now: Timestamp) -> Answer {
        self.0.query(order, now).await
    }
    async fn cancel(&self, _order: &Order, _now: Timestamp) -> Answer {
        std::future::pending().await
    }
    async fn close(&self, _order: &Order, _now: Timestamp) -> Answer {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_the_broker_has_not_confirmed_in_two_seconds_is_202_and_stored() {
    let hour = Duration::from_secs(3600);
    let silent = |execute, close| Setup::default().broker(Arc::new(Silent(MockBroker::new(execute, close))));
    let (pending, executed) = tokio::join!(silent(hour, hour).start(), silent(Duration::ZERO, hour).start());
    let (alice, bob) = tokio::join!(pending.register("alice"), executed.register("bob"));
    let mut stream = bob.stream("").await;
    let (cancel, close) = tokio::join!(alice.order(BUY), bob.order(BUY));
    stream.take(2).await;
    let began = tokio::time::Instant::now();
    let (canceling, closing) = tokio::join!(ask(&alice, &cancel, "cancel"), ask(&bob, &close, "close"));
    let took = began.elapsed();
    assert!((Duration::from_millis(1900)..Duration::from_millis(2900)).contains(&took), "{took:?}");
    for (answer, status, reason) in
        [(canceling, "pending", "cancel_requested"), (closing, "executed", "close_requested")]
    {
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!((&answer.json()["status"], &answer.json()["reason"]), (&json!(status), &json!(reason)));
    }
    let history = alice.get(&format!("/orders/{cancel}/events/")).await.to_string();
    assert!(history.contains("order_cancel_requested"), "{history}");
    let history = bob.get(&format!("/orders/{close}/events/")).await.to_string();
    assert!(history.contains("order_close_requested"), "{history}");
}
