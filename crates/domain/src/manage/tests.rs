use proptest::prelude::*;
use rstest::rstest;
use uuid::Uuid;

use super::*;
use crate::ids::Seq;
use crate::lifecycle::{Exposure, OrderEvent};
use crate::signal::Distances;
use crate::specimen;
use crate::time::Timestamp;
use crate::wire::Status;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn order(side: Side, state: OrderState) -> Order {
    let mut order = specimen::order(side);
    order.progress.state = state;
    order
}

fn modify(stop_loss: Option<&str>, to: Option<StopTo>, targets: &[&str]) -> Command {
    Command::Modify(ModifySignal {
        instrument: "EURUSD".parse().unwrap(),
        side: None,
        stop_loss: stop_loss.map(price),
        stop_loss_to: to,
        take_profits: targets.iter().map(|text| price(text)).collect(),
        distances: Distances::default(),
        notes: vec![],
    })
}

#[rstest]
#[case(Side::Buy, OrderState::Filled, modify(Some("1.0870"), None, &[]), true)] // a profit locked in
#[case(Side::Buy, OrderState::New, modify(Some("1.0870"), None, &[]), false)] // above the entry of what has not filled
#[case(Side::Buy, OrderState::Filled, modify(None, Some(StopTo::Entry), &[]), true)]
#[case(Side::Buy, OrderState::Filled, modify(Some("1.0895"), None, &[]), false)]
#[case(Side::Buy, OrderState::Filled, modify(None, None, &["1.0900", "1.0950"]), true)]
#[case(Side::Buy, OrderState::Filled, modify(None, None, &["1.0900", "1.0840"]), false)]
#[case(Side::Sell, OrderState::Filled, modify(Some("1.0855"), None, &[]), true)]
#[case(Side::Sell, OrderState::Filled, modify(Some("1.0845"), None, &[]), false)]
fn a_change_of_protection_must_hold_together(
    #[case] side: Side,
    #[case] state: OrderState,
    #[case] command: Command,
    #[case] fits: bool,
) {
    assert_eq!(command.effect_on(&order(side, state)).is_ok(), fits);
}

#[test]
fn a_command_is_about_orders_of_its_instrument_side_and_status_alone() {
    let close = |instrument, side| close(instrument, side, None);
    let filled = order(Side::Buy, OrderState::Filled);
    let closing = Ok(Effect::Change(Change::CloseRequested));
    assert_eq!(close(Some("EURUSD"), None).effect_on(&filled), closing);
    assert_eq!(close(None, Some(Side::Buy)).effect_on(&filled), closing);
    assert_eq!(close(Some("GBPUSD"), None).effect_on(&filled), Ok(Effect::Unrelated));
    assert_eq!(close(None, Some(Side::Sell)).effect_on(&filled), Ok(Effect::Unrelated));
    let skip = |reason| Ok(Effect::Skip(reason));
    let pending = order(Side::Buy, OrderState::Accepted);
    assert_eq!(close(None, None).effect_on(&pending), skip(SkipReason::Pending));
    let requested_at = Timestamp::from_micros(0);
    let closing = order(Side::Buy, OrderState::Closing { requested_at });
    assert_eq!(close(None, None).effect_on(&closing), skip(SkipReason::CloseRequested));
}

#[test]
fn partial_closes_leave_a_part_of_what_is_left() {
    let mut order = order(Side::Buy, OrderState::Filled);
    order.progress.reduce("0.5".parse().unwrap());
    assert_eq!(order.progress.remaining.unwrap().to_string(), "0.5");
    order.progress.reduce("0.3".parse().unwrap());
    assert_eq!(order.progress.remaining.unwrap().to_string(), "0.35");
    for _ in 0..200 {
        order.progress.reduce("0.9".parse().unwrap());
    }
    assert_eq!(order.progress.remaining.unwrap().to_string(), "0.000000000001");
}

fn states() -> impl Strategy<Value = OrderState> {
    use Exposure::{PartlyFilled, Unknown, Unsent, Working};
    let requested_at = Timestamp::from_micros(1);
    let canceling = |exposure| OrderState::Canceling { exposure, requested_at };
    proptest::sample::select(vec![
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
    ])
}

fn sides() -> impl Strategy<Value = Side> {
    proptest::sample::select(vec![Side::Buy, Side::Sell])
}

