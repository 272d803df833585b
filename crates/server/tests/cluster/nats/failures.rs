//! NATS is away, comes back, stands still: nothing else does.

use std::sync::Arc;
use std::time::Duration;

use hookfill::bus::Hint;
use hookfill::telemetry::HintFate;
use hookfill_domain::ids::UserId;
use hookfill_rig::{Port, Proxy};
use tokio::time::timeout;

use super::heads::Heads;
use super::node::{ALICE, Node, Setup, heard};
use super::server::{PATIENCE, Server, until};

/// Users enough that hints of all of them do not fit in what waits for the link.
const MANY: i64 = 10_000;

#[tokio::test]
async fn hints_flow_again_when_a_killed_server_is_back() {
    let (server, store) = (Server::start(), Arc::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let mut hints = other.bus.subscribe(ALICE);
    until("it is heard", || server.subscribed(".user.1") == 1).await;
    let seq = one.commit(ALICE, 1);
    assert_eq!(heard(&mut hints).await, seq);
    for _ in 0..2 {
        server.nats.kill();
        one.is_connected(false).await;
        other.is_connected(false).await;
        let dropped = one.hints(HintFate::Dropped);
        one.commit(ALICE, 1);
        until("it is dropped", || one.hints(HintFate::Dropped) == dropped + 1).await;
        server.nats.restart();
        one.is_connected(true).await;
        until("it is heard again", || server.subscribed(".user.1") == 1).await;
        let seq = one.commit(ALICE, 1);
        assert_eq!(heard(&mut hints).await, seq);
    }
}

#[tokio::test]
async fn who_comes_while_the_server_is_away_is_heard_when_it_is_back() {
    let (server, store) = (Server::start(), Arc::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let gone = other.bus.subscribe(UserId(9));
    until("somebody is heard", || server.subscribed(".user.9") == 1).await;
    server.nats.kill();
    other.is_connected(false).await;
    drop(gone);
    let mut hints = other.bus.subscribe(ALICE);
    server.nats.restart();
    one.is_connected(true).await;
    until("Alice is heard", || server.subscribed(".user.1") == 1).await;
    until("who has gone is not", || server.subscribed(".user.9") == 0).await;
    let seq = one.commit(ALICE, 1);
    assert_eq!(heard(&mut hints).await, seq);
}

#[tokio::test]
async fn a_server_that_is_not_there_keeps_no_node_from_working() {
    let (nowhere, store) = (Port::reserve(), Arc::<Heads>::default());
    let url = format!("nats://{}", nowhere.address());
    let node = Setup { poll_every: Duration::from_millis(50), ..Setup::at(&url, &store) }.start();
    let mut hints = node.bus.subscribe(ALICE);
    for _ in 0..3 {
        let seq = store.commit(ALICE);
        assert_eq!(heard(&mut hints).await, seq);
    }
    node.is_connected(false).await;
    node.stop().await;
}

#[tokio::test]
async fn a_server_behind_a_dead_line_is_given_up_and_found_again_while_the_store_is_asked() {
    let (server, store) = (Server::start(), Arc::<Heads>::default());
    let proxy = Proxy::to(&server.nats.address());
    let url = format!("nats://{}", proxy.address());
    let node = Setup { poll_every: Duration::from_millis(50), ..Setup::at(&url, &store) }.start();
    node.is_connected(true).await;
    let mut hints = node.bus.subscribe(ALICE);
    proxy.freeze();
    for connected in [true, false] {
        node.is_connected(connected).await;
        for _ in 0..3 {
            let seq = store.commit(ALICE);
            assert_eq!(heard(&mut hints).await, seq);
        }
    }
    proxy.thaw();
    node.is_connected(true).await;
    until("it is heard", || server.subscribed(".user.1") == 1).await;
}

#[tokio::test]
async fn a_server_that_stands_still_blocks_nobody_and_fills_no_memory() {
    let (server, store) = (Server::start(), Arc::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let mut hints = other.bus.subscribe(ALICE);
    until("Alice is heard", || server.subscribed(".user.1") == 1).await;
    server.nats.pause();
    // Until what stands between us and the server is full, and beyond.
    let hand_over = async {
        while one.hints(HintFate::Dropped) == 0 {
            for user in 2..1000 {
                one.commit(UserId(user), 1);
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, hand_over).await.expect("what is not taken is dropped");
    // However much is committed now, it waits in no line that grows, and nobody who commits waits for it.
    let before = one.hints(HintFate::Dropped);
    for user in 2..MANY + 2 {
        one.commit(UserId(user), 1);
    }
    assert!(one.hints(HintFate::Dropped) - before >= u64::try_from(MANY).unwrap() - 4096);
    server.nats.resume();
    one.is_connected(true).await;
    other.is_connected(true).await;
    until("Alice is heard", || server.subscribed(".user.1") == 1).await;
    // What is committed now may still find no room beside what waits; what is committed later does.
    let flowing = async {
        loop {
            let seq = one.commit(ALICE, 1);
            if let Ok(Hint::Head(hint)) = timeout(Duration::from_millis(5), hints.next()).await {
                return hint <= seq;
            }
        }
    };
    assert!(timeout(PATIENCE, flowing).await.expect("hints flow again"));
}
