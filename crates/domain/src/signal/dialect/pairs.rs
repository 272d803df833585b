//! `key=value` messages: OctoBot's lines, and lists of pairs with the names of the flat alert.

use super::super::text::draft::Manner;
use super::super::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use super::alert;
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};

/// The pairs of a message, if it is nothing but pairs.
fn fields(message: &str) -> Option<Result<Fields<'_>, SignalError>> {
    let mut fields = Fields::default();
    let mut at = 0;
    for piece in message.split([',', ';', '\n']) {
        let start = at + piece.len() - piece.trim_start().len();
        at += piece.len() + 1;
        let piece = piece.trim();
        if piece.is_empty() {
            continue;
        }
        let (name, value) = piece.split_once('=')?;
        let plain = name
            .trim_end()
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || name.is_empty() {
            return None;
        }
        let from = start + name.len() + 1 + (value.len() - value.trim_start().len());
        let value = value.trim();
        let name_span = Span {
            start,
            end: start + name.len(),
        };
        if let Err(error) = fields.add(
            name.trim(),
            name_span,
            value,
            Span {
                start: from,
                end: from + value.len(),
            },
        ) {
            return Some(Err(error));
        }
    }
    Some(Ok(fields))
}

/// Whether a message is a list of pairs with an action and a symbol.
pub(super) fn are_pairs(message: &str) -> bool {
    match fields(message) {
        Some(Ok(fields)) => fields.len() > 1,
        Some(Err(_)) => true,
        None => false,
    }
}

/// Whether the pairs are OctoBot's: `SYMBOL`, `SIGNAL` and a name that only OctoBot has.
pub(super) fn are_octobot(message: &str) -> bool {
    let own = message.contains("SYMBOL=") && message.contains("SIGNAL=");
    own && matches!(fields(message), Some(Ok(_)))
}

/// Reads pairs with the names of the flat alert.
pub(super) fn read(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut fields = no_pairs(fields(message))?;
    // Beside `signal=`, `entry_price` is the price that the strategy saw.
    if fields.has("signal") && !fields.has("type") && !fields.has("ordertype") && fields.has("entryprice") {
        return with_reference(&mut fields, reading);
    }
    alert::read(fields, reading)
}

/// `key|strategy|buy|BTCUSDT`: the values of one published sender, without names.
pub(super) fn are_bars(message: &str) -> bool {
    matches!(&bars(message)[..], [_, _, action, symbol] if order::action(action).is_ok() && !symbol.text.contains(' '))
}

fn bars(message: &str) -> Vec<Scalar<'_>> {
    let mut at = 0;
    let pieces = message.split('|').take(5).map(|piece| {
        let start = at + piece.len() - piece.trim_start().len();
        at += piece.len() + 1;
        let text = piece.trim();
        Scalar {
            text: text.into(),
            span: Span {
                start,
                end: start + text.len(),
            },
        }
    });
    pieces.collect()
}

/// Reads four values between bars.
pub(super) fn read_bars(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut fields = Fields::default();
    for (name, value) in ["token", "strategy", "action", "symbol"]
        .into_iter()
        .zip(message.split('|'))
    {
        let value = value.trim();
        let start = value.as_ptr() as usize - message.as_ptr() as usize;
        let span = Span {
            start,
            end: start + value.len(),
        };
        fields.add(name, span, value, span)?;
    }
    alert::read(fields, reading)
}

fn with_reference(fields: &mut Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let seen = fields.remove("entryprice")?;
    let mut parsed = alert::read(fields.clone(), reading)?;
    if let (Some(seen), super::super::Signal::Order(order)) = (seen, &mut parsed.signal) {
        order::price(&seen)?;
        order.notes.push(format!("reference price {}", seen.text));
        parsed
            .spans
            .push(super::super::text::draft::place("reference_price", seen.span));
    }
    Ok(parsed)
}

fn no_pairs<'a>(fields: Option<Result<Fields<'a>, SignalError>>) -> Result<Fields<'a>, SignalError> {
    fields.unwrap_or_else(|| {
        let detail = "A list of `NAME=value` is expected.";
        Err(SignalError::whole(ErrorCode::UnknownParameter, detail))
    })
}

