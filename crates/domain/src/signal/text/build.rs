//! The order that a draft comes to, once its prices hold together.

use super::super::model::FieldSpan;
use super::super::{Entry, ErrorCode, ModifySignal, OrderSignal, Parsed, Signal, SignalError, Span};
use super::draft::{Draft, Joined, Manner, place};
use crate::order::{OrderType, Side};

/// Builds an order of a draft whose prices hold together.
pub(in super::super) fn order(draft: Draft) -> Result<Parsed, SignalError> {
    let Draft {
        side,
        instrument,
        manner,
        entries,
        joined,
        stop_loss,
        targets,
        quantity,
        risk,
        leverage,
        distances,
        mut notes,
        ..
    } = draft;
    let (Some((side, side_span)), Some((instrument, instrument_span))) = (side, instrument) else {
        return Err(SignalError::whole(ErrorCode::NoSide, "The message neither buys nor sells."));
    };
    let unpriced = entries.is_empty() && distances.entry.is_none();
    let order_type = order_type(manner, unpriced, side)?;
    let mut spans = Vec::with_capacity(6 + targets.len());
    spans.push(place("action", side_span));
    spans.push(place("instrument", instrument_span));
    spans.extend(manner.map(|(_, span)| place("order_type", span)));
    let entry = if order_type == OrderType::Market {
        for entry in &entries {
            notes.push(format!("reference price {}", entry.price));
            spans.push(place("reference_price", entry.span));
        }
        Entry::Market
    } else {
        entry(&entries, joined, &mut spans)
    };
    spans.extend(stop_loss.map(|stop| place("stop_loss", stop.span)));
    for (index, target) in targets.iter().enumerate() {
        spans.push(place(format!("take_profits[{index}]"), target.span));
    }
    spans.extend(quantity.map(|(_, span)| place("quantity", span)));
    spans.extend(risk.map(|(_, span)| place("risk", span)));
    spans.extend(leverage.map(|(_, span)| place("leverage", span)));
    let signal = Signal::Order(OrderSignal {
        side,
        instrument,
        order_type,
        entry,
        stop_loss: stop_loss.map(|stop| stop.price),
        take_profits: targets.iter().map(|target| target.price).collect(),
        quantity: quantity.map(|(amount, _)| amount),
        risk: risk.map(|(amount, _)| amount),
        leverage: leverage.map(|(value, _)| value),
        distances,
        notes,
    });
    Ok(Parsed { signal, spans })
}

/// The card of a changed order: its entry is no instruction.
pub(super) fn modify(draft: Draft) -> Result<Parsed, SignalError> {
    let Some((instrument, instrument_span)) = draft.instrument else {
        return Err(SignalError::whole(
            ErrorCode::ContextRequired,
            "Name the instrument whose orders are meant.",
        ));
    };
    let mut notes = draft.notes;
    let mut spans = vec![place("instrument", instrument_span)];
    spans.extend(draft.side.map(|(_, span)| place("side", span)));
    for entry in &draft.entries {
        notes.push(format!("reference price {}", entry.price));
        spans.push(place("reference_price", entry.span));
    }
    spans.extend(draft.stop_loss.map(|stop| place("stop_loss", stop.span)));
    for (index, target) in draft.targets.iter().enumerate() {
        spans.push(place(format!("take_profits[{index}]"), target.span));
    }
    let signal = Signal::Modify(ModifySignal {
        instrument,
        side: draft.side.map(|(side, _)| side),
        stop_loss: draft.stop_loss.map(|stop| stop.price),
        stop_loss_to: None,
        take_profits: draft.targets.iter().map(|target| target.price).collect(),
        distances: draft.distances,
        notes,
    });
    Ok(Parsed { signal, spans })
}

/// A price without a word for the type is a limit; no price is at market.
fn order_type(manner: Option<(Manner, Span)>, no_price: bool, side: Side) -> Result<OrderType, SignalError> {
    let Some((manner, span)) = manner else {
        return Ok(if no_price { OrderType::Market } else { OrderType::Limit });
    };
    let order_type = match (manner, side) {
        (Manner::Market, _) => return Ok(OrderType::Market),
        (Manner::Limit, _) => OrderType::Limit,
        (Manner::Stop, _) | (Manner::Above, Side::Buy) | (Manner::Below, Side::Sell) => OrderType::Stop,
        (Manner::Above, Side::Sell) | (Manner::Below, Side::Buy) => {
            let detail = "To buy above or to sell below a price is an order; the other way round it is not clear what is meant.";
            return Err(SignalError::at(ErrorCode::Contradiction, span, detail));
        }
    };
    if no_price {
        let detail = "A limit or stop order needs its price.";
        return Err(SignalError::at(ErrorCode::PendingWithoutPrice, span, detail));
    }
    Ok(order_type)
}

fn entry(entries: &[super::draft::Priced], joined: Joined, spans: &mut Vec<FieldSpan>) -> Entry {
    match entries {
        [] => Entry::Market,
        [one] => {
            spans.push(place("entry_price", one.span));
            Entry::At(one.price)
        }
        [a, b] if joined == Joined::Zone => {
            let (low, high) = if a.price <= b.price { (a, b) } else { (b, a) };
            spans.push(place("entry_range[0]", low.span));
            spans.push(place("entry_range[1]", high.span));
            Entry::Zone(low.price, high.price)
        }
        more => {
            for (index, entry) in more.iter().enumerate() {
                spans.push(place(format!("entries[{index}]"), entry.span));
            }
            Entry::Ladder(more.iter().map(|entry| entry.price).collect())
        }
    }
}
