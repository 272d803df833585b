//! A first look at the whole message: what speaks against reading it as an instruction at all.

use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, SignalError};
use super::lifetime::ends_with_a_cancel;

/// What stands on one line.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Line {
    /// Small print: a disclaimer or the like.
    pub(in super::super) small_print: bool,
    /// Words of any kind.
    pub(in super::super) words: u32,
    /// A side or the label of a price.
    pub(in super::super) speaks: bool,
    sided: bool,
    /// The label of a stop loss or target.
    labelled: bool,
    /// A word that weakens what is said.
    hedged: Option<usize>,
    /// A word that takes the message back.
    withdrawn: Option<usize>,
    /// Something is commanded about an open order.
    commands: bool,
    asked: Option<usize>,
}

/// What the message holds.
#[derive(Debug, Default)]
pub(in super::super) struct Survey {
    pub(in super::super) lines: Vec<Line>,
    pub(in super::super) side: bool,
    pub(in super::super) stop: bool,
    /// A label for the stop loss that is not the bare word `stop`.
    pub(in super::super) clear_stop: bool,
    pub(in super::super) target: bool,
    /// The first word that commands something about an open order.
    pub(in super::super) verb: Option<usize>,
    /// `modify buy`: the card of a changed order.
    pub(in super::super) modifies: bool,
    past: Option<usize>,
    negated: Option<usize>,
    /// A question mark beside a command.
    asked: Option<usize>,
}

/// How many words behind a negation it still turns an instruction round.
const REACH_OF_NEGATION: u32 = 3;

/// Surveys a message.
pub(in super::super) fn survey(text: &str, tokens: &[Token]) -> Survey {
    let mut survey = Survey { lines: Vec::with_capacity(8), ..Survey::default() };
    let mut line = Line::default();
    let (mut past, mut negation, mut since) = (None, None, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Newline => {
                survey.end_line(line, past.take());
                (line, negation) = (Line::default(), None);
            }
            Kind::Foreign => line.words += 1,
            Kind::Word(word) => {
                since += 1;
                if word == Word::Negation {
                    (negation, since) = (Some(at), 0);
                } else if word == Word::No {
                    (negation, since) = (Some(at), REACH_OF_NEGATION - 1);
                } else if instructs(word) && since <= REACH_OF_NEGATION {
                    survey.negated = survey.negated.or(negation);
                }
                if word == Word::Past && !ends_with_a_cancel(tokens, at, text) {
                    past = past.or(Some(at));
                }
                if word == Word::Withdrawal {
                    line.withdrawn = line.withdrawn.or(Some(at));
                }
                line.small_print |= word == Word::SmallPrint;
                line.words += 1;
                line.hedged = line.hedged.or(hedges(text, tokens, at, word).then_some(at));
                line.sided |= matches!(word, Word::Side(_) | Word::LimitSide(_) | Word::StopSide(_));
                let noted = survey.note(text, tokens, at, word);
                line.speaks |= noted.speaks;
                line.labelled |= noted.label;
                line.commands |= noted.commands;
            }
            Kind::Mark(b'>') if token.first => past = past.or(Some(at)),
            Kind::Mark(b'?') => {
                line.asked = line.asked.or(Some(at));
                line.hedged = line.hedged.or(asks(tokens, at).then_some(at));
            }
            Kind::Mark(b'~') if is_struck(tokens, at) => past = past.or(Some(at)),
            Kind::Number | Kind::Broken | Kind::Keycap | Kind::Mark(_) => {}
        }
    }
    survey.end_line(line, past);
    survey
}

/// What a word adds to its line.
struct Noted {
    label: bool,
    speaks: bool,
    commands: bool,
}

/// One question mark behind a word; rows of them are pictures that were lost on the way.
fn asks(tokens: &[Token], at: usize) -> bool {
    let behind_word =
        at > 0 && tokens[at].glued && matches!(tokens[at - 1].kind, Kind::Word(_) | Kind::Number);
    behind_word && !tokens.get(at + 1).is_some_and(|next| next.is_mark(b'?'))
}

/// A word that weakens: `might`, and `may` where it is no month.
fn hedges(text: &str, tokens: &[Token], at: usize, word: Word) -> bool {
    let number = |token: Option<&Token>| token.is_some_and(|token| token.is_number());
    let dated = at > 0 && number(tokens.get(at - 1)) || number(tokens.get(at + 1));
    word == Word::Hedge || word == Word::Month && !dated && tokens[at].text(text).eq_ignore_ascii_case("may")
}

/// `~~struck~~`.
fn is_struck(tokens: &[Token], at: usize) -> bool {
    matches!(&tokens[at + 1..], [second, word, ..]
        if second.is_mark(b'~') && second.glued && word.glued && matches!(word.kind, Kind::Word(_)))
}

