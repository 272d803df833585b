//! What keeps a node from starting, and what does not.

use hookfill_rig::{Database, Postgres, Proxy, wait_until};
use secrecy::ExposeSecret;

use crate::harness::PATIENCE;
use crate::harness::client::Connection;
use crate::harness::node::{Node, Settings};
use crate::harness::scene::Scene;

fn key() -> String {
    hookfill::secrets::new_key().expect("a key").expose_secret().to_owned()
}

/// Starts a node that must not start, and gives what it said.
fn refused(settings: &Settings) -> String {
    let node = Node::launch(settings);
    let status = node.ended(PATIENCE);
    let said = node.log();
    assert!(matches!(status.code(), Some(1 | 2)), "{status}: {said}");
    assert!(!said.contains("is ready"), "{said}");
    said
}

#[test]
fn not_without_a_key_nor_with_another_than_that_of_what_is_stored() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(1, 1);
    let said = refused(&scene.settings.clone().without("ENCRYPTION_KEY"));
    assert!(said.contains("ENCRYPTION_KEY is not set"), "{said}");
    let said = refused(&scene.settings.clone().with("ENCRYPTION_KEY", key()));
    assert!(said.contains("ENCRYPTION_KEY"), "{said}");
    let members = "SELECT count(*), (SELECT count(DISTINCT owner) FROM partitions) FROM nodes";
    assert_eq!(
        scene.database.psql(members),
        "1|1",
        "nobody waits for a share that who was refused would have had"
    );
}

#[test]
fn not_on_a_server_that_does_not_sync() {
    let server = Postgres::start_with(&[("fsync", "off")]);
    let database = server.database();
    let said = refused(&Settings::new(database.url(), &key()));
    assert!(said.contains("fsync"), "{said}");
    assert_eq!(database.psql("SELECT to_regclass('orders') IS NULL"), "t", "nothing was made there");
}

/// Waits until so many connections wait for a lock.
fn await_waiting(database: &Database, connections: usize) {
    let sql = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
               WHERE NOT l.granted AND l.locktype = 'advisory' AND d.datname = current_database()";
    wait_until("a node waits", PATIENCE, || database.psql(sql) == connections.to_string());
}

fn serves(scene: &Scene, node: &Node) -> bool {
    scene.wait(Connection::to(node.address()).get("/readyz")).is_ok_and(|answer| answer.status == 200)
}

#[test]
fn several_at_once_on_an_empty_database() {
    let scene = Scene::on(Postgres::shared().database());
    let nodes = [0, 1, 2].map(|_| Node::launch(&scene.settings));
    for node in &nodes {
        node.await_ready();
        assert!(serves(&scene, node));
    }
    scene.await_shares(3);
    assert_eq!(scene.database.psql("SELECT count(*) FROM refinery_schema_history"), "1", "applied once");
}

#[test]
fn one_that_comes_while_another_applies_migrations_waits_for_it() {
    let scene = Scene::on(Postgres::shared().database());
    let proxy = Proxy::to(&scene.server());
    let slow = scene.settings.clone().with("DATABASE_URL", scene.database.url_through(&proxy.address()));
    let trigger = proxy.freeze_before("CREATE TABLE users", 1);
    let first = Node::launch(&slow);
    trigger.wait_until_fired(1, PATIENCE);
    let second = Node::launch(&scene.settings);
    await_waiting(&scene.database, 1);
    assert!(!second.log().contains("is ready"), "{}", second.log());
    proxy.thaw();
    for node in [&first, &second] {
        node.await_ready();
        assert!(serves(&scene, node));
    }
    assert_eq!(scene.database.psql("SELECT count(*) FROM refinery_schema_history"), "1", "applied once");
}

#[test]
fn one_that_comes_after_another_was_killed_in_the_middle_of_migrations() {
    let scene = Scene::on(Postgres::shared().database());
    let proxy = Proxy::to(&scene.server());
    let slow = scene.settings.clone().with("DATABASE_URL", scene.database.url_through(&proxy.address()));
    let trigger = proxy.freeze_before("CREATE TABLE heads", 1);
    let first = Node::launch(&slow);
    trigger.wait_until_fired(1, PATIENCE);
    first.kill();
    proxy.cut();
    let second = Node::start(&scene.settings);
    assert!(serves(&scene, &second));
    assert_eq!(scene.database.psql("SELECT count(*) FROM refinery_schema_history"), "1", "applied once");
}
