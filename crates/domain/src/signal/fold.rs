//! What a character counts as: compatibility forms folded to ASCII, digits of other scripts, invisible marks.
//!
//! Folding is by compatibility (a full-width `Ｂ` is a `B`), never by looks: a Cyrillic `В` stays what it is
//! and matches no word of the language.

/// The ASCII character that a compatibility form stands for; every other character is itself.
pub(super) fn fold(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    match c {
        '\u{FF01}'..='\u{FF5E}' => shifted(c, 0xFF01, b'!'),
        '\u{1D400}'..='\u{1D6A3}' => mathematical(c),
        '\u{1D7CE}'..='\u{1D7FF}' => char::from(b'0' + ((u32::from(c) - 0x1D7CE) % 10) as u8),
        '\u{2024}' | '\u{FE52}' | '\u{066B}' => '.',
        '\u{066C}' | '\u{060C}' | '\u{FE50}' | '\u{3001}' => ',',
        '\u{FE55}' | '\u{2236}' | '\u{02D0}' => ':',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{02BC}' | '\u{00B4}' => '\'',
        '\u{201C}' | '\u{201D}' => '"',
        '\u{300A}' | '\u{3008}' | '\u{3010}' | '\u{3014}' => '(',
        '\u{300B}' | '\u{3009}' | '\u{3011}' | '\u{3015}' => ')',
        '\u{00A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        '\u{0085}' | '\u{2028}' | '\u{2029}' => '\n',
        _ => c,
    }
}

fn shifted(c: char, from: u32, to: u8) -> char {
    char::from(to + (u32::from(c) - from) as u8)
}

/// Mathematical alphabets repeat A–Z, a–z every 52 code points.
fn mathematical(c: char) -> char {
    let place = ((u32::from(c) - 0x1D400) % 52) as u8;
    char::from(if place < 26 { b'A' + place } else { b'a' + place - 26 })
}

/// A decimal digit: its value and the code point of its script's zero.
///
/// Full-width and mathematical digits count as scripts of their own, so that one number cannot mix them.
pub(super) fn digit(c: char) -> Option<(u8, u32)> {
    const ZEROS: [u32; 8] = [0x0660, 0x06F0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0E50, 0xFF10];
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| (c as u8 - b'0', u32::from(b'0')));
    }
    let code = u32::from(c);
    if (0x1D7CE..=0x1D7FF).contains(&code) {
        let value = (code - 0x1D7CE) % 10;
        return Some((value as u8, code - value));
    }
    ZEROS.into_iter().find(|zero| (*zero..*zero + 10).contains(&code)).map(|zero| ((code - zero) as u8, zero))
}

/// Characters without width: they may stand between tokens and inside words, never inside a number.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
        | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Overrides and isolates of writing direction: what is seen is not what is stored.
pub(super) fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Letters drawn as pictures count as pictures: `🅾️` labels nothing.
pub(super) fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{27BF}' | '\u{2900}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}

/// A mark that changes the character before it, such as a stroke through every letter of `B̶U̶Y̶`.
pub(super) fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{20D0}'..='\u{20FF}' | '\u{1AB0}'..='\u{1AFF}')
}

/// The enclosing key that turns a digit into a picture.
pub(super) const KEYCAP: char = '\u{20E3}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatibility_forms_fold_and_look_alikes_do_not() {
        let folded: String = "ＢＵＹ 𝐒𝐄𝐋𝐋 𝗌𝗅 １．０".chars().map(fold).collect();
        assert_eq!(folded, "BUY SELL sl 1.0");
        assert_eq!(fold('В'), 'В', "Cyrillic Ve is no Latin B");
    }

    #[test]
    fn a_digit_says_its_script() {
        assert_eq!(digit('7'), Some((7, 0x30)));
        assert_eq!(digit('۴'), Some((4, 0x06F0)));
        assert_eq!(digit('८'), Some((8, 0x0966)));
        assert_eq!(digit('𝟑'), Some((3, 0x1D7CE)));
        assert_eq!(digit('½'), None);
    }
}
