//! Management commands, sent as signals.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, NEVER, Service, Setup, Trader};

const PATH: &str = "/webhook/receive-signal/";

/// Sends a command that must be carried out and gives the orders that it touched.
async fn command(trader: &Trader<'_>, text: &str) -> Vec<String> {
    let answer = trader.signal(text).await;
    assert_eq!(answer.status, 200, "{text}: {}", answer.body);
    let orders = answer.json()["orders"].clone();
    orders.as_array().unwrap().iter().map(|order| order["order_id"].as_str().unwrap().to_owned()).collect()
}

/// Sends an order and waits until it has filled.
async fn filled(trader: &Trader<'_>) -> String {
    let mut stream = trader.stream("").await;
    let id = trader.order(BUY).await;
    assert_eq!(stream.next().await["type"], "order.pending");
    assert_eq!(stream.next().await["type"], "order.executed");
    id
}

#[tokio::test]
async fn a_position_is_closed_by_a_message() {
    let service = Setup::default().delays("0ms", NEVER).start().await;
    let alice = service.register("alice").await;
    let id = filled(&alice).await;
    let mut stream = alice.stream("").await;
    assert_eq!(command(&alice, "CLOSE EURUSD").await, std::slice::from_ref(&id));
    let message = stream.next().await;
    assert_eq!((&message["type"], &message["reason"]), (&json!("order.closed"), &json!("close_requested")));
    assert_eq!(alice.get(&format!("/orders/{id}/")).await["status"], "closed");
    assert_eq!(alice.signal("CLOSE EURUSD").await.refusal(409), "nothing_to_close");
    let audit = alice.get("/audit/").await;
    let actions: Vec<&str> =
        audit.as_array().unwrap().iter().take(2).map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["signal_rejected", "signal_received"], "the refusal is on the log");
}

#[tokio::test]
async fn half_of_a_position_is_closed_and_the_rest_stays_open() {
    let service = Setup::default().delays("0ms", NEVER).start().await;
    let alice = service.register("alice").await;
    let id = filled(&alice).await;
    let mut stream = alice.stream("").await;
    assert_eq!(command(&alice, "CLOSE HALF EURUSD").await, std::slice::from_ref(&id));
    let message = stream.next().await;
    assert_eq!((&message["type"], &message["reason"]), (&json!("order.modified"), &json!("partly_closed")));
    let order = alice.get(&format!("/orders/{id}/")).await;
    assert_eq!((&order["status"], &order["remaining"]), (&json!("executed"), &json!("0.5")));
}

#[tokio::test]
async fn a_pending_order_is_canceled_by_a_message() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    assert_eq!(command(&alice, "CANCEL EURUSD").await, [id]);
    assert_eq!(stream.take(2).await, [("order.pending".to_owned(), 1), ("order.canceled".to_owned(), 2)]);
    assert_eq!(alice.signal("CANCEL EURUSD").await.refusal(409), "nothing_to_cancel");
}

#[tokio::test]
async fn the_stop_loss_moves_to_a_price_and_to_break_even() {
    let service = Setup::default().delays("0ms", NEVER).start().await;
    let alice = service.register("alice").await;
    let id = filled(&alice).await;
    let mut stream = alice.stream("").await;
    for (text, stop_loss) in [("MOVE EURUSD SL TO 1.0855", "1.0855"), ("EURUSD MOVE SL TO BE", "1.0860")] {
        assert_eq!(command(&alice, text).await, std::slice::from_ref(&id));
        let message = stream.next().await;
        assert_eq!((&message["type"], &message["stop_loss"]), (&json!("order.modified"), &json!(stop_loss)));
        assert_eq!(alice.get(&format!("/orders/{id}/")).await["stop_loss"], stop_loss);
    }
    assert_eq!(alice.signal("MOVE EURUSD SL TO 1.0999").await.refusal(422), "wrong_side");
    assert_eq!(alice.signal("MOVE GBPUSD SL TO 1.2000").await.refusal(409), "nothing_to_modify");
    assert_eq!(alice.get(&format!("/orders/{id}/")).await["stop_loss"], "1.0860");
}

#[tokio::test]
async fn break_even_of_an_order_at_market_is_not_guessed() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    alice.order("BUY EURUSD SL 1.0850 TP 1.0890").await;
    assert_eq!(alice.signal("EURUSD MOVE SL TO BE").await.refusal(422), "no_entry_price");
}

#[tokio::test]
async fn a_command_with_the_same_key_is_carried_out_once() {
    let service = Setup::default().delays("0ms", NEVER).start().await;
    let alice = service.register("alice").await;
    let id = filled(&alice).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "half")];
    let body = json!({ "signal": "CLOSE HALF EURUSD" }).to_string();
    let mut stream = alice.stream("").await;
    let first = alice.call_with(Method::POST, PATH, &headers, body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    stream.next().await;
    let again = alice.call_with(Method::POST, PATH, &headers, body).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let mut expected: Value = first.json();
    expected["duplicate"] = json!(true);
    assert_eq!(again.json(), expected);
    assert_eq!(alice.get(&format!("/orders/{id}/")).await["remaining"], "0.5");
    let order = json!({ "signal": BUY }).to_string();
    let reused = alice.call_with(Method::POST, PATH, &headers, order).await;
    assert_eq!(reused.refusal(422), "idempotency_key_reused");
}
