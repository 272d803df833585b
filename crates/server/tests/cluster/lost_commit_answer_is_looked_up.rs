//! The connection to PostgreSQL is cut right after COMMIT was sent, again and again, under load, and the answer is lost:
//! what was committed is known to be, what was not is done again, and every order is there exactly once.

use std::sync::Arc;

use hookfill_rig::{Postgres, Proxy};

use crate::harness::PATIENCE;
use crate::harness::client::Connection;
use crate::harness::journal::{Journal, Told};
use crate::harness::load::{Load, Manner, Sendings};
use crate::harness::scene::Scene;

/// How often an answer is lost, and how often COMMIT itself.
const CUTS: u32 = 10;
/// As it is sent, with the byte that ends it: one transaction begins with a word that has it in it.
const COMMIT: &str = "COMMIT\0";

/// Loses the next answers to COMMIT, one after the other.
fn lose_answers(proxy: &Proxy, scene: &Scene, load: &Load) {
    for _ in 0..CUTS {
        let trigger = proxy.cut_after_answer(COMMIT, COMMIT, 1);
        trigger.wait_until_fired(1, PATIENCE);
        assert_eq!(trigger.answers_lost(), 1, "the server did commit");
        scene.await_accepted(load, 3);
    }
}

/// Loses the next COMMITs on their way, one after the other: nobody can tell that from a lost answer.
fn lose_commits(proxy: &Proxy, scene: &Scene, load: &Load) {
    for _ in 0..CUTS {
        let trigger = proxy.freeze_before(COMMIT, 1);
        trigger.wait_until_fired(1, PATIENCE);
        proxy.cut();
        proxy.thaw();
        scene.await_accepted(load, 3);
    }
}

#[test]
fn so_that_each_order_is_there_exactly_once() {
    let scene = Scene::on(Postgres::shared().database());
    let proxy = Proxy::to(&scene.server());
    let scene = scene.with_first_node_through(&proxy.address(), 1, 4);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 20);
    lose_answers(&proxy, &scene, &load);
    lose_commits(&proxy, &scene, &load);
    scene.await_accepted(&load, 20);
    let sendings = load.finish();
    let verdict = scene.judge(&scene.nodes[0], &sendings, followers);
    let said = |what: &str| scene.nodes[0].log().matches(what).count();
    let made = said("a commit whose answer was lost had been made");
    let not_made = said("a commit whose answer was lost had not been made");
    let (orders, refused) = (verdict.orders, sendings.journal.refused());
    println!(
        "{orders} orders; of the commits {made} had been made, {not_made} had not; {refused} answers 503"
    );
    assert!(made > 0 && not_made > 0, "it looked them up");
}

/// Without a key nothing but the store's own evidence tells that an order is there already: each COMMIT whose answer is
/// lost here is that of such an order.
#[test]
fn also_where_no_key_would_show_that_it_is_the_same() {
    let scene = Scene::on(Postgres::shared().database());
    let proxy = Proxy::to(&scene.server());
    let scene = scene.with_first_node_through(&proxy.address(), 1, 1);
    let node = scene.nodes[0].address();
    let (mut connection, journal) = (Connection::to(node), Journal::default());
    for _ in 0..CUTS {
        // Nothing else is written until the order is.
        scene.await_ends(node);
        let trigger = proxy.cut_after_answer(COMMIT, COMMIT, 1);
        let sent = scene.wait(connection.send(&scene.traders[0], None));
        assert_eq!((trigger.fired(), trigger.answers_lost()), (1, 1), "its answer was lost");
        assert!(matches!(sent.told, Told::Accepted(_)), "{sent:?}");
        journal.note(sent);
    }
    let sendings = Sendings { journal: Arc::new(journal), failed: Vec::new() };
    let orders = scene.judge(&scene.nodes[0], &sendings, Vec::new()).orders;
    assert_eq!(orders, usize::try_from(CUTS).expect("a few"));
}
