//! A node is killed under load: the others take its orders over in time, and nothing is lost, doubled or gapped.

use std::time::Duration;

use hookfill::clock::{Clock, SystemClock};
use hookfill_rig::{Postgres, wait_until};

use crate::harness::load::Manner;
use crate::harness::node::LEASE;
use crate::harness::scene::Scene;
use crate::harness::{ANSWER, PATIENCE};

/// How much longer than the lease it may take until somebody else works the orders.
const MARGIN: Duration = Duration::from_secs(2);

/// The node that works the most users, so that there is something to take over: its place, its id.
fn busiest(scene: &Scene) -> (usize, String) {
    let sql = "SELECT c.connection, c.owner FROM called c JOIN partitions p USING (owner)
               JOIN (SELECT DISTINCT user_id, partition FROM orders) o USING (partition)
               GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1";
    let row = scene.database.psql(sql);
    let (name, id) = row.split_once('|').expect("a node that works an order");
    (name.trim_start_matches("node-").parse().expect("the node's number"), id.to_owned())
}

#[test]
fn the_others_take_over_its_orders_within_the_lease_and_two_seconds() {
    let mut scene = Scene::on(Postgres::shared().database()).with_nodes(3, 8);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 100);

    let (victim, id) = busiest(&scene);
    let partitions = scene.database.psql(&format!(
        "CREATE TABLE orphaned AS SELECT partition FROM partitions WHERE owner = '{id}'; SELECT count(*) FROM orphaned"
    ));
    let killed_at = SystemClock.now();
    scene.nodes.remove(victim).kill();
    let gone_at = SystemClock.now().as_micros();

    // Seen in the database, where a step counts; its time is the other node's.
    let first_step = || {
        scene.database.psql(&format!(
            "SELECT min(at) FROM witnessed JOIN orphaned USING (partition) WHERE at > {gone_at} AND owner <> '{id}'"
        ))
    };
    wait_until("another node takes a step", PATIENCE, || !first_step().is_empty());
    let taken_at: i64 = first_step().parse().expect("a time");
    let took = Duration::from_micros(u64::try_from(taken_at - killed_at.as_micros()).expect("later"));
    let left =
        format!("SELECT count(*) FROM partitions WHERE owner = '{id}' OR expires_at < clock_timestamp()");
    wait_until("all partitions have a living owner", LEASE + MARGIN, || scene.database.psql(&left) == "0");
    let all_after = SystemClock.now().since(killed_at);
    println!("takeover of {partitions} partitions: first step after {took:?}, all owned after {all_after:?}");
    assert!(took <= LEASE + MARGIN, "taken over after {took:?}");
    assert!(all_after <= LEASE + MARGIN, "all taken over after {all_after:?}");

    scene.await_accepted(&load, 100);
    let sendings = load.finish();
    let verdict = scene.judge(&scene.nodes[0], &sendings, followers);
    let slowest = sendings.journal.slowest_of(&scene.addresses());
    println!("{} orders, {} answers 503, slowest {slowest:?}", verdict.orders, sendings.journal.refused());
    assert!(slowest <= ANSWER, "answered after {slowest:?}");
}
