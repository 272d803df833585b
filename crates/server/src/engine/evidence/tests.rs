use std::fmt::Write as _;

use super::*;
use crate::specimen;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

const NOW: i64 = 100;

/// An order to which these things happened, a second apart.
fn after(changes: impl IntoIterator<Item = Change>) -> Order {
    let mut order = specimen::order(1, at(0));
    for (change, second) in changes.into_iter().zip(1..) {
        order = order.apply(&OrderEvent { at: at(second), change }).unwrap();
    }
    order
}

/// An order in every state, and twice where its past matters.
fn every_order() -> Vec<(&'static str, Order)> {
    let check_again_at = at(50);
    let submitting = || Change::Submitting { fixed: String::new() };
    let accepted = || Change::Accepted { broker_order_id: "B".into(), check_again_at };
    let lost = || Change::AnswerLost { why: "lost".into(), check_again_at };
    let partly = || Change::PartlyFilled { filled: "0.5".parse().unwrap(), check_again_at };
    let executed = || Change::Executed { executed_at: at(3), check_again_at };
    let closed = || Change::Closed { closed_at: at(4), reason: None };
    let cancel = || Change::CancelRequested;
    let rejected = Change::Rejected { reason: "margin".into() };
    let expired = Change::Expired { reason: "day".into() };
    vec![
        ("new", after([])),
        ("submitting", after([submitting()])),
        ("in doubt", after([submitting(), lost()])),
        ("accepted", after([submitting(), accepted()])),
        ("partly filled", after([submitting(), accepted(), partly()])),
        ("canceling, unsent", after([cancel()])),
        ("canceling, unknown", after([submitting(), cancel()])),
        ("canceling, unknown, lost", after([submitting(), cancel(), lost()])),
        ("canceling, working", after([submitting(), accepted(), cancel()])),
        ("canceling, partly filled", after([submitting(), accepted(), partly(), cancel()])),
        ("filled", after([submitting(), executed()])),
        ("filled in part", after([submitting(), accepted(), partly(), cancel(), Change::Canceled])),
        ("closing", after([submitting(), executed(), Change::CloseRequested])),
        ("closing, lost", after([submitting(), executed(), Change::CloseRequested, lost()])),
        ("closed", after([submitting(), executed(), closed()])),
        ("canceled", after([cancel(), Change::Canceled])),
        ("rejected", after([submitting(), rejected])),
        ("expired", after([submitting(), expired])),
    ]
}

fn every_answer() -> Vec<(&'static str, Answer)> {
    let check_again_at = at(NOW + 5);
    let broker_order_id = || "B".to_owned();
    let filled = |text: &str| text.parse().unwrap();
    let partly = |amount: &str| Answer::PartlyFilled {
        broker_order_id: broker_order_id(),
        filled: filled(amount),
        check_again_at,
    };
    let executed_at = at(3);
    let why = || "why".to_owned();
    vec![
        ("working", Answer::Working { broker_order_id: broker_order_id(), check_again_at }),
        ("0.4 filled", partly("0.4")),
        ("0.5 filled", partly("0.5")),
        ("0.6 filled", partly("0.6")),
        ("filled", Answer::Filled { broker_order_id: broker_order_id(), executed_at, check_again_at }),
        (
            "closed",
            Answer::Closed {
                broker_order_id: broker_order_id(),
                executed_at,
                closed_at: at(4),
                reason: None,
            },
        ),
        ("canceled", Answer::Canceled),
        ("rejected", Answer::Rejected { reason: why() }),
        ("expired", Answer::Expired { reason: why() }),
        ("never arrived", Answer::NeverArrived { why: why(), check_again_at }),
        ("refused", Answer::Refused { why: why(), check_again_at }),
        ("unknown", Answer::Unknown { why: why() }),
    ]
}

fn fold(order: &Order, changes: &[Change]) -> Order {
    let events = changes.iter().map(|change| OrderEvent { at: at(NOW), change: change.clone() });
    events.into_iter().fold(order.clone(), |order, event| order.apply(&event).unwrap())
}

#[test]
fn every_answer_in_every_state_owes_what_can_happen_or_a_later_look() {
    for (state, order) in every_order() {
        for (said, answer) in every_answer() {
            match verdict(&order, answer, at(NOW)) {
                Verdict::Record(changes) => {
                    assert!(!changes.is_empty(), "{state}, {said}");
                    fold(&order, &changes);
                }
                Verdict::Postpone(until) => assert!(until > at(NOW), "{state}, {said}"),
            }
        }
    }
}

#[test]
fn what_every_answer_proves_in_every_state() {
    let mut table = String::new();
    for (state, order) in every_order() {
        writeln!(table, "{state}").unwrap();
        for (said, answer) in every_answer() {
            let told = match verdict(&order, answer, at(NOW)) {
                Verdict::Record(changes) => {
                    let names: Vec<_> = changes.iter().map(Change::as_str).collect();
                    format!("{} -> {}", names.join(", "), fold(&order, &changes).state().as_str())
                }
                Verdict::Postpone(until) => format!("look again in {} ms", until.since(at(NOW)).as_millis()),
            };
            writeln!(table, "  {said:13}  {told}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_answer_taken_twice_owes_nothing_the_second_time() {
    for (state, order) in every_order() {
        for (said, answer) in every_answer() {
            // A lost, refused or negative answer is about this call, not about the order.
            if matches!(said, "unknown" | "refused" | "never arrived") {
                continue;
            }
            if let Verdict::Record(changes) = verdict(&order, answer.clone(), at(NOW)) {
                let again = verdict(&fold(&order, &changes), answer, at(NOW));
                assert!(matches!(again, Verdict::Postpone(_)), "{state}, {said}: {again:?}");
            }
        }
    }
}

#[test]
fn what_is_not_known_never_ends_an_order() {
    for (state, order) in every_order() {
        if let Verdict::Record(changes) = verdict(&order, Answer::Unknown { why: "reset".into() }, at(NOW)) {
            assert!(matches!(changes[..], [Change::AnswerLost { .. }]), "{state}: {changes:?}");
            assert!(!fold(&order, &changes).state().is_final(), "{state}");
        }
    }
}

#[test]
fn an_order_that_the_broker_has_confirmed_is_never_sent_again() {
    let seen = every_order().into_iter().filter(|(_, order)| order.progress.broker_order_id.is_some());
    for (state, order) in seen {
        let answer = Answer::NeverArrived { why: "not found".into(), check_again_at: at(NOW) };
        assert!(matches!(verdict(&order, answer, at(NOW)), Verdict::Postpone(_)), "{state}");
    }
}

#[test]
fn questions_about_what_is_in_doubt_are_spaced_out_to_a_minute() {
    let submitting = after([Change::Submitting { fixed: String::new() }]);
    let wait = |age: i64| match verdict(&submitting, Answer::Unknown { why: String::new() }, at(1 + age)) {
        Verdict::Record(changes) => match changes[..] {
            [Change::AnswerLost { check_again_at, .. }] => check_again_at.since(at(1 + age)),
            _ => panic!("{changes:?}"),
        },
        Verdict::Postpone(until) => panic!("{until}"),
    };
    let waits = [0, 1, 10, 1000].map(|age| wait(age).as_millis());
    assert_eq!(waits, [500, 500, 5_000, 60_000]);
}
