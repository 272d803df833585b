//! One pass over the tokens of an order, with a memory of which label waits for its number.

use super::super::symbol::{Found, Symbols};
use super::super::token::{Kind, Token};
use super::super::words::Word;
use super::super::{ErrorCode, Reading, SignalError, Span};
use super::draft::{Draft, Manner, Priced};
use super::label::{Label, label_at};
use super::survey::Survey;
use crate::money::Price;

pub(super) use super::state::{Before, Between, Field, Leftover, Loose, Repeated, Waits};

pub(super) struct Scan<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) reading: &'a Reading,
    pub(super) survey: &'a Survey,
    pub(super) draft: Draft,
    pub(super) field: Field,
    pub(super) waits: Waits,
    pub(super) between: Between,
    pub(super) before: Before,
    pub(super) line: usize,
    /// Values of the current field that stand on the current line.
    pub(super) on_line: usize,
    /// The label ended its line: its values stand on the lines below.
    pub(super) below: bool,
    /// The label that waits.
    pub(super) label: Span,
    pub(super) leftovers: Vec<Leftover>,
    pub(super) loose: Option<Loose>,
    pub(super) others: u32,
    /// An opening bracket and whether a price was read behind it.
    pub(super) bracket: Option<(Span, bool)>,
    /// The label of the entry has a number of its own: `entry 2`.
    pub(super) indexed: bool,
    /// A word beside the symbol that stands where the side belongs.
    pub(super) beside: Option<usize>,
    /// Two points in a row join two prices.
    pub(super) points: u8,
    /// What has come of a second order.
    pub(super) repeated: Repeated,
    /// The place of an instrument that has the name of an exchange, and whether it stands where a caption would.
    pub(super) caption: Option<(Span, bool)>,
    /// A second name that may be the instrument, and the token after it.
    pub(super) rival: Option<(Span, usize)>,
    /// A venue and a name that a blank tears apart: `NASDAQ: AAPL`.
    pub(super) torn_venue: Option<Span>,
    /// The number in a target's label: 2 in `TP2`.
    pub(super) counted: Option<u8>,
    /// The numbered targets so far, with their prices.
    pub(super) numbered: Vec<(u8, Price)>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token], reading: &'a Reading, survey: &'a Survey) -> Self {
        Self {
            text,
            tokens,
            reading,
            survey,
            draft: Draft::default(),
            field: Field::Nothing,
            waits: Waits::No,
            between: Between::Blank,
            before: Before::Nothing,
            line: 0,
            on_line: 0,
            below: false,
            label: Span { start: 0, end: 0 },
            leftovers: Vec::new(),
            loose: None,
            others: 0,
            bracket: None,
            indexed: false,
            beside: None,
            points: 0,
            repeated: Repeated::default(),
            caption: None,
            rival: None,
            torn_venue: None,
            counted: None,
            numbered: Vec::new(),
        }
    }

    /// Reads every token.
    pub(super) fn run(mut self) -> Result<Self, SignalError> {
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            at = match token.kind {
                Kind::Newline => self.newline(at),
                Kind::Mark(mark) => self.mark(at, mark)?,
                Kind::Number => self.number(at)?,
                Kind::Broken => return Err(self.broken(at)),
                Kind::Keycap => self.keycap(at)?,
                Kind::Foreign => self.unknown(at)?,
                Kind::Word(word) => self.word(at, word)?,
            };
        }
        self.expect_nothing()?;
        if let Some((span, true)) = self.bracket {
            let detail = "This bracket is opened and never closed: part of the message may be missing.";
            return Err(SignalError::at(ErrorCode::BadNumber, span, detail));
        }
        Ok(self)
    }

    pub(super) fn symbols(&self) -> Symbols<'a> {
        Symbols { text: self.text, tokens: self.tokens, reading: self.reading }
    }

    pub(super) fn is_small_print(&self) -> bool {
        self.survey.lines.get(self.line).is_some_and(|line| line.small_print)
    }

    fn newline(&mut self, at: usize) -> usize {
        self.line += 1;
        self.before = Before::Nothing;
        self.points = 0;
        match (self.field, self.waits) {
            (_, Waits::Must) => self.below = true,
            (Field::Header, Waits::Maybe) => {}
            (Field::Label(Label::Entry | Label::Target), Waits::No)
                if self.below || self.is_list_below(at) => {}
            _ => self.drop_field(),
        }
        self.between = Between::Blank;
        self.on_line = 0;
        at + 1
    }

    /// The next line goes on with a numbered list: `2) 54000`.
    fn is_list_below(&self, at: usize) -> bool {
        let rest = &self.tokens[at + 1..];
        matches!(rest, [number, mark, value, ..]
            if number.is_number() && number.end - number.start <= 2 && mark.is_mark(b')') && mark.glued && value.is_number())
    }

    pub(super) fn drop_field(&mut self) {
        (self.field, self.waits, self.below) = (Field::Nothing, Waits::No, false);
    }

    /// Takes a label: the numbers behind it are its values.
    pub(super) fn expect(&mut self, label: Label, waits: Waits, span: Span) {
        (self.field, self.waits, self.label) = (Field::Label(label), waits, span);
        (self.below, self.on_line, self.between) = (false, 0, Between::Blank);
        self.counted = None;
    }

    /// Refuses the message if a label still waits for its value.
    pub(super) fn expect_nothing(&self) -> Result<(), SignalError> {
        let (Field::Label(label), Waits::Must) = (self.field, self.waits) else {
            return Ok(());
        };
        let written = &self.text[self.label.start..self.label.end];
        let code = if label == Label::Entry { ErrorCode::PendingWithoutPrice } else { ErrorCode::BadNumber };
        Err(SignalError::at(code, self.label, format!("`{written}` has no price behind it.")))
    }

    fn mark(&mut self, at: usize, mark: u8) -> Result<usize, SignalError> {
        let span = self.tokens[at].span();
        match mark {
            b'@' => self.at_sign(at)?,
            b'(' | b'[' | b'{' if self.bracket.is_none() => self.bracket = Some((span, false)),
            b')' | b']' | b'}' => self.bracket = None,
            b'-' | b'_' | b'/' | b'~' if self.on_line > 0 => self.between = Between::Range,
            b',' | b'&' if self.on_line > 0 => self.between = Between::Comma,
            b'|' | b';' => self.bar(),
            b'.' => {
                self.points = self.points.saturating_add(1);
                if self.points > 1 && self.on_line > 0 {
                    self.between = Between::Range;
                }
                return Ok(at + 1);
            }
            _ => {}
        }
        self.points = 0;
        Ok(at + 1)
    }

    /// `@` leads to the entry price, unless another label waits.
    fn at_sign(&mut self, at: usize) -> Result<(), SignalError> {
        let waiting = matches!(self.field, Field::Label(_)) && self.waits != Waits::No;
        if waiting {
            return Ok(());
        }
        if self.number_follows(at + 1) {
            self.expect_header();
            return Ok(());
        }
        let mut rest = (at + 1)..self.tokens.len();
        let next = rest.find(|at| !matches!(self.tokens[*at].kind, Kind::Mark(_)));
        let dangles = next.is_none_or(|at| label_at(self.tokens, at).is_some());
        if dangles && self.field == Field::Header {
            let detail = "Behind `@` a price is expected.";
            return Err(SignalError::at(ErrorCode::BadNumber, self.tokens[at].span(), detail));
        }
        Ok(())
    }

    /// The entry price follows at once, behind `@` or `at`.
    pub(super) fn expect_header(&mut self) {
        self.drop_field();
        (self.field, self.waits) = (Field::Header, Waits::Must);
        (self.on_line, self.between) = (0, Between::Blank);
    }

    fn bar(&mut self) {
        if self.field == Field::Label(Label::Target) {
            self.between = Between::Comma;
        } else if self.waits == Waits::No {
            self.drop_field();
            self.between = Between::Bar;
        }
    }

    /// A number stands behind nothing but marks.
    pub(super) fn number_follows(&self, from: usize) -> bool {
        const FARTHEST: usize = 4;
        self.tokens[from.min(self.tokens.len())..]
            .iter()
            .take(FARTHEST)
            .find(|token| !matches!(token.kind, Kind::Mark(_) | Kind::Newline))
            .is_some_and(|token| matches!(token.kind, Kind::Number | Kind::Broken))
    }

    fn word(&mut self, at: usize, word: Word) -> Result<usize, SignalError> {
        self.points = 0;
        if (word == Word::Other || self.is_joined(at))
            && let Some(found) = self.symbols().at(at)
        {
            return self.symbol(at, found);
        }
        if let Some((label, next)) = label_at(self.tokens, at) {
            return self.label(at, label, next);
        }
        if word == Word::Other || self.is_picture_code(at) {
            return self.unknown(at);
        }
        self.keyword(at, word)
    }

    /// A slash joins the word to the next one: it may be half of a pair.
    fn is_joined(&self, at: usize) -> bool {
        self.tokens.get(at + 1).is_some_and(|next| next.glued && next.is_mark(b'/'))
    }

    /// `chart_with_upwards_trend` without its colons.
    fn is_picture_code(&self, at: usize) -> bool {
        matches!(self.tokens[at + 1..], [line, word, ..]
            if line.is_mark(b'_') && line.glued && word.glued && matches!(word.kind, Kind::Word(_)))
    }

    pub(super) fn symbol(&mut self, at: usize, found: Found) -> Result<usize, SignalError> {
        if self.is_small_print() {
            return Ok(found.next);
        }
        let is_word =
            |place: usize| self.tokens.get(place).is_some_and(|t| t.kind == Kind::Word(Word::Other));
        let beside = at
            .checked_sub(1)
            .filter(|before| is_word(*before))
            .or(Some(found.next).filter(|next| is_word(*next)));
        self.beside = self.beside.or(beside);
        self.refuse_word_for_price(found.span)?;
        self.take_caption(at, &found);
        self.look_beside(at, &found);
        if let Some(span) = self.symbols().of_three_parts(at, &found) {
            let detail =
                format!("`{}` joins more than two parts to one symbol.", &self.text[span.start..span.end]);
            return Err(SignalError::at(ErrorCode::UnknownInstrument, span, detail));
        }
        self.draft.set_instrument(found.instrument, found.span)?;
        self.repeat_symbol(found.span)?;
        self.before = Before::Symbol;
        self.header();
        Ok(found.next)
    }

    /// Behind side and symbol the entry price may follow without a label.
    pub(super) fn header(&mut self) {
        let entry = self.field == Field::Label(Label::Entry) && self.waits != Waits::No;
        if !entry {
            self.drop_field();
            (self.field, self.waits) = (Field::Header, Waits::Maybe);
            self.on_line = 0;
        }
    }

    /// A stop loss or target waits for its price, and something else came.
    pub(super) fn refuse_word_for_price(&self, span: Span) -> Result<(), SignalError> {
        let waits = matches!(self.field, Field::Label(Label::Stop | Label::Target | Label::Entry))
            && self.waits == Waits::Must;
        if !waits || self.field == Field::Label(Label::Entry) {
            return Ok(());
        }
        let (label, word) = (&self.text[self.label.start..self.label.end], &self.text[span.start..span.end]);
        let detail = format!("Behind `{label}` a price is expected, not `{word}`.");
        Err(SignalError::at(ErrorCode::BadNumber, self.chunk(span), detail))
    }

    /// Everything that touches a place, so that the whole of `l.0890` is blamed.
    pub(super) fn chunk(&self, span: Span) -> Span {
        const FARTHEST: usize = 8;
        let from = self.tokens.partition_point(|token| (token.start as usize) < span.end);
        let behind = self.tokens[from..]
            .iter()
            .take(FARTHEST)
            .take_while(|token| token.glued && token.kind != Kind::Newline);
        let end = behind.last().map_or(span.end, |token| token.end as usize);
        Span { start: span.start, end }
    }

    pub(super) fn set_manner(&mut self, manner: Manner, at: usize) -> Result<usize, SignalError> {
        self.draft.set_manner(manner, self.tokens[at].span())?;
        self.before = Before::Entry;
        if self.field == Field::Nothing {
            self.header();
        }
        Ok(at + 1)
    }

    pub(super) fn priced(&mut self, priced: Priced) {
        if let Some((_, read)) = &mut self.bracket {
            *read = true;
        }
        let zone = self.between == Between::Range;
        self.between = Between::Blank;
        self.on_line += 1;
        if self.field == Field::Label(Label::Target) {
            self.protect();
            if !self.is_echo(priced.price) {
                self.draft.targets.push(priced);
            }
        } else {
            if zone {
                self.draft.joined = super::draft::Joined::Zone;
            }
            self.draft.entries.push(priced);
        }
    }
}