fn instruments() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["EURUSD", "GBPUSD", "XAUUSD", "GOLD", "BRK.B", "BTCUSDT"])
}

/// Orders of a few instruments, in every state, each with its own id and sequence number.
fn orders() -> impl Strategy<Value = Vec<Order>> {
    proptest::collection::vec((states(), sides(), instruments(), 1u128..3), 0..12).prop_map(|drawn| {
        let made = (1u32..).zip(drawn).map(|(number, (state, side, instrument, account))| {
            let mut order = order(side, state);
            order.id = OrderId(Uuid::from_u128(number.into()));
            order.seq = Seq(i64::from(100 - number));
            order.broker_account_id = BrokerAccountId(Uuid::from_u128(account));
            order.terms.instrument = instrument.parse().unwrap();
            order
        });
        made.collect()
    })
}

fn cancel(instrument: Option<&str>, side: Option<Side>) -> Command {
    let instrument = instrument.map(|symbol| symbol.parse().unwrap());
    Command::Cancel(CancelSignal { instrument, side, reference: None, notes: vec![] })
}

fn close(instrument: Option<&str>, side: Option<Side>, part: Option<&str>) -> Command {
    let instrument = instrument.map(|symbol| symbol.parse().unwrap());
    let fraction = part.map(|part| part.parse().unwrap());
    Command::Close(CloseSignal { instrument, side, fraction, quantity: None, notes: vec![] })
}

