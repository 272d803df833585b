//! `/ws/orders`: what is sent, in which order, and how it is replayed.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{BUY, NEVER, Service, Setup, Stream, Trader};

/// The fields of a message about an order.
const FIELDS: [&str; 12] = [
    "type",
    "seq",
    "at",
    "order_id",
    "instrument",
    "action",
    "status",
    "entry_price",
    "stop_loss",
    "take_profit",
    "user",
    "reason",
];

/// The next messages as they were sent.
async fn texts(stream: &mut Stream, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(stream.text().await);
    }
    texts
}

async fn events(trader: &Trader<'_>, query: &str) -> String {
    let answer = trader.call(Method::GET, &format!("/events/{query}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn an_orders_life_is_pending_executed_closed() {
    let service = Setup::default().delays("50ms", "50ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        messages.push(stream.next().await);
    }
    let types: Vec<_> = messages.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["order.pending", "order.executed", "order.closed"]);
    for (message, seq) in messages.iter().zip(1..) {
        assert_eq!(message["seq"], seq);
        assert_eq!(message["order_id"], id.as_str());
        assert_eq!(message["user"], "alice");
    }
    let order = alice.get(&format!("/orders/{id}/")).await;
    assert_eq!(order["status"], "closed");
}

#[tokio::test]
async fn the_first_message_says_who_is_connected_and_where_the_stream_stands() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    for seq in 0..3 {
        let mut stream = service.open("/ws/orders", &[("x-api-key", &alice.key)]).await.unwrap();
        let hello = json!({
            "type": "connection_established",
            "message": "Connected to real-time order updates.",
            "user_id": alice.user_id,
            "seq": seq,
        });
        assert_eq!(stream.next().await, hello);
        alice.order(BUY).await;
    }
}

#[tokio::test]
async fn a_message_has_the_fields_of_the_contract_and_no_others() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let ids = [alice.order(BUY).await, alice.order("sell btcusd sl 70000 tp 60000").await];
    let mut messages: Vec<Value> = Vec::new();
    for _ in 0..6 {
        messages.push(stream.next().await);
    }
    let names = BTreeSet::from(FIELDS);
    for message in &messages {
        let object = message.as_object().unwrap();
        assert_eq!(object.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
        assert_eq!(message["type"], format!("order.{}", message["status"].as_str().unwrap()));
        let at = message["at"].as_str().unwrap();
        assert!(at.len() == 27 && at.ends_with('Z') && at.as_bytes()[19] == b'.', "{at}");
    }
    let about = |id: &str| messages.iter().find(|message| message["order_id"] == id).unwrap().clone();
    let limit = about(&ids[0]);
    let shown = ["instrument", "action", "entry_price", "stop_loss", "take_profit", "user", "reason"];
    let values: Vec<_> = shown.iter().map(|field| limit[field].clone()).collect();
    assert_eq!(json!(values), json!(["EURUSD", "BUY", "1.0860", "1.0850", "1.0890", "alice", null]));
    let market = about(&ids[1]);
    let values: Vec<_> = shown.iter().map(|field| market[field].clone()).collect();
    assert_eq!(json!(values), json!(["BTCUSD", "SELL", null, "70000", "60000", "alice", null]));
}

#[tokio::test]
async fn each_users_messages_are_numbered_without_gaps_and_reach_nobody_else() {
    let service = Setup::default().delays("5ms", "5ms").start().await;
    let traders =
        [service.register("alice").await, service.register("bob").await, service.register("cy").await];
    let mut streams = Vec::new();
    for trader in &traders {
        streams.push(trader.stream("").await);
    }
    let orders = 10;
    for _ in 0..orders {
        futures_util::future::join_all(traders.iter().map(|trader| trader.order(BUY))).await;
    }
    for (trader, stream) in traders.iter().zip(&mut streams) {
        let name = trader.get("/accounts/").await;
        assert!(name.is_array());
        for seq in 1..=orders * 3 {
            let message = stream.next().await;
            assert_eq!(message["seq"], seq);
        }
        assert_eq!(events(trader, &format!("?after={}", orders * 3)).await, "[]");
    }
}

