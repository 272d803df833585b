//! `PATCH /accounts/{id}/`, and what `/accounts/` lists and takes.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, Service};
use crate::wire::{is_id, is_time};

#[tokio::test]
async fn a_list_of_accounts_shows_their_policy_and_never_their_secret() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let body = json!({ "username": "alice", "broker_name": "Second", "account_id": "2", "api_key": "canary-broker" });
    assert_eq!(alice.call(Method::POST, "/accounts/", Some(body)).await.status, 201);
    let answer = alice.call(Method::GET, "/accounts/", None).await;
    assert!(!answer.body.contains("canary"), "{}", answer.body);
    let accounts = answer.json();
    let [first, second] = accounts.as_array().unwrap().as_slice() else { panic!("{accounts}") };
    assert_eq!((&first["id"], &second["broker_name"]), (&json!(alice.account_id), &json!("Second")));
    for account in [first, second] {
        assert!(is_id(&account["id"]) && is_time(&account["created_at"]), "{account}");
        assert_eq!(account["is_active"], true);
        let defaults = json!({ "require_stop_loss": true, "require_take_profit": true,
                               "aliases": {}, "decimal_comma": false });
        assert_eq!(account["policy"], defaults);
    }
}

#[tokio::test]
async fn a_change_that_is_none_is_400_and_changes_nothing() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let path = format!("/accounts/{}/", alice.account_id);
    let before = alice.get("/accounts/").await;
    let many: Value = (0..501).map(|number| (format!("A{number}"), json!("XAUUSD"))).collect();
    for body in [
        json!({}),
        json!({ "policy": null }),
        json!({ "policy": [] }),
        json!({ "policy": "strict" }),
        json!({ "policy": { "require_stop_loss": "no" } }),
        json!({ "policy": { "require_stop_loss": 0 } }),
        json!({ "policy": { "unknown": true } }),
        json!({ "policy": { "require_stop_loss": false, "unknown": true } }),
        json!({ "policy": { "aliases": [] } }),
        json!({ "policy": { "aliases": { "GOLD": 5 } } }),
        json!({ "policy": { "aliases": { "": "XAUUSD" } } }),
        json!({ "policy": { "aliases": { "GOLD": "" } } }),
        json!({ "policy": { "aliases": { "GO LD": "XAUUSD" } } }),
        json!({ "policy": { "aliases": { "GOLD": "XAU USD" } } }),
        json!({ "policy": { "aliases": many } }),
        json!({ "policy": {}, "is_active": false }),
        json!({ "broker_name": "Other" }),
    ] {
        let text: String = body.to_string().chars().take(80).collect();
        let answer = alice.call(Method::PATCH, &path, Some(body)).await;
        let code = answer.refusal(400);
        assert!(["invalid_fields", "unknown_field"].contains(&code.as_str()), "{text}: {code}");
    }
    assert_eq!(alice.get("/accounts/").await, before);
    let audit = alice.get("/audit/").await;
    assert_eq!(audit.as_array().unwrap().len(), 1, "{audit}");
}

#[tokio::test]
async fn each_switch_does_what_it_says_and_aliases_are_the_owners() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let path = format!("/accounts/{}/", alice.account_id);
    let refused = ["BUY EURUSD TP 1.0890", "BUY EURUSD SL 1.0850", "BUY NUGGET SL 1900 TP 2000"];
    let codes = ["missing_stop_loss", "missing_take_profit"];
    for (text, code) in refused.iter().zip(codes) {
        assert_eq!(alice.signal(text).await.refusal(422), code);
    }
    let policy = json!({ "require_stop_loss": false, "require_take_profit": false, "aliases": { "nugget": "xauusd" } });
    let answer = alice.call(Method::PATCH, &path, Some(json!({ "policy": policy }))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for text in refused {
        alice.order(text).await;
    }
    assert_eq!(alice.get("/orders/").await[0]["instrument"], "XAUUSD");
    let answer = bob.signal(refused[2]).await;
    assert_ne!(alice.get("/orders/").await[0]["instrument"], answer.json()["instrument"]);
    for (text, code) in refused.iter().zip(codes) {
        assert_eq!(bob.signal(text).await.refusal(422), code);
    }
}

#[tokio::test]
async fn a_deactivated_account_takes_no_order_and_works_its_open_ones() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let order = alice.order(BUY).await;
    let path = format!("/accounts/{}/", alice.account_id);
    let answer = alice.call(Method::DELETE, &path, None).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert_eq!(alice.signal(BUY).await.refusal(409), "no_broker_account");
    assert_eq!(alice.get("/accounts/").await[0]["is_active"], false);
    let answer = alice.call(Method::POST, &format!("/orders/{order}/cancel/"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let audit = alice.get("/audit/").await.to_string();
    assert!(audit.contains("broker_account_deactivated"), "{audit}");
}

#[tokio::test]
async fn lengths_are_counted_in_characters_up_to_the_limit() {
    let service = Service::start().await;
    let of = |username: usize, broker: usize, account: usize, key: usize| {
        json!({ "username": "é".repeat(username), "broker_name": "é".repeat(broker),
                "account_id": "é".repeat(account), "api_key": "é".repeat(key) })
    };
    for (body, field) in [
        (of(151, 1, 1, 1), "username"),
        (of(1, 101, 1, 1), "broker_name"),
        (of(1, 1, 101, 1), "account_id"),
        (of(1, 1, 1, 4097), "api_key"),
        (of(0, 1, 1, 1), "username"),
    ] {
        let answer = service.call(Method::POST, "/accounts/", Some(body)).await;
        assert_eq!(answer.refusal(400), "invalid_fields");
        assert_eq!(answer.json()["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    let answer = service.call(Method::POST, "/accounts/", Some(of(150, 100, 100, 4096))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    assert_eq!(made["broker_account"]["broker_name"], "é".repeat(100));
    let fields: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["api_key", "broker_account", "message", "user", "user_id"]);
    assert!(made["user_id"].is_i64());
    let key = made["api_key"].as_str().unwrap();
    assert!(key.len() == 53 && key.starts_with("hfk_"), "{key}");
    assert!(key[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
}

#[tokio::test]
async fn a_name_is_taken_once_however_many_ask_at_once() {
    let service = Service::start().await;
    let body = json!({ "username": "alice", "broker_name": "M", "account_id": "1", "api_key": "s" });
    let asked = (0..16).map(|_| service.call(Method::POST, "/accounts/", Some(body.clone())));
    let answers = futures_util::future::join_all(asked).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|answer| answer.refusal(409) == "username_taken"));
}
