use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::order::{Bracket, Side};
use crate::plan::{Step, next_step};
use crate::specimen;
use crate::wire::{Status, message_type};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn order() -> Order {
    specimen::order(Side::Buy)
}

fn every_state() -> Vec<OrderState> {
    use Exposure::{PartlyFilled, Unknown, Unsent, Working};
    let requested_at = at(1);
    let canceling = |exposure| OrderState::Canceling { exposure, requested_at };
    vec![
        OrderState::New,
        OrderState::Submitting,
        OrderState::InDoubt,
        OrderState::Accepted,
        OrderState::PartlyFilled,
        canceling(Unsent),
        canceling(Unknown),
        canceling(Working),
        canceling(PartlyFilled),
        OrderState::Filled,
        OrderState::Closing { requested_at },
        OrderState::Reducing { fraction: "0.5".parse().unwrap(), requested_at },
        OrderState::Closed,
        OrderState::Canceled,
        OrderState::Rejected,
        OrderState::Expired,
    ]
}

fn every_change(now: Timestamp) -> Vec<Change> {
    let check_again_at = now.plus(Duration::from_secs(5));
    let why = || "why".to_owned();
    vec![
        Change::Submitting { fixed: String::new() },
        Change::Accepted { broker_order_id: "B1".into(), check_again_at },
        Change::AnswerLost { why: why(), check_again_at },
        Change::NotSubmitted { why: why(), check_again_at },
        Change::PartlyFilled { filled: "0.5".parse().unwrap(), check_again_at },
        Change::Executed { executed_at: now, check_again_at },
        Change::CancelRequested,
        Change::Canceled,
        Change::CancelRefused { why: why(), check_again_at },
        Change::CloseRequested,
        Change::Closed { closed_at: now, reason: None },
        Change::CloseRefused { why: why(), check_again_at },
        Change::ReduceRequested { fraction: "0.5".parse().unwrap() },
        Change::Reduced { fraction: "0.5".parse().unwrap(), reduced_at: now, check_again_at },
        Change::Rejected { reason: why() },
        Change::Expired { reason: why() },
        Change::Modified { bracket: Bracket::default() },
    ]
}

fn in_state(state: OrderState) -> Order {
    let mut order = order();
    order.progress.state = state;
    order.due_at = if state.is_final() { None } else { Some(at(2)) };
    order
}

fn named(state: OrderState) -> String {
    if let OrderState::Canceling { exposure, .. } = state {
        return format!("canceling/{exposure:?}").to_lowercase();
    }
    state.as_str().to_owned()
}

