//! A store that takes no writes: what it cannot keep is not promised.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use rusqlite::Connection;
use serde_json::json;
use tokio::time::Instant;

use crate::harness::{BUY, Service};

/// Keeps every other writer out of the database until it is dropped.
fn occupy(service: &Service) -> Connection {
    let connection = Connection::open(service.folder().join("hookfill.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test]
async fn a_signal_that_cannot_be_stored_is_503_in_time_and_withdrawn() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let before = alice.get("/audit/").await;
    let occupied = occupy(&service);
    let began = Instant::now();
    let signals =
        [json!({ "signal": BUY, "id": "k" }), json!({ "signal": BUY }), json!({ "signal": "hello" })];
    let send =
        |body: &serde_json::Value| alice.call(Method::POST, "/webhook/receive-signal/", Some(body.clone()));
    let (answers, ready) =
        tokio::join!(join_all(signals.iter().map(send)), service.call(Method::GET, "/readyz", None));
    let took = began.elapsed();
    assert!(took < Duration::from_millis(2600), "{took:?}");
    for answer in answers.iter().chain([&ready]) {
        assert_eq!(answer.refusal(503), "unavailable");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(wait >= 1);
    }
    // What was read before can be read still.
    assert_eq!(alice.get("/orders/").await, json!([]));
    assert_eq!(service.call(Method::GET, "/livez", None).await.status, 200);
    drop(occupied);

    let answer = send(&signals[0]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json().get("duplicate"), None);
    assert_eq!(alice.get("/orders/").await.as_array().unwrap().len(), 1);
    let after = alice.get("/audit/").await;
    let signals = after.as_array().unwrap().iter().filter(|entry| entry["action"] == "signal_received");
    assert_eq!(signals.count(), 1, "{after} after {before}");
    assert_eq!(service.call(Method::GET, "/readyz", None).await.status, 200);
}
