//! What holds of commands about open orders.

use hookfill_domain::audit::AuditAction;
use hookfill_domain::ids::{OrderId, UserId};
use hookfill_domain::lifecycle::Change;
use hookfill_domain::manage::Command;
use hookfill_domain::order::{Order, Side};
use hookfill_domain::signal::{CancelSignal, CloseSignal, Distances, ModifySignal};
use hookfill_domain::wire::Status;

use super::lists::accept_many;
use super::trial::{Trader, Trial, accepted, at, executed, keyed, patient, submitting};
use crate::{MAX_SCAN, Made, Managed, NewCommand, Remembered};

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
    let Managed::Touched { orders, .. } = managed else { panic!("nothing was touched: {managed:?}") };
    orders.iter().map(|order| order.id).collect()
}

/// The code of a refusal.
fn code(managed: &Managed) -> &'static str {
    let Managed::Refused(error) = managed else { panic!("it was not refused: {managed:?}") };
    error.code()
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
    let answer = trial.store.manage(elsewhere, patient()).await.unwrap();
    assert_eq!(code(&answer), "nothing_to_close");

    let touched = trial.store.manage(new(ann.id, close(Some("EURUSD"), None)), patient()).await.unwrap();
    assert_eq!(ids(touched), [first.id, second.id]);
    for order in [&first, &second] {
        let order = trial.store.order(ann.id, order.id).await.unwrap().unwrap();
        assert_eq!((order.reason(), order.due_at), (Some("close_requested"), Some(at(50))));
    }
    let selling = new(ann.id, cancel("EURUSD", Some(Side::Sell)));
    let answer = trial.store.manage(selling, patient()).await.unwrap();
    assert_eq!(code(&answer), "nothing_to_cancel");
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
    assert_eq!(code(&answer), "wrong_side");
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
        let made = Made::Command {
            kind: "close".to_owned(),
            orders: vec![order.id],
            still_pending: Vec::new(),
            skipped: Vec::new(),
            note: None,
        };
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
    let answer = trial.store.manage(keyed_close, patient()).await.unwrap();
    assert_eq!(code(&answer), "nothing_to_close");
    assert_eq!(trial.store.remembered(ann.id, keyed(1, 1)).await.unwrap(), None);
    assert_eq!(trial.seen(ann.id).await, before);
    assert_eq!(ids(trial.store.manage(new(ann.id, close(None, None)), patient()).await.unwrap()), [order.id]);
}

/// A pending order may still fill, so the sender of a close must be told of it, also in the answer to a repetition.
pub async fn a_close_leaves_pending_orders_alone_and_remembers_them(trial: Trial) {
    let ann = trial.register("ann").await;
    let canceling = trial.accept(&ann, "EURUSD").await;
    trial.store.manage(new(ann.id, cancel("EURUSD", None)), patient()).await.unwrap();
    let position = filled(&trial, &ann, "EURUSD").await;
    let (first, second) = (trial.accept(&ann, "EURUSD").await, trial.accept(&ann, "EURUSD").await);
    trial.accept(&ann, "GBPUSD").await;
    let pending = vec![canceling.id, first.id, second.id];
    let keyed_close =
        NewCommand { idempotency: Some(keyed(1, 1)), ..new(ann.id, close(Some("EURUSD"), None)) };
    let answer = trial.store.manage(keyed_close.clone(), patient()).await.unwrap();
    let Managed::Touched { orders, made } = answer else { panic!("{answer:?}") };
    assert_eq!(orders.iter().map(|order| order.id).collect::<Vec<_>>(), [position.id]);
    let Made::Command { still_pending, skipped, note, .. } = &made else { panic!("{made:?}") };
    assert_eq!((still_pending, skipped), (&pending, &vec![]));
    let note = note.as_ref().unwrap();
    assert!(note.contains("2 orders of EURUSD are still pending: send CANCEL EURUSD"), "{note}");
    assert!(note.contains("its cancellation is under way"), "{note}");

    let entries = trial.seen(ann.id).await.entries;
    let entry = entries.iter().find(|entry| entry.action == AuditAction::CommandAccepted).unwrap();
    let details: serde_json::Value = serde_json::from_slice(&entry.details).unwrap();
    assert_eq!(details["still_pending"], serde_json::json!(pending));
    for order in [&first, &second] {
        assert_eq!(trial.store.order(ann.id, order.id).await.unwrap().as_ref(), Some(order));
    }
    trial.record(&first, 60, vec![submitting(), accepted(70), executed(60)]).await;
    let trial = trial.reopen().await;
    let known = Managed::Remembered(Remembered { made, same_body: true });
    assert_eq!(trial.store.manage(keyed_close, patient()).await.unwrap(), known);
}

