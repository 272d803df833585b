//! An order to test with.

use hookfill_domain::ids::{BrokerAccountId, OrderId, Seq, UserId};
use hookfill_domain::order::{Order, OrderType, Origin, Side};
use hookfill_domain::signal::{Entry, OrderSignal};
use hookfill_domain::time::Timestamp;
use uuid::Uuid;

/// A new order of user 1 with this number.
pub(crate) fn order(seq: i64, at: Timestamp) -> Order {
    let signal = OrderSignal {
        side: Side::Buy,
        instrument: "EURUSD".parse().unwrap(),
        order_type: OrderType::Limit,
        entry: Entry::At("1.0860".parse().unwrap()),
        stop_loss: Some("1.0850".parse().unwrap()),
        take_profits: vec!["1.0890".parse().unwrap()],
        quantity: None,
        risk: None,
        leverage: None,
        distances: hookfill_domain::signal::Distances::default(),
        notes: vec![],
    };
    let origin = Origin {
        id: OrderId(Uuid::from_u128(u128::from(seq.unsigned_abs()))),
        user_id: UserId(1),
        broker_account_id: BrokerAccountId(Uuid::nil()),
        source_id: None,
    };
    let mut order = Order::from_signal(signal, origin, None, at);
    order.seq = Seq(seq);
    order
}
