//! One user sends a flood of expensive commands while another sends orders. An order that is answered 503 is not stored, so
//! sending it again makes one order and not two.

use futures_util::future::{join, join_all};
use serde_json::Value;

use crate::harness::{Answer, Service, Trader};
use crate::slow::slow_down;

const OPEN: usize = 500;
const MOVES: usize = 300;
const SIGNALS: usize = 40;
/// What each command costs on top: all of them together take several times as long as a signal may wait for its answer.
const SECONDS: f64 = 0.05;

/// Sends a signal, and again after each 5xx, as TradingView does, but without giving up.
async fn send_until_told(trader: &Trader<'_>, text: String) -> Vec<Answer> {
    let mut answers = vec![trader.signal(&text).await];
    while answers.last().is_some_and(|answer| answer.status.is_server_error()) {
        answers.push(trader.signal(&text).await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_users_flood_of_commands_doubles_no_other_users_orders() {
    let service = Service::start().await;
    let (dora, bob) = (service.register("dora").await, service.register("bob").await);
    for _ in 0..10 {
        let orders = (0..OPEN / 10).map(|_| dora.order("BUY EURUSD @1.0860 SL 1.0800 TP 1.0890"));
        join_all(orders).await;
    }
    slow_down(&service.database(), SECONDS, "AFTER INSERT ON journal WHEN NEW.action = 'command_accepted'");
    let moves = (0..MOVES).map(|turn| {
        let text = format!("MOVE EURUSD SL TO 1.08{:02}", turn % 50);
        let dora = &dora;
        async move { dora.signal(&text).await }
    });
    // The prices tell the signals apart.
    let price = |turn: usize| format!("1.25{turn:02}");
    let signals = (0..SIGNALS)
        .map(|turn| send_until_told(&bob, format!("BUY GBPUSD @{} SL 1.2400 TP 1.2700", price(turn))));
    let (moved, sent) = join(join_all(moves), join_all(signals)).await;
    for answer in &moved {
        assert!([200, 503].contains(&answer.status.as_u16()), "{}", answer.body);
    }
    let orders = bob.get("/orders/?limit=1000").await;
    for (turn, answers) in sent.iter().enumerate() {
        let of_this = |order: &&Value| order["entry_price"] == price(turn);
        let stored = orders.as_array().unwrap().iter().filter(of_this).count();
        assert_eq!(stored, 1, "orders of one signal after {answers:?}");
    }
}
