//! The vocabulary: what each English word of a signal may do.
//!
//! A word that is not here does nothing, and a misspelt label is not repaired: `SLL 1.0850` leaves its number
//! without a label, and a number without a label refuses the message.

use std::sync::LazyLock;

use crate::order::Side;

/// The longest word that the table holds.
pub(super) const LONGEST: usize = 16;

macro_rules! vocabulary {
    ($($(#[$doc:meta])* $variant:ident: $($text:literal)*;)*) => {
        /// What a word may do in a signal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Word {
            /// Buys or sells.
            Side(Side),
            /// A direction only behind a label that asks for one: `bearish`.
            Bias(Side),
            /// Closes what was opened on one side: `closelong`.
            CloseSide(Side),
            /// Side and type in one word: `buylimit`.
            LimitSide(Side),
            /// Side and type in one word: `buystop`.
            StopSide(Side),
            $($(#[$doc])* $variant,)*
            /// No word of the language.
            Other,
        }

        /// Every word, in capitals.
        const TABLE: &[(&str, Word)] = &[
            ("BUY", Word::Side(Side::Buy)),
            ("LONG", Word::Side(Side::Buy)),
            ("SELL", Word::Side(Side::Sell)),
            ("SHORT", Word::Side(Side::Sell)),
            ("BULLISH", Word::Bias(Side::Buy)),
            ("BULL", Word::Bias(Side::Buy)),
            ("BEARISH", Word::Bias(Side::Sell)),
            ("BEAR", Word::Bias(Side::Sell)),
            ("BUYLIMIT", Word::LimitSide(Side::Buy)),
            ("SELLLIMIT", Word::LimitSide(Side::Sell)),
            ("BUYSTOP", Word::StopSide(Side::Buy)),
            ("SELLSTOP", Word::StopSide(Side::Sell)),
            ("CLOSELONG", Word::CloseSide(Side::Buy)),
            ("EXITLONG", Word::CloseSide(Side::Buy)),
            ("CLOSESHORT", Word::CloseSide(Side::Sell)),
            ("EXITSHORT", Word::CloseSide(Side::Sell)),
            $($(($text, Word::$variant),)*)*
        ];
    };
}

vocabulary! {
    /// Limit order, next to the side, the symbol or the entry.
    Limit: "LIMIT";
    /// Stop order or stop loss, by its place.
    Stop: "STOP" "STOPS";
    /// Makes a stop loss of `stop`.
    Loss: "LOSS" "LOSSES";
    /// Order type, or a quoted price.
    Market: "MARKET" "MKT";
    /// At once.
    Now: "NOW" "CMP" "INSTANT" "INSTANTLY" "IMMEDIATELY";
    /// A price quoted for reference.
    Current: "CURRENT";
    /// Triggers from below.
    Above: "ABOVE" "ABV" "OVER";
    /// Triggers from above.
    Below: "BELOW" "BELLOW" "UNDER";
    /// Announces a trigger.
    Trigger: "TRIGGER";
    /// Stop loss.
    Sl: "SL" "STOPLOSS";
    /// Take profit.
    Tp: "TP" "TPS" "TAKEPROFIT" "TAKEPROFITS" "TGT" "TGTS" "TRG" "TG" "PT";
    /// Take profit, or with `stop` a stop loss.
    Target: "TARGET" "TARGETS" "ALVO" "ALVOS";
    /// Half of `take profit`.
    Take: "TAKE";
    /// The other half.
    Profit: "PROFIT" "PROFITS";
    /// A letter of an abbreviation.
    LetterS: "S";
    /// A letter of an abbreviation.
    LetterL: "L";
    /// A letter of an abbreviation, or a target: `T1`.
    LetterT: "T";
    /// A letter of an abbreviation.
    LetterP: "P";
    /// Entry price.
    LetterE: "E";
    /// A letter of `R:R`.
    LetterR: "R";
    /// Entry price.
    Entry: "ENTRY" "ENTRIES" "ENTER" "EN" "EP" "ENTRYPRICE";
    /// A price: the entry's where no other label stands before it.
    Price: "PRICE" "PRICES" "RATE";
    /// Belongs to a label before it.
    Zone: "ZONE" "RANGE" "AREA" "POINT" "LEVEL" "LEVELS" "REGION";
    /// A price is near.
    Around: "AROUND" "NEAR" "ABOUT";
    /// A price follows.
    At: "AT" "FROM";
    /// Joins two prices to a zone, or leads to a new value.
    To: "TO" "TILL";
    /// Joins two prices to a list.
    And: "AND";
    /// Stands between a label and its value and says nothing.
    Filler: "IS" "SET" "THE" "FOR" "BOTH" "TRADES" "OF" "ON" "ONLY" "A" "AN" "OUR" "YOUR" "MY" "IN" "SAFETY" "FIXED" "INITIAL" "HARD" "IT" "WITH" "REGULAR" "PLACE" "PUT";
    /// Everything.
    All: "ALL" "FULL" "FULLY" "ENTIRE" "WHOLE" "EVERYTHING";
    /// A target without a price.
    Open: "OPEN" "RUNNER" "RUNNERS" "RUN";
    /// Makes a number a distance.
    Pip: "PIP" "PIPS" "PIPETTES" "PTS" "POINTS" "TICK" "TICKS";
    /// Hundredths.
    Percent: "PERCENT" "PCT";
    /// A size in lots.
    Lot: "LOT" "LOTS" "LOTSIZE";
    /// A size.
    Size: "SIZE" "SIZING" "VOLUME";
    /// A size in units.
    Quantity: "QTY" "QUANTITY" "AMOUNT" "CONTRACTS" "UNITS" "SHARES" "COINS";
    /// What may be lost, or half of `risk/reward`.
    Risk: "RISK";
    /// The other half.
    Reward: "REWARD";
    /// A ratio follows.
    Ratio: "RR" "RRR" "RATIO" "PAYOFF" "CONFIDENCE" "ACCURACY" "WINRATE" "SPREAD" "BID" "ASK" "PROBABILITY" "SCORE";
    /// Times the own capital.
    Leverage: "LEVERAGE" "LEV";
    /// `10x`.
    LetterX: "X";
    /// A margin mode.
    Margin: "CROSS" "ISOLATED";
    /// A number that counts messages follows.
    Counter: "SIGNAL" "SIGNALS" "NUMBER" "NR" "TRADE" "IDEA" "SETUP" "DARTSIGNAL" "ALERT" "CALL" "VIP" "PART" "DAY" "WEEK" "MAGIC" "ID" "TRIAL" "CHANNEL";
    /// Counts messages, or negates.
    No: "NO";
    /// An order: a counter, or what a command is about.
    Order: "ORDER" "ORDERS";
    /// A chart's time unit.
    Frame: "TIMEFRAME" "TF" "CHART";
    /// A unit of time behind a number, or before it.
    Time: "H" "HR" "HRS" "HOUR" "HOURS" "M" "MIN" "MINS" "MINUTE" "MINUTES" "MINIT" "D" "DAYS" "W" "WEEKS" "MN" "AM" "PM";
    /// The end of an ordinal.
    Nth: "ST" "ND" "RD" "TH";
    /// An ordinal in letters.
    Ordinal: "FIRST" "SECOND" "THIRD" "FOURTH" "FINAL" "LAST" "NEXT";
    /// Turns an instruction round.
    Negation: "DONT" "DON" "NOT" "NEVER" "AVOID" "WITHOUT" "STAY";
    /// Makes what follows depend on something.
    Condition: "IF" "WHEN" "ONCE" "UNLESS" "UNTIL" "WAIT" "WAITING";
    /// Puts an instruction off until a target.
    After: "AFTER";
    /// Says what has happened.
    Past: "HIT" "HITS" "HITTED" "REACHED" "DONE" "RUNNING" "CLOSED" "BOUGHT" "SOLD" "OPENED" "ENTERED" "RECAP" "RESULT" "RESULTS"
        "ACHIEVED" "SMASHED" "FILLED" "ACTIVATED" "FLOATING" "WAS" "WERE" "RAN" "PRINTED" "TOUCHED" "TRADED" "TOOK"
        "SECURED" "BOOKED" "BANKED" "STOPPED" "TRIGGERED" "COMPLETED" "CANCELED" "CANCELLED" "INVALID" "INVALIDATED"
        "IGNORE" "EXPIRED" "MISSED" "DELETED" "GAINED" "MADE" "LOST" "EARNED" "WENT" "FLEW" "EXITED" "CORRECTION" "YESTERDAY" "BACKTEST" "BACKTESTED" "EXAMPLE" "CORRECTED" "AMENDED" "REVISED";
    /// Closes.
    Close: "CLOSE" "EXIT" "FLAT" "FLATTEN";
    /// Withdraws.
    Cancel: "CANCEL" "DELETE" "REMOVE";
    /// Changes.
    Move: "MOVE" "SHIFT" "ADJUST" "CHANGE" "MODIFY" "UPDATE" "TIGHTEN" "RAISE" "LOWER" "BRING";
    /// Announces a changed value.
    New: "NEW";
    /// The entry price as a place for the stop loss.
    Breakeven: "BREAKEVEN" "BE";
    /// Half of `break even`.
    Break: "BREAK";
    /// The other half.
    Even: "EVEN";
    /// Half of `risk free`.
    Free: "FREE" "RISKFREE";
    /// A part of a position.
    Half: "HALF";
    /// A part of unknown size.
    Partial: "PARTIAL" "PARTIALS" "PARTIALLY" "BOOK" "SECURE" "SOME";
    /// What commands are about.
    Position: "POSITION" "POSITIONS";
    /// Waits for its price.
    Pending: "PENDING";
    /// The symbol follows.
    Pair: "PAIR" "SYMBOL" "CURRENCY" "INSTRUMENT" "ASSET" "COIN" "TICKER";
    /// The side follows.
    Direction: "DIRECTION" "TYPE" "SIDE" "ACTION" "BIAS";
    /// `long term` is no side.
    Term: "TERM" "TERMS";
    /// A line of small print.
    SmallPrint: "ADVICE" "DISCLAIMER" "GUARANTEE" "GUARANTEED" "COPYRIGHT" "COPYRIGHTS" "RESERVED" "FINANCIAL" "EDUCATIONAL" "DYOR" "RESPONSIBILITY" "RESPONSIBLE";
    /// A stop loss that follows the price.
    Trailing: "TRAILING" "TRAIL" "TSL";
    /// Weakens an instruction to a thought.
    Hedge: "HOW" "SHOULD" "MIGHT" "COULD" "WOULD" "MAYBE" "PERHAPS" "POSSIBLE" "POSSIBLY" "POTENTIAL" "POTENTIALLY" "LOOKING" "THINKING" "CONSIDER" "CONSIDERING" "EXPECTING" "WATCHLIST" "READY" "PREPARE" "PREPARING";
    /// Takes the message back.
    Withdrawal: "VOID" "VOIDED" "WRONG" "MISTAKE" "MISTAKEN" "SORRY" "OOPS" "WITHDRAWN" "RETRACTED" "DISREGARD";
    /// A month, between the numbers of a date; `may` without one is a hedge.
    Month: "JANUARY" "JAN" "FEBRUARY" "FEB" "MARCH" "MAR" "APRIL" "APR" "MAY" "JUNE" "JUN" "JULY" "JUL" "AUGUST" "AUG" "SEPTEMBER" "SEP" "SEPT" "OCTOBER" "OCT" "NOVEMBER" "NOV" "DECEMBER" "DEC";
    /// A candle's close is no price.
    Candle: "CANDLE" "DAILY";
    /// Says when the signal ends.
    Expiry: "EXPIRY" "EXPIRES" "EXPIRE" "EXPIRATION" "EXPIRING" "VALID" "VALIDITY";
    /// Options and futures contracts.
    Option: "BTO" "STC" "STO" "CE" "PE" "CALLS" "PUTS" "STRIKE";
    /// A hundred-millionth of a bitcoin.
    Satoshi: "SAT" "SATS" "SATOSHI" "SATOSHIS";
    /// Behind an amount of money.
    Money: "DOLLAR" "DOLLARS" "DOLLER" "DOLLERS" "BALANCE" "ACCOUNT" "PORTFOLIO" "CAPITAL" "EQUITY";
    /// Where to trade.
    Venue: "EXCHANGE" "EXCHANGES" "SPOT" "FUTURES";
}

/// The words of [`TABLE`] by first letter and length: most words of a message are none, and that is known at once.
static BY_SHAPE: LazyLock<[Vec<(&'static str, Word)>; 26 * LONGEST]> = LazyLock::new(|| {
    let mut shapes = [const { Vec::new() }; 26 * LONGEST];
    for (text, word) in TABLE {
        if let Some(slot) = shape(text.as_bytes()).and_then(|shape| shapes.get_mut(shape)) {
            slot.push((*text, *word));
        }
    }
    shapes
});

/// Where a word in capitals is looked for.
fn shape(upper: &[u8]) -> Option<usize> {
    let letter = upper.first()?.checked_sub(b'A')?;
    Some(usize::from(letter) * LONGEST + upper.len() - 1)
}

/// What a word does; `word` in any case.
pub(super) fn look_up(word: &str) -> Word {
    let mut upper = [0u8; LONGEST];
    let Some(upper) = upper.get_mut(..word.len()) else {
        return Word::Other;
    };
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    let words = shape(upper).and_then(|shape| BY_SHAPE.get(shape));
    let found = words.and_then(|words| words.iter().find(|(text, _)| text.as_bytes() == upper));
    found.map_or(Word::Other, |(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_any_case_and_fits_the_buffer() {
        for (word, _) in TABLE {
            assert!(word.len() <= LONGEST, "{word}");
            assert_ne!(look_up(word), Word::Other, "{word}");
            assert_eq!(look_up(&word.to_lowercase()), look_up(word));
        }
    }

    #[test]
    fn a_misspelt_word_is_no_word() {
        for word in ["SLL", "LONGG", "SEEL", "Stoop", "TARGTE", "buyers", "buying"] {
            assert_eq!(look_up(word), Word::Other, "{word}");
        }
    }
}
