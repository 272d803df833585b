//! A node is stopped where it stands for longer than its lease, under load, and goes on: what it held is others' by
//! then, and it changes nothing of it. Its clients miss nothing.
//!
//! The pause is 8 s; `HOOKFILL_TEST_PAUSE`, in seconds, makes it another.

use std::time::{Duration, Instant};

use hookfill_rig::{Postgres, wait_until};

use crate::harness::load::Manner;
use crate::harness::node::LEASE;
use crate::harness::scene::Scene;
use crate::harness::witness;
use crate::harness::{ANSWER, PATIENCE};

fn pause() -> Duration {
    let seconds = std::env::var("HOOKFILL_TEST_PAUSE").map_or(8, |text| text.parse().expect("seconds"));
    Duration::from_secs(seconds)
}

#[test]
fn when_it_wakes_after_its_lease_has_run_out() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(3, 8);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 60);

    let sleeper = &scene.nodes[1];
    let asleep = Instant::now();
    sleeper.pause();
    let lost = || sleeper_holds(&scene) == 0;
    wait_until("the others have all of its partitions", LEASE + Duration::from_secs(2), lost);
    let taken_after = asleep.elapsed();
    wait_until("the pause is over", pause() + PATIENCE, || asleep.elapsed() >= pause());
    let opened: Vec<usize> = followers.iter().map(|follower| follower.seen().opened).collect();
    sleeper.resume();

    wait_until("it has its share again", PATIENCE, || sleeper_holds(&scene) > 0);
    assert!(
        sleeper.log().contains("other nodes have taken partitions over from this one"),
        "{}",
        sleeper.log()
    );
    scene.await_accepted(&load, 60);
    let sendings = load.finish();
    let after: Vec<usize> = followers.iter().map(|follower| follower.seen().opened).collect();
    assert_eq!(after, opened, "streams that were open at the node went on");
    let slowest = sendings.journal.slowest_of(&[scene.nodes[0].address(), scene.nodes[2].address()]);
    assert!(slowest <= ANSWER, "another node answered after {slowest:?}");
    let verdict = scene.judge(sleeper, &sendings, followers);
    println!(
        "{} orders; all taken over {taken_after:?} into a pause of {:?}; slowest answer {slowest:?}",
        verdict.orders,
        pause()
    );
}

/// How many partitions the second node holds.
fn sleeper_holds(scene: &Scene) -> usize {
    let sql = "SELECT count(*) FROM partitions JOIN called USING (owner) WHERE connection = 'node-1'";
    scene.database.psql(sql).parse().expect("a number")
}

/// Somebody takes all partitions from a node that runs and does not know it yet: every step that it tries meanwhile
/// is under an epoch that has passed.
#[test]
fn nor_does_one_whose_partitions_were_taken_while_it_was_awake() {
    let scene = Scene::on(Postgres::shared().database()).with_nodes(1, 6);
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 60);
    let stolen = "UPDATE partitions SET owner = gen_random_uuid(), epoch = epoch + 1,
                         expires_at = clock_timestamp() + interval '3 seconds'";
    for _ in 0..2 {
        scene.database.psql(stolen);
        let steps = witness::steps(&scene.database);
        let due = "SELECT count(*) FROM orders WHERE due_at < extract(epoch FROM clock_timestamp()) * 1000000 - 500000";
        wait_until("orders are due and nobody works them", PATIENCE, || scene.database.psql(due) != "0");
        assert_eq!(witness::steps(&scene.database), steps, "it went on with what it no longer held");
        let again = || witness::steps(&scene.database) > steps;
        wait_until("it works them once it holds them again", PATIENCE, again);
    }
    let sendings = load.finish();
    let verdict = scene.judge(&scene.nodes[0], &sendings, Vec::new());
    println!("{} orders under an epoch that passed twice", verdict.orders);
}
