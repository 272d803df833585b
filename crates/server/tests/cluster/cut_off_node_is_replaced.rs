//! The line from a node to the database goes dead under load, and comes alive again with all that was on its way: meanwhile
//! the others work what it held, it refuses in time what it cannot store, and afterwards it changes nothing of theirs.

use std::time::{Duration, Instant};

use hookfill_rig::{Postgres, Proxy, wait_until};

use crate::harness::load::Manner;
use crate::harness::node::LEASE;
use crate::harness::scene::Scene;
use crate::harness::{ANSWER, PATIENCE};

/// How long the line is dead: longer than any limit on a connection.
const DEAD: Duration = Duration::from_secs(7);
/// How much longer than the lease it may take until others hold its partitions.
const MARGIN: Duration = Duration::from_secs(2);

#[test]
fn and_its_late_words_change_nothing() {
    let scene = Scene::on(Postgres::shared().database());
    let proxy = Proxy::to(&scene.server());
    let scene = scene.with_first_node_through(&proxy.address(), 2, 8);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 60);

    let dead = Instant::now();
    proxy.freeze();
    wait_until("the other node has all of its partitions", LEASE + MARGIN, || held(&scene) == 0);
    let taken_after = dead.elapsed();
    wait_until("the line was dead for long enough", DEAD + PATIENCE, || dead.elapsed() >= DEAD);
    proxy.thaw();
    wait_until("it has its share again", PATIENCE, || held(&scene) > 0);
    scene.await_accepted(&load, 60);

    let sendings = load.finish();
    let slowest = sendings.journal.slowest_of(&scene.addresses());
    assert!(followers.iter().all(|follower| follower.seen().ends.is_empty()), "a stream did not outlive it");
    let verdict = scene.judge(&scene.nodes[0], &sendings, followers);
    let (orders, refused) = (verdict.orders, sendings.journal.refused());
    println!(
        "{orders} orders, {refused} answers 503, slowest {slowest:?}; all taken over after {taken_after:?}"
    );
    assert!(slowest <= ANSWER, "answered after {slowest:?}");
}

/// How many partitions the first node holds.
fn held(scene: &Scene) -> usize {
    let sql = "SELECT count(*) FROM partitions JOIN called USING (owner) WHERE connection = 'node-0'";
    scene.database.psql(sql).parse().expect("a number")
}
