//! Orders at a broker that answers late, twice, wrongly or not at all.

use std::sync::Arc;

use hookfill::broker::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, Service, Setup, Stream, Trader};
use crate::scripted::Scripted;

/// A service at a scripted broker.
async fn start() -> (Service, Arc<Scripted>) {
    let broker = Scripted::broker();
    (Setup::default().broker(broker.clone()).start().await, broker)
}

async fn actions(trader: &Trader<'_>, id: &str) -> Vec<String> {
    let events = trader.get(&format!("/orders/{id}/events/")).await;
    events.as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

async fn ask(trader: &Trader<'_>, id: &str, what: &str) -> crate::harness::Answer {
    trader.call(Method::POST, &format!("/orders/{id}/{what}/"), None).await
}

/// The types of the next messages.
async fn types(stream: &mut Stream, count: usize) -> Vec<String> {
    stream.take(count).await.into_iter().map(|(kind, _)| kind).collect()
}

/// What the stream has shown of all orders, from the beginning.
async fn shown(trader: &Trader<'_>) -> Vec<Value> {
    let events = trader.get("/events/").await;
    events.as_array().unwrap().iter().map(|event| event["type"].clone()).collect()
}

#[tokio::test]
async fn the_broker_is_called_after_the_decision_is_stored() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    let call = broker.next("submit").await;
    assert_eq!(call.order.id.to_string(), id);
    let events = alice.get(&format!("/orders/{id}/events/")).await;
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!((&last["action"], &last["seq"]), (&json!("order_submitting"), &Value::Null));
    call.work();
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_and_the_order_not_sent_again() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.lose();
    broker.next("query").await.lose();
    assert_eq!(alice.get(&format!("/orders/{id}/")).await["status"], "pending");
    broker.next("query").await.fill();
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.executed"]);
    let seen = ["order_created", "order_submitting", "order_in_doubt", "order_submitted", "order_executed"];
    assert_eq!(actions(&alice, &id).await, seen);
    broker.is_not_called();
}

#[tokio::test]
async fn an_order_that_never_arrived_is_sent_once_more() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    let first = broker.next("submit").await;
    let client_order_id = first.order.id;
    assert_eq!(first.order.progress.submission.as_ref().unwrap().attempt, 1);
    first.lose();
    let query = broker.next("query").await;
    let check_again_at = query.now;
    query.say(Answer::NeverArrived { why: "no such order for a minute".into(), check_again_at });
    let second = broker.next("submit").await;
    assert_eq!(second.order.id, client_order_id);
    assert_eq!(second.order.progress.submission.as_ref().unwrap().attempt, 2);
    let mut stream = alice.stream("").await;
    second.fill();
    assert_eq!(types(&mut stream, 1).await, ["order.executed"]);
    assert!(actions(&alice, &id).await.contains(&"order_not_submitted".to_owned()));
    broker.is_not_called();
}

#[tokio::test]
async fn a_rejection_ends_the_order_and_says_why() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("?after=0").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.say(Answer::Rejected { reason: "insufficient margin".into() });
    assert_eq!(stream.next().await["type"], "order.pending");
    let message = stream.next().await;
    let expected = (&json!("order.rejected"), &json!("rejected"), &json!("insufficient margin"));
    assert_eq!((&message["type"], &message["status"], &message["reason"]), expected);
    let order = alice.get(&format!("/orders/{id}/")).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("rejected"), &json!("insufficient margin")));
    assert_eq!(ask(&alice, &id, "cancel").await.refusal(409), "order_not_pending");
}

#[tokio::test]
async fn whatever_a_broker_writes_reaches_the_client() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    let reason = "\u{0}\"\\\u{1F600}\u{202E}".repeat(50_000);
    broker.next("submit").await.say(Answer::Rejected { reason });
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.rejected"]);
    assert_eq!(alice.get(&format!("/orders/{id}/")).await["status"], "rejected");
}

#[tokio::test]
async fn a_part_that_fills_is_no_message_and_the_rest_is_one() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    let call = broker.next("submit").await;
    let (filled, check_again_at) = ("0.5".parse().unwrap(), call.now);
    call.say(Answer::PartlyFilled { broker_order_id: "B-1".into(), filled, check_again_at });
    broker.next("query").await.fill();
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.executed"]);
    let seen =
        ["order_created", "order_submitting", "order_submitted", "order_partly_filled", "order_executed"];
    assert_eq!(actions(&alice, &id).await, seen);
}

#[tokio::test]
async fn a_confirmed_cancel_is_200_with_the_canceled_order() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.work();
    let confirm = async { broker.next("cancel").await.say(Answer::Canceled) };
    let (answer, ()) = tokio::join!(ask(&alice, &id, "cancel"), confirm);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.json()["status"], &answer.json()["id"]), (&json!("canceled"), &json!(id)));
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.canceled"]);
    assert_eq!(shown(&alice).await, ["order.pending", "order.canceled"]);
    assert!(actions(&alice, &id).await.contains(&"order_cancel_requested".to_owned()));
    assert_eq!(ask(&alice, &id, "cancel").await.refusal(409), "order_not_pending");
    broker.is_not_called();
}

