//! Text as people write it: line blocks, one-liners, cards, and commands about open orders.

mod amount;
mod assemble;
pub(super) mod draft;
mod index;
mod keyword;
mod label;
mod later;
mod placeholder;
mod remark;
mod scan;
mod stop;
mod survey;
mod value;

use super::{Parsed, Reading, SignalError, lexer, limits};

/// Reads a text.
pub(super) fn parse(text: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    limits::check_lines(text)?;
    let tokens = lexer::lex(text);
    placeholder::refuse(text, &tokens)?;
    let survey = survey::survey(text, &tokens);
    survey.refuse_reports(text, &tokens)?;
    scan::Scan::new(text, &tokens, reading, &survey).run()?.assemble()
}
