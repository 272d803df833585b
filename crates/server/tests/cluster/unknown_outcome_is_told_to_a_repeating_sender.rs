//! The outcome of a COMMIT is unknown when the sender must be answered. A sender who repeats the signal, without any
//! idempotency key, gets the outcome.

use hookfill_rig::{Postgres, Proxy};
use http::Method;
use serde_json::json;

use crate::harness::client::{Answer, Connection};
use crate::harness::reading::Reader;
use crate::harness::scene::Scene;
use crate::harness::{BUY, PATIENCE};

const COMMIT: &str = "COMMIT\0";

/// One node that reaches its database through a proxy, and one user.
fn scene() -> (Scene, Proxy) {
    let scene = Scene::on(Postgres::shared().database());
    let proxy = Proxy::to(&scene.server());
    let scene = scene.with_first_node_through(&proxy.address(), 1, 1);
    (scene, proxy)
}

fn send(scene: &Scene, connection: &mut Connection) -> Answer {
    let body = json!({ "signal": BUY }).to_string();
    let key = &scene.traders[0].api_key;
    let sent = connection.ask(key, Method::POST, "/webhook/receive-signal/", &body);
    scene.wait(sent).expect("an answer")
}

/// Sends the signal until the answer is not a 503.
fn repeat(scene: &Scene, connection: &mut Connection) -> Answer {
    let began = std::time::Instant::now();
    loop {
        let answer = send(scene, connection);
        if answer.status != 503 {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{answer:?}");
    }
}

fn is_unknown(answer: &Answer) -> bool {
    answer.status == 503 && answer.json()["code"] == "outcome_unknown"
}

/// Makes the COMMIT of the first order take longer, on the server, than its answer may wait.
const SLOWLY: &str = "
    CREATE SEQUENCE dawdles;
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN
            IF nextval('dawdles') = 1 THEN PERFORM pg_sleep(2.8); END IF;
            RETURN NULL;
        END$$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dawdle();";

fn order_ids(scene: &Scene) -> Vec<String> {
    let mut reader = Reader::at(scene.nodes[0].address(), &scene.traders[0]);
    scene.wait(reader.orders()).into_iter().map(|order| order.id).collect()
}

#[test]
fn a_repetition_is_answered_with_the_first_order_if_the_commit_succeeded() {
    let (scene, _proxy) = scene();
    let mut connection = Connection::to(scene.nodes[0].address());
    scene.database.psql(SLOWLY);
    let first = send(&scene, &mut connection);
    assert!(is_unknown(&first), "{first:?}");
    let answer = repeat(&scene, &mut connection);
    assert_eq!((answer.status, &answer.json()["duplicate"]), (200, &json!(true)), "{answer:?}");
    assert_eq!(order_ids(&scene), [answer.json()["order_id"].as_str().expect("an id")]);
}

#[test]
fn a_repetition_makes_an_order_if_the_commit_never_arrived() {
    let (scene, proxy) = scene();
    let mut connection = Connection::to(scene.nodes[0].address());
    let trigger = proxy.freeze_before(COMMIT, 1);
    let first = std::thread::scope(|threads| {
        let sending = threads.spawn(|| send(&scene, &mut connection));
        trigger.wait_until_fired(1, PATIENCE);
        // So it cannot be looked up either whether the commit was made.
        proxy.freeze();
        sending.join().expect("an answer")
    });
    assert!(is_unknown(&first), "{first:?}");
    proxy.cut();
    proxy.thaw();
    let answer = repeat(&scene, &mut connection);
    assert_eq!((answer.status, answer.json().get("duplicate")), (200, None), "{answer:?}");
    let again = send(&scene, &mut connection);
    assert_eq!(again.json()["order_id"], answer.json()["order_id"]);
    assert_eq!(order_ids(&scene), [answer.json()["order_id"].as_str().expect("an id")]);
}
