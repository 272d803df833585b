//! An order to test with.

use uuid::Uuid;

use crate::ids::{BrokerAccountId, OrderId, UserId};
use crate::order::{Order, OrderType, Origin, Side};
use crate::signal::{Distances, Entry, OrderSignal};
use crate::time::Timestamp;

/// A new limit order of user 1 at 1.0860, with a stop loss and a target on the sides where they belong.
pub(crate) fn order(side: Side) -> Order {
    let (stop_loss, target) = match side {
        Side::Buy => ("1.0850", "1.0890"),
        Side::Sell => ("1.0890", "1.0850"),
    };
    let signal = OrderSignal {
        side,
        instrument: "EURUSD".parse().unwrap(),
        order_type: OrderType::Limit,
        entry: Entry::At("1.0860".parse().unwrap()),
        stop_loss: Some(stop_loss.parse().unwrap()),
        take_profits: vec![target.parse().unwrap()],
        quantity: None,
        risk: None,
        leverage: None,
        distances: Distances::default(),
        notes: vec![],
    };
    let origin = Origin {
        id: OrderId(Uuid::nil()),
        user_id: UserId(1),
        broker_account_id: BrokerAccountId(Uuid::nil()),
        source_id: None,
    };
    Order::from_signal(signal, origin, None, Timestamp::from_micros(0))
}
