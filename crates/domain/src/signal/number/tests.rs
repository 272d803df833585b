use super::*;
use crate::money::Price;

fn values(text: &str, decimal_comma: bool) -> Result<Vec<String>, ErrorCode> {
    let span = Span { start: 0, end: text.len() };
    read_list::<Price>(text, span, decimal_comma)
        .map(|list| list.iter().map(|(price, _)| price.to_string()).collect())
        .map_err(|error| error.code)
}

#[test]
fn a_comma_is_read_only_where_one_reading_is_left() {
    assert_eq!(values("1,950.50", false).unwrap(), ["1950.50"]);
    assert_eq!(values("52000,54000", false).unwrap(), ["52000", "54000"]);
    assert_eq!(values("1.08,1.09", false).unwrap(), ["1.08", "1.09"]);
    for unclear in ["1,950", "1,0860", "3663,10", "227,228", "1.950,50"] {
        assert_eq!(values(unclear, false), Err(ErrorCode::NumberLocale), "{unclear}");
    }
}

#[test]
fn a_declared_decimal_comma_exchanges_the_roles() {
    assert_eq!(values("3663,10", true).unwrap(), ["3663.10"]);
    assert_eq!(values("1.950,50", true).unwrap(), ["1950.50"]);
    assert_eq!(values("1.0860", true).unwrap(), ["1.0860"]);
    assert_eq!(values("1.950", true), Err(ErrorCode::NumberLocale));
}

#[test]
fn digits_of_one_other_script_are_the_same_number() {
    assert_eq!(values("۴۱۰۱.۵۰", false).unwrap(), ["4101.50"]);
    assert_eq!(values("١٫٠٨", false).unwrap(), ["1.08"]);
}

#[test]
fn no_number_is_converted_before_its_length_is_known() {
    assert_eq!(values(&"1".repeat(10_000), false), Err(ErrorCode::BadNumber));
}