fn commands() -> impl Strategy<Value = Command> {
    let (instrument, side) = (proptest::option::of(instruments()), proptest::option::of(sides()));
    (instrument, side, 0..4).prop_map(|(instrument, side, kind)| match kind {
        0 => close(instrument, side, None),
        1 => close(instrument, side, Some("0.5")),
        2 => cancel(instrument, side),
        // It changes nothing, so it is valid for either side, before and after the fill.
        _ => Command::Modify(ModifySignal {
            instrument: instrument.unwrap_or("EURUSD").parse().unwrap(),
            side,
            stop_loss: None,
            stop_loss_to: None,
            take_profits: vec![],
            distances: Distances::default(),
            notes: vec![],
        }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A change is a valid transition, a skipped order has the reason that is given, and the advised command works.
    #[test]
    fn every_effect_agrees_with_the_transition_table_and_the_orders_status(
        state in states(),
        side in sides(),
        command in commands(),
    ) {
        let order = order(side, state);
        let about = command.instrument().is_none_or(|instrument| *instrument == order.terms.instrument)
            && command.side().is_none_or(|wanted| wanted == side);
        match command.effect_on(&order).unwrap() {
            Effect::Unrelated => prop_assert!(!about || state.is_final()),
            Effect::Change(change) => {
                prop_assert!(about && state.request().is_none());
                let event = OrderEvent { at: Timestamp::from_micros(5), change };
                let after = order.clone().apply(&event);
                prop_assert!(after.is_ok(), "{command:?} of {state:?}: {after:?}");
                prop_assert_eq!(after.unwrap().status(), order.status(), "a request alone ends nothing");
            }
            Effect::Skip(reason) => {
                prop_assert!(about && !state.is_final());
                prop_assert_eq!(reason.as_str(), state.request().unwrap_or(order.status().as_str()));
                prop_assert_eq!(reason.is_pending(), order.status() == Status::Pending);
                // The advised command changes the order.
                let named = match reason {
                    SkipReason::Pending => Some((cancel(None, None), Change::CancelRequested)),
                    SkipReason::Executed => Some((close(None, None, None), Change::CloseRequested)),
                    SkipReason::CancelRequested | SkipReason::CloseRequested
                    | SkipReason::PartCloseRequested => None,
                };
                if let Some((command, change)) = named {
                    prop_assert_eq!(command.effect_on(&order), Ok(Effect::Change(change)));
                }
            }
        }
    }

    /// Every open order that a command is about is either changed or reported, oldest first.
    #[test]
    fn a_plan_changes_or_reports_every_open_order_that_the_command_is_about(
        command in commands(),
        orders in orders(),
        account in proptest::option::of(1u128..3),
    ) {
        let account = account.map(|number| BrokerAccountId(Uuid::from_u128(number)));
        let mut about: Vec<_> = orders.iter().filter(|order| {
            account.is_none_or(|id| id == order.broker_account_id)
                && command.effect_on(order) != Ok(Effect::Unrelated)
        }).collect();
        about.sort_unstable_by_key(|order| order.seq);
        let changed: Vec<_> =
            about.iter().filter(|order| matches!(command.effect_on(order), Ok(Effect::Change(_)))).collect();
        let pending = about.iter().any(|order| order.status() == Status::Pending);
        match command.plan(account, orders.clone()) {
            Ok(plan) => {
                let ids: Vec<_> = plan.changes.iter().map(|(order, _)| order.id).collect();
                prop_assert_eq!(&ids, &changed.iter().map(|order| order.id).collect::<Vec<_>>());
                prop_assert_eq!(ids.len() + plan.still_pending.len() + plan.skipped.len(), about.len());
                prop_assert_eq!(plan.note.is_some(), ids.len() < about.len());
                let is_close = matches!(command, Command::Close(_));
                let pending = about.iter().filter(|order| is_close && order.status() == Status::Pending);
                prop_assert_eq!(plan.still_pending, pending.map(|order| order.id).collect::<Vec<_>>());
            }
            Err(CommandError::Nothing { code, detail }) => {
                prop_assert!(changed.is_empty());
                let is_close = matches!(command, Command::Close(_));
                prop_assert_eq!(code == "still_pending", is_close && pending, "{}", detail);
                prop_assert_eq!(detail.starts_with("There is no open order"), about.is_empty(), "{}", detail);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

fn nothing(command: &Command, states: &[OrderState], account: Option<BrokerAccountId>) -> String {
    let orders = states.iter().map(|state| order(Side::Buy, *state)).collect();
    command.plan::<Order>(account, orders).unwrap_err().to_string()
}

#[test]
fn a_refusal_says_which_orders_are_open_and_which_command_changes_them() {
    let requested_at = Timestamp::from_micros(1);
    let canceling = OrderState::Canceling { exposure: Exposure::Working, requested_at };
    let (accepted, filled) = (OrderState::Accepted, OrderState::Filled);
    let eurusd = Some("EURUSD");
    let said = |command, states: &[OrderState]| nothing(&command, states, None);
    assert_eq!(
        said(close(eurusd, None, None), &[accepted]),
        "The order of EURUSD is still pending: send CANCEL EURUSD to drop it."
    );
    assert_eq!(
        said(close(eurusd, Some(Side::Buy), Some("0.5")), &[accepted, OrderState::New]),
        "2 orders of EURUSD are still pending: send CANCEL BUY EURUSD to drop them."
    );
    assert_eq!(
        said(close(eurusd, None, None), &[accepted, canceling]),
        "One order of EURUSD is still pending: send CANCEL EURUSD to drop it. \
         One order of EURUSD is still pending, and its cancellation is under way."
    );
    assert_eq!(
        said(cancel(eurusd, None), &[filled, filled]),
        "2 orders of EURUSD are executed already: send CLOSE EURUSD to close them."
    );
    assert_eq!(
        said(close(None, None, None), &[accepted]),
        "The order is still pending: cancel it by id to drop it."
    );
    assert_eq!(
        said(close(Some("GBPUSD"), None, None), &[accepted]),
        "There is no open order of GBPUSD that this could close."
    );
    let account = order(Side::Buy, accepted).broker_account_id;
    assert_eq!(
        nothing(&close(eurusd, None, None), &[accepted], Some(account)),
        "The order of EURUSD is still pending: send CANCEL EURUSD for the same account to drop it."
    );
}

#[test]
fn a_command_about_more_than_the_allowed_number_of_orders_touches_none() {
    let orders = |count| vec![order(Side::Buy, OrderState::Filled); count];
    let command = close(Some("EURUSD"), None, None);
    assert_eq!(command.plan(None, orders(MAX_TOUCHED)).unwrap().changes.len(), MAX_TOUCHED);
    let refused = command.plan(None, orders(MAX_TOUCHED + 1)).unwrap_err();
    assert_eq!((refused.code(), &refused), ("too_many_orders", &command.too_many()));
    assert_eq!(refused.to_string(), "This is about more than 500 orders of EURUSD; none was touched.");
}