#[tokio::test]
async fn a_cancel_is_stored_before_the_broker_is_asked() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.work();
    let look = async {
        let call = broker.next("cancel").await;
        assert_eq!(actions(&alice, &id).await.last().unwrap(), "order_cancel_requested");
        assert_eq!(alice.get(&format!("/orders/{id}/")).await["reason"], "cancel_requested");
        call.say(Answer::Canceled);
    };
    let (answer, ()) = tokio::join!(ask(&alice, &id, "cancel"), look);
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_cancel_that_takes_long_is_202_and_its_message_follows() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.work();
    let (first, second, call) =
        tokio::join!(ask(&alice, &id, "cancel"), ask(&alice, &id, "cancel"), broker.next("cancel"));
    for answer in [first, second] {
        assert_eq!(answer.status, 202, "{}", answer.body);
        let order = answer.json();
        assert_eq!((&order["status"], &order["reason"]), (&json!("pending"), &json!("cancel_requested")));
    }
    let requests = actions(&alice, &id).await.into_iter().filter(|action| action == "order_cancel_requested");
    assert_eq!(requests.count(), 1);
    call.say(Answer::Canceled);
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.canceled"]);
    broker.is_not_called();
}

#[tokio::test]
async fn a_fill_that_wins_against_the_cancel_is_409() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.work();
    let win = async { broker.next("cancel").await.fill() };
    let (answer, ()) = tokio::join!(ask(&alice, &id, "cancel"), win);
    assert_eq!(answer.refusal(409), "order_not_pending");
    assert_eq!(shown(&alice).await, ["order.pending", "order.executed"]);
}

#[tokio::test]
async fn a_cancel_that_the_broker_refuses_is_409_and_the_order_works_on() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.work();
    let refuse = async {
        let call = broker.next("cancel").await;
        let check_again_at = call.in_an_hour();
        call.say(Answer::Refused { why: "too close to the market".into(), check_again_at });
    };
    let (answer, ()) = tokio::join!(ask(&alice, &id, "cancel"), refuse);
    assert_eq!(answer.refusal(409), "cancel_refused");
    let order = alice.get(&format!("/orders/{id}/")).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("pending"), &Value::Null));
    assert_eq!(shown(&alice).await, ["order.pending"]);
}

#[tokio::test]
async fn an_order_canceled_while_it_is_sent_is_canceled_at_the_broker() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let id = alice.order(BUY).await;
    let submit = broker.next("submit").await;
    let answer = ask(&alice, &id, "cancel").await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    submit.work();
    let mut stream = alice.stream("").await;
    broker.next("cancel").await.say(Answer::Canceled);
    assert_eq!(types(&mut stream, 1).await, ["order.canceled"]);
}

#[tokio::test]
async fn a_confirmed_close_is_200_with_the_closed_order() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    let call = broker.next("submit").await;
    assert_eq!(ask(&alice, &id, "close").await.refusal(409), "order_not_executed");
    call.fill();
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.executed"]);
    assert_eq!(ask(&alice, &id, "cancel").await.refusal(409), "order_not_pending");
    let confirm = async { broker.next("close").await.close() };
    let (answer, ()) = tokio::join!(ask(&alice, &id, "close"), confirm);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["status"], "closed");
    assert!(answer.json()["closed_at"].is_string());
    assert_eq!(types(&mut stream, 1).await, ["order.closed"]);
    assert_eq!(ask(&alice, &id, "close").await.refusal(409), "order_not_executed");
    broker.is_not_called();
}

#[tokio::test]
async fn a_close_that_takes_long_is_202_and_its_message_follows() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.fill();
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.executed"]);
    let (first, second, call) =
        tokio::join!(ask(&alice, &id, "close"), ask(&alice, &id, "close"), broker.next("close"));
    for answer in [first, second] {
        assert_eq!(answer.status, 202, "{}", answer.body);
        let order = answer.json();
        assert_eq!((&order["status"], &order["reason"]), (&json!("executed"), &json!("close_requested")));
    }
    call.close();
    assert_eq!(types(&mut stream, 1).await, ["order.closed"]);
    broker.is_not_called();
}

#[tokio::test]
async fn a_close_that_the_broker_refuses_is_409_and_the_position_stays_open() {
    let (service, broker) = start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    broker.next("submit").await.fill();
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.executed"]);
    let refuse = async {
        let call = broker.next("close").await;
        let check_again_at = call.in_an_hour();
        call.say(Answer::Refused { why: "the market is closed".into(), check_again_at });
    };
    let (answer, ()) = tokio::join!(ask(&alice, &id, "close"), refuse);
    assert_eq!(answer.refusal(409), "close_refused");
    assert_eq!(alice.get(&format!("/orders/{id}/")).await["status"], "executed");
}

#[tokio::test]
async fn nobody_cancels_or_closes_anothers_order() {
    let (service, broker) = start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let id = alice.order(BUY).await;
    broker.next("submit").await.work();
    let nowhere = "00000000-0000-7000-8000-000000000000";
    for what in ["cancel", "close"] {
        assert_eq!(ask(&bob, &id, what).await.refusal(404), "order_not_found");
        assert_eq!(ask(&alice, nowhere, what).await.refusal(404), "order_not_found");
    }
    broker.is_not_called();
}

#[tokio::test]
async fn a_broker_that_panics_or_hangs_holds_up_no_other_order() {
    let (service, broker) = start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    let mut stream = alice.stream("").await;
    bob.order(BUY).await;
    broker.next("submit").await.panic();
    bob.order(BUY).await;
    let hanging = loop {
        // The first order is asked about again, whenever that falls.
        let call = broker.any().await;
        match call.kind {
            "submit" => break call,
            _ => call.lose(),
        }
    };
    let id = alice.order(BUY).await;
    loop {
        let call = broker.any().await;
        if call.order.id.to_string() == id {
            break call.fill();
        }
        call.lose();
    }
    assert_eq!(types(&mut stream, 2).await, ["order.pending", "order.executed"]);
    assert_eq!(bob.get("/orders/").await[0]["status"], "pending");
    assert_eq!(bob.get("/orders/").await[1]["status"], "pending");
    drop(hanging);
}
