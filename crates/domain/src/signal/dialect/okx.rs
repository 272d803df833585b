//! OKX' signal bot: actions such as `ENTER_LONG`, sizes by kind of investment.

use super::alert;
use super::fields::Fields;
use super::order::{self, Action, Builder};
use super::position::{Own, Position};
use crate::signal::text::draft::Manner;
use crate::signal::{Amount, ErrorCode, Parsed, Reading, SignalError, Unit};

/// Reads an alert of OKX' signal bot.
pub(super) fn read(mut fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    let word = order::required(fields.take(&["action"])?, ErrorCode::UnknownAction, "action")?;
    let symbol = order::required(fields.take(&["instrument"])?, ErrorCode::NoInstrument, "instrument")?;
    let instrument = order::instrument(&symbol, reading)?;
    let kind = fields.take(&["ordertype"])?;
    let investment = fields.take(&["investmenttype"])?;
    let amount = fields.take(&["amount"])?;
    let offset = alert::distance(fields.take(&["orderpriceoffset"])?, Unit::Percent)?;
    let of_position =
        investment.as_ref().is_some_and(|kind| kind.text.eq_ignore_ascii_case("percentage_position"));
    let own = Own {
        size: amount.as_ref().map(|amount| amount.span),
        price: kind.as_ref().filter(|kind| !kind.text.eq_ignore_ascii_case("market")).map(|kind| kind.span),
        parts: of_position,
        contracts: None,
    };
    let asked = Position::of(&mut fields)?.settle(order::action(&word)?, &own)?.action;
    fields.ignore(&["timestamp", "maxlag", "signaltoken"]);
    fields.refuse_rest()?;
    let side = match asked {
        Action::Open(side, _) => side,
        Action::Close(side) => {
            let part = amount.filter(|_| of_position).map(|amount| order::part(&amount, Unit::Percent));
            return order::close((instrument, symbol.span), side, part.transpose()?);
        }
        Action::Cancel(_) | Action::Modify(_) => {
            let detail = format!("`{}` is no action of this dialect.", word.text);
            return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
        }
    };
    let mut builder = Builder::new(side, word.span, instrument, symbol.span);
    builder.draft.distances.entry = offset;
    if kind.as_ref().is_none_or(|kind| kind.text.eq_ignore_ascii_case("market")) {
        let span = kind.map_or(word.span, |kind| kind.span);
        builder.manner(Manner::Market, span)?;
    } else if offset.is_none() {
        let detail = "A limit order needs its price.";
        return Err(SignalError::whole(ErrorCode::PendingWithoutPrice, detail));
    }
    if let (Some(amount), Some(investment)) = (amount, investment) {
        let unit = match investment.text.as_ref() {
            "percentage_balance" | "percentage_investment" => Unit::Percent,
            "base" | "contract" => Unit::Units,
            "margin" | "quote" => Unit::Usd,
            _ => {
                let detail = format!("`{}` is no unit of a size.", investment.text);
                return Err(SignalError::at(ErrorCode::UnknownParameter, investment.span, detail));
            }
        };
        let size: Amount = order::amount(&amount, unit)?;
        builder.quantity(size, amount.span)?;
    }
    builder.finish()
}
