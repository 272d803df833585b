//! A commit is still running when its sender must be answered. A sender who repeats the signal gets its outcome.

use std::time::Duration;

use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Answer, BUY, PATIENCE, Service, Trader};
use crate::raw::Raw;
use crate::slow;

/// In seconds: longer than an answer may wait, with room to spare.
const SLOW: f64 = 6.0;
/// The only instrument whose first order is slow.
const SLOW_BUY: &str = "BUY GBPUSD @1.2500 SL 1.2400 TP 1.2700";

/// Makes the insertion of the first order of GBPUSD take about [`SLOW`] seconds.
fn slow_down(database: &Connection) {
    let first = "AFTER INSERT ON orders WHEN NEW.instrument = 'GBPUSD'
                 AND (SELECT count(*) FROM orders WHERE instrument = 'GBPUSD') = 1";
    slow::slow_down(database, SLOW, first);
}

/// Sends a signal again until its outcome is known.
async fn repeat(trader: &Trader<'_>, text: &str) -> Answer {
    for _ in 0..40 {
        let answer = trader.signal(text).await;
        if answer.status != 503 {
            return answer;
        }
        assert_eq!(answer.refusal(503), "outcome_unknown");
    }
    panic!("the store never answers");
}

async fn orders_of(trader: &Trader<'_>, instrument: &str) -> Vec<Value> {
    trader.get(&format!("/orders/?instrument={instrument}")).await.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_within_a_minute_is_answered_with_the_first_order() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    slow_down(&service.database());

    assert_eq!(alice.signal(SLOW_BUY).await.refusal(503), "outcome_unknown");
    let repeated = repeat(&alice, SLOW_BUY).await;
    assert_eq!(repeated.status, 200, "{}", repeated.body);
    assert_eq!(repeated.json()["duplicate"], true);
    assert_eq!(repeated.header("idempotency-replayed"), Some("true"));
    let again = alice.signal(SLOW_BUY).await;
    assert_eq!(again.json(), repeated.json());
    let orders = orders_of(&alice, "GBPUSD").await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    assert_eq!(orders[0]["id"], repeated.json()["order_id"]);

    // A key that was added for the repetition changes nothing; a key of its own is another signal's.
    let with_key = |key: &'static str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let (alice, body) = (&alice, json!({ "signal": SLOW_BUY }).to_string());
        async move { alice.call_with(Method::POST, "/webhook/receive-signal/", &headers, body).await }
    };
    assert_eq!(with_key("added").await.json(), repeated.json());

    // Other bytes, another user: neither repeats it.
    for other in [alice.signal(&format!("{SLOW_BUY} ")).await, bob.signal(SLOW_BUY).await] {
        assert_eq!(other.status, 200, "{}", other.body);
        assert_eq!(other.json().get("duplicate"), None);
    }
    // Without an unknown outcome, equal signals are different orders.
    assert_ne!(alice.order(BUY).await, alice.order(BUY).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_repetitions_at_once_make_one_order() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    slow_down(&service.database());
    let sent = futures_util::future::join_all((0..3).map(|_| alice.signal(SLOW_BUY))).await;
    assert!(sent.iter().all(|answer| answer.status == 503));
    let first = repeat(&alice, SLOW_BUY).await.json();
    let repeated = futures_util::future::join_all((0..20).map(|_| alice.signal(SLOW_BUY))).await;
    for answer in repeated {
        assert_eq!(answer.json(), first);
    }
}

/// It has learned as little of the outcome as one that was told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_hung_up_before_its_answer_is_answered_with_its_first_order_too() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let database = service.database();
    slow_down(&database);
    let body = json!({ "signal": SLOW_BUY }).to_string();
    let mut sender = Raw::connect(&service).await;
    sender
        .write(format!(
            "POST /webhook/receive-signal/ HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            service.address,
            alice.key,
            body.len()
        ))
        .await;
    database.busy_timeout(Duration::ZERO).unwrap();
    until("the write has begun", async || database.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err()).await;
    drop(sender);
    until("the server has noticed", async || {
        let metrics = service.call(Method::GET, "/metrics", None).await.body;
        metrics.lines().any(|line| line == "hookfill_connections 1")
    })
    .await;
    let repeated = repeat(&alice, SLOW_BUY).await;
    assert_eq!(repeated.json()["duplicate"], true, "{}", repeated.body);
    assert_eq!(orders_of(&alice, "GBPUSD").await.len(), 1);
}

/// Different idempotency keys are different signals, whatever became of the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_with_a_key_of_its_own_does_not_repeat_one_with_another_key() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    slow_down(&service.database());
    let send = |key: &'static str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let (alice, body) = (&alice, json!({ "signal": SLOW_BUY }).to_string());
        async move { alice.call_with(Method::POST, "/webhook/receive-signal/", &headers, body).await }
    };
    assert_eq!(send("first").await.refusal(503), "outcome_unknown");
    let first = repeat(&alice, SLOW_BUY).await;
    let second = send("second").await;
    assert_eq!(second.json().get("duplicate"), None, "{}", second.body);
    assert_eq!(send("first").await.json(), first.json());
    assert_eq!(send("second").await.json()["order_id"], second.json()["order_id"]);
    assert_eq!(orders_of(&alice, "GBPUSD").await.len(), 2);
}

/// Asks until something is so.
async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !look().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}
