//! Reads a `.env` file.
//!
//! Lines are `NAME=VALUE`, blank, or comments. A value in single quotes is taken as it stands; one in double quotes knows `\n`,
//! `\"` and `\\`; a bare one ends at ` #`. Nothing is substituted: a `$` in a password is a `$`.

use std::collections::BTreeMap;

/// Most bytes that a `.env` file may have.
pub(super) const MAX_SIZE: u64 = 64 * 1024;

/// The first line that cannot be read, counted from 1. Its content is not kept: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadLine(pub(super) usize);

/// Parses a whole file; of a name that stands twice the last line counts.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, String>, BadLine> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut pairs = BTreeMap::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let bad = BadLine(index + 1);
        let line = std::str::from_utf8(line).map_err(|_| bad)?.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = pair(line).ok_or(bad)?;
        pairs.insert(name.to_owned(), value);
    }
    Ok(pairs)
}

fn pair(line: &str) -> Option<(&str, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
    };
    if name.is_empty() || !is_name(name) {
        return None;
    }
    let value = value.trim_start();
    let (value, rest) = match value.chars().next() {
        Some('\'') => value[1..].split_once('\'').map(|(inside, rest)| (inside.to_owned(), rest))?,
        Some('"') => double_quoted(&value[1..])?,
        Some('#') | None => return Some((name, String::new())),
        Some(_) => (bare(value).to_owned(), ""),
    };
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some((name, value))
}

fn bare(value: &str) -> &str {
    let end = value
        .char_indices()
        .find(|(at, letter)| *letter == '#' && value[..*at].ends_with(char::is_whitespace))
        .map_or(value.len(), |(at, _)| at);
    value[..end].trim_end()
}

fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\' | '$') => value.push(escaped),
                _ => return None,
            },
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_value_is_read() {
        let file = "\u{feff}# comment\r\n\nA=plain\r\n export B = spaced out  # comment\nC='as $it # stands'\n\
                    D=\"two\\nlines \\\"quoted\\\" \\\\\" # comment\nE=\nF=a#b=c\nG= # nothing\nA=again";
        let pairs = parse(file.as_bytes()).unwrap();
        let expected = [
            ("A", "again"),
            ("B", "spaced out"),
            ("C", "as $it # stands"),
            ("D", "two\nlines \"quoted\" \\"),
            ("E", ""),
            ("F", "a#b=c"),
            ("G", ""),
        ];
        assert_eq!(
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn a_line_that_is_none_is_named_by_its_number() {
        for line in [
            "no equals sign",
            "=value",
            "1A=b",
            "A B=c",
            "A='open",
            "A=\"open",
            "A=\"bad \\escape\"",
            "A='x' y",
        ] {
            let file = format!("OK=1\n\n{line}\n");
            assert_eq!(parse(file.as_bytes()), Err(BadLine(3)), "{line}");
        }
        assert_eq!(parse(b"A=1\nB=\xff\n"), Err(BadLine(2)));
    }
}