#[tokio::test]
async fn two_streams_of_one_user_see_the_same() {
    let service = Setup::default().delays("5ms", "5ms").start().await;
    let alice = service.register("alice").await;
    let mut first = alice.stream("").await;
    let named = format!("/ws/orders/{}", alice.user_id);
    let mut second = service.open(&named, &[("x-api-key", &alice.key)]).await.unwrap();
    second.next().await;
    alice.order(BUY).await;
    assert_eq!(texts(&mut first, 3).await, texts(&mut second, 3).await);
}

#[tokio::test]
async fn what_was_missed_is_replayed_byte_for_byte_from_any_number() {
    let service = Setup::default().delays("0ms", "0ms").start().await;
    let alice = service.register("alice").await;
    let mut live = alice.stream("").await;
    for _ in 0..3 {
        alice.order(BUY).await;
    }
    let sent = texts(&mut live, 9).await;
    assert_eq!(events(&alice, "").await, format!("[{}]", sent.join(",")));
    for after in 0..9 {
        let mut replay = alice.stream(&format!("?after={after}")).await;
        assert_eq!(texts(&mut replay, 9 - after).await, sent[after..]);
        let body = events(&alice, &format!("?after={after}")).await;
        assert_eq!(body, format!("[{}]", sent[after..].join(",")));
    }
    assert_eq!(events(&alice, "?after=2&limit=3").await, format!("[{}]", sent[2..5].join(",")));
}

#[tokio::test]
async fn after_the_head_only_what_is_new_follows() {
    let service = Setup::default().delays(NEVER, NEVER).start().await;
    let alice = service.register("alice").await;
    alice.order(BUY).await;
    let mut stream = alice.stream("?after=1").await;
    alice.order(BUY).await;
    assert_eq!(stream.take(1).await, [("order.pending".to_owned(), 2)]);
}

#[tokio::test]
async fn without_after_nothing_old_is_sent() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    alice.order(BUY).await;
    let mut stream = alice.stream("").await;
    alice.order(BUY).await;
    assert_eq!(stream.take(1).await, [("order.pending".to_owned(), 2)]);
}

#[tokio::test]
async fn a_replay_longer_than_a_page_is_whole() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let orders = 600;
    for _ in 0..orders / 50 {
        futures_util::future::join_all((0..50).map(|_| alice.order(BUY))).await;
    }
    let mut stream = alice.stream("?after=0").await;
    for seq in 1..=orders {
        assert_eq!(stream.next().await["seq"], seq);
    }
}

#[tokio::test]
async fn a_number_that_is_not_reached_yet_closes_with_4409() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    alice.order(BUY).await;
    for after in ["2", "9223372036854775807"] {
        let path = format!("/ws/orders?after={after}");
        let mut stream = service.open(&path, &[("x-api-key", &alice.key)]).await.unwrap();
        assert_eq!(stream.closed().await, 4409, "{after}");
    }
    let mut late = service.open("/ws/orders?after=2", &[]).await.unwrap();
    late.say(&json!({ "type": "authenticate", "api_key": alice.key }).to_string()).await;
    assert_eq!(late.closed().await, 4409);
}

#[tokio::test]
async fn what_a_client_says_later_is_ignored() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    for text in ["hello", "{}", r#"{"type":"authenticate","api_key":"hfk_nobody"}"#, ""] {
        stream.say(text).await;
    }
    alice.order(BUY).await;
    assert_eq!(stream.take(1).await, [("order.pending".to_owned(), 1)]);
}

/// RFC 6455 section 5.5.1: a close is answered by a close.
#[tokio::test]
async fn a_close_is_answered_by_a_close() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    stream.socket.close(None).await.unwrap();
    let mut answered = false;
    while let Some(Ok(message)) = stream.socket.next().await {
        answered |= message.is_close();
    }
    assert!(answered, "the server said goodbye as well");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_named_as_the_reason() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    stream.say(&"x".repeat(5000)).await;
    assert_eq!(stream.closed().await, 1009);
}
