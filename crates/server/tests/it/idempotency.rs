//! The same signal twice: `Idempotency-Key` on `/webhook/receive-signal/`.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, BUY, NEVER, Service, Setup, Trader};

const PATH: &str = "/webhook/receive-signal/";

async fn send(alice: &Trader<'_>, key: Option<&str>, body: &Value) -> Answer {
    let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    alice.call_with(Method::POST, PATH, &headers, body.to_string()).await
}

async fn count(alice: &Trader<'_>) -> usize {
    alice.get("/orders/?limit=1000").await.as_array().unwrap().len()
}

fn check_replayed(again: &Answer, first: &Answer) {
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200), "{} {}", first.body, again.body);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let mut expected = first.json();
    assert_eq!(expected.get("duplicate"), None);
    expected["duplicate"] = json!(true);
    assert_eq!(again.json(), expected);
}

#[tokio::test]
async fn header_field_and_id_name_the_same_key() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let plain = json!({ "signal": BUY });
    let first = send(&alice, Some("header"), &plain).await;
    check_replayed(&send(&alice, Some("header"), &plain).await, &first);
    let field = json!({ "signal": BUY, "idempotency_key": "k" });
    let first = send(&alice, None, &field).await;
    check_replayed(&send(&alice, None, &field).await, &first);
    check_replayed(&send(&alice, Some("k"), &field).await, &first);
    let body = json!({ "signal": BUY, "id": "k" });
    assert_eq!(send(&alice, Some("k"), &body).await.refusal(422), "idempotency_key_reused");
    assert_eq!(count(&alice).await, 2);
    let body = json!({ "signal": BUY, "id": "both" });
    let first = send(&alice, Some("both"), &body).await;
    check_replayed(&send(&alice, None, &body).await, &first);
    check_replayed(&send(&alice, Some("both"), &body).await, &first);
    assert_eq!(count(&alice).await, 3);
}

#[tokio::test]
async fn a_key_that_is_none_is_400() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let long = "x".repeat(256);
    for key in ["", long.as_str(), "clé", "tab\tbed"] {
        assert_eq!(
            send(&alice, Some(key), &json!({ "signal": BUY })).await.refusal(400),
            "invalid_idempotency_key"
        );
    }
    for field in ["idempotency_key", "id"] {
        for key in [json!(""), json!(long), json!("é".repeat(256)), json!(true), json!([]), json!("a\nb")] {
            let body = json!({ "signal": BUY, field: key });
            assert_eq!(send(&alice, None, &body).await.refusal(400), "invalid_idempotency_key", "{body}");
        }
        let body = json!({ "signal": BUY, field: "one" });
        assert_eq!(send(&alice, Some("two"), &body).await.refusal(400), "invalid_idempotency_key");
    }
    let body = json!({ "signal": BUY }).to_string();
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(
        alice.call_with(Method::POST, PATH, &twice, body).await.refusal(400),
        "invalid_idempotency_key"
    );
    assert_eq!(count(&alice).await, 0);
    for key in ["x", &long[..255], "a b", "\"quoted\""] {
        let first = send(&alice, Some(key), &json!({ "signal": BUY })).await;
        check_replayed(&send(&alice, Some(key), &json!({ "signal": BUY })).await, &first);
    }
    let counted = json!({ "signal": BUY, "id": 5 });
    let first = send(&alice, None, &counted).await;
    check_replayed(&send(&alice, None, &counted).await, &first);
    let longest = json!({ "signal": BUY, "id": "é".repeat(255) });
    let first = send(&alice, None, &longest).await;
    check_replayed(&send(&alice, None, &longest).await, &first);
}

#[tokio::test]
async fn without_a_key_nothing_is_deduplicated() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let null = json!({ "signal": BUY, "idempotency_key": null, "id": null });
    for body in [json!({ "signal": BUY }), json!({ "signal": BUY }), null.clone(), null] {
        let answer = send(&alice, None, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json().get("duplicate"), None);
    }
    assert_eq!(count(&alice).await, 4);
}

#[tokio::test]
async fn one_users_keys_are_not_anothers() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let body = json!({ "signal": BUY });
    let (hers, his) = (send(&alice, Some("k"), &body).await, send(&bob, Some("k"), &body).await);
    assert_eq!(his.header("idempotency-replayed"), None);
    assert_ne!(hers.json()["order_id"], his.json()["order_id"]);
    check_replayed(&send(&bob, Some("k"), &body).await, &his);
}

