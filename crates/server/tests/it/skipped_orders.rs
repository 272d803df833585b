//! What the answer to a command says about the orders that it leaves unchanged.

use std::sync::Arc;

use http::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Answer, BUY, Service, Setup, Stream, Trader};
use crate::scripted::Scripted;

const SELL: &str = "SELL EURUSD @1.0860 SL 1.0890 TP 1.0850";

/// A service with a scripted broker.
struct Scene {
    service: Service,
    broker: Arc<Scripted>,
}

impl Scene {
    async fn start() -> Self {
        let broker = Scripted::broker();
        Self { service: Setup::default().broker(broker.clone()).start().await, broker }
    }

    /// An order that the broker has not filled.
    async fn pending(&self, trader: &Trader<'_>, stream: &mut Stream, text: &str) -> String {
        let id = trader.order(text).await;
        self.broker.next("submit").await.work();
        assert_eq!(stream.next().await["type"], "order.pending");
        id
    }

    /// An order that the broker has filled.
    async fn executed(&self, trader: &Trader<'_>, stream: &mut Stream, text: &str) -> String {
        let id = trader.order(text).await;
        self.broker.next("submit").await.fill();
        stream.take(2).await;
        id
    }
}

async fn explained(trader: &Trader<'_>, text: &str) -> Value {
    let answer = trader.call(Method::POST, "/signals/explain/", Some(json!({ "signal": text }))).await;
    assert_eq!(answer.status, 200, "{text}: {}", answer.body);
    answer.json()
}

/// Sends a command and returns the sentence of its refusal. Checks that the explanation and the audit log give the same.
async fn refused(trader: &Trader<'_>, text: &str, code: &str) -> String {
    let explained = explained(trader, text).await;
    let answer = trader.signal(text).await;
    assert_eq!(answer.refusal(409), code, "{text}: {}", answer.body);
    let detail = answer.json()["detail"].clone();
    assert_eq!(explained["refusal"], json!({ "code": code, "detail": detail }), "{text}");
    let logged = trader.get("/audit/?limit=1").await[0].clone();
    assert_eq!((&logged["action"], &logged["details"]["code"]), (&json!("signal_rejected"), &json!(code)));
    assert_eq!(logged["details"]["detail"], detail);
    detail.as_str().unwrap().to_owned()
}

async fn carried_out(trader: &Trader<'_>, text: &str) -> Value {
    assert_eq!(explained(trader, text).await["would"], "accept", "{text}");
    let answer = trader.signal(text).await;
    assert_eq!(answer.status, 200, "{text}: {}", answer.body);
    answer.json()
}

fn ids(ids: &[&String]) -> Value {
    ids.iter().map(|id| json!({ "order_id": id })).collect()
}

#[rstest]
#[case("CLOSE EURUSD", "CANCEL EURUSD")]
#[case("CLOSE HALF EURUSD", "CANCEL EURUSD")]
#[case("CLOSE 25% EURUSD", "CANCEL EURUSD")]
#[case("CLOSE LONG EURUSD", "CANCEL BUY EURUSD")]
#[tokio::test]
async fn a_close_of_pending_orders_names_the_command_that_cancels_them(
    #[case] text: &str,
    #[case] cancel: &str,
) {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    let first = scene.pending(&alice, &mut stream, BUY).await;
    let detail = refused(&alice, text, "still_pending").await;
    assert_eq!(detail, format!("The order of EURUSD is still pending: send {cancel} to drop it."));
    let second = scene.pending(&alice, &mut stream, BUY).await;
    let detail = refused(&alice, text, "still_pending").await;
    assert_eq!(detail, format!("2 orders of EURUSD are still pending: send {cancel} to drop them."));
    assert_eq!(alice.get("/orders/").await.as_array().unwrap().len(), 2);
    // The advised command works.
    assert_eq!(carried_out(&alice, cancel).await["orders"], ids(&[&first, &second]));
    let detail = refused(&alice, text, "still_pending").await;
    assert!(detail.contains("cancellation is under way") && !detail.contains("send CANCEL"), "{detail}");
    let detail = refused(&alice, "CANCEL EURUSD", "nothing_to_cancel").await;
    assert!(detail.contains("cancellation is under way"), "{detail}");
}

