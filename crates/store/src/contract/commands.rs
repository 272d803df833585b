//! What holds of commands about open orders.

use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::{OrderId, UserId};
use hookfill_domain::lifecycle::Change;
use hookfill_domain::manage::Command;
use hookfill_domain::order::{Order, Side};
use hookfill_domain::signal::{CancelSignal, CloseSignal, Distances, ModifySignal};
use hookfill_domain::wire::Status;

use super::trial::{Trader, Trial, accepted, at, executed, keyed, patient, submitting};
use crate::{Made, Managed, NewCommand, Remembered};

fn close(instrument: Option<&str>, fraction: Option<&str>) -> Command {
    Command::Close(CloseSignal {
        instrument: instrument.map(|symbol| symbol.parse().unwrap()),
        side: None,
        fraction: fraction.map(|part| part.parse().unwrap()),
        quantity: None,
        notes: Vec::new(),
    })
}

fn cancel(instrument: &str, side: Option<Side>) -> Command {
    let instrument = Some(instrument.parse().unwrap());
    Command::Cancel(CancelSignal { instrument, side, reference: None, notes: Vec::new() })
}

fn stop_loss(instrument: &str, price: &str) -> Command {
    Command::Modify(ModifySignal {
        instrument: instrument.parse().unwrap(),
        side: None,
        stop_loss: Some(price.parse().unwrap()),
        stop_loss_to: None,
        take_profits: Vec::new(),
        distances: Distances::default(),
        notes: Vec::new(),
    })
}

fn new(user_id: UserId, command: Command) -> NewCommand {
    let details = [("signal".to_owned(), "as it was sent".into())].into_iter().collect();
    NewCommand { user_id, account_id: None, command, idempotency: None, details, at: at(50) }
}

fn ids(managed: Managed) -> Vec<OrderId> {
    let Managed::Touched(orders) = managed else { panic!("nothing was touched: {managed:?}") };
    orders.iter().map(|order| order.id).collect()
}

async fn filled(trial: &Trial, trader: &Trader, instrument: &str) -> Order {
    let order = trial.accept(trader, instrument).await;
    trial.record(&order, 20, vec![submitting(), accepted(30), executed(30)]).await
}

/// By instrument, side, status and account, and only the user's own.
pub async fn a_command_touches_the_open_orders_it_is_about_and_no_other(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    let (first, second) = (filled(&trial, &ann, "EURUSD").await, filled(&trial, &ann, "EURUSD").await);
    let pending = trial.accept(&ann, "EURUSD").await;
    filled(&trial, &ann, "GBPUSD").await;
    filled(&trial, &bob, "EURUSD").await;
    let before = trial.seen(bob.id).await;

    let other_account = trial.link(ann.id, trial.fresh_account(), at(1)).await;
    let elsewhere =
        NewCommand { account_id: Some(other_account.id), ..new(ann.id, close(Some("EURUSD"), None)) };
    assert_eq!(trial.store.manage(elsewhere, patient()).await.unwrap(), Managed::Nothing);

    let touched = trial.store.manage(new(ann.id, close(Some("EURUSD"), None)), patient()).await.unwrap();
    assert_eq!(ids(touched), [first.id, second.id]);
    for order in [&first, &second] {
        let order = trial.store.order(ann.id, order.id).await.unwrap().unwrap();
        assert_eq!((order.reason(), order.due_at), (Some("close_requested"), Some(at(50))));
    }
    let selling = new(ann.id, cancel("EURUSD", Some(Side::Sell)));
    assert_eq!(trial.store.manage(selling, patient()).await.unwrap(), Managed::Nothing);
    let touched = trial.store.manage(new(ann.id, cancel("EURUSD", None)), patient()).await.unwrap();
    assert_eq!(ids(touched), [pending.id]);
    assert_eq!(trial.seen(bob.id).await, before);

    let entries = trial.seen(ann.id).await.entries;
    let commands: Vec<_> = entries.iter().filter(|e| e.action == AuditAction::CommandAccepted).collect();
    assert_eq!(commands.len(), 2);
    let details: serde_json::Value = serde_json::from_slice(&commands[1].details).unwrap();
    assert_eq!(details["orders"], serde_json::json!([first.id, second.id]));
    assert_eq!((&details["kind"], &details["signal"]), (&"close".into(), &"as it was sent".into()));
}

