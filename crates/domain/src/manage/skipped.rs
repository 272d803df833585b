//! Orders that a command is about and leaves unchanged: why, and which command would change them.

use serde::{Deserialize, Serialize};

use super::{Command, CommandError, of};
use crate::ids::{BrokerAccountId, OrderId};
use crate::instrument::Instrument;
use crate::order::Side;
use crate::signal::{self, CancelSignal, CloseSignal, Format, Reading, Signal};

/// Why a command leaves an order unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// It has not filled: there is nothing to close.
    Pending,
    /// It has filled: there is nothing to cancel.
    Executed,
    /// It is pending, and the broker has not confirmed its cancellation.
    CancelRequested,
    /// It is executed, and the broker has not confirmed its close.
    CloseRequested,
    /// It is executed, and the broker has not confirmed the close of a part of it.
    PartCloseRequested,
}

/// An order that a command leaves unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: SkipReason,
}

impl SkipReason {
    /// All reasons, in the order in which the sentences about them are given.
    const ALL: [Self; 5] = [
        Self::Pending,
        Self::Executed,
        Self::CancelRequested,
        Self::CloseRequested,
        Self::PartCloseRequested,
    ];

    /// The word on the wire: the order's own `reason`, or else its `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Executed => "executed",
            Self::CancelRequested => "cancel_requested",
            Self::CloseRequested | Self::PartCloseRequested => "close_requested",
        }
    }

    /// Whether the order is pending and may still fill.
    #[must_use]
    pub fn is_pending(self) -> bool {
        match self {
            Self::Pending | Self::CancelRequested => true,
            Self::Executed | Self::CloseRequested | Self::PartCloseRequested => false,
        }
    }
}

impl Command {
    /// The refusal of a command that leaves every order unchanged.
    pub(super) fn nothing(&self, account_id: Option<BrokerAccountId>, skipped: &[Skipped]) -> CommandError {
        let code = match self {
            Self::Close(_) if skipped.iter().any(|skipped| skipped.reason.is_pending()) => "still_pending",
            Self::Close(_) => "nothing_to_close",
            Self::Cancel(_) => "nothing_to_cancel",
            Self::Modify(_) => "nothing_to_modify",
        };
        let which = if skipped.len() == 1 { Which::Only } else { Which::Some };
        let detail = self.sentences(account_id, skipped, which).unwrap_or_else(|| {
            format!("There is no open order{} that this could {}.", of(self.instrument()), self.kind())
        });
        CommandError::Nothing { code, detail }
    }

    /// What the sender is told about unchanged orders when the command changes others.
    pub(super) fn note(&self, account_id: Option<BrokerAccountId>, skipped: &[Skipped]) -> Option<String> {
        self.sentences(account_id, skipped, Which::Some)
    }

    fn sentences(
        &self,
        account_id: Option<BrokerAccountId>,
        skipped: &[Skipped],
        which: Which,
    ) -> Option<String> {
        let sentences = SkipReason::ALL.into_iter().filter_map(|reason| {
            let count = skipped.iter().filter(|skipped| skipped.reason == reason).count();
            (count > 0).then(|| self.sentence(account_id, reason, Orders { count, which }))
        });
        let sentences: Vec<String> = sentences.collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    fn sentence(&self, account_id: Option<BrokerAccountId>, reason: SkipReason, orders: Orders) -> String {
        let name = orders.name(self.instrument());
        let (are, their, them) = orders.words();
        let scope = if account_id.is_some() { " for the same account" } else { "" };
        let advised = |text: Option<String>, verb: &str| match text {
            Some(text) => format!("send {text}{scope}"),
            None => format!("{verb} {them} by id"),
        };
        match reason {
            SkipReason::Pending => {
                let how = advised(self.cancel_text(), "cancel");
                format!("{name} {are} still pending: {how} to drop {them}.")
            }
            SkipReason::Executed => {
                let how = advised(self.close_text(), "close");
                format!("{name} {are} executed already: {how} to close {them}.")
            }
            SkipReason::CancelRequested => {
                format!("{name} {are} still pending, and {their} cancellation is under way.")
            }
            SkipReason::CloseRequested => {
                format!("{name} {are} executed, and {their} close is under way.")
            }
            SkipReason::PartCloseRequested => {
                let again = match self {
                    Self::Close(_) | Self::Modify(_) => ": send this again once that is done",
                    Self::Cancel(_) => "",
                };
                format!("{name} {are} executed, and the close of a part of {them} is under way{again}.")
            }
        }
    }

    /// The message that cancels the orders that this command is about; `None` if no message means exactly those.
    fn cancel_text(&self) -> Option<String> {
        let (instrument, side) = (self.instrument()?, self.side());
        let text = message("CANCEL", side, instrument);
        let means =
            CancelSignal { instrument: Some(instrument.clone()), side, reference: None, notes: Vec::new() };
        is_read_as(&text, &Signal::Cancel(means)).then_some(text)
    }

    /// The message that closes the orders that this command is about; `None` if no message means exactly those.
    fn close_text(&self) -> Option<String> {
        let (instrument, side) = (self.instrument()?, self.side());
        let text = message("CLOSE", side, instrument);
        let means = CloseSignal {
            instrument: Some(instrument.clone()),
            side,
            fraction: None,
            quantity: None,
            notes: Vec::new(),
        };
        is_read_as(&text, &Signal::Close(means)).then_some(text)
    }
}

fn message(verb: &str, side: Option<Side>, instrument: &Instrument) -> String {
    match side {
        Some(Side::Buy) => format!("{verb} BUY {instrument}"),
        Some(Side::Sell) => format!("{verb} SELL {instrument}"),
        None => format!("{verb} {instrument}"),
    }
}

/// Whether a text would be read as this signal. Programs use symbols that mean another instrument, or none, in a text:
/// `GOLD` is a share in JSON and XAUUSD in a text. Advice must not name such a symbol.
fn is_read_as(text: &str, signal: &Signal) -> bool {
    signal::parse(text, Format::Auto, &Reading::default()).is_ok_and(|parsed| parsed.signal == *signal)
}

/// Whether a sentence covers every order that the command is about.
#[derive(Clone, Copy)]
enum Which {
    Only,
    Some,
}

/// The orders that a sentence is about.
#[derive(Clone, Copy)]
struct Orders {
    count: usize,
    which: Which,
}

impl Orders {
    fn name(self, instrument: Option<&Instrument>) -> String {
        match (self.count, self.which) {
            (1, Which::Only) => format!("The order{}", of(instrument)),
            (1, Which::Some) => format!("One order{}", of(instrument)),
            (count, _) => format!("{count} orders{}", of(instrument)),
        }
    }

    /// The words that agree with their number: `is`, `its`, `it`, or `are`, `their`, `them`.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        if self.count == 1 { ("is", "its", "it") } else { ("are", "their", "them") }
    }
}
