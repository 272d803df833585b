//! WunderTrading: action, exchange and pair stand in one code, `ENTER-LONG_BINANCE_BTCUSDT_NAME_15M_1`.

use std::borrow::Cow;

use super::super::json::Value;
use super::super::text::draft::Manner;
use super::super::{Amount, ErrorCode, Parsed, Reading, SignalError, Span, Unit};
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use super::position::{Own, Position};

/// Reads a code without anything around it.
pub(super) fn bare(code: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    let text = code.trim();
    let start = code.len() - code.trim_start().len();
    let scalar = Scalar { text: Cow::Borrowed(text), span: Span { start, end: start + text.len() } };
    read_code(&scalar, Fields::default(), reading)
}

/// Reads an object with a `code`.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let code = order::required(fields.take(&["code"])?, ErrorCode::UnknownAction, "code")?;
    read_code(&code, fields, reading)
}

fn read_code(code: &Scalar<'_>, mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    super::fields::refuse_variable(&code.text, code.span)?;
    let mut parts = code.text.split('_');
    let (action, _exchange, pair) = (parts.next(), parts.next(), parts.next());
    let (Some(action), Some(pair)) = (action, pair) else {
        let detail = format!("`{}` is no code of this dialect.", code.text);
        return Err(SignalError::at(ErrorCode::UnknownAction, code.span, detail));
    };
    let word = Scalar { text: Cow::Borrowed(action), span: code.span };
    let symbol = Scalar { text: Cow::Borrowed(pair), span: code.span };
    let instrument = order::instrument(&symbol, reading)?;
    let limit = fields.peek("ordertype").filter(|kind| !kind.text.eq_ignore_ascii_case("market"));
    let own = Own {
        size: fields.first_of(&["amountpertrade"]),
        price: limit.map(|kind| kind.span),
        parts: false,
        contracts: None,
    };
    match Position::of(&mut fields)?.settle(order::action(&word)?, &own)?.action {
        Action::Open(side, None) => {
            let mut builder = Builder::new(side, code.span, instrument, code.span);
            entry(&mut fields, &mut builder)?;
            protection(&mut fields, &mut builder)?;
            size(&mut fields, &mut builder)?;
            fields.ignore(&["placeconditionalordersonexchange", "comment"]);
            fields.refuse_rest()?;
            builder.finish()
        }
        Action::Close(side) => {
            fields.ignore(&["ordertype", "amountpertradetype", "amountpertrade", "comment"]);
            fields.refuse_rest()?;
            order::close((instrument, code.span), side, None)
        }
        Action::Open(_, Some(_)) | Action::Cancel(_) | Action::Modify(_) => {
            let detail = format!("`{action}` is no action of this dialect.");
            Err(SignalError::at(ErrorCode::UnknownAction, code.span, detail))
        }
    }
}

fn entry(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let price = fields.take(&["price", "limitprice"])?;
    if let Some(kind) = fields.take(&["ordertype"])? {
        let manner = match kind.text.to_ascii_lowercase().as_str() {
            "market" => Manner::Market,
            "limit" => Manner::Limit,
            _ => {
                let detail = format!("`{}` orders are not traded here.", kind.text);
                return Err(SignalError::at(ErrorCode::UnknownParameter, kind.span, detail));
            }
        };
        builder.manner(manner, kind.span)?;
    }
    builder.draft.entries.extend(price.map(|price| order::price(&price)).transpose()?);
    Ok(())
}

/// Stop loss and targets by price, or as a fraction of the entry price.
fn protection(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    if let Some(mut stop) = fields.object("stoploss") {
        if let Some(price) = stop.take(&["price"])? {
            builder.draft.set_stop(order::price(&price)?)?;
        }
        builder.draft.distances.stop_loss = hundredths(stop.take(&["pricedeviation"])?)?;
        stop.refuse_rest()?;
    }
    for member in fields.members("takeprofits").unwrap_or_default() {
        let Value::Object(members) = &member.value else {
            let detail = "A target is an object here.";
            return Err(SignalError::at(ErrorCode::UnknownParameter, member.span, detail));
        };
        let mut target = Fields::of_object(members)?;
        builder.draft.targets.extend(target.take(&["price"])?.map(|price| order::price(&price)).transpose()?);
        builder.draft.distances.take_profits.extend(hundredths(target.take(&["pricedeviation"])?)?);
        target.ignore(&["portfolio", "amount"]);
        target.refuse_rest()?;
    }
    Ok(())
}

fn size(fields: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let kind = fields.take(&["amountpertradetype"])?;
    if let Some(leverage) = fields.take(&["leverage"])? {
        builder.draft.leverage =
            Some((super::super::number::read(&leverage.text, leverage.span)?, leverage.span));
    }
    let Some(amount) = fields.take(&["amountpertrade"])? else {
        return Ok(());
    };
    let unit = match kind.as_ref().map_or("", |kind| kind.text.as_ref()) {
        "base" | "contracts" => Unit::Units,
        "quote" => Unit::Usd,
        "percents" => {
            let share = hundredths(Some(amount.clone()))?;
            return share.map_or(Ok(()), |share| builder.quantity(share, amount.span));
        }
        other => {
            let detail = format!("A size in `{other}` is not known here.");
            return Err(SignalError::at(ErrorCode::UnknownParameter, amount.span, detail));
        }
    };
    builder.quantity(order::amount(&amount, unit)?, amount.span)
}

/// A fraction, `0.05`, as hundredths.
fn hundredths(value: Option<Scalar<'_>>) -> Result<Option<Amount>, SignalError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let fraction = order::amount(&value, Unit::Percent)?.value.value();
    let percent = (fraction * rust_decimal::Decimal::ONE_HUNDRED).normalize().to_string();
    Ok(Some(Amount { value: super::super::number::read(&percent, value.span)?, unit: Unit::Percent }))
}
