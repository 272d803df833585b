//! `/analytics/`

use http::Method;
use serde_json::json;

use crate::harness::{BUY, Service, Setup};

#[tokio::test]
async fn every_order_counts_whatever_became_of_it() {
    let none =
        json!({ "pending": 0, "executed": 0, "closed": 0, "canceled": 0, "rejected": 0, "expired": 0 });
    let service = Service::start().await;
    let alice = service.register("alice").await;
    assert_eq!(
        alice.get("/analytics/").await,
        json!({ "total_trades": 0, "by_instrument": [], "by_status": none })
    );
    alice.signal("hello").await;
    for symbol in ["EURUSD", "XAUUSD", "XAUUSD", "BTCUSD"] {
        alice.order(&format!("BUY {symbol} SL 1 TP 2")).await;
    }
    let canceled = alice.order(BUY).await;
    assert_eq!(alice.call(Method::POST, &format!("/orders/{canceled}/cancel/"), None).await.status, 200);
    let counts =
        json!({ "pending": 4, "executed": 0, "closed": 0, "canceled": 1, "rejected": 0, "expired": 0 });
    let expected = json!({
        "total_trades": 5,
        "by_instrument": [
            { "instrument": "EURUSD", "count": 2 },
            { "instrument": "XAUUSD", "count": 2 },
            { "instrument": "BTCUSD", "count": 1 },
        ],
        "by_status": counts,
    });
    assert_eq!(alice.get("/analytics/").await, expected);
}

#[tokio::test]
async fn the_counts_follow_an_order_through_its_life() {
    let service = Setup::default().delays("0ms", "1h").start().await;
    let alice = service.register("alice").await;
    let mut stream = alice.stream("").await;
    let id = alice.order(BUY).await;
    stream.take(2).await;
    let status = |name: &'static str| {
        let alice = &alice;
        async move { alice.get("/analytics/").await["by_status"][name].as_i64() }
    };
    assert_eq!((status("pending").await, status("executed").await), (Some(0), Some(1)));
    assert_eq!(alice.call(Method::POST, &format!("/orders/{id}/close/"), None).await.status, 200);
    assert_eq!((status("executed").await, status("closed").await), (Some(0), Some(1)));
    assert_eq!(alice.get("/analytics/").await["total_trades"], 1);
}
