//! `/ws/orders`

use crate::harness::{BUY, Setup};

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
