//! Orders are submitted at one node and followed at another: everything comes, in order, and soon; whatever happens to
//! NATS costs delay at most.

use std::net::SocketAddr;
use std::time::Duration;

use hookfill_rig::{Nats, Postgres};
use jiff::Timestamp;

use crate::harness::follower::{Follower, Seen};
use crate::harness::load::{Load, Manner, Sendings};
use crate::harness::scene::Scene;

/// As late as a message is at most without any hint, on a machine that is busy.
const LATEST: Duration = Duration::from_secs(5);

/// What is sent at the first node and followed at the second.
struct Apart {
    scene: Scene,
    load: Load,
    followers: Vec<Follower>,
}

impl Apart {
    fn begin(scene: Scene) -> Self {
        let [here, there]: [SocketAddr; 2] = scene.addresses().try_into().expect("two nodes");
        let follow = |trader| Follower::start(scene.runtime(), trader, &[there]);
        let followers: Vec<_> = scene.traders.iter().map(follow).collect();
        followers.iter().for_each(Follower::await_opened);
        let load = Load::start(scene.runtime(), &scene.traders, &[here], Manner::Persistent);
        Self { scene, load, followers }
    }

    /// Lets it run for so many orders.
    fn go_on(&self, orders: usize) {
        self.scene.await_accepted(&self.load, orders);
    }

    /// Ends it, judges, and gives all delays, shortest first.
    fn finish(self) -> Vec<Duration> {
        let Self { scene, load, followers } = self;
        let sendings: Sendings = load.finish();
        let seen = scene.judge(&scene.nodes[0], &sendings, followers).streams;
        assert!(seen.iter().all(|seen| seen.opened == 1), "a stream broke off");
        let mut delays: Vec<Duration> = seen.iter().flat_map(delays).collect();
        delays.sort_unstable();
        delays
    }
}

/// How long each message took from its event to its reader.
fn delays(seen: &Seen) -> Vec<Duration> {
    let delay = |(text, came): (&String, &hookfill_domain::time::Timestamp)| {
        let message: serde_json::Value = serde_json::from_str(text).expect("a message");
        let at: Timestamp = message["at"].as_str().expect("a time").parse().expect("a time");
        let late = came.as_micros() - at.as_microsecond();
        Duration::from_micros(u64::try_from(late).unwrap_or(0))
    };
    seen.messages.iter().zip(&seen.at).map(delay).collect()
}

fn report(what: &str, delays: &[Duration]) -> Duration {
    let at = |share: usize| delays[(delays.len() - 1) * share / 100];
    println!("{what}: {} messages, p50 {:?}, p99 {:?}, latest {:?}", delays.len(), at(50), at(99), at(100));
    at(100)
}

#[test]
fn without_nats_within_about_a_second() {
    let apart = Apart::begin(Scene::on(Postgres::shared().database()).with_nodes(2, 6));
    apart.go_on(150);
    let latest = report("without NATS", &apart.finish());
    assert!(latest <= LATEST, "{latest:?}");
}

#[test]
fn with_nats_whatever_happens_to_it() {
    let nats = Nats::start();
    let mut scene = Scene::on(Postgres::shared().database());
    scene.settings = scene.settings.with("NATS_URL", nats.url());
    let apart = Apart::begin(scene.with_nodes(2, 6));
    apart.go_on(100);
    nats.pause();
    apart.go_on(80);
    nats.resume();
    apart.go_on(40);
    nats.kill();
    apart.go_on(80);
    // On the same port, and with nothing of what it knew.
    nats.restart();
    apart.go_on(80);
    let latest = report("NATS paused, killed, wiped", &apart.finish());
    assert!(latest <= LATEST, "{latest:?}");
}

#[test]
fn with_nats_at_once() {
    let nats = Nats::start();
    let mut scene = Scene::on(Postgres::shared().database());
    scene.settings = scene.settings.with("NATS_URL", nats.url());
    let apart = Apart::begin(scene.with_nodes(2, 6));
    apart.go_on(150);
    report("with NATS", &apart.finish());
}
