//! Messages of programs: JSON and delimited text, each by the rules of the sender that published it.

mod action;
mod alert;
mod alertatron;
mod bearing;
mod content;
mod envelope;
mod exit_name;
mod fields;
mod lifetime;
mod octobot;
mod okx;
mod openalgo;
mod order;
mod pairs;
mod pineconnector;
mod position;
mod stated;
mod strategy;
mod threecommas;
mod traderspost;
mod truth;
mod whook;
mod wundertrading;

use super::json::{self, Value};
use super::{ErrorCode, Format, Parsed, Reading, SignalError, Span, text};
use crate::instrument::Instrument;
use fields::{Fields, Scalar};

/// Reads a message in the language that its sender declares.
pub(super) fn parse(message: &str, format: Format, reading: &Reading) -> Result<Parsed, SignalError> {
    let is_json = is_json(message);
    match format {
        Format::Text | Format::Cornix => text::parse(message, reading),
        Format::Auto if is_json => object(message, format, reading),
        Format::Auto => delimited(message, reading),
        Format::TradingView if !is_json => delimited(message, reading),
        Format::WunderTrading if !is_json => wundertrading::bare(message, reading),
        Format::TradingView
        | Format::TradersPost
        | Format::OpenAlgo
        | Format::ThreeCommas
        | Format::WunderTrading => object(message, format, reading),
        Format::PineConnector => pineconnector::read(message, reading),
        Format::OctoBot => octobot::read(message, reading),
        Format::Whook => whook::read(message, reading),
        Format::Alertatron => alertatron::read(message, reading),
    }
}

/// The instrument that a program's symbol names.
pub(super) fn instrument(symbol: &str, span: Span, reading: &Reading) -> Result<Instrument, SignalError> {
    order::instrument(&Scalar { text: symbol.into(), span }, reading)
}

/// JSON by its first character; a text may begin with a bracket, but not with one before a string or an object.
fn is_json(message: &str) -> bool {
    let plain = message.trim_start_matches('\u{feff}').trim_start();
    let inside = |rest: &str| rest.trim_start().starts_with(['{', '"', '[']);
    plain.starts_with('{') || plain.strip_prefix('[').is_some_and(inside)
}

/// Text that is a list of values or pairs, or else what people write.
fn delimited(message: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    if pineconnector::is_one(message) {
        pineconnector::read(message, reading)
    } else if pairs::are_octobot(message) {
        octobot::read(message, reading)
    } else if pairs::are_bars(message) {
        pairs::read_bars(message, reading)
    } else if pairs::are_pairs(message) {
        pairs::read(message, reading)
    } else {
        text::parse(message, reading)
    }
}

fn object(message: &str, format: Format, reading: &Reading) -> Result<Parsed, SignalError> {
    let node = json::read(message)?;
    let Value::Object(members) = &node.value else {
        let several = matches!(&node.value, Value::List(_));
        let code = if several { ErrorCode::SeveralOrders } else { ErrorCode::BadJson };
        let detail = "One object is expected, with one instruction.";
        return Err(SignalError::at(code, node.span, detail));
    };
    if let Some(inner) = envelope::signal_of(members) {
        envelope::refuse_trading_keys(members)?;
        return envelope::read(inner, reading);
    }
    let mut fields = Fields::of_object(members)?;
    lifetime::refuse(&mut fields)?;
    match format {
        Format::TradersPost => traderspost::read(fields, reading),
        Format::OpenAlgo => openalgo::read(fields, reading),
        Format::ThreeCommas => threecommas::read(fields, reading),
        Format::WunderTrading => wundertrading::read(fields, reading),
        Format::TradingView => tradingview(fields, reading),
        Format::Auto
        | Format::Text
        | Format::PineConnector
        | Format::OctoBot
        | Format::Whook
        | Format::Cornix
        | Format::Alertatron => by_shape(fields, reading),
    }
}

fn tradingview(fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    if fields.has("strategy") && strategy::is_one(&fields) {
        strategy::read(fields, reading)
    } else {
        alert::read(fields, reading)
    }
}

/// The dialect whose own keys a message has; where none has, the flat alert.
fn by_shape(fields: Fields<'_>, reading: &Reading) -> Result<Parsed, SignalError> {
    if fields.has("pricetype") {
        openalgo::read(fields, reading)
    } else if fields.has("botuuid") || fields.has("botid") || fields.has("tvinstrument") {
        threecommas::read(fields, reading)
    } else if fields.has("code") && !fields.has("action") {
        wundertrading::read(fields, reading)
    } else if fields.has("signaltoken") && fields.has("investmenttype") {
        okx::read(fields, reading)
    } else if traderspost::is_one(&fields) {
        traderspost::read(fields, reading)
    } else {
        tradingview(fields, reading)
    }
}