/// All or none: the first order's stop loss stays although it could have moved.
pub async fn a_command_that_cannot_be_carried_out_for_one_order_touches_none(trial: Trial) {
    let ann = trial.register("ann").await;
    filled(&trial, &ann, "EURUSD").await;
    trial.accept(&ann, "EURUSD").await;
    let before = trial.seen(ann.id).await;
    // Above the entry: good for what has filled, wrong for what has not.
    let answer = trial.store.manage(new(ann.id, stop_loss("EURUSD", "1.0870")), patient()).await.unwrap();
    assert!(matches!(answer, Managed::Impossible(_)), "{answer:?}");
    assert_eq!(trial.seen(ann.id).await, before);

    let touched = trial.store.manage(new(ann.id, stop_loss("EURUSD", "1.0855")), patient()).await.unwrap();
    assert_eq!(ids(touched).len(), 2);
    let after = trial.seen(ann.id).await;
    for (event, order) in after.events[before.events.len()..].iter().zip(after.orders.iter().rev()) {
        let message: serde_json::Value = serde_json::from_str(&event.message).unwrap();
        assert_eq!(message["type"], "order.modified");
        assert_eq!(message["stop_loss"], "1.0855");
        assert_eq!(message["order_id"], order.id.to_string());
    }
}

/// The same key again gives the same answer, and an order's key is no command's.
pub async fn a_command_is_remembered_by_its_key(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = filled(&trial, &ann, "EURUSD").await;
    let keyed_close =
        |body| NewCommand { idempotency: Some(keyed(1, body)), ..new(ann.id, close(Some("EURUSD"), None)) };
    assert_eq!(ids(trial.store.manage(keyed_close(1), patient()).await.unwrap()), [order.id]);
    let before = trial.seen(ann.id).await;
    for (body, same_body) in [(1, true), (2, false)] {
        let made = Made::Command { kind: "close".to_owned(), orders: vec![order.id] };
        let known = Remembered { made, same_body };
        let again = trial.store.manage(keyed_close(body), patient()).await.unwrap();
        assert_eq!(again, Managed::Remembered(known.clone()));
        assert_eq!(trial.store.remembered(ann.id, keyed(1, body)).await.unwrap(), Some(known));
    }
    assert_eq!(trial.seen(ann.id).await, before);
}

/// Nothing is written, and no key is spent.
pub async fn a_command_with_nothing_to_do_says_so_and_leaves_nothing_behind(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = filled(&trial, &ann, "EURUSD").await;
    let before = trial.seen(ann.id).await;
    let keyed_close =
        NewCommand { idempotency: Some(keyed(1, 1)), ..new(ann.id, close(Some("GBPUSD"), None)) };
    assert_eq!(trial.store.manage(keyed_close, patient()).await.unwrap(), Managed::Nothing);
    assert_eq!(trial.store.remembered(ann.id, keyed(1, 1)).await.unwrap(), None);
    assert_eq!(trial.seen(ann.id).await, before);
    assert_eq!(ids(trial.store.manage(new(ann.id, close(None, None)), patient()).await.unwrap()), [order.id]);
}

/// On the stream it is one change of the order, whose position stays open.
pub async fn a_part_of_a_position_is_closed_and_the_rest_lives_on(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = filled(&trial, &ann, "EURUSD").await;
    let half = new(ann.id, close(Some("EURUSD"), Some("0.5")));
    assert_eq!(ids(trial.store.manage(half, patient()).await.unwrap()), [order.id]);
    let fraction = "0.5".parse().unwrap();
    let reduced = Change::Reduced { fraction, reduced_at: at(50), check_again_at: at(90) };
    let order = trial.record(&order, 51, vec![reduced]).await;
    assert_eq!((order.status(), order.reason()), (Status::Executed, Some("partly_closed")));
    assert_eq!(order.progress.remaining.map(|part| part.to_string()).as_deref(), Some("0.5"));
    let last = trial.seen(ann.id).await.events.pop().unwrap();
    let message: serde_json::Value = serde_json::from_str(&last.message).unwrap();
    assert_eq!((&message["type"], &message["reason"]), (&"order.modified".into(), &"partly_closed".into()));
}