/// Words that a negation turns round.
fn instructs(word: Word) -> bool {
    matches!(
        word,
        Word::Side(_) | Word::LimitSide(_) | Word::StopSide(_) | Word::Entry | Word::Open | Word::Take
    )
}

impl Survey {
    fn end_line(&mut self, mut line: Line, past: Option<usize>) {
        line.small_print &= !(line.sided && line.labelled);
        if !line.small_print {
            self.past = self.past.or(past);
            self.negated = self.negated.or(line.withdrawn).or(line.hedged.filter(|_| line.sided));
            self.asked = self.asked.or(line.asked.filter(|_| line.commands));
        }
        self.lines.push(line);
    }

    /// Takes note of a word.
    fn note(&mut self, text: &str, tokens: &[Token], at: usize, word: Word) -> Noted {
        let next = |offset: usize| tokens.get(at + offset).and_then(|token| token.word());
        let previous = at.checked_sub(1).and_then(|before| tokens[before].word());
        let side = matches!(word, Word::Side(_) | Word::LimitSide(_) | Word::StopSide(_));
        self.side |= side;
        self.modifies |= side && previous == Some(Word::Move);
        let clear = word == Word::Sl
            || word == Word::LetterS && next(2) == Some(Word::LetterL)
            || word == Word::Stop && matches!(next(1).or(next(2)), Some(Word::Loss | Word::Target));
        let stop = clear || word == Word::Stop;
        self.clear_stop |= clear;
        self.stop |= stop;
        let target = matches!(word, Word::Tp | Word::Target)
            || word == Word::LetterT && next(2) == Some(Word::LetterP)
            || word == Word::LetterT && tokens.get(at + 1).is_some_and(|t| t.is_number() && t.glued)
            || word == Word::Profit && (previous == Some(Word::Take) || take_before(tokens, at));
        self.target |= target;
        let commands =
            commands(word, previous, next(1), tokens[at].text(text)) && !ends_with_a_cancel(tokens, at, text);
        if commands {
            self.verb = self.verb.or(Some(at));
        }
        Noted { label: stop || target, speaks: side || stop || target || word == Word::Entry, commands }
    }

    /// Whether the message commands something about open orders.
    pub(in super::super) fn is_command(&self) -> bool {
        self.verb.is_some() && !self.modifies && !(self.side && self.stop && self.target)
    }

    /// Refuses what is a report, a quotation, or the opposite of an instruction.
    pub(in super::super) fn refuse_reports(&self, text: &str, tokens: &[Token]) -> Result<(), SignalError> {
        // A command has few words, none of them a picture: any question mark beside one asks whether to give it.
        if let Some(at) = self.negated.or(self.asked.filter(|_| self.is_command())) {
            let detail = format!(
                "`{}` turns the instruction round or weakens it: nothing is ordered.",
                tokens[at].text(text)
            );
            return Err(SignalError::at(ErrorCode::NoSignal, tokens[at].span(), detail));
        }
        if let Some(at) = self.past {
            let word = tokens[at].text(text);
            let detail = if word == "~" {
                "The message is struck out: nothing is ordered.".to_owned()
            } else if word == ">" {
                "The message quotes another one: nothing is ordered.".to_owned()
            } else {
                format!("`{word}` reports what has happened: nothing is ordered.")
            };
            return Err(SignalError::at(ErrorCode::Report, tokens[at].span(), detail));
        }
        Ok(())
    }
}

/// `take-profit`.
fn take_before(tokens: &[Token], at: usize) -> bool {
    at > 1 && tokens[at - 1].is_mark(b'-') && tokens[at - 2].word() == Some(Word::Take)
}

/// Words that ask for something about an open order.
fn commands(word: Word, previous: Option<Word>, next: Option<Word>, text: &str) -> bool {
    let verb = matches!(
        word,
        Word::Close | Word::CloseSide(_) | Word::Cancel | Word::Move | Word::Half | Word::Partial
    );
    let announced = matches!(next, Some(Word::Sl | Word::Tp | Word::Target | Word::Stop | Word::Take));
    verb || word == Word::Breakeven && (text.len() > 2 || previous.is_some_and(leads_to_a_place))
        || word == Word::Break && next == Some(Word::Even)
        || word == Word::Free && (previous == Some(Word::Risk) || text.len() > 4)
        || word == Word::New && announced
        || word == Word::Filler && announced && text.eq_ignore_ascii_case("set")
        || word == Word::To && matches!(previous, Some(Word::Sl | Word::Loss | Word::Tp))
}

/// Words before `BE` that make it a place: `be` alone is an English verb.
fn leads_to_a_place(word: Word) -> bool {
    matches!(word, Word::To | Word::At | Word::Sl | Word::Filler | Word::Stop | Word::Loss)
}
