//! Names that senders give to their orders: whether one is the name of an exit.

/// Words of exits.
const EXITS: &[&str] = &[
    "close",
    "closed",
    "closelong",
    "closes",
    "closeshort",
    "closing",
    "cover",
    "covered",
    "covering",
    "covers",
    "exit",
    "exited",
    "exiting",
    "exitlong",
    "exits",
    "exitshort",
    "flat",
    "flatten",
    "flattened",
    "liquidate",
    "liquidated",
    "liquidation",
    "longclose",
    "longexit",
    "reduce",
    "reduced",
    "reduceonly",
    "shortclose",
    "shortcover",
    "shortexit",
    "sl",
    "squareoff",
    "stoploss",
    "stopout",
    "stopped",
    "takeprofit",
    "tp",
    "tps",
    "trail",
    "trailing",
    "tsl",
];

/// Two words that name an exit together.
const PAIRS: &[(&str, &str)] = &[
    ("stop", "loss"),
    ("stop", "out"),
    ("stop", "hit"),
    ("take", "profit"),
    ("took", "profit"),
    ("profit", "target"),
    ("margin", "call"),
    ("target", "hit"),
    ("target", "reached"),
    ("square", "off"),
    ("scale", "out"),
];

/// Whether a text has a word for an exit, or is nothing but a stop or a target, with its side or its number.
///
/// `Close above the average` counts as well: whether it is a reason to enter must not be guessed.
pub(super) fn names_an_exit(text: &str) -> bool {
    let words = words(text);
    let pair = |pair: &[String]| matches!(pair, [first, second] if PAIRS.contains(&(first.as_str(), second.as_str())));
    words.iter().any(|word| EXITS.contains(&word.as_str())) || words.windows(2).any(pair) || is_bare(&words)
}

/// `Target 1`, `Long stop`; a `buy stop` and a `sell stop` are types of entries.
fn is_bare(words: &[String]) -> bool {
    let (mut ends, mut trades) = (false, false);
    for word in words {
        match word.as_str() {
            "stop" | "target" | "targets" | "profit" | "loss" => ends = true,
            "buy" | "sell" => trades = true,
            "long" | "short" => {}
            _ => return false,
        }
    }
    ends && !trades
}

/// The words of a text, in small letters and without numbers: `LongExit_1` has two.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for character in text.chars() {
        let starts = character.is_uppercase() && small;
        if starts || !character.is_alphabetic() {
            words.push(String::new());
        }
        small = character.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| character.is_alphabetic()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
