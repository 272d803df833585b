//! Two nodes are restarted one after the other, under load. A client that knows both and tries once more at the other
//! node sees no request fail; a stream is told to go, and goes on at the other node.

use std::time::Duration;

use hookfill_rig::Postgres;

use crate::harness::load::Manner;
use crate::harness::scene::Scene;

/// How long a node may take to finish what is in hand.
const STOP: Duration = Duration::from_secs(5);
/// The close code of a server that goes away.
const GOING_AWAY: u16 = 1001;

#[test]
fn with_one_retry_at_the_other_node_no_request_fails() {
    let mut scene = Scene::on(Postgres::shared().database()).with_nodes(2, 6);
    let followers = scene.follow_all();
    let load = scene.load(Manner::TwiceAtMost);
    scene.await_accepted(&load, 60);
    for number in [0, 1] {
        scene.restart(number, STOP);
        scene.await_accepted(&load, 60);
    }
    let sendings = load.finish();
    assert_eq!(sendings.failed, Vec::<String>::new());
    for seen in followers.iter().map(|follower| follower.seen()) {
        assert!(!seen.ends.is_empty(), "each stream was at a node that was restarted");
        assert!(seen.ends.iter().all(|code| *code == Some(GOING_AWAY)), "{:?}", seen.ends);
    }
    let verdict = scene.judge(&scene.nodes[0], &sendings, followers);
    let (retried, slowest) =
        (sendings.journal.all().len() - verdict.orders, sendings.journal.slowest_of(&scene.addresses()));
    println!("{} orders, {retried} requests sent again, slowest answer {slowest:?}", verdict.orders);
}