#[test]
fn the_table_is_as_written_down() {
    let mut table = String::new();
    for state in every_state() {
        writeln!(table, "{} [{}]", named(state), Status::from(state)).unwrap();
        for change in every_change(at(9)) {
            if let Some(next) = next_state(state, &change, at(9)) {
                writeln!(table, "    {:<18} -> {}", change.as_str(), named(next)).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn unknown_is_never_turned_into_rejected() {
    for state in every_state() {
        let change = Change::AnswerLost { why: "timeout".into(), check_again_at: at(20) };
        if let Ok(after) = in_state(state).apply(&OrderEvent { at: at(9), change }) {
            assert!(!after.state().is_final(), "{state:?} -> {:?}", after.state());
            assert_eq!(after.status(), Status::from(state));
        }
    }
}

#[test]
fn a_stored_decision_to_send_is_never_followed_by_a_second_one() {
    let submitting =
        order().apply(&OrderEvent { at: at(1), change: Change::Submitting { fixed: "x".into() } }).unwrap();
    assert_eq!(next_step(&submitting, at(1)), Step::Query);
    let again = OrderEvent { at: at(1), change: Change::Submitting { fixed: "x".into() } };
    assert!(submitting.clone().apply(&again).is_err());
    let doubt =
        OrderEvent { at: at(2), change: Change::AnswerLost { why: "reset".into(), check_again_at: at(3) } };
    let in_doubt = submitting.apply(&doubt).unwrap();
    assert_eq!(next_step(&in_doubt, at(9)), Step::Query);
    assert!(in_doubt.apply(&again).is_err());
}

#[test]
fn a_fill_that_races_a_cancel_wins() {
    let accepted = in_state(OrderState::Accepted);
    let canceling = accepted.apply(&OrderEvent { at: at(3), change: Change::CancelRequested }).unwrap();
    assert_eq!(canceling.reason(), Some("cancel_requested"));
    let change = Change::Executed { executed_at: at(3), check_again_at: at(5) };
    let filled = canceling.apply(&OrderEvent { at: at(4), change }).unwrap();
    assert_eq!((filled.status(), filled.reason()), (Status::Executed, None));
}

#[test]
fn an_order_too_old_is_expired_before_it_is_sent_and_never_after() {
    let mut late = order();
    late.terms.valid_until = Some(at(10));
    assert_eq!(next_step(&late, at(10)), Step::Submit);
    assert_eq!(next_step(&late, at(11)), Step::Expire);
    late.progress.state = OrderState::InDoubt;
    assert_eq!(next_step(&late, at(11)), Step::Query);
}

#[test]
fn only_what_the_wire_shows_owes_a_message() {
    let new = order();
    assert_eq!(message_type(None, &new), Some("order.pending"));
    for state in every_state() {
        let before = in_state(state);
        for change in every_change(at(9)) {
            let internal = matches!(
                change,
                Change::Submitting { .. }
                    | Change::Accepted { .. }
                    | Change::AnswerLost { .. }
                    | Change::NotSubmitted { .. }
                    | Change::PartlyFilled { .. }
                    | Change::CancelRequested
                    | Change::CancelRefused { .. }
                    | Change::CloseRequested
                    | Change::CloseRefused { .. }
                    | Change::ReduceRequested { .. }
            );
            let Ok(after) = before.clone().apply(&OrderEvent { at: at(9), change: change.clone() }) else {
                continue;
            };
            assert_eq!(message_type(Some(&before), &after).is_none(), internal, "{state:?} {change:?}");
        }
    }
}

/// What must hold of every order after any history.
fn holds_together(order: &Order) {
    let state = order.state();
    assert_eq!(
        order.due_at.is_none(),
        state.is_final(),
        "{state:?}: an open order is always due at some time"
    );
    if state == OrderState::Filled {
        assert!(order.progress.executed_at.is_some(), "a filled order knows when");
    }
    if state == OrderState::Closed {
        assert!(order.progress.closed_at.is_some(), "a closed order knows when");
    }
    let far = at(1_000_000);
    match next_step(order, far) {
        Step::Wait(None) => assert!(state.is_final()),
        Step::Wait(Some(_)) => panic!("{state:?} waits beyond its time"),
        Step::Submit | Step::Expire => assert_eq!(state, OrderState::New),
        Step::Query | Step::Cancel | Step::Withdraw | Step::Close => assert!(!state.is_final()),
    }
}

proptest! {
    /// Events in any order, repeated and dropped: what cannot happen changes nothing, what can keeps the order whole.
    #[test]
    fn no_history_tears_an_order(picks in proptest::collection::vec((0usize..17, 0i64..100), 0..40)) {
        let mut current = order();
        let mut sent = 0;
        for (pick, second) in picks {
            let event = OrderEvent { at: at(second), change: every_change(at(second)).swap_remove(pick) };
            let before = current.clone();
            match current.clone().apply(&event) {
                Ok(after) => {
                    if matches!(event.change, Change::Submitting { .. }) {
                        sent += 1;
                        prop_assert_eq!(before.state(), OrderState::New);
                    }
                    prop_assert_eq!(after.progress.submission.as_ref().map_or(0, |s| s.attempt), sent);
                    prop_assert_eq!(&after.terms, &before.terms);
                    prop_assert!(after.updated_at >= before.updated_at);
                    current = after;
                }
                Err(refused) => prop_assert_eq!(refused.event, event.change.as_str()),
            }
            holds_together(&current);
        }
    }

    /// A repeated event is either refused or leaves the wire as it is.
    #[test]
    fn a_repeated_event_is_not_shown_twice(state in 0usize..16, pick in 0usize..17) {
        let before = in_state(every_state().swap_remove(state));
        let event = OrderEvent { at: at(9), change: every_change(at(9)).swap_remove(pick) };
        if let Ok(once) = before.apply(&event)
            && let Ok(twice) = once.clone().apply(&event)
        {
            prop_assert_eq!(message_type(Some(&once), &twice), None);
        }
    }
}
