//! What the loop promises, whatever the broker does. The runtime's time is paused: a minute passes at once.

mod scene;

use std::sync::atomic::Ordering;

use hookfill_domain::lifecycle::{Change, Exposure, OrderState};
use hookfill_domain::time::Timestamp;
use scene::{Scene, closed, hangs, in_an_hour, pass, said, working};

use super::{Duration, IN_FLIGHT};
use crate::broker::Answer;
use crate::clock::Clock;

fn lost() -> Answer {
    Answer::Unknown { why: "lost".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_looks_once_a_second() {
    let scene = Scene::begin(0, |_, _, now| said(closed(now)));
    pass(60.0).await;
    assert!((59..=62).contains(&scene.looks()), "{} looks in a minute", scene.looks());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_waits_for_a_broker_looks_no_more_often() {
    let scene = Scene::begin(1, |_, _, now| said(working(in_an_hour(now))));
    pass(60.0).await;
    assert_eq!(scene.broker.calls_about(1), ["submit"]);
    assert!(scene.looks() <= 66, "{} looks in a minute", scene.looks());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_orders_than_have_room_are_worked_without_a_look_for_each() {
    let orders = 2000;
    let scene = Scene::begin(orders, |_, order, now| {
        let takes = Duration::from_millis(1000 + order.seq.0.unsigned_abs() % 512);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            closed(now)
        })
    });
    pass(0.5).await;
    assert_eq!(scene.in_state(OrderState::Submitting), IN_FLIGHT);
    pass(9.5).await;
    assert_eq!(scene.in_state(OrderState::Closed), 2000);
    assert!(scene.looks() < 800, "{} looks for {orders} orders", scene.looks());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn orders_that_hang_hold_up_no_others() {
    let hanging = 500;
    let scene = Scene::begin(
        600,
        move |_, order, now| if order.seq.0 <= hanging { hangs() } else { said(closed(now)) },
    );
    pass(1.0).await;
    assert_eq!(scene.in_state(OrderState::Closed), 100);
    assert!(scene.looks() < 100, "{} looks", scene.looks());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_behind_orders_that_hang_have_their_turn_when_the_broker_had_its_time() {
    let orders = IN_FLIGHT + 88;
    let last = i64::try_from(IN_FLIGHT).unwrap();
    let scene = Scene::begin(i64::try_from(orders).unwrap(), move |_, order, now| {
        if order.seq.0 <= last { hangs() } else { said(closed(now)) }
    });
    pass(9.0).await;
    assert_eq!(scene.in_state(OrderState::Closed), 0);
    pass(3.0).await;
    assert_eq!(scene.in_state(OrderState::Closed), 88);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_answer_was_lost_is_asked_about_and_never_sent_again() {
    let scene = Scene::begin(1, |call, _, _| if call == "submit" { hangs() } else { said(lost()) });
    pass(9.0).await;
    assert_eq!(scene.store.order(1).state(), OrderState::Submitting);
    pass(600.0).await;
    assert_eq!(scene.store.order(1).state(), OrderState::InDoubt);
    let calls = scene.broker.calls_about(1);
    assert_eq!(calls.iter().filter(|call| **call == "submit").count(), 1, "{calls:?}");
    // The questions are spaced out: ten minutes of doubt are no storm, nor are they silence.
    assert!((10..40).contains(&calls.len()), "{calls:?}");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_panics_leaves_its_order_in_doubt_and_all_others_alone() {
    let scene = Scene::begin(3, |_, order, now| match order.seq.0 {
        1 => Box::pin(async { panic!("a bad adapter") }),
        _ => said(closed(now)),
    });
    pass(0.1).await;
    assert_eq!(scene.in_state(OrderState::Closed), 2);
    pass(60.0).await;
    assert_eq!(scene.store.order(1).state(), OrderState::InDoubt);
    let calls = scene.broker.calls_about(1);
    assert_eq!(calls.iter().filter(|call| **call == "submit").count(), 1, "{calls:?}");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_ends_in_a_panic_lets_go_of_no_other() {
    // The second order's result cannot be recorded at all; the first one's submission is under way meanwhile.
    let scene = Scene::begin_cursed(2, Some(2), |call, _, now| match call {
        "submit" => hangs(),
        _ => said(closed(now)),
    });
    pass(9.0).await;
    assert_eq!(scene.broker.calls_about(1), ["submit"]);
    assert!(scene.looks() < 60, "{} looks", scene.looks());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_always_due_is_no_tight_loop() {
    let scene = Scene::begin(1, |_, _, now| said(working(now)));
    pass(1.0).await;
    let calls = scene.broker.calls_about(1).len();
    assert!((10..=110).contains(&calls), "{calls} calls in a second");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_in_while_the_order_is_sent_follows_at_once() {
    let scene = Scene::begin(1, |call, _, now| match call {
        "submit" => Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            working(in_an_hour(now))
        }),
        "cancel" => said(Answer::Canceled),
        other => panic!("{other}"),
    });
    pass(0.5).await;
    let requested_at = scene.clock.now();
    scene.store.apply(1, requested_at, Change::CancelRequested);
    let exposure = Exposure::Unknown;
    assert_eq!(scene.store.order(1).state(), OrderState::Canceling { exposure, requested_at });
    pass(0.6).await;
    assert_eq!(scene.broker.calls_about(1), ["submit", "cancel"]);
    assert_eq!(scene.store.order(1).state(), OrderState::Canceled);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_decision_to_send_is_stored_before_the_broker_is_called() {
    let scene = Scene::begin(1, |call, order, now| {
        assert_eq!((call, order.state()), ("submit", OrderState::Submitting));
        let submission = order.progress.submission.as_ref().unwrap();
        assert!(submission.at <= now, "{} is sent at {now}", submission.at);
        assert_eq!((submission.attempt, submission.fixed.as_str()), (1, "fixed"));
        said(closed(now))
    });
    pass(0.1).await;
    assert_eq!(scene.store.order(1).state(), OrderState::Closed);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_between_decision_and_call_stops_the_call() {
    let scene = Scene::begin(1, |call, _, _| panic!("`{call}` by who may no longer"));
    scene.store.lease_ends_early.store(true, Ordering::Relaxed);
    pass(1.0).await;
    assert_eq!(scene.store.order(1).state(), OrderState::Submitting, "for its next owner to ask about");
    assert!(scene.broker.calls_about(1).is_empty());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_store_is_waited_out() {
    let scene = Scene::begin(0, |_, _, now| said(closed(now)));
    pass(0.1).await;
    scene.store.out_of_order.store(true, Ordering::Relaxed);
    let before = scene.looks();
    pass(10.0).await;
    assert!((30..=45).contains(&(scene.looks() - before)), "{} looks", scene.looks() - before);
    scene.store.out_of_order.store(false, Ordering::Relaxed);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_it_stops_it_finishes_what_is_in_hand_and_takes_up_nothing_more() {
    let scene = Scene::begin(1, |call, _, now: Timestamp| {
        assert_eq!(call, "submit");
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            working(now)
        })
    });
    pass(0.1).await;
    let store = std::sync::Arc::clone(&scene.store);
    scene.stop().await;
    assert_ne!(store.order(1).state(), OrderState::Submitting, "its answer is kept");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_keeps_no_engine_from_stopping() {
    let scene = Scene::begin(5, |_, _, _| hangs());
    pass(0.1).await;
    let store = std::sync::Arc::clone(&scene.store);
    let began = tokio::time::Instant::now();
    scene.stop().await;
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(std::sync::Arc::strong_count(&store), 1, "nobody has the store any more");
}
