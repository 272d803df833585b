//! Alertatron's scripts, as far as one order goes: `Keys(BTCUSDT) { market(side=buy, amount=10%); } #bot`.

use std::borrow::Cow;

use super::super::text::draft::Manner;
use super::super::{ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use super::alert::distance;
use super::fields::{Fields, Scalar, refuse_variable};
use super::lifetime;
use super::order::{self, Action, Builder};
use super::position::{Own, Position};

/// A call: its name and what stands between its brackets.
struct Call<'a> {
    name: Scalar<'a>,
    fields: Fields<'a>,
}

/// Reads a script with one order and its protection.
pub(super) fn read(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let whole = Span { start: 0, end: message.len() };
    refuse_variable(message.trim(), whole)?;
    let no_script =
        || SignalError::at(ErrorCode::UnknownAction, whole, "A script `Keys(SYMBOL) { … }` is expected.");
    let (head, rest) = message.split_once('{').ok_or_else(no_script)?;
    let (body, tail) = rest.split_once('}').ok_or_else(no_script)?;
    let symbol = head.split_once('(').and_then(|(_, inside)| inside.split_once(')')).ok_or_else(no_script)?;
    if tail.contains('{') {
        let detail = "One script is one instruction: send one a message.";
        return Err(SignalError::at(ErrorCode::SeveralOrders, whole, detail));
    }
    let symbol = scalar(message, symbol.0);
    let instrument = order::instrument(&symbol, reading)?;
    let mut builder: Option<Builder> = None;
    let mut pending = Vec::new();
    for piece in body.split(';').filter(|piece| !piece.trim().is_empty()) {
        let mut call = call(message, piece)?;
        lifetime::refuse(&mut call.fields)?;
        if !matches!(call.name.text.as_ref(), "market" | "limit") {
            pending.push(call);
            continue;
        }
        if builder.is_some() {
            let detail = "A second order in one message.";
            return Err(SignalError::at(ErrorCode::SeveralOrders, call.name.span, detail));
        }
        builder = Some(entry(&mut call, (instrument.clone(), symbol.span))?);
    }
    let mut builder = builder.ok_or_else(|| {
        SignalError::whole(ErrorCode::UnknownAction, "The script holds no `market` and no `limit` order.")
    })?;
    for call in pending {
        protection(call, &mut builder)?;
    }
    builder.finish()
}

fn scalar<'a>(message: &str, piece: &'a str) -> Scalar<'a> {
    let text = piece.trim();
    let start = text.as_ptr() as usize - message.as_ptr() as usize;
    Scalar { text: Cow::Borrowed(text), span: Span { start, end: start + text.len() } }
}

fn call<'a>(message: &str, piece: &'a str) -> Result<Call<'a>, SignalError> {
    let whole = scalar(message, piece);
    let parts = piece.trim().strip_suffix(')').and_then(|call| call.split_once('('));
    let Some((name, inside)) = parts else {
        let detail = format!("`{}` is no call of this dialect.", whole.text);
        return Err(SignalError::at(ErrorCode::UnknownAction, whole.span, detail));
    };
    let mut fields = Fields::default();
    for pair in inside.split(',').filter(|pair| !pair.trim().is_empty()) {
        let place = scalar(message, pair);
        let Some((key, value)) = pair.split_once('=') else {
            let detail = format!("`{}` is no parameter: write `name=value`.", place.text);
            return Err(SignalError::at(ErrorCode::UnknownParameter, place.span, detail));
        };
        let (key, value) = (scalar(message, key), scalar(message, value));
        let Cow::Borrowed(text) = value.text else { continue };
        fields.add(&key.text, key.span, text, value.span)?;
    }
    Ok(Call { name: scalar(message, name), fields })
}

fn entry(call: &mut Call<'_>, symbol: (crate::instrument::Instrument, Span)) -> Result<Builder, SignalError> {
    let word = order::required(call.fields.take(&["side"])?, ErrorCode::NoSide, "side")?;
    let own = Own {
        size: call.fields.first_of(&["amount"]),
        price: call.fields.first_of(&["price", "offset"]),
        parts: false,
        contracts: None,
    };
    let asked = Position::of(&mut call.fields)?.settle(order::action(&word)?, &own)?.action;
    if matches!(asked, Action::Close(_)) {
        let detail = "An order that only reduces a position is not carried out here: send a close.";
        return Err(SignalError::at(ErrorCode::ContextRequired, word.span, detail));
    }
    let Action::Open(side, None) = asked else {
        let detail = format!("`{}` is no side.", word.text);
        return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
    };
    let mut builder = Builder::new(side, word.span, symbol.0, symbol.1);
    let limit = call.name.text == "limit";
    builder.manner(if limit { Manner::Limit } else { Manner::Market }, call.name.span)?;
    if let Some(price) = call.fields.take(&["price"])? {
        builder.draft.entries.push(order::price(&price)?);
    }
    builder.draft.distances.entry = distance(call.fields.take(&["offset"])?, Unit::Price)?;
    if let Some(amount) = call.fields.take(&["amount"])? {
        builder.quantity(order::amount(&amount, Unit::Units)?, amount.span)?;
    }
    call.fields.refuse_rest()?;
    Ok(builder)
}

fn protection(mut call: Call<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let price = call.fields.take(&["price"])?;
    let price = price.map(|price| order::price(&price)).transpose()?;
    match (call.name.text.as_ref(), price) {
        ("stop_loss", Some(price)) => builder.draft.set_stop(price)?,
        ("take_profit", Some(price)) => builder.draft.targets.push(price),
        _ => {
            let detail = format!("`{}` is not carried out here.", call.name.text);
            return Err(SignalError::at(ErrorCode::UnknownAction, call.name.span, detail));
        }
    }
    call.fields.refuse_rest()
}
