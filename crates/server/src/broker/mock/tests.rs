use hookfill_domain::lifecycle::{Change, OrderEvent};
use proptest::prelude::*;

use super::*;
use crate::specimen;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn mock(execute_after: u64, close_after: u64) -> MockBroker {
    MockBroker::new(Duration::from_micros(execute_after), Duration::from_micros(close_after))
}

fn apply(order: Order, micros: i64, change: Change) -> Order {
    order.apply(&OrderEvent { at: at(micros), change }).unwrap()
}

/// An order that this broker was to be sent at that time.
fn submitted(broker: MockBroker, micros: i64) -> Order {
    apply(specimen::order(1, at(0)), micros, Change::Submitting { fixed: broker.fix() })
}

/// An order that has filled 5 after it was submitted at 100.
fn filled(broker: MockBroker) -> Order {
    let executed = Change::Executed { executed_at: at(105), check_again_at: at(115) };
    apply(submitted(broker, 100), 106, executed)
}

/// How far an answer says the order has come.
fn rank(answer: &Answer) -> u8 {
    match answer {
        Answer::Working { .. } => 0,
        Answer::Filled { .. } => 1,
        Answer::Closed { .. } => 2,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_fill_is_the_first_delay_after_the_submission_and_the_close_the_second_after_that() {
    let order = submitted(mock(5, 10), 100);
    let id = |answer: Answer| match answer {
        Answer::Working { broker_order_id, check_again_at } => {
            (broker_order_id, 0, check_again_at.as_micros())
        }
        Answer::Filled { broker_order_id, executed_at, check_again_at } => {
            (broker_order_id, executed_at.as_micros(), check_again_at.as_micros())
        }
        Answer::Closed { broker_order_id, executed_at, closed_at, reason: None } => {
            (broker_order_id, executed_at.as_micros(), closed_at.as_micros())
        }
        other => panic!("{other:?}"),
    };
    let told = [100, 104, 105, 114, 115, 1_000_000].map(|now| id(answer(&order, at(now))));
    let name = "ORD-000000000001".to_owned();
    let expected = [(0, 105), (0, 105), (105, 115), (105, 115), (105, 115), (105, 115)];
    assert_eq!(told, expected.map(|(executed, next)| (name.clone(), executed, next)));
}

#[test]
fn a_restart_with_other_delays_changes_nothing() {
    let order = submitted(mock(5, 10), 100);
    for now in [100, 105, 115] {
        let told = [mock(5, 10), mock(0, 0), mock(1_000_000, 7)].map(|_| answer(&order, at(now)));
        assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
    }
    assert_eq!(mock(5, 10).fix(), r#"{"execute_after_us":5,"close_after_us":10}"#);
}

#[test]
fn a_cancel_before_the_fill_wins_and_one_after_it_loses_whenever_the_broker_is_asked() {
    let asked_at = |micros| apply(submitted(mock(5, 10), 100), micros, Change::CancelRequested);
    for now in [100, 104, 105, 1_000_000] {
        assert_eq!(answer(&asked_at(104), at(now)), Answer::Canceled);
    }
    for (now, rank_then) in [(105, 1), (114, 1), (115, 2)] {
        assert_eq!(rank(&answer(&asked_at(105), at(now))), rank_then);
    }
}

#[test]
fn a_close_is_done_when_it_is_asked_for_and_never_later_than_by_itself() {
    let closed_at =
        |broker, asked| match answer(&apply(filled(broker), asked, Change::CloseRequested), at(asked)) {
            Answer::Closed { executed_at, closed_at, .. } => (executed_at.as_micros(), closed_at.as_micros()),
            other => panic!("{other:?}"),
        };
    assert_eq!(closed_at(mock(5, u64::MAX), 110), (105, 110));
    assert_eq!(closed_at(mock(5, 10), 110), (105, 110));
    assert_eq!(closed_at(mock(5, 10), 200), (105, 115));
}

#[test]
fn what_is_stored_but_cannot_be_read_is_unknown() {
    let never = specimen::order(1, at(0));
    assert!(matches!(answer(&never, at(5)), Answer::Unknown { .. }));
    for fixed in ["", "{}", "null", r#"{"execute_after_us":-1,"close_after_us":0}"#] {
        let order = apply(never.clone(), 1, Change::Submitting { fixed: fixed.to_owned() });
        assert!(matches!(answer(&order, at(5)), Answer::Unknown { .. }), "{fixed}");
    }
}

proptest! {
    #[test]
    fn the_fate_of_an_order_only_goes_forward_and_its_times_stand(
        execute_after in 0u64..10_000, close_after in 0u64..10_000, mut times in proptest::collection::vec(0i64..30_000, 2..20),
    ) {
        let order = submitted(mock(execute_after, close_after), 100);
        times.sort_unstable();
        let answers: Vec<_> = times.iter().map(|now| answer(&order, at(100 + now))).collect();
        let (fill, close) = (100 + execute_after.cast_signed(), 100 + (execute_after + close_after).cast_signed());
        for pair in answers.windows(2) {
            prop_assert!(rank(&pair[0]) <= rank(&pair[1]));
        }
        for (now, told) in times.iter().map(|now| 100 + now).zip(answers) {
            match told {
                Answer::Working { check_again_at, .. } => prop_assert!(now < fill && check_again_at == at(fill)),
                Answer::Filled { executed_at, check_again_at, .. } => {
                    prop_assert!((fill..close).contains(&now));
                    prop_assert_eq!((executed_at, check_again_at), (at(fill), at(close)));
                }
                Answer::Closed { executed_at, closed_at, .. } => {
                    prop_assert!(now >= close);
                    prop_assert_eq!((executed_at, closed_at), (at(fill), at(close)));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn no_delay_and_no_time_is_too_much(
        execute_after in any::<u64>(), close_after in any::<u64>(), submitted_at in any::<i64>(), now in any::<i64>(),
    ) {
        let order = submitted(mock(execute_after, close_after), submitted_at);
        rank(&answer(&order, at(now)));
    }
}
