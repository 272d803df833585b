//! One user sends a flood of expensive commands while other users send orders. An order that is answered 503 is not stored,
//! so sending it again makes one order and not two.

use futures_util::future::{join, join_all};
use hookfill_rig::Postgres;
use http::Method;
use serde_json::{Value, json};

use crate::harness::client::{Answer, Connection, Trader};
use crate::harness::scene::Scene;

const OPEN: usize = 50;
const MOVES: usize = 300;
/// Some of the neighbors share a lane of the store with the user who floods it.
const NEIGHBORS: usize = 8;
const SIGNALS: usize = 5;
/// Makes each command cost 8 ms more: together they take longer than a signal may wait, and less than a lane waits for one
/// step of a group.
const SLOWLY: &str = "
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN PERFORM pg_sleep(0.008); RETURN NULL; END$$;
    CREATE TRIGGER dawdle AFTER INSERT ON journal FOR EACH ROW WHEN (NEW.action = 'command_accepted')
        EXECUTE FUNCTION dawdle();";

async fn send(mut connection: Connection, trader: &Trader, text: &str) -> Answer {
    let body = json!({ "signal": text }).to_string();
    let sent = connection.ask(&trader.api_key, Method::POST, "/webhook/receive-signal/", &body);
    sent.await.expect("an answer")
}

#[test]
fn one_users_flood_of_commands_doubles_no_other_users_orders() {
    let mut scene = Scene::on(Postgres::shared().database());
    scene.settings = scene.settings.with("HOOKFILL_MOCK_EXECUTE_AFTER", "1h");
    let scene = scene.with_nodes(1, NEIGHBORS + 1);
    let node = scene.nodes[0].address();
    let (dora, neighbors) = scene.traders.split_first().expect("users");
    let price = |neighbor: usize, turn: usize| format!("1.25{neighbor}{turn}");
    scene.wait(async {
        for _ in 0..10 {
            let orders = (0..OPEN / 10)
                .map(|_| send(Connection::to(node), dora, "BUY EURUSD @1.0860 SL 1.0800 TP 1.0890"));
            assert!(join_all(orders).await.iter().all(|answer| answer.status == 200));
        }
        scene.database.psql(SLOWLY);
        let moves = (0..MOVES).map(|turn| async move {
            send(Connection::to(node), dora, &format!("MOVE EURUSD SL TO 1.08{:02}", turn % 50)).await
        });
        let signals = neighbors.iter().enumerate().flat_map(|(number, neighbor)| {
            (0..SIGNALS).map(move |turn| async move {
                let text = format!("BUY GBPUSD @{} SL 1.2400 TP 1.2700", price(number, turn));
                let mut answers = vec![send(Connection::to(node), neighbor, &text).await];
                while answers.last().is_some_and(|answer| answer.status >= 500) {
                    answers.push(send(Connection::to(node), neighbor, &text).await);
                }
                (number, turn, answers)
            })
        });
        let (moved, sent) = join(join_all(moves), join_all(signals)).await;
        assert!(moved.iter().all(|answer| [200, 503].contains(&answer.status)), "{moved:?}");
        for (number, turn, answers) in sent {
            let listed =
                Connection::to(node).ask(&neighbors[number].api_key, Method::GET, "/orders/", "").await;
            let listed = listed.expect("an answer").json();
            let of_this = |order: &&Value| order["entry_price"] == price(number, turn);
            let stored = listed.as_array().expect("a list").iter().filter(of_this).count();
            assert_eq!(stored, 1, "orders of one signal after {answers:?}");
        }
    });
}
