//! What a message can mean.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::Span;
use crate::instrument::Instrument;
use crate::money::{Price, Quantity};
use crate::order::{OrderType, Side};

/// One understood instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Open a position.
    Order(OrderSignal),
    /// Close a position, whole or in part.
    Close(CloseSignal),
    /// Withdraw what has not filled yet.
    Cancel(CancelSignal),
    /// Change the protection of an open order.
    Modify(ModifySignal),
}

/// An instruction to open a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSignal {
    /// Buy or sell.
    pub side: Side,
    /// What is traded.
    pub instrument: Instrument,
    /// When it may fill.
    pub order_type: OrderType,
    /// Where it may fill.
    pub entry: Entry,
    /// Where the loss is cut.
    pub stop_loss: Option<Price>,
    /// Where profit is taken, in the order of the message.
    pub take_profits: Vec<Price>,
    /// How much, where the message says so.
    pub quantity: Option<Amount>,
    /// How much may be lost, where the message says so.
    pub risk: Option<Amount>,
    /// Times the own capital.
    pub leverage: Option<Quantity>,
    /// Prices that are given as distances.
    pub distances: Distances,
    /// What was read and set aside, for people: a reference price, a runner, shares of targets.
    pub notes: Vec<String>,
}

/// The entry price or prices of an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// At market: no price.
    Market,
    /// One price.
    At(Price),
    /// A zone, lower end first. The working price is the end reached first: upper to buy, lower to sell.
    Zone(Price, Price),
    /// A ladder of prices, in the order of the message; at least two. The working price is the first.
    Ladder(Vec<Price>),
}

/// A number with what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How many.
    pub value: Quantity,
    /// Of what.
    pub unit: Unit,
}

/// What an [`Amount`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Contracts of the broker's lot size.
    Lots,
    /// Units of the instrument: shares, coins, contracts.
    Units,
    /// Hundredths of the account or position, as the sender's dialect says.
    Percent,
    /// US dollars.
    Usd,
    /// Pips: what one is in price is the instrument's business. Distances only.
    Pips,
    /// Points, as the sender's dialect counts them. Distances only.
    Points,
    /// Units of price. Distances only.
    Price,
}

/// Prices that the message gives as a distance from the fill.
///
/// They are understood, and never turned into prices by guessing the fill or the size of a pip: [`super::admit()`] refuses
/// a signal that has one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Distances {
    /// From the market to the entry.
    pub entry: Option<Amount>,
    /// From the entry to the stop loss.
    pub stop_loss: Option<Amount>,
    /// From the entry to each target.
    pub take_profits: Vec<Amount>,
}

impl Distances {
    /// Whether every price is given as a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entry.is_none() && self.stop_loss.is_none() && self.take_profits.is_empty()
    }
}

/// An instruction to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseSignal {
    /// Whose orders; `None` is every instrument of the user.
    pub instrument: Option<Instrument>,
    /// Only positions of this side.
    pub side: Option<Side>,
    /// The part to close, above 0 and below 1; `None` is all.
    pub fraction: Option<Quantity>,
    /// The part to close as a count; [`super::admit()`] refuses it.
    pub quantity: Option<Amount>,
    /// For people.
    pub notes: Vec<String>,
}

/// An instruction to withdraw pending orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelSignal {
    /// Whose orders; `None` is every instrument of the user.
    pub instrument: Option<Instrument>,
    /// Only orders of this side.
    pub side: Option<Side>,
    /// Only the order that the sender knows by this name.
    pub reference: Option<String>,
    /// For people.
    pub notes: Vec<String>,
}

/// An instruction to change the protection of open orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModifySignal {
    /// Whose orders.
    pub instrument: Instrument,
    /// Only orders of this side.
    pub side: Option<Side>,
    /// The new stop loss, as a price.
    pub stop_loss: Option<Price>,
    /// The new stop loss, as a place.
    pub stop_loss_to: Option<StopTo>,
    /// The new targets; empty leaves them.
    pub take_profits: Vec<Price>,
    /// New prices that are given as distances.
    pub distances: Distances,
    /// For people.
    pub notes: Vec<String>,
}

/// A stop loss named by a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopTo {
    /// Break-even: the entry price.
    Entry,
}

/// An understood message: what it says, and which characters said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The instruction.
    pub signal: Signal,
    /// One entry for every value that was read, named as in the signal JSON (`stop_loss`, `take_profits[0]`, …).
    pub spans: Vec<FieldSpan>,
}

/// Which characters became a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSpan {
    /// The field's name in the signal JSON.
    pub field: String,
    /// Bytes of the original text.
    pub span: Span,
}

