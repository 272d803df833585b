//! What a misspelt word was meant to be, where only one word is near. Suggested, never applied.

/// The label that a word is one letter away from.
pub(super) fn label(word: &str) -> Option<&'static str> {
    nearest(word, &["SL", "TP", "STOP", "TARGET", "ENTRY"])
}

/// The side that a word is one letter away from.
pub(super) fn side(word: &str) -> Option<&'static str> {
    nearest(word, &["BUY", "SELL", "LONG", "SHORT"])
}

fn nearest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let word = word.to_ascii_uppercase();
    let mut near = known.iter().filter(|known| one_letter_away(&word, known));
    let first = near.next()?;
    near.next().is_none().then_some(*first)
}

/// One letter more, fewer, different, or two neighbors exchanged.
fn one_letter_away(a: &str, b: &str) -> bool {
    const LONGEST: usize = 12;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > LONGEST || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[head..], &b[head..]);
    match (a, b) {
        ([_, left @ ..], [_, right @ ..]) if left == right => true,
        ([_, left @ ..], right) if left == right => true,
        (left, [_, right @ ..]) if left == right => true,
        ([x, y, left @ ..], [u, v, right @ ..]) => x == v && y == u && left == right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_one_letter_off_is_suggested_and_nothing_farther() {
        assert_eq!(label("SLL"), Some("SL"));
        assert_eq!(label("targte"), Some("TARGET"));
        assert_eq!(side("LONGG"), Some("LONG"));
        assert_eq!(side("SEEL"), Some("SELL"));
        assert_eq!(side("HOLD"), None);
        assert_eq!(label("moon"), None);
    }

    #[test]
    fn between_two_near_words_none_is_certain() {
        assert_eq!(label("S"), Some("SL"));
        assert_eq!(label("SP"), None);
    }
}