#[tokio::test]
async fn a_close_does_not_report_pending_orders_of_another_instrument_side_or_user() {
    let scene = Scene::start().await;
    let (alice, bob) = (scene.service.register("alice").await, scene.service.register("bob").await);
    let mut stream = alice.stream("").await;
    scene.pending(&alice, &mut stream, SELL).await;
    for text in ["CLOSE GBPUSD", "CLOSE LONG EURUSD", "CLOSE BUY EURUSD"] {
        refused(&alice, text, "nothing_to_close").await;
    }
    refused(&bob, "CLOSE EURUSD", "nothing_to_close").await;
    refused(&alice, "CLOSE SHORT EURUSD", "still_pending").await;
}

#[tokio::test]
async fn a_close_acts_on_executed_orders_and_lists_pending_ones() {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    let executed = scene.executed(&alice, &mut stream, BUY).await;
    let pending = scene.pending(&alice, &mut stream, BUY).await;
    let other = scene.pending(&alice, &mut stream, BUY).await;
    let body = json!({ "signal": "CLOSE EURUSD", "idempotency_key": "out" });
    let send =
        async || -> Answer { alice.call(Method::POST, "/webhook/receive-signal/", Some(body.clone())).await };
    let first = send().await;
    assert_eq!(first.status, 200, "{}", first.body);
    let mut answer = first.json();
    assert_eq!(answer["orders"], ids(&[&executed]));
    assert_eq!(answer["still_pending"], ids(&[&pending, &other]));
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.ends_with(" 2 orders of EURUSD are still pending: send CANCEL EURUSD to drop them."),
        "{message}"
    );
    let details = alice.get("/audit/").await;
    let logged =
        details.as_array().unwrap().iter().find(|entry| entry["action"] == "command_accepted").unwrap();
    assert_eq!(logged["details"]["orders"], json!([executed]), "{logged}");
    assert_eq!(logged["details"]["still_pending"], json!([pending, other]), "{logged}");

    // The repetition gets the first answer, although the broker has closed the executed order since.
    scene.broker.next("close").await.close();
    answer["duplicate"] = json!(true);
    assert_eq!(send().await.json(), answer);
    assert_eq!(alice.get(&format!("/orders/{pending}/")).await["status"], "pending");
    assert_eq!(carried_out(&alice, "CANCEL EURUSD").await["orders"], ids(&[&pending, &other]));
}

#[tokio::test]
async fn the_answer_to_a_command_that_skips_no_order_has_no_field_for_skipped_ones() {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    scene.executed(&alice, &mut stream, BUY).await;
    let answer = carried_out(&alice, "CLOSE EURUSD").await;
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["kind", "message", "orders", "status"], "{answer}");
    let detail = refused(&alice, "CLOSE EURUSD", "nothing_to_close").await;
    assert!(detail.contains("close is under way"), "{detail}");
}

#[tokio::test]
async fn a_cancel_of_an_executed_order_names_the_command_that_closes_it() {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    let executed = scene.executed(&alice, &mut stream, BUY).await;
    let detail = refused(&alice, "CANCEL EURUSD", "nothing_to_cancel").await;
    assert_eq!(detail, "The order of EURUSD is executed already: send CLOSE EURUSD to close it.");
    let detail = refused(&alice, "CANCEL BUY EURUSD", "nothing_to_cancel").await;
    assert_eq!(detail, "The order of EURUSD is executed already: send CLOSE BUY EURUSD to close it.");
    let pending = scene.pending(&alice, &mut stream, BUY).await;
    let answer = carried_out(&alice, "CANCEL EURUSD").await;
    assert_eq!(answer["orders"], ids(&[&pending]));
    assert!(answer.get("still_pending").is_none(), "{answer}");
    assert_eq!(answer["skipped"], json!([{ "order_id": executed, "reason": "executed" }]));
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.ends_with(" One order of EURUSD is executed already: send CLOSE EURUSD to close it."),
        "{message}"
    );
    assert_eq!(carried_out(&alice, "CLOSE EURUSD").await["orders"], ids(&[&executed]));
}

