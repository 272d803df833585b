//! PostgreSQL is killed under load, and started again or starts itself: until it is back everything is refused quickly,
//! and streams stay open; then all goes on, and nothing is lost, doubled or gapped.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use hookfill_rig::{Postgres, wait_until};
use http::Method;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::client::Connection;
use crate::harness::journal::Told;
use crate::harness::load::{Load, Manner};
use crate::harness::scene::Scene;
use crate::harness::{ANSWER, PATIENCE};

/// How long PostgreSQL is away, in each round: once for longer than streams go without asking the store.
const AWAY: [Duration; 3] = [Duration::ZERO, Duration::from_secs(21), Duration::ZERO];
/// How long after PostgreSQL's return every node serves again.
const BACK: Duration = Duration::from_secs(3);
/// A key as keys of the replaced service look, that nobody has.
const NOBODYS: &str = "a-key-that-nobody-has";

/// What a node answers to a read with a key, and how long it took.
fn ask(scene: &Scene, node: SocketAddr, api_key: &str) -> (u16, Duration) {
    let began = Instant::now();
    let answer = scene.wait(Connection::to(node).ask(api_key, Method::GET, "/orders/?limit=1", ""));
    (answer.expect("an answer").status, began.elapsed())
}

/// Sends one order to a node until it is accepted; how long that took since PostgreSQL was back.
fn served_again(scene: &Scene, load: &Load, node: SocketAddr, since: Instant) -> Duration {
    let (mut connection, trader) = (Connection::to(node), &scene.traders[0]);
    let key = format!("again-{node}-{since:?}");
    wait_until("a node serves again", PATIENCE, || {
        let sent = scene.wait(connection.send(trader, Some(&key)));
        let accepted = matches!(sent.told, Told::Accepted(_));
        load.journal().note(sent);
        accepted
    });
    since.elapsed()
}

/// One outage: the slowest answer of those who asked meanwhile, and how long until the last node served again.
fn outage(scene: &Scene, server: &Postgres, load: &Load, away: Duration) -> (Duration, Duration) {
    let mut slowest = Duration::ZERO;
    server.kill_immediate();
    let began = Instant::now();
    let refused = load.journal().refused();
    wait_until("requests are refused", PATIENCE, || load.journal().refused() > refused + 20);
    for node in scene.addresses() {
        for api_key in [NOBODYS, &scene.traders[0].api_key] {
            let (status, took) = ask(scene, node, api_key);
            assert_eq!(status, 503, "what cannot be looked up is not refused: {api_key}");
            slowest = slowest.max(took);
        }
    }
    wait_until("PostgreSQL was away for long enough", away + PATIENCE, || began.elapsed() >= away);
    server.restart();
    let back = Instant::now();
    let served = scene.addresses().into_iter().map(|node| served_again(scene, load, node, back)).max();
    (slowest, served.expect("there are nodes"))
}

#[test]
fn with_quick_refusals_and_open_streams() {
    let server = Postgres::start();
    let scene = Scene::on(server.database()).with_nodes(2, 6);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    let (mut slowest_read, mut latest) = (Duration::ZERO, Duration::ZERO);
    for away in AWAY {
        scene.await_accepted(&load, 50);
        let (read, served) = outage(&scene, &server, &load, away);
        slowest_read = slowest_read.max(read);
        latest = latest.max(served);
    }
    scene.await_accepted(&load, 50);
    let sendings = load.finish();
    let slowest = sendings.journal.slowest_of(&scene.addresses());
    println!(
        "slowest answer to a signal {slowest:?}, to a read {slowest_read:?}; served again after {latest:?}"
    );
    assert!(slowest.max(slowest_read) <= ANSWER, "slowest answers: {slowest:?}, {slowest_read:?}");
    assert!(latest <= BACK, "served again after {latest:?}");
    for seen in followers.iter().map(|follower| follower.seen()) {
        assert!(seen.ends.is_empty() && seen.opened == 1, "a stream did not outlive it: {:?}", seen.ends);
    }
    assert_eq!(ask(&scene, scene.nodes[0].address(), NOBODYS).0, 401, "now it can be looked up");
    let verdict = scene.judge(&scene.nodes[0], &sendings, followers);
    println!("{} orders, {} answers 503", verdict.orders, sendings.journal.refused());
}

/// Kills one of the server's processes that work for a node, which makes the server throw out everybody and recover.
/// Returns once it has.
fn kill_backend(scene: &Scene) {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'node-0' ORDER BY query_start DESC";
    let pids = scene.database.psql(sql);
    let first = pids.lines().next().and_then(|pid| Pid::from_raw(pid.parse().ok()?));
    kill_process(first.expect("a process"), Signal::KILL).expect("it is killed");
    let gone = || pids.lines().all(|pid| !Path::new("/proc").join(pid).exists());
    wait_until("everybody was thrown out", PATIENCE, gone);
    wait_until("PostgreSQL has recovered", PATIENCE, || scene.database.try_psql("SELECT 1").is_ok());
}

#[test]
fn also_when_the_server_throws_out_everybody_and_recovers_by_itself() {
    let server = Postgres::start();
    let scene = Scene::on(server.database()).with_nodes(2, 6);
    let followers = scene.follow_all();
    let load = scene.load(Manner::Persistent);
    let mut latest = Duration::ZERO;
    for _ in AWAY {
        scene.await_accepted(&load, 50);
        kill_backend(&scene);
        let since = Instant::now();
        let served = scene.addresses().into_iter().map(|node| served_again(&scene, &load, node, since));
        latest = latest.max(served.max().expect("there are nodes"));
    }
    scene.await_accepted(&load, 50);
    let sendings = load.finish();
    let slowest = sendings.journal.slowest_of(&scene.addresses());
    println!("slowest answer to a signal {slowest:?}; served again after {latest:?}");
    assert!(slowest <= ANSWER && latest <= BACK, "{slowest:?}, {latest:?}");
    assert!(followers.iter().all(|follower| follower.seen().ends.is_empty()), "a stream did not outlive it");
    let verdict = scene.judge(&scene.nodes[0], &sendings, followers);
    println!("{} orders, {} answers 503", verdict.orders, sendings.journal.refused());
}
