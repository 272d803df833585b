//! The words of alerts: what is asked for, and of which instrument.

use super::fields::Scalar;
use crate::instrument::Instrument;
use crate::order::Side;
use crate::signal::text::draft::Manner;
use crate::signal::{ErrorCode, Reading, SignalError};

/// What an alert asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Open(Side, Option<Manner>),
    Close(Option<Side>),
    Cancel(Option<Side>),
    Modify(Option<Side>),
}

/// The action that a word of an alert stands for, in any spelling.
pub(super) fn action(word: &Scalar<'_>) -> Result<Action, SignalError> {
    let plain: String =
        word.text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let plain = plain.strip_prefix("ordertype").unwrap_or(&plain);
    Ok(match plain {
        "buy" | "long" | "enterlong" | "openlong" | "golong" | "bull" | "bullish" => {
            Action::Open(Side::Buy, None)
        }
        "sell" | "short" | "entershort" | "openshort" | "goshort" | "bear" | "bearish" => {
            Action::Open(Side::Sell, None)
        }
        "buylimit" | "longlimit" => Action::Open(Side::Buy, Some(Manner::Limit)),
        "selllimit" | "shortlimit" => Action::Open(Side::Sell, Some(Manner::Limit)),
        "buystop" | "longstop" => Action::Open(Side::Buy, Some(Manner::Stop)),
        "sellstop" | "shortstop" => Action::Open(Side::Sell, Some(Manner::Stop)),
        "buymarket" => Action::Open(Side::Buy, Some(Manner::Market)),
        "sellmarket" => Action::Open(Side::Sell, Some(Manner::Market)),
        "close"
        | "exit"
        | "flat"
        | "flatten"
        | "closeposition"
        | "exitall"
        | "closeall"
        | "positionclosesymbol" => Action::Close(None),
        "closelong" | "exitlong" | "closebuy" => Action::Close(Some(Side::Buy)),
        "closeshort" | "exitshort" | "closesell" => Action::Close(Some(Side::Sell)),
        "cancel" | "cancelall" | "cancelorders" | "cancelorder" => Action::Cancel(None),
        "cancellong" | "cancelbuy" => Action::Cancel(Some(Side::Buy)),
        "cancelshort" | "cancelsell" => Action::Cancel(Some(Side::Sell)),
        "modify" | "update" => Action::Modify(None),
        _ => {
            let detail = format!("`{}` is no action that is known here.", word.text);
            return Err(SignalError::at(ErrorCode::UnknownAction, word.span, detail));
        }
    })
}

/// The instrument of an alert's symbol: exchange and settlement taken off, separators taken out.
pub(super) fn instrument(word: &Scalar<'_>, reading: &Reading) -> Result<Instrument, SignalError> {
    let unknown = |why: &str| {
        let detail = format!("`{}` {why}.", word.text);
        SignalError::at(ErrorCode::UnknownInstrument, word.span, detail)
    };
    let text = word.text.trim();
    if let Some((underlying, contract)) = text.split_once(' ') {
        let option = contract.bytes().any(|b| b.is_ascii_digit())
            && underlying.bytes().all(|b| b.is_ascii_alphanumeric());
        if option {
            let detail = "Options are not traded here.";
            return Err(SignalError::at(ErrorCode::UnsupportedAsset, word.span, detail));
        }
    }
    let plain = match text.split_once(':') {
        Some((pair, settlement))
            if pair.contains('/') && settlement.bytes().all(|b| b.is_ascii_alphabetic()) =>
        {
            pair
        }
        Some((exchange, rest)) if exchange.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => rest,
        _ => text,
    };
    let plain = plain.strip_suffix(".P").unwrap_or(plain);
    let plain = plain.strip_suffix("-SWAP").unwrap_or(plain).trim_start_matches(['#', '$']);
    let folded: String = plain.chars().filter(|c| !matches!(c, '/' | '-' | '_')).collect();
    let own = reading.aliases.get(&folded.to_ascii_uppercase()).cloned();
    match own {
        Some(instrument) => Ok(instrument),
        None => folded.parse().map_err(|error| unknown(&format!("{error}"))),
    }
}
