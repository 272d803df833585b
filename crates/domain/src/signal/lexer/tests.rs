use super::*;
use crate::order::Side;

fn pieces(text: &str) -> Vec<(Kind, &str)> {
    lex(text).into_iter().map(|token| (token.kind, token.text(text))).collect()
}

#[test]
fn words_numbers_and_marks_are_cut_apart_even_where_nothing_separates_them() {
    assert_eq!(
        pieces("buy@1.5 TP2"),
        [
            (Kind::Word(Word::Side(Side::Buy)), "buy"),
            (Kind::Mark(b'@'), "@"),
            (Kind::Number, "1.5"),
            (Kind::Word(Word::Tp), "TP"),
            (Kind::Number, "2"),
        ]
    );
}

#[test]
fn a_number_with_something_hidden_inside_is_broken() {
    for text in ["1.0\u{200b}860", "1.0८60", "½"] {
        assert_eq!(pieces(text), [(Kind::Broken, text)], "{text:?}");
    }
    assert_eq!(pieces("1\u{fe0f}\u{20e3}")[0].0, Kind::Keycap);
}

#[test]
fn links_and_picture_codes_vanish_and_a_mention_is_one_foreign_word() {
    assert_eq!(
        pieces("https://x.example/EURUSD-buy www.gold.example :rocket: sl"),
        [(Kind::Word(Word::Sl), "sl")]
    );
    assert_eq!(pieces("@gold_buyers"), [(Kind::Foreign, "@gold_buyers")]);
    assert_eq!(pieces(":sl:").len(), 3, "a word of the language is no picture");
    assert_eq!(pieces("@market").len(), 2);
}

#[test]
fn a_point_before_a_number_is_a_filler_behind_a_label_and_a_mark_of_the_number_elsewhere() {
    assert_eq!(pieces("@ .7")[1], (Kind::Number, ".7"));
    assert_eq!(pieces("sl.7").last(), Some(&(Kind::Number, "7")));
    assert_eq!(pieces("sl..1.5").last(), Some(&(Kind::Number, "1.5")));
}

#[test]
fn every_kind_of_line_end_ends_a_line() {
    let newlines = pieces("a\r\nb\rc\nd\u{2028}e").iter().filter(|piece| piece.0 == Kind::Newline).count();
    assert_eq!(newlines, 4);
}