impl Entry {
    /// The price at which the order works: `None` at market, the end reached first of a zone, the first of a ladder.
    #[must_use]
    pub fn working_price(&self, side: Side) -> Option<Price> {
        match self {
            Entry::Market => None,
            Entry::At(price) => Some(*price),
            Entry::Zone(low, high) => Some(match side {
                Side::Buy => *high,
                Side::Sell => *low,
            }),
            Entry::Ladder(prices) => prices.first().copied(),
        }
    }

    /// Lower and upper end, of a zone only.
    #[must_use]
    pub fn range(&self) -> Option<[Price; 2]> {
        match self {
            Entry::Zone(low, high) => Some([*low, *high]),
            Entry::Market | Entry::At(_) | Entry::Ladder(_) => None,
        }
    }

    /// The prices, of a ladder only.
    #[must_use]
    pub fn ladder(&self) -> Option<&[Price]> {
        match self {
            Entry::Ladder(prices) => Some(prices),
            Entry::Market | Entry::At(_) | Entry::Zone(..) => None,
        }
    }
}

impl Signal {
    /// The word for what it asks: `order`, `close`, `cancel` or `modify`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Signal::Order(_) => "order",
            Signal::Close(_) => "close",
            Signal::Cancel(_) => "cancel",
            Signal::Modify(_) => "modify",
        }
    }
}

/// The fields of the signal JSON in their published order, all present in every kind.
#[derive(Default)]
struct Wire<'a> {
    action: Option<Side>,
    instrument: Option<&'a Instrument>,
    order_type: Option<OrderType>,
    entry_price: Option<Price>,
    entry_range: Option<[Price; 2]>,
    entries: Option<&'a [Price]>,
    stop_loss: Option<Price>,
    take_profits: &'a [Price],
    quantity: Option<Amount>,
    risk: Option<Amount>,
    leverage: Option<Quantity>,
    fraction: Option<Quantity>,
    stop_loss_to: Option<StopTo>,
    side: Option<Side>,
    distances: Option<&'a Distances>,
    reference: Option<&'a str>,
    notes: &'a [String],
}

impl<'a> From<&'a Signal> for Wire<'a> {
    fn from(signal: &'a Signal) -> Self {
        match signal {
            Signal::Order(order) => Self {
                action: Some(order.side),
                instrument: Some(&order.instrument),
                order_type: Some(order.order_type),
                entry_price: order.entry.working_price(order.side),
                entry_range: order.entry.range(),
                entries: order.entry.ladder(),
                stop_loss: order.stop_loss,
                take_profits: &order.take_profits,
                quantity: order.quantity,
                risk: order.risk,
                leverage: order.leverage,
                distances: Some(&order.distances),
                notes: &order.notes,
                ..Self::default()
            },
            Signal::Close(close) => Self {
                instrument: close.instrument.as_ref(),
                fraction: close.fraction,
                quantity: close.quantity,
                side: close.side,
                notes: &close.notes,
                ..Self::default()
            },
            Signal::Cancel(cancel) => Self {
                instrument: cancel.instrument.as_ref(),
                side: cancel.side,
                reference: cancel.reference.as_deref(),
                notes: &cancel.notes,
                ..Self::default()
            },
            Signal::Modify(modify) => Self {
                instrument: Some(&modify.instrument),
                stop_loss: modify.stop_loss,
                stop_loss_to: modify.stop_loss_to,
                take_profits: &modify.take_profits,
                side: modify.side,
                distances: Some(&modify.distances),
                notes: &modify.notes,
                ..Self::default()
            },
        }
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = Wire::from(self);
        let mut json = serializer.serialize_struct("Signal", 18)?;
        json.serialize_field("kind", self.kind())?;
        json.serialize_field("action", &wire.action)?;
        json.serialize_field("instrument", &wire.instrument)?;
        json.serialize_field("order_type", &wire.order_type)?;
        json.serialize_field("entry_price", &wire.entry_price)?;
        json.serialize_field("entry_range", &wire.entry_range)?;
        json.serialize_field("entries", &wire.entries)?;
        json.serialize_field("stop_loss", &wire.stop_loss)?;
        json.serialize_field("take_profits", wire.take_profits)?;
        json.serialize_field("quantity", &wire.quantity)?;
        json.serialize_field("risk", &wire.risk)?;
        json.serialize_field("leverage", &wire.leverage)?;
        json.serialize_field("fraction", &wire.fraction)?;
        json.serialize_field("stop_loss_to", &wire.stop_loss_to)?;
        json.serialize_field("side", &wire.side)?;
        json.serialize_field("distances", &wire.distances.filter(|distances| !distances.is_empty()))?;
        json.serialize_field("reference", &wire.reference)?;
        json.serialize_field("notes", wire.notes)?;
        json.end()
    }
}
