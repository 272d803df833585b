//! PineConnector's comma list: `license,command,symbol,key=value,…`, and the lists made after it.
//!
//! The bare names `sl=`, `tp=` and `risk=` mean pips, prices, percents or lots by a setting of the receiver. They
//! are read as prices only where nothing else is possible: a number with more than one decimal is no count of pips.

use std::borrow::Cow;

use super::super::text::draft::Draft;
use super::super::{ErrorCode, Parsed, Reading, SignalError, Span, Unit, symbol, words};
use super::alert::{distance, numbered};
use super::fields::{Fields, Scalar, plain_name};
use super::lifetime;
use super::order::{self, Action, Builder};
use super::position::{Own, Position, names_a_position};
use crate::instrument::Instrument;
use crate::order::Side;

/// Names for a size.
const SIZES: &[&str] = &["vollots", "lots", "voldollar", "riskdollar", "volpct", "volpctballoss", "risk"];
/// What brokers hang on a symbol.
const SUFFIXES: &[&str] = &["", "c", "i", "m", "micro", "pro"];
/// Longest comment that the receiver takes.
const LONGEST_COMMENT: usize = 20;

/// Whether a message is a comma list with a known command in the second place.
pub(super) fn is_one(message: &str) -> bool {
    let mut parts = message.trim().splitn(4, ',').map(str::trim);
    let (Some(head), Some(command)) = (parts.next(), parts.next()) else {
        return false;
    };
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let known = command_of(&Scalar { text: Cow::Borrowed(command), span: Span { start: 0, end: 0 } }).is_ok();
    plain(head)
        && known
        && parts.next().is_some_and(|symbol| {
            symbol.contains(|c: char| c.is_ascii_alphabetic()) && !symbol.contains([' ', '='])
        })
}

/// Reads a comma list.
pub(super) fn read(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let list = pieces(message);
    let [license, word, symbol, rest @ ..] = list.as_slice() else {
        let detail = "Three values are expected: license or strategy, command, symbol.";
        return Err(SignalError::whole(ErrorCode::NoInstrument, detail));
    };
    if license.text.is_empty() {
        let detail = "The license or strategy is empty.";
        return Err(SignalError::at(ErrorCode::UnknownParameter, license.span, detail));
    }
    let action = command_of(word)?;
    refuse_word(symbol)?;
    let instrument = order::instrument(symbol, reading)?;
    refuse_license(license, &instrument, reading)?;
    let mut fields = parameters(rest)?;
    lifetime::refuse(&mut fields)?;
    let own = Own {
        size: fields.first_of(SIZES),
        price: fields.first_of(&["price", "entryprice"]),
        parts: false,
        contracts: None,
    };
    match Position::of(&mut fields)?.settle(action, &own)?.action {
        Action::Open(side, manner) => {
            let mut builder = Builder::new(side, word.span, instrument, symbol.span);
            if let Some(manner) = manner {
                builder.manner(manner, word.span)?;
            }
            entry(&mut fields, &mut builder)?;
            protection(&mut fields, &mut builder.draft)?;
            size(&mut fields, &mut builder, license)?;
            for name in ["betrigger", "beoffset"] {
                if let Some(value) = fields.take(&[name])?.filter(|value| !order::is_zero(value)) {
                    builder.note(format!("for later: {name} {}", value.text));
                }
            }
            rest_of(fields)?;
            builder.finish()
        }
        Action::Close(side) => {
            rest_of(fields)?;
            order::close((instrument, symbol.span), side, None)
        }
        Action::Cancel(side) => {
            rest_of(fields)?;
            Ok(order::cancel((instrument, symbol.span), side, None))
        }
        Action::Modify(side) => {
            let mut draft = Draft::default();
            protection(&mut fields, &mut draft)?;
            rest_of(fields)?;
            order::modify(draft, (instrument, symbol.span), side)
        }
    }
}