#[tokio::test]
async fn a_key_is_remembered_over_restarts_and_after_the_order_has_ended() {
    let setup = || Setup::default().delays("0ms", "0ms");
    let service = setup().start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let body = json!({ "signal": BUY });
    let first = send(&alice, Some("k"), &body).await;
    stream.take(3).await;
    check_replayed(&send(&alice, Some("k"), &body).await, &first);
    drop(stream);
    let (key, user_id, account_id) = (alice.key.clone(), alice.user_id, alice.account_id.clone());
    let restarted = setup().start_in(service.stop().await).await;
    let alice = Trader { service: &restarted, key, user_id, account_id };
    check_replayed(&send(&alice, Some("k"), &body).await, &first);
    let other = json!({ "signal": "SELL EURUSD SL 2 TP 1" });
    assert_eq!(send(&alice, Some("k"), &other).await.refusal(422), "idempotency_key_reused");
    assert_eq!(count(&alice).await, 1);
}

#[tokio::test]
async fn sixty_four_at_once_with_one_key_make_one_order_and_get_the_same_answer() {
    let service = Setup::default().delays(NEVER, NEVER).start().await;
    let alice = service.register("alice").await;
    let body = json!({ "signal": BUY, "broker_account_id": alice.account_id });
    let answers = join_all((0..64).map(|_| send(&alice, Some("k"), &body))).await;
    let first = answers.iter().filter(|answer| answer.json().get("duplicate").is_none());
    let [first] = first.collect::<Vec<_>>()[..] else { panic!("one answer is the first") };
    for answer in answers.iter().filter(|answer| answer.json().get("duplicate").is_some()) {
        check_replayed(answer, first);
    }
    assert_eq!(count(&alice).await, 1);
    let audit = alice.get("/audit/?limit=1000").await;
    let created = audit.as_array().unwrap().iter().filter(|entry| entry["action"] == "order_created");
    assert_eq!(created.count(), 1);
}

#[tokio::test]
async fn a_refused_signal_is_not_remembered() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let body = json!({ "signal": "BUY EURUSD TP 1.0890" });
    for _ in 0..2 {
        let answer = send(&alice, Some("k"), &body).await;
        assert_eq!(answer.refusal(422), "missing_stop_loss");
        assert_eq!(answer.header("idempotency-replayed"), None);
    }
    let patch = json!({ "policy": { "require_stop_loss": false } });
    let path = format!("/accounts/{}/", alice.account_id);
    assert_eq!(alice.call(Method::PATCH, &path, Some(patch)).await.status, 200);
    let first = send(&alice, Some("k"), &body).await;
    // What was accepted stays so, whatever the policy says today.
    let patch = json!({ "policy": { "require_stop_loss": true } });
    assert_eq!(alice.call(Method::PATCH, &path, Some(patch)).await.status, 200);
    check_replayed(&send(&alice, Some("k"), &body).await, &first);
    let fresh = send(&alice, Some("new"), &body).await;
    assert_eq!(fresh.refusal(422), "missing_stop_loss");
    assert_eq!(alice.call(Method::DELETE, &path, None).await.status, 204);
    check_replayed(&send(&alice, Some("k"), &body).await, &first);
    let fresh = send(&alice, Some("new"), &body).await;
    assert_eq!(fresh.refusal(409), "no_broker_account");
}

#[tokio::test]
async fn numeric_ids_that_differ_in_any_digit_are_different_signals() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let ids = [
        "1732789012.123456701",
        "1732789012.123456789",
        "18446744073709551616",
        "18446744073709551617",
        "123456789012345678901234567890",
        "123456789012345678901234567891",
    ];
    let json = [("content-type", "application/json")];
    for (sent, id) in ids.into_iter().enumerate() {
        let body = format!("{{\"signal\":\"{BUY}\",\"id\":{id}}}");
        let first = alice.call_with(Method::POST, PATH, &json, body.clone()).await;
        assert_eq!(first.status, 200, "{id}: {}", first.body);
        let keyed = [json[0], ("idempotency-key", id)];
        check_replayed(&alice.call_with(Method::POST, PATH, &keyed, body).await, &first);
        assert_eq!(count(&alice).await, sent + 1);
    }
}
