//! Text as people write it: line blocks, one-liners, cards, and commands about open orders.

mod amount;
mod assemble;
mod build;
mod caption;
mod command;
pub(super) mod command_build;
pub(super) mod draft;
mod index;
mod keyword;
mod label;
mod later;
mod lifetime;
mod manner;
mod neighbors;
mod placeholder;
mod reduce;
mod remark;
mod repeat;
mod rival;
mod scan;
mod state;
mod stop;
mod survey;
mod terms;
mod trailing;
mod unknown;
mod value;

use draft::Draft;

use super::{ErrorCode, Parsed, Reading, SignalError, check, lexer, limits};

/// Reads a text.
pub(super) fn parse(text: &str, reading: &Reading) -> Result<Parsed, SignalError> {
    limits::check_lines(text)?;
    let tokens = lexer::lex(text);
    placeholder::refuse(text, &tokens)?;
    let survey = survey::survey(text, &tokens);
    survey.refuse_reports(text, &tokens)?;
    reduce::refuse(text, &tokens)?;
    if survey.is_command() {
        return command::parse(text, &tokens, reading);
    }
    terms::refuse(text, &tokens, &survey)?;
    scan::Scan::new(text, &tokens, reading, &survey).run()?.assemble()
}

/// Checks the prices of a draft that a dialect has filled, and builds its order.
pub(super) fn finish(draft: Draft) -> Result<Parsed, SignalError> {
    let Some((side, _)) = draft.side else {
        return Err(SignalError::whole(ErrorCode::NoSide, "The message neither buys nor sells."));
    };
    check::check(&draft, side)?;
    build::order(draft)
}
