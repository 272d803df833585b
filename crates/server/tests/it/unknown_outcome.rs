//! A commit is still running when its sender must be answered. A sender who repeats the signal gets its outcome.

use std::time::Instant;

use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Answer, BUY, Service, Trader};

/// In seconds: longer than an answer may wait, even if the machine was three times as busy when [`slow_down`] measured it.
const SLOW: f64 = 7.0;
/// The only instrument whose first order is slow.
const SLOW_BUY: &str = "BUY GBPUSD @1.2500 SL 1.2400 TP 1.2700";

/// Makes the insertion of the first order of GBPUSD take about [`SLOW`] seconds.
fn slow_down(database: &Connection) {
    let fill = |rows: i64| {
        let fill = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ?1) INSERT INTO spin SELECT n FROM c";
        database.execute("DELETE FROM spin", []).unwrap();
        database.execute(fill, [rows]).unwrap();
    };
    database.execute_batch("CREATE TABLE spin (n)").unwrap();
    fill(100);
    let began = Instant::now();
    let counted: i64 =
        database.query_row("SELECT count(*) FROM spin a, spin b, spin c", [], |row| row.get(0)).unwrap();
    assert_eq!(counted, 1_000_000);
    #[expect(clippy::cast_possible_truncation, reason = "a few hundred")]
    fill((100.0 * (SLOW / began.elapsed().as_secs_f64()).cbrt()) as i64);
    database
        .execute_batch(
            "CREATE TRIGGER slow AFTER INSERT ON orders WHEN NEW.instrument = 'GBPUSD'
             AND (SELECT count(*) FROM orders WHERE instrument = 'GBPUSD') = 1
             BEGIN SELECT count(*) FROM spin a, spin b, spin c; END",
        )
        .unwrap();
}

/// Sends a signal again until its outcome is known.
async fn repeat(trader: &Trader<'_>, text: &str) -> Answer {
    for _ in 0..40 {
        let answer = trader.signal(text).await;
        if answer.status != 503 {
            return answer;
        }
        assert_eq!(answer.refusal(503), "outcome_unknown");
    }
    panic!("the store never answers");
}

async fn orders_of(trader: &Trader<'_>, instrument: &str) -> Vec<Value> {
    trader.get(&format!("/orders/?instrument={instrument}")).await.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_within_a_minute_is_answered_with_the_first_order() {
    let service = Service::start().await;
    let (alice, bob) = (service.register("alice").await, service.register("bob").await);
    slow_down(&service.database());

    assert_eq!(alice.signal(SLOW_BUY).await.refusal(503), "outcome_unknown");
    let repeated = repeat(&alice, SLOW_BUY).await;
    assert_eq!(repeated.status, 200, "{}", repeated.body);
    assert_eq!(repeated.json()["duplicate"], true);
    assert_eq!(repeated.header("idempotency-replayed"), Some("true"));
    let again = alice.signal(SLOW_BUY).await;
    assert_eq!(again.json(), repeated.json());
    let orders = orders_of(&alice, "GBPUSD").await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    assert_eq!(orders[0]["id"], repeated.json()["order_id"]);

    // Other bytes, another user or a new idempotency key: none of these is a repetition.
    for other in [
        alice.signal(&format!("{SLOW_BUY} ")).await,
        bob.signal(SLOW_BUY).await,
        alice
            .call(
                Method::POST,
                "/webhook/receive-signal/",
                Some(json!({ "signal": SLOW_BUY, "idempotency_key": "k" })),
            )
            .await,
        alice
            .call_with(
                Method::POST,
                "/webhook/receive-signal/",
                &[("content-type", "application/json"), ("idempotency-key", "j")],
                json!({ "signal": SLOW_BUY }).to_string(),
            )
            .await,
    ] {
        assert_eq!(other.status, 200, "{}", other.body);
        assert_eq!(other.json().get("duplicate"), None);
    }
    // Without an unknown outcome, equal signals are different orders.
    assert_ne!(alice.order(BUY).await, alice.order(BUY).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_repetitions_at_once_make_one_order() {
    let service = Service::start().await;
    let alice = service.register("alice").await;
    slow_down(&service.database());
    let sent = futures_util::future::join_all((0..3).map(|_| alice.signal(SLOW_BUY))).await;
    assert!(sent.iter().all(|answer| answer.status == 503));
    let first = repeat(&alice, SLOW_BUY).await.json();
    let repeated = futures_util::future::join_all((0..20).map(|_| alice.signal(SLOW_BUY))).await;
    for answer in repeated {
        assert_eq!(answer.json(), first);
    }
}