/// Refuses a word of the language in the place of the symbol: `AUDUSD,sell,flat` is an exit, and sells no `FLAT`.
fn refuse_word(symbol: &Scalar<'_>) -> Result<(), SignalError> {
    let plain = symbol.text.trim_end_matches(|c: char| c.is_ascii_digit());
    let worded = plain.split(['_', '-']).all(|part| words::look_up(part) != words::Word::Other);
    let known = symbol::is_known(&symbol.text.to_ascii_uppercase());
    if known || !worded && !is_command(symbol) {
        return Ok(());
    }
    let detail = format!(
        "`{}` is a word of the language, and no symbol: license or strategy, command, symbol are expected.",
        symbol.text
    );
    Err(SignalError::at(ErrorCode::UnknownInstrument, symbol.span, detail))
}

/// Refuses an exit word or another instrument in the place of the license: which of the two is meant is not known.
fn refuse_license(license: &Scalar<'_>, traded: &Instrument, reading: &Reading) -> Result<(), SignalError> {
    let plain = license.text.split('.').next().unwrap_or_default();
    let other = SUFFIXES.iter().filter_map(|suffix| plain.strip_suffix(suffix)).any(|plain| {
        let folded: String = plain.chars().filter(char::is_ascii_alphanumeric).collect();
        let folded = folded.to_ascii_uppercase();
        let known = symbol::is_known(&folded) || reading.aliases.contains_key(&folded);
        known && symbol::resolve(&folded, reading).is_some_and(|found| found != *traded)
    });
    if !other && !is_command(license) {
        return Ok(());
    }
    let detail = format!(
        "`{}` is no license and no strategy: license or strategy, command, symbol are expected.",
        license.text
    );
    Err(SignalError::at(ErrorCode::UnknownParameter, license.span, detail))
}

/// Whether a word is an action or an exit flag.
fn is_command(word: &Scalar<'_>) -> bool {
    command_of(word).is_ok() || names_a_position(&plain_name(&word.text))
}

/// The values between the commas; a comment keeps the commas behind it.
fn pieces(message: &str) -> Vec<Scalar<'_>> {
    let mut at = 0;
    message
        .split(',')
        .map(|piece| {
            let start = at + piece.len() - piece.trim_start().len();
            at += piece.len() + 1;
            let text = piece.trim();
            Scalar { text: Cow::Borrowed(text), span: Span { start, end: start + text.len() } }
        })
        .collect()
}

fn command_of(word: &Scalar<'_>) -> Result<Action, SignalError> {
    let plain = word.text.to_ascii_lowercase();
    Ok(match plain.as_str() {
        "newsltplong" | "newsltpbuystop" | "newsltpbuylimit" => Action::Modify(Some(Side::Buy)),
        "newsltpshort" | "newsltpsellstop" | "newsltpselllimit" => Action::Modify(Some(Side::Sell)),
        "closelongshort" | "closeall" => {
            let detail = format!("`{}` is not carried out here.", word.text);
            return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
        }
        _ => match order::action(word)? {
            Action::Modify(_) => {
                let detail = format!("`{}` is no command of this dialect.", word.text);
                return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
            }
            action @ (Action::Open(..) | Action::Close(_) | Action::Cancel(_)) => action,
        },
    })
}

/// The `key=value` tail.
fn parameters<'a>(rest: &[Scalar<'a>]) -> Result<Fields<'a>, SignalError> {
    let mut fields = Fields::default();
    for piece in rest.iter().filter(|piece| !piece.text.is_empty()) {
        let Cow::Borrowed(text) = piece.text else { continue };
        let Some((name, value)) = text.split_once('=') else {
            let detail = format!("`{text}` is no parameter: write `name=value`.");
            return Err(SignalError::at(ErrorCode::UnknownParameter, piece.span, detail));
        };
        let start = piece.span.start + name.len() + 1 + (value.len() - value.trim_start().len());
        let (name_span, value) =
            (Span { start: piece.span.start, end: piece.span.start + name.len() }, value.trim());
        fields.add(name.trim(), name_span, value, Span { start, end: start + value.len() })?;
    }
    Ok(fields)
}

fn entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(price) = fields.take(&["price", "entryprice"])? {
        builder.draft.entries.push(order::price(&price)?);
        return Ok(());
    }
    for (name, unit) in [("entrypips", Unit::Pips), ("entrypct", Unit::Percent)] {
        if let Some(found) = distance(fields.take(&[name])?, unit)? {
            builder.draft.distances.entry = Some(found);
        }
    }
    Ok(())
}

