//! OctoBot's `KEY=VALUE` lines: prices may be offsets, and the volume says of which balance it is a part.

use super::fields::{Fields, Scalar};
use super::lifetime;
use super::order::{self, Action, Builder};
use super::pairs::{fields, no_pairs};
use super::position::{Own, Position};
use crate::signal::limits::MAX_TARGETS;
use crate::signal::text::draft::Manner;
use crate::signal::{Amount, ErrorCode, Parsed, Reading, SignalError, Unit, number};

/// Reads OctoBot's lines.
pub(super) fn read(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let mut fields = no_pairs(fields(message))?;
    let symbol = order::required(fields.take(&["symbol"])?, ErrorCode::NoInstrument, "instrument")?;
    let word = order::required(fields.take(&["signal"])?, ErrorCode::UnknownAction, "signal")?;
    let instrument = order::instrument(&symbol, reading)?;
    lifetime::refuse(&mut fields)?;
    let own = Own {
        size: fields.first_of(&["volume"]),
        price: fields.first_of(&["price", "stopprice"]),
        parts: false,
        contracts: None,
    };
    match Position::of(&mut fields)?.settle(order::action(&word)?, &own)?.action {
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
    let digits = Scalar { text: text.trim_end_matches(['d', '%']).to_owned().into(), span: value.span };
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
    names.extend((1..=MAX_TARGETS).map(|index| format!("takeprofitprice{index}")));
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
        builder.draft.leverage = Some((number::read(&leverage.text, leverage.span)?, leverage.span));
    }
    let Some(volume) = fields.take(&["volume"])? else {
        return Ok(());
    };
    let percent = ["a%", "s%", "t%", "p%", "%"].iter().find_map(|suffix| volume.text.strip_suffix(suffix));
    let (digits, unit) =
        percent.map_or((volume.text.as_ref(), Unit::Units), |digits| (digits, Unit::Percent));
    let digits = Scalar { text: digits.to_owned().into(), span: volume.span };
    builder.quantity(order::amount(&digits, unit)?, volume.span)
}