/// Rows that an earlier version stored can still be read.
pub async fn a_command_that_skips_no_order_is_stored_as_before(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = filled(&trial, &ann, "EURUSD").await;
    let answer = trial.store.manage(new(ann.id, close(Some("EURUSD"), None)), patient()).await.unwrap();
    let Managed::Touched { made, .. } = answer else { panic!("{answer:?}") };
    let before = serde_json::json!({ "command": { "kind": "close", "orders": [order.id] } });
    assert_eq!(serde_json::to_value(&made).unwrap(), before);
    assert_eq!(serde_json::from_value::<Made>(before).unwrap(), made);
    let entries = trial.seen(ann.id).await.entries;
    let entry = entries.iter().find(|entry| entry.action == AuditAction::CommandAccepted).unwrap();
    let details: serde_json::Value = serde_json::from_slice(&entry.details).unwrap();
    let fields: Vec<&String> = details.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["kind", "orders", "signal"]);
}

/// A refused command writes nothing and uses up no key, and its reason is that of its rehearsal.
pub async fn a_rehearsal_gives_the_reason_for_which_the_command_is_refused(trial: Trial) {
    let (ann, bob) = (trial.register("ann").await, trial.register("bob").await);
    trial.accept(&bob, "EURUSD").await;
    let account = trial.link(ann.id, trial.fresh_account(), at(1)).await;
    let half = || close(Some("EURUSD"), Some("0.5"));
    let rehearsed = async |command: &Command, account_id| {
        let before = trial.seen(ann.id).await;
        let refused = trial.store.rehearse(ann.id, account_id, command).await.unwrap();
        let idempotency = Some(keyed(1, 1));
        let new = NewCommand { account_id, idempotency, ..new(ann.id, command.clone()) };
        match refused {
            Some(error) => {
                let code = error.code();
                assert_eq!(trial.store.manage(new, patient()).await.unwrap(), Managed::Refused(error));
                assert_eq!(trial.store.remembered(ann.id, keyed(1, 1)).await.unwrap(), None);
                assert_eq!(trial.seen(ann.id).await, before);
                code
            }
            None => "carried out",
        }
    };
    assert_eq!(rehearsed(&half(), None).await, "nothing_to_close");
    let order = trial.accept(&ann, "EURUSD").await;
    assert_eq!(rehearsed(&half(), None).await, "still_pending");
    assert_eq!(rehearsed(&half(), Some(account.id)).await, "nothing_to_close");
    assert_eq!(rehearsed(&close(None, None), Some(ann.account.id)).await, "still_pending");
    assert_eq!(rehearsed(&close(Some("GBPUSD"), None), None).await, "nothing_to_close");
    assert_eq!(rehearsed(&cancel("EURUSD", Some(Side::Sell)), None).await, "nothing_to_cancel");
    assert_eq!(rehearsed(&cancel("EURUSD", None), None).await, "carried out");
    assert_eq!(rehearsed(&stop_loss("EURUSD", "1.0870"), None).await, "wrong_side");
    trial.record(&order, 20, vec![submitting(), accepted(30), executed(30)]).await;
    assert_eq!(rehearsed(&half(), None).await, "carried out");
    assert_eq!(rehearsed(&cancel("EURUSD", None), None).await, "nothing_to_cancel");
    trial.store.manage(new(ann.id, half()), patient()).await.unwrap();
    for command in [half(), close(None, None)] {
        assert_eq!(rehearsed(&command, None).await, "nothing_to_close");
    }
    assert_eq!(rehearsed(&stop_loss("EURUSD", "1.0855"), None).await, "nothing_to_modify");
}

/// A command reaches an open order however many orders came after it, and so must its rehearsal.
pub async fn a_rehearsal_finds_an_open_order_behind_a_long_history(trial: Trial) {
    let ann = trial.register("ann").await;
    let order = filled(&trial, &ann, "XAUUSD").await;
    accept_many(&trial, &ann, MAX_SCAN + 1).await;
    let rare = close(Some("XAUUSD"), None);
    assert_eq!(trial.store.rehearse(ann.id, None, &rare).await.unwrap(), None);
    assert_eq!(ids(trial.store.manage(new(ann.id, rare), patient()).await.unwrap()), [order.id]);
    // A command about all of them is refused before any is looked at.
    let every = close(None, None);
    let refused = trial.store.rehearse(ann.id, None, &every).await.unwrap().unwrap();
    assert_eq!(refused.code(), "too_many_orders");
    assert_eq!(trial.store.manage(new(ann.id, every), patient()).await.unwrap(), Managed::Refused(refused));
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