#[tokio::test]
async fn a_command_about_an_order_that_is_being_closed_in_part_says_so() {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    let executed = scene.executed(&alice, &mut stream, BUY).await;
    carried_out(&alice, "CLOSE HALF EURUSD").await;
    let _unanswered = scene.broker.next("close").await;
    for (text, code) in [("EURUSD MOVE SL TO BE", "nothing_to_modify"), ("CLOSE EURUSD", "nothing_to_close")]
    {
        let detail = refused(&alice, text, code).await;
        assert_eq!(
            detail,
            "The order of EURUSD is executed, and the close of a part of it is under way: send this again once that is done."
        );
    }
    let close = format!("/orders/{executed}/close/");
    let answer = alice.call(Method::POST, &close, None).await;
    assert_eq!(answer.refusal(409), "close_under_way");
    let other = scene.executed(&alice, &mut stream, BUY).await;
    let answer = carried_out(&alice, "EURUSD MOVE SL TO BE").await;
    assert_eq!(answer["orders"], ids(&[&other]));
    assert_eq!(answer["skipped"], json!([{ "order_id": executed, "reason": "close_requested" }]));
}

/// A symbol in JSON may mean another instrument in a text.
#[tokio::test]
async fn a_command_that_would_reach_another_instrument_is_not_advised() {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    let order = |symbol: &str| {
        json!({ "symbol": symbol, "action": "buy", "price": "1905", "sl": "1900", "tp": "1910" }).to_string()
    };
    scene.pending(&alice, &mut stream, &order("GOLD")).await;
    assert_eq!(alice.get("/orders/").await[0]["instrument"], "GOLD");
    let close = json!({ "symbol": "GOLD", "action": "close" }).to_string();
    let detail = refused(&alice, &close, "still_pending").await;
    assert_eq!(detail, "The order of GOLD is still pending: cancel it by id to drop it.");
}

#[tokio::test]
async fn a_refused_cancel_or_close_of_one_order_names_the_request_that_its_status_allows() {
    let scene = Scene::start().await;
    let alice = scene.service.register("alice").await;
    let mut stream = alice.stream("").await;
    let pending = scene.pending(&alice, &mut stream, BUY).await;
    let executed = scene.executed(&alice, &mut stream, BUY).await;
    let ask =
        async |id: &str, what: &str| alice.call(Method::POST, &format!("/orders/{id}/{what}/"), None).await;
    let answer = ask(&pending, "close").await;
    assert_eq!(answer.refusal(409), "order_not_executed");
    let advised = format!("POST /orders/{pending}/cancel/");
    assert!(answer.body.contains(&advised), "{}", answer.body);
    let answer = ask(&executed, "cancel").await;
    assert_eq!(answer.refusal(409), "order_not_pending");
    let advised = format!("POST /orders/{executed}/close/");
    assert!(answer.body.contains(&advised), "{}", answer.body);
    carried_out(&alice, "CANCEL EURUSD").await;
    let answer = ask(&pending, "close").await;
    assert_eq!(answer.refusal(409), "order_not_executed");
    assert!(answer.body.contains("cancellation is under way"), "{}", answer.body);
    carried_out(&alice, "CLOSE EURUSD").await;
    let answer = ask(&executed, "cancel").await;
    assert_eq!(answer.refusal(409), "order_not_pending");
    assert!(answer.body.contains("close is under way"), "{}", answer.body);
}

#[test]
fn still_pending_and_close_under_way_are_documented() {
    let table = include_str!("../../../../docs/API.md");
    for code in ["`still_pending`", "`close_under_way`"] {
        assert!(table.contains(code), "{code}");
    }
}
