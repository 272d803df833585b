//! `/webhook/receive-signal/`

use http::Method;
use serde_json::json;

use crate::harness::{BUY, Service};

const PATH: &str = "/webhook/receive-signal/";

#[tokio::test]
async fn a_signal_becomes_an_order_that_is_there_at_once() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let answer = alice.signal(BUY).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["status"], "pending");
    let id = answer.json()["order_id"].as_str().unwrap().to_owned();
    let order = alice.get(&format!("/orders/{id}")).await;
    assert_eq!(order["action"], "BUY");
    assert_eq!(order["instrument"], "EURUSD");
    assert_eq!(order["order_type"], "limit");
    assert_eq!(order["entry_price"], "1.0860");
    assert_eq!(order["stop_loss"], "1.0850");
    assert_eq!(order["take_profit"], "1.0890");
    assert_eq!(order["take_profits"], json!(["1.0890"]));
    assert_eq!(order["user_id"], alice.user_id);
    assert_eq!(order["broker_account_id"], alice.account_id);
}

#[tokio::test]
async fn a_refused_signal_says_why_and_where_and_makes_no_order() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let answer = alice.signal("BUY EURUSD @1.2.3 SL 1.0850 TP 1.0890").await;
    assert_eq!(answer.refusal(422), "bad_number");
    let problem = answer.json();
    assert_eq!((problem["start"].as_u64(), problem["end"].as_u64()), (Some(12), Some(17)), "{problem}");
    assert_eq!(alice.get("/orders/").await, json!([]));
    let audit = alice.get("/audit/").await;
    assert_eq!(audit[0]["action"], "signal_rejected");
    assert_eq!(audit[1]["action"], "signal_received");
    assert_eq!(audit[1]["details"]["signal"], "BUY EURUSD @1.2.3 SL 1.0850 TP 1.0890");
}

#[tokio::test]
async fn the_same_key_and_bytes_again_make_no_second_order() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let body = json!({ "signal": BUY }).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let first = alice.call_with(Method::POST, PATH, &headers, body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = alice.call_with(Method::POST, PATH, &headers, body.clone()).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.json()["order_id"], first.json()["order_id"]);
    assert_eq!(again.json()["duplicate"], true);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json().get("duplicate"), None);
    let other = alice.call_with(Method::POST, PATH, &headers, body.replace("1.0890", "1.0891")).await;
    assert_eq!(other.refusal(422), "idempotency_key_reused");
    let unreadable =
        alice.call_with(Method::POST, PATH, &headers, json!({ "signal": "hello" }).to_string()).await;
    assert_eq!(unreadable.refusal(422), "idempotency_key_reused");
    assert_eq!(alice.get("/orders/").await.as_array().unwrap().len(), 1);
}
