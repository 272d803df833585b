//! The connection to PostgreSQL is cut right after COMMIT was sent, again and again, under load, and the answer is lost:
//! what was committed is known to be, what was not is done again, and every order is there exactly once.

use std::time::Duration;

use hookfill_rig::{Postgres, Proxy, SharedPostgres, Trigger, wait_until};

use crate::harness::PATIENCE;
use crate::harness::load::{Load, Manner};
use crate::harness::scene::Scene;

/// How often an answer is lost.
const CUTS: u32 = 25;

/// `host:port` of a server.
fn place(server: &SharedPostgres) -> String {
    let url = server.admin_url();
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).expect("a server");
    authority.rsplit('@').next().expect("host:port").to_owned()
}

/// Loses the next answers to COMMIT, one after the other: a cut ends all that is under way on its connection.
fn lose_answers(proxy: &Proxy, scene: &Scene, load: &Load) -> (u32, u32) {
    let (mut fired, mut lost) = (0, 0);
    while lost < CUTS {
        let trigger: Trigger = proxy.cut_after_answer("COMMIT", "COMMIT", 1);
        trigger.wait_until_fired(1, PATIENCE);
        fired += 1;
        lost += trigger.answers_lost();
        scene.await_accepted(load, 3);
    }
    (fired, lost)
}

#[test]
fn so_that_each_order_is_there_exactly_once() {
    let server = Postgres::shared();
    let proxy = Proxy::to(&place(&server));
    let scene = Scene::on(server.database());
    let scene = scene.with_first_node_through(&proxy.address(), 4);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 20);
    let (fired, lost) = lose_answers(&proxy, &scene, &load);
    assert_eq!(lost, CUTS, "the proxy did lose answers");
    let looked_up = || scene.nodes[0].log().matches("a commit whose answer was lost had been made").count();
    wait_until("the node has looked them up", Duration::from_secs(10), || looked_up() > 0);
    scene.await_accepted(&load, 20);
    let sendings = load.finish();
    let untold = sendings.journal.refused();
    let evidence = scene.judge(&scene.nodes[0], &sendings, followers);
    let (orders, known) = (evidence.orders(), looked_up());
    println!(
        "{orders} orders; {lost} answers to COMMIT lost in {fired} cuts, {known} looked up; {untold} answers 503"
    );
}
