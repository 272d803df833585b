//! `/accounts/`

use http::Method;
use serde_json::json;

use crate::harness::{BUY, Service};

#[tokio::test]
async fn a_user_registers_and_gets_a_key_once() {
    let service = Service::start().await;
    let body = json!({ "username": "alice", "broker_name": "MetaTrader 5", "account_id": "88776655", "api_key": "secret" });
    let answer = service.call(Method::POST, "/accounts/", Some(body.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    assert!(made["api_key"].as_str().unwrap().starts_with("hfk_"), "{made}");
    assert_eq!(made["user"], json!({ "id": made["user_id"], "username": "alice" }));
    assert_eq!(made["broker_account"]["broker_name"], "MetaTrader 5");
    assert_eq!(made["broker_account"]["is_active"], true);
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    assert_eq!(service.call(Method::POST, "/accounts/", Some(body)).await.refusal(409), "username_taken");
}

#[tokio::test]
async fn fields_that_are_missing_blank_or_too_long_are_named() {
    let service = Service::start().await;
    let body = json!({ "username": "x".repeat(151), "broker_name": " ", "account_id": 5 });
    let answer = service.call(Method::POST, "/accounts/", Some(body)).await;
    assert_eq!(answer.refusal(400), "invalid_fields");
    let errors = answer.json()["errors"].clone();
    let named: Vec<&String> = errors.as_object().unwrap().keys().collect();
    assert_eq!(named, ["account_id", "api_key", "broker_name", "username"]);
}

#[tokio::test]
async fn a_key_links_a_further_account_and_a_deactivated_one_takes_nothing() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let body = json!({ "broker_name": "Second", "account_id": "2", "api_key": "s" });
    let answer = alice.call(Method::POST, "/accounts/", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let linked = answer.json();
    assert!(linked.get("api_key").is_none() && linked.get("user_id").is_none(), "{linked}");
    let second = linked["broker_account"]["id"].as_str().unwrap();
    assert_eq!(alice.get("/accounts/").await.as_array().unwrap().len(), 2);

    let path = format!("/accounts/{}/", alice.account_id);
    assert_eq!(alice.call(Method::DELETE, &path, None).await.status, 204);
    let order = alice.order(BUY).await;
    assert_eq!(alice.get(&format!("/orders/{order}/")).await["broker_account_id"], second);
    let body = json!({ "signal": BUY, "broker_account_id": alice.account_id });
    let answer = alice.call(Method::POST, "/webhook/receive-signal/", Some(body)).await;
    assert_eq!(answer.refusal(409), "broker_account_inactive");
}

#[tokio::test]
async fn a_policy_is_changed_field_by_field_and_takes_effect() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    assert_eq!(alice.signal("BUY EURUSD TP 1.0890").await.refusal(422), "missing_stop_loss");
    let path = format!("/accounts/{}/", alice.account_id);
    let patch = json!({ "policy": { "require_stop_loss": false, "aliases": { "gold": "XAUUSD" } } });
    let answer = alice.call(Method::PATCH, &path, Some(patch)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let policy = answer.json()["policy"].clone();
    let expected = json!({ "require_stop_loss": false, "require_take_profit": true,
                           "aliases": { "GOLD": "XAUUSD" }, "decimal_comma": false });
    assert_eq!(policy, expected);
    alice.order("BUY EURUSD TP 1.0890").await;
    let audit = alice.get("/audit/").await;
    let changed = audit.as_array().unwrap().iter().find(|entry| entry["action"] == "policy_changed").unwrap();
    assert_eq!(changed["details"]["after"], expected);
}

#[tokio::test]
async fn another_users_account_is_not_there() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let path = format!("/accounts/{}/", alice.account_id);
    assert_eq!(bob.call(Method::DELETE, &path, None).await.refusal(404), "account_not_found");
    let patch = json!({ "policy": {} });
    assert_eq!(bob.call(Method::PATCH, &path, Some(patch)).await.refusal(404), "account_not_found");
    let body = json!({ "signal": BUY, "broker_account_id": alice.account_id });
    let answer = bob.call(Method::POST, "/webhook/receive-signal/", Some(body)).await;
    assert_eq!(answer.refusal(422), "unknown_broker_account");
}