/// A bare `sl=` or `tp=` is a price only where it can be nothing else.
fn bare(value: &Scalar<'_>) -> Result<super::super::text::draft::Priced, SignalError> {
    let decimals = value.text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals > 1 {
        return order::price(value);
    }
    let detail =
        format!("`{}` may be pips, a price or a percentage: write `sl_price=` or `tp_price=`.", value.text);
    Err(SignalError::at(ErrorCode::RelativePrice, value.span, detail))
}

fn protection(fields: &mut Fields<'_>, draft: &mut Draft) -> Result<(), SignalError> {
    let stops = ["sl", "slprice", "slpips", "slpct"];
    if stops.iter().filter(|name| fields.has(name)).count() > 1 {
        return Err(SignalError::whole(ErrorCode::DuplicateField, "Two stop losses for one order."));
    }
    let targets = ["tp", "tpprice", "tppips", "tppct"];
    if targets.iter().filter(|name| fields.has(name)).count() > 1 {
        return Err(SignalError::whole(ErrorCode::DuplicateField, "Two ways to give one target."));
    }
    if let Some(stop) = fields.take(&["slprice"])? {
        draft.set_stop(order::price(&stop)?)?;
    }
    if let Some(stop) = fields.take(&["sl"])? {
        draft.set_stop(bare(&stop)?)?;
    }
    if let Some(target) = fields.take(&["tpprice"])? {
        draft.targets.push(order::price(&target)?);
    }
    if let Some(target) = fields.take(&["tp"])? {
        draft.targets.push(bare(&target)?);
    }
    for (stop, target, unit) in [("slpips", "tppips", Unit::Pips), ("slpct", "tppct", Unit::Percent)] {
        if let Some(found) = distance(fields.take(&[stop])?, unit)? {
            draft.distances.stop_loss = Some(found);
        }
        draft.distances.take_profits.extend(distance(fields.take(&[target])?, unit)?);
    }
    numbered(fields, draft)
}

/// The genuine receiver, whose licenses are numbers, asks for exactly one size.
fn size(fields: &mut Fields<'_>, builder: &mut Builder, license: &Scalar<'_>) -> Result<(), SignalError> {
    for (names, unit, risk) in [
        (["vollots", "lots"], Unit::Lots, false),
        (["voldollar", "riskdollar"], Unit::Usd, true),
        (["volpct", "volpctballoss"], Unit::Percent, true),
    ] {
        if let Some(value) = fields.take(&names)? {
            let amount = order::amount(&value, unit)?;
            if risk {
                builder.risk(amount, value.span)?;
            } else {
                builder.quantity(amount, value.span)?;
            }
        }
    }
    let bare = fields.take(&["risk"])?;
    let (sized, protected) = (builder.draft.quantity.is_some(), builder.draft.stop_loss.is_some());
    if let Some(risk) = bare {
        if sized || builder.draft.risk.is_some() {
            let detail = "Two sizes for one order.";
            return Err(SignalError::at(ErrorCode::Contradiction, risk.span, detail));
        }
        builder.note(format!("risk {} names no unit and is not used", risk.text));
        return Ok(());
    }
    if builder.draft.risk.is_some() && !protected && builder.draft.distances.stop_loss.is_none() {
        let detail = "A size by what may be lost needs a stop loss.";
        return Err(SignalError::whole(ErrorCode::Contradiction, detail));
    }
    let genuine = license.text.bytes().all(|b| b.is_ascii_digit());
    if genuine && !sized && builder.draft.risk.is_none() {
        return Err(SignalError::whole(
            ErrorCode::UnknownParameter,
            "The message names no size, such as `vol_lots=0.1`.",
        ));
    }
    Ok(())
}

fn rest_of(mut fields: Fields<'_>) -> Result<(), SignalError> {
    if let Some(comment) = fields
        .take(&["comment"])?
        .filter(|comment| comment.text.len() > LONGEST_COMMENT && !comment.text.contains('@'))
    {
        let detail = format!("The comment is longer than {LONGEST_COMMENT} characters.");
        return Err(SignalError::at(ErrorCode::TooLarge, comment.span, detail));
    }
    fields.ignore(&["magic", "spread", "accfilter"]);
    fields.refuse_rest()
}
