//! What is heard where.

use std::sync::Arc;
use std::time::Duration;

use hookfill::bus::Hint;
use hookfill::telemetry::HintFate;
use hookfill_domain::ids::{Seq, UserId};
use uuid::Uuid;

use super::heads::Heads;
use super::node::{ALICE, BOB, Node, Setup, heard};
use super::server::{Server, next, until};

#[tokio::test]
async fn what_one_node_commits_is_heard_at_another_that_asks_the_store_about_it() {
    let (server, store) = (Server::start(), Arc::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let mut hints = other.bus.subscribe(ALICE);
    until("the other hears Alice", || server.subscribed(".user.1") == 1).await;
    for _ in 0..3 {
        let seq = one.commit(ALICE, 5);
        assert_eq!(heard(&mut hints).await, seq);
    }
    assert_eq!(store.asked(), 3, "one question a hint");
}

#[tokio::test]
async fn what_travels_is_numbers_and_one_a_group_and_user() {
    let (server, store) = (Server::start(), Arc::default());
    let mut all = server.listen().await;
    let node = Node::connected(&server.nats.url(), &store).await;
    node.commit(ALICE, 20);
    let prefix = "hookfill.00000000-0000-0000-0000-000000000001";
    assert_eq!(next(&mut all).await, (format!("{prefix}.user.1"), "20".to_owned()));
    let soon = node.due(255, Duration::from_millis(900));
    node.due(7, Duration::from_secs(10));
    assert_eq!(next(&mut all).await, (format!("{prefix}.due.255"), soon.as_micros().to_string()));
    node.commit(BOB, 1);
    assert_eq!(next(&mut all).await, (format!("{prefix}.user.2"), "1".to_owned()), "and nothing between");
    assert_eq!((node.hints(HintFate::Sent), node.hints(HintFate::Dropped)), (3, 0));
}

#[tokio::test]
async fn a_node_does_not_hear_itself() {
    let (server, store) = (Server::start(), Arc::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let mut hints = one.bus.subscribe(ALICE);
    until("it hears Alice", || server.subscribed(".user.1") == 1).await;
    let mut all = server.listen().await;
    one.commit(ALICE, 1);
    assert!(matches!(hints.next().await, Hint::Message(shown) if shown.seq == Seq(1)));
    // Once the server has passed it on to anybody, what the other sends comes after it.
    next(&mut all).await;
    other.commit(ALICE, 1);
    assert_eq!(heard(&mut hints).await, Seq(2));
    assert_eq!((one.hints(HintFate::Received), store.asked()), (1, 1));
}

#[tokio::test]
async fn a_node_hears_of_a_user_while_it_has_a_stream_of_theirs_and_no_longer() {
    let (server, store) = (Server::start(), Arc::default());
    let node = Node::connected(&server.nats.url(), &store).await;
    let (first, second) = (node.bus.subscribe(ALICE), node.bus.subscribe(ALICE));
    let bob = node.bus.subscribe(BOB);
    until("both are heard", || server.subscribed(".user.1") == 1 && server.subscribed(".user.2") == 1).await;
    drop((first, bob));
    until("Bob is not heard", || server.subscribed(".user.2") == 0).await;
    assert_eq!(server.subscribed(".user.1"), 1);
    drop(second);
    until("nobody is heard", || server.subscribed(".user.1") == 0).await;
    let again = node.bus.subscribe(ALICE);
    until("Alice is heard again", || server.subscribed(".user.1") == 1).await;
    drop(again);
}

#[tokio::test]
async fn two_installations_at_one_server_do_not_hear_each_other() {
    let server = Server::start();
    let stores: [Arc<Heads>; 2] = Default::default();
    let at = |index: usize, installation| {
        let setup = Setup::at(&server.nats.url(), &stores[index]);
        Setup { installation: Uuid::from_u128(installation), ..setup }.start()
    };
    let (ours, ours_too, theirs) = (at(0, 1), at(0, 1), at(1, 2));
    for node in [&ours, &ours_too, &theirs] {
        node.is_connected(true).await;
    }
    let mut hints = ours_too.bus.subscribe(ALICE);
    until("ours is ready", || server.subscribed(".user.1") == 1 && server.subscribed(".due.*") == 3).await;
    let mut all = server.listen().await;
    for _ in 0..10 {
        theirs.commit(ALICE, 1);
        theirs.due(0, Duration::ZERO);
    }
    // Told last, theirs has told everything, and the server has passed it on.
    theirs.commit(BOB, 1);
    while !next(&mut all).await.0.ends_with(".user.2") {}
    ours.commit(ALICE, 1);
    assert_eq!(heard(&mut hints).await, Seq(1));
    assert_eq!((ours_too.hints(HintFate::Received), ours_too.rung.lock().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn what_is_due_rings_where_the_partition_is_worked_and_nowhere_else() {
    let (server, store) = (Server::start(), Arc::default());
    let writer = Node::connected(&server.nats.url(), &store).await;
    let low = Setup { holds: |partition| partition.number() < 128, ..Setup::at(&server.nats.url(), &store) };
    let high =
        Setup { holds: |partition| partition.number() >= 128, ..Setup::at(&server.nats.url(), &store) };
    let (low, high) = (low.start(), high.start());
    until("all listen", || server.subscribed(".due.*") == 3).await;
    let due = [writer.due(127, Duration::ZERO), writer.due(128, Duration::from_millis(100))];
    until("both ring", || low.rung.lock().unwrap().len() + high.rung.lock().unwrap().len() == 2).await;
    assert_eq!((&*low.rung.lock().unwrap(), &*high.rung.lock().unwrap()), (&vec![due[0]], &vec![due[1]]));
}

#[tokio::test]
async fn garbage_and_lies_on_our_subjects_change_nothing() {
    let (server, store) = (Server::start(), Arc::<Heads>::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let mut hints = other.bus.subscribe(ALICE);
    until("it listens", || server.subscribed(".user.1") == 1 && server.subscribed(".due.*") == 2).await;
    let stranger = server.stranger().await;
    let prefix = "hookfill.00000000-0000-0000-0000-000000000001";
    let megabyte = "9".repeat(1_000_000);
    let garbage = ["", "-1", "NaN", "1e9", "\0\0\0", "9223372036854775808", megabyte.as_str()];
    for text in garbage {
        for subject in ["user.1", "due.1"] {
            stranger.publish(format!("{prefix}.{subject}"), text.to_owned().into()).await.unwrap();
        }
        stranger.flush().await.unwrap();
    }
    for partition in ["256", "-1", "x"] {
        stranger.publish(format!("{prefix}.due.{partition}"), "1".into()).await.unwrap();
    }
    for lie in [i64::MAX, 1_000_000, 7, 1, 0] {
        stranger.publish(format!("{prefix}.user.1"), lie.to_string().into()).await.unwrap();
    }
    stranger.flush().await.unwrap();
    let malformed = u64::try_from(2 * garbage.len() + 3).unwrap();
    until("all of it has come", || other.hints(HintFate::Malformed) == malformed).await;
    until("the lies have come", || other.hints(HintFate::Received) == 5).await;
    until("a lie is asked about", || store.asked() > 0).await;
    assert!(store.asked() <= 5 && other.rung.lock().unwrap().is_empty());
    let seq = one.commit(ALICE, 1);
    assert_eq!(heard(&mut hints).await, seq, "the first thing that a stream hears is the truth");
}

#[tokio::test]
async fn many_users_are_heard_each_by_their_own() {
    let (server, store) = (Server::start(), Arc::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let users: Vec<UserId> = (1001..1501).map(UserId).collect();
    let mut streams: Vec<_> = users.iter().map(|user| other.bus.subscribe(*user)).collect();
    until("all are heard", || server.subscribed("") >= users.len()).await;
    for user in &users {
        one.commit(*user, 2);
    }
    for hints in &mut streams {
        assert_eq!(heard(hints).await, Seq(2));
    }
    assert!(store.asked() < 500, "{} questions about 500 users", store.asked());
}

#[tokio::test]
async fn hints_that_are_repeated_later_are_no_news() {
    let (server, store) = (Server::start(), Arc::<Heads>::default());
    let (one, other) = (
        Node::connected(&server.nats.url(), &store).await,
        Node::connected(&server.nats.url(), &store).await,
    );
    let mut hints = other.bus.subscribe(ALICE);
    until("Alice is heard", || server.subscribed(".user.1") == 1).await;
    let seq = one.commit(ALICE, 50);
    assert_eq!(heard(&mut hints).await, seq);
    let stranger = server.stranger().await;
    let subject = "hookfill.00000000-0000-0000-0000-000000000001.user.1";
    for repeated in 1..=50 {
        stranger.publish(subject, repeated.to_string().into()).await.unwrap();
    }
    until("they have come", || other.hints(HintFate::Received) == 51).await;
    let seq = one.commit(ALICE, 1);
    assert_eq!(heard(&mut hints).await, seq);
    assert_eq!(store.asked(), 2, "one question for each that was news");
}