/// Reads OctoBot's lines.
pub(super) fn octobot(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut fields = no_pairs(fields(message))?;
    let symbol = order::required(fields.take(&["symbol"])?, ErrorCode::NoInstrument, "instrument")?;
    let word = order::required(fields.take(&["signal"])?, ErrorCode::UnknownAction, "signal")?;
    let instrument = order::instrument(&symbol, reading)?;
    if fields
        .take(&["reduceonly"])?
        .is_some_and(|flag| flag.text.eq_ignore_ascii_case("true"))
    {
        let detail = "An order that only reduces a position is not carried out here.";
        return Err(SignalError::whole(ErrorCode::ContextRequired, detail));
    }
    match order::action(&word)? {
        Action::Open(side, None) => {
            let mut builder = Builder::new(side, word.span, instrument, symbol.span);
            octobot_entry(&mut fields, &mut builder)?;
            octobot_protection(&mut fields, &mut builder)?;
            octobot_size(&mut fields, &mut builder)?;
            octobot_rest(fields)?;
            builder.finish()
        }
        Action::Close(side) => {
            octobot_rest(fields)?;
            order::close((instrument, symbol.span), side, None)
        }
        Action::Cancel(side) => {
            octobot_rest(fields)?;
            Ok(order::cancel((instrument, symbol.span), side, None))
        }
        Action::Open(_, Some(_)) | Action::Modify(_) => {
            let detail = format!("`{}` is no signal of this dialect.", word.text);
            Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail))
        }
    }
}

fn octobot_rest(mut fields: Fields<'_>) -> Result<(), SignalError> {
    fields.ignore(&["exchange", "tag", "strategy", "name", "heartbeat"]);
    fields.refuse_rest()
}

fn octobot_entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let kind = fields.take(&["ordertype"])?;
    let price = fields.take(&["price"])?;
    if let Some(kind) = &kind {
        let manner = match kind.text.to_ascii_lowercase().as_str() {
            "market" => Manner::Market,
            "limit" => Manner::Limit,
            "stop" => Manner::Stop,
            other => {
                let detail = format!("`{other}` orders are not traded here.");
                return Err(SignalError::at(ErrorCode::UnknownParameter, kind.span, detail));
            }
        };
        builder.manner(manner, kind.span)?;
    }
    let Some(price) = price else {
        return Ok(());
    };
    match offset(&price)? {
        Some(distance) => builder.draft.distances.entry = Some(distance),
        None => builder.draft.entries.push(order::price(&price)?),
    }
    Ok(())
}

/// `10d`, `5%`, `-5%`: distances from the price that there is.
fn offset(value: &Scalar<'_>) -> Result<Option<Amount>, SignalError> {
    let text = value.text.trim_start_matches(['-', '+', '@']);
    let unit = match (text.strip_suffix('d'), text.strip_suffix('%')) {
        (Some(_), _) => Unit::Price,
        (None, Some(_)) => Unit::Percent,
        (None, None) => return Ok(None),
    };
    let digits = Scalar {
        text: text.trim_end_matches(['d', '%']).to_owned().into(),
        span: value.span,
    };
    order::amount(&digits, unit).map(Some)
}

fn octobot_protection(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(stop) = fields.take(&["stopprice", "stoplossprice"])? {
        match offset(&stop)? {
            Some(distance) => builder.draft.distances.stop_loss = Some(distance),
            None => builder.draft.set_stop(order::price(&stop)?)?,
        }
    }
    let mut names = vec!["takeprofitprice".to_owned()];
    names.extend((1..=super::super::limits::MAX_TARGETS).map(|index| format!("takeprofitprice{index}")));
    for name in names {
        let Some(target) = fields.take(&[&name])? else {
            continue;
        };
        match offset(&target)? {
            Some(distance) => builder.draft.distances.take_profits.push(distance),
            None => builder.draft.targets.push(order::price(&target)?),
        }
    }
    Ok(())
}

/// `0.01` units, `5%` of the holdings; `5a%`, `5s%`, `5t%` of available, symbol or total balance.
fn octobot_size(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(leverage) = fields.take(&["leverage"])? {
        builder.draft.leverage = Some((
            super::super::number::read(&leverage.text, leverage.span)?,
            leverage.span,
        ));
    }
    let Some(volume) = fields.take(&["volume"])? else {
        return Ok(());
    };
    let percent = ["a%", "s%", "t%", "p%", "%"]
        .iter()
        .find_map(|suffix| volume.text.strip_suffix(suffix));
    let (digits, unit) = percent.map_or((volume.text.as_ref(), Unit::Units), |digits| {
        (digits, Unit::Percent)
    });
    let digits = Scalar {
        text: digits.to_owned().into(),
        span: volume.span,
    };
    builder.quantity(order::amount(&digits, unit)?, volume.span)
}
