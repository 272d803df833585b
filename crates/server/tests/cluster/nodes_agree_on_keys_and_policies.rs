//! What is changed at one node is in force at the others within a second: policies, keys that are revoked, keys that are
//! issued. The commands of the program work beside the nodes.

use std::net::SocketAddr;
use std::process::Output;
use std::time::{Duration, Instant};

use hookfill_rig::{Postgres, wait_until};
use http::Method;

use crate::harness::PATIENCE;
use crate::harness::client::{Answer, Connection, Trader};
use crate::harness::follower::{Follower, UNAUTHORIZED};
use crate::harness::scene::Scene;

/// Within this all nodes agree.
const AGREED: Duration = Duration::from_secs(1);
/// An order that no account takes as it is made.
const WITHOUT_BRACKET: &str = r#"{"signal":"BUY EURUSD"}"#;

fn ask(scene: &Scene, node: SocketAddr, trader: &Trader, asked: (Method, &str, &str)) -> Answer {
    let (method, path, body) = asked;
    scene.wait(Connection::to(node).ask(&trader.api_key, method, path, body)).expect("an answer")
}

fn status(scene: &Scene, node: SocketAddr, trader: &Trader) -> u16 {
    ask(scene, node, trader, (Method::GET, "/orders/?limit=1", "")).status
}

/// Waits until a node answers a key with this status.
fn await_answer(scene: &Scene, node: SocketAddr, trader: &Trader, expected: u16) {
    wait_until("the node answers so", PATIENCE, || status(scene, node, trader) == expected);
}

#[test]
fn a_policy_that_is_changed_at_one_node_is_in_force_at_the_other_within_a_second() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(2, 1);
    let [here, there]: [SocketAddr; 2] = scene.addresses().try_into().expect("two nodes");
    let trader = &scene.traders[0];
    let send =
        |node| ask(&scene, node, trader, (Method::POST, "/webhook/receive-signal/", WITHOUT_BRACKET)).status;
    assert_eq!((send(here), send(there)), (422, 422), "a bracket is asked for");
    let path = format!("/accounts/{}/", trader.account_id);
    let mut slowest = Duration::ZERO;
    for (asked_for, status) in [(false, 200), (true, 422), (false, 200)] {
        let policy =
            format!(r#"{{"policy":{{"require_stop_loss":{asked_for},"require_take_profit":{asked_for}}}}}"#);
        assert_eq!(ask(&scene, here, trader, (Method::PATCH, &path, &policy)).status, 200);
        let changed = Instant::now();
        assert_eq!(send(here), status, "where it was changed it holds at once");
        wait_until("it holds at the other node", PATIENCE, || send(there) == status);
        slowest = slowest.max(changed.elapsed());
    }
    println!("a policy was in force at the other node after {slowest:?} at most");
    assert!(slowest <= AGREED, "{slowest:?}");
}

#[test]
fn a_key_that_is_revoked_is_refused_everywhere_and_its_streams_are_closed_within_a_second() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(2, 2);
    let [revoked, other] = [&scene.traders[0], &scene.traders[1]];
    let nodes = scene.addresses();
    let follow = |trader, node: &SocketAddr| Follower::start(scene.runtime(), trader, &[*node]);
    let streams: Vec<_> = nodes.iter().map(|node| follow(revoked, node)).collect();
    let others: Vec<_> = nodes.iter().map(|node| follow(other, node)).collect();
    streams.iter().chain(&others).for_each(Follower::await_opened);
    let answered = |status| nodes.iter().for_each(|node| await_answer(&scene, *node, revoked, status));
    answered(200);

    let id = revoked.user_id;
    let revoke = format!(
        "BEGIN; UPDATE api_keys SET revoked_at = 1 WHERE user_id = {id};
         UPDATE revision SET credentials = credentials + 1; COMMIT"
    );
    scene.database.psql(&revoke);
    let began = Instant::now();
    answered(401);
    let refused = began.elapsed();
    streams.iter().for_each(|stream| stream.await_end(PATIENCE));
    let closed = began.elapsed();
    println!(
        "a revoked key was refused at both nodes after {refused:?}, its streams closed after {closed:?}"
    );
    assert!(refused.max(closed) <= AGREED, "{refused:?}, {closed:?}");
    for stream in &streams {
        assert_eq!(stream.seen().ends, [Some(UNAUTHORIZED)]);
    }
    assert!(others.iter().all(|stream| stream.seen().ends.is_empty()), "another user's streams stay");
    assert_eq!(status(&scene, nodes[0], other), 200);
}

/// What a command printed, if it went well.
fn printed(output: Output) -> String {
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{errors}");
    out.trim().to_owned()
}

#[test]
fn a_key_that_is_issued_on_the_command_line_works_at_all_nodes() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(2, 1);
    let first = &scene.traders[0];
    let api_key = printed(scene.settings.run(&["keys", "issue", &first.username]));
    let issued = Trader { api_key, ..first.clone() };
    for node in scene.addresses() {
        assert_eq!(status(&scene, node, &issued), 200);
        assert_eq!(status(&scene, node, first), 200, "the first key goes on");
    }
    scene.assert_chain_intact(scene.database.url());
    let nobody = scene.settings.run(&["keys", "issue", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
}

#[test]
fn doctor_and_migrate_look_at_the_database_that_nodes_serve() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(1, 1);
    let found = printed(scene.settings.run(&["doctor"]));
    assert!(!found.contains("FAIL") && found.contains("ok   database"), "{found}");
    let listed = printed(scene.settings.run(&["migrate", "--list"]));
    assert!(listed.contains("V1"), "{listed}");
    let wrong = hookfill::secrets::new_key().expect("a key");
    let wrong = secrecy::ExposeSecret::expose_secret(&wrong);
    let doctor = scene.settings.clone().with("ENCRYPTION_KEY", wrong).run(&["doctor"]);
    let found = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.code() == Some(1) && found.contains("FAIL"), "{found}");
}
