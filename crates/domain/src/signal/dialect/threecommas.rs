//! 3Commas' bot messages: the signal bot names its action, the DCA bot leaves the side to its settings.

use super::super::{ErrorCode, Parsed, Reading, SignalError, Unit};
use super::fields::{Fields, Scalar};
use super::order::{self, Action, Builder};
use super::position::{Own, Position};

/// Reads a message to a bot.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let Some(word) = fields.take(&["action"])? else {
        let detail = "The side is a setting of the bot, and the message does not name it.";
        return Err(SignalError::whole(ErrorCode::ContextRequired, detail));
    };
    if let Some(pair) = fields.take(&["pair"])? {
        let closed = dca(&word, &pair, reading)?;
        let size = fields.object("order").unwrap_or_default();
        Position::of(&mut fields)?.settle(Action::Close(None), &Own { parts: false, ..own(&size) })?;
        rest(fields)?;
        return Ok(closed);
    }
    let symbol = order::required(fields.take(&["tvinstrument"])?, ErrorCode::NoInstrument, "instrument")?;
    let instrument = order::instrument(&symbol, reading)?;
    let price = fields.take(&["triggerprice"])?;
    let position = Position::of(&mut fields)?;
    let mut size = fields.object("order").unwrap_or_default();
    let settled = position.settle(order::action(&word)?, &own(&size))?;
    rest(fields)?;
    match settled.action {
        Action::Open(side, None) => {
            let mut builder = Builder::new(side, word.span, instrument, symbol.span);
            if let Some(price) = price {
                builder.note(format!("reference price {}", price.text));
            }
            order_size(&mut size, &mut builder)?;
            builder.finish()
        }
        Action::Close(side) => {
            let part = if settled.left { None } else { size.take(&["amount"])? };
            let part = part.map(|amount| order::part(&amount, Unit::Percent)).transpose()?;
            size.ignore(&["amount", "currencytype"]);
            size.refuse_rest()?;
            order::close((instrument, symbol.span), side, part)
        }
        Action::Open(_, Some(_)) | Action::Cancel(_) | Action::Modify(_) => Err(unknown(&word)),
    }
}

fn rest(mut fields: Fields<'_>) -> Result<(), SignalError> {
    fields.ignore(&["maxlag", "timestamp", "tvexchange", "botid", "botuuid", "messagetype", "delayseconds"]);
    fields.ignore_nested(&["strategyinfo"]);
    fields.refuse_rest()
}

/// A size in the base currency is the number of contracts that the strategy trades.
fn own<'a>(size: &Fields<'a>) -> Own<'a> {
    let kind = size.peek("currencytype").map(|kind| kind.text.as_ref());
    let amount = size.peek("amount").cloned();
    Own {
        size: amount.as_ref().map(|amount| amount.span),
        price: None,
        parts: kind == Some("position_percent"),
        contracts: amount.filter(|_| kind.is_none_or(|kind| kind == "base")),
    }
}

fn unknown(word: &Scalar<'_>) -> SignalError {
    let detail = format!("`{}` is no action that is carried out here.", word.text);
    SignalError::at(ErrorCode::UnknownAction, word.span, detail)
}

fn order_size(size: &mut Fields<'_>, builder: &mut Builder) -> Result<(), SignalError> {
    let kind = size.take(&["currencytype"])?;
    if let Some(amount) = size.take(&["amount"])? {
        let unit = match kind.as_ref().map_or("base", |kind| kind.text.as_ref()) {
            "base" => Unit::Units,
            "quote" => Unit::Usd,
            other if other.ends_with("percent") => Unit::Percent,
            other => {
                let detail = format!("A size in `{other}` is not known here.");
                return Err(SignalError::at(ErrorCode::UnknownParameter, amount.span, detail));
            }
        };
        builder.quantity(order::amount(&amount, unit)?, amount.span)?;
    }
    size.refuse_rest()
}

/// The DCA bot's pairs have the quote first: `USDT_BTC`.
fn dca(word: &Scalar<'_>, pair: &Scalar<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let closes = matches!(word.text.as_ref(), "close_at_market_price" | "panic_sell");
    if !closes {
        return Err(unknown(word));
    }
    let Some((quote, base)) = pair.text.split_once('_') else {
        let detail =
            format!("`{}` is no pair of this dialect: the quote stands first, as in `USDT_BTC`.", pair.text);
        return Err(SignalError::at(ErrorCode::UnknownInstrument, pair.span, detail));
    };
    let turned = Scalar { text: format!("{base}{quote}").into(), span: pair.span };
    order::close((order::instrument(&turned, reading)?, pair.span), None, None)
}
