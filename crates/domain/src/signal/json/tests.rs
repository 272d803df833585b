use super::*;
use proptest::prelude::*;

fn refusal(text: &str) -> (ErrorCode, usize) {
    let error = read(text).unwrap_err();
    (error.code, error.span.unwrap().start)
}

#[test]
fn a_number_keeps_its_digits_and_a_string_its_place() {
    let node = read(r#" {"sl": 2050.00, "s": "a\u00e9\n"} "#).unwrap();
    let Value::Object(fields) = node.value else { panic!("no object") };
    assert_eq!(fields[0].1.value, Value::Number("2050.00"));
    assert_eq!(fields[1].1.value, Value::Text("aé\n".into()));
    assert_eq!(fields[0].0.span, Span { start: 3, end: 5 });
}

#[test]
fn what_is_no_strict_json_is_refused_at_its_place() {
    for (text, place) in [
        (r#"{"a":1,}"#, 7),
        (r#"{“a”:1}"#, 1),
        (r#"{a:1}"#, 1),
        (r#"{"a":01}"#, 6),
        (r#"{"a":.5}"#, 5),
        (r#"{"a":1} x"#, 8),
        (r#"{"a":"\ud800"}"#, 12),
        (r#"{"a":"\ud800\u0041"}"#, 18),
        ("{\"a\":\"\n\"}", 6),
        ("[1,2", 4),
    ] {
        assert_eq!(refusal(text), (ErrorCode::BadJson, place), "{text}");
    }
}

#[test]
fn a_key_twice_a_bare_variable_and_deep_nesting_have_codes_of_their_own() {
    assert_eq!(refusal(r#"{"a":1,"a":1}"#), (ErrorCode::DuplicateKey, 8));
    assert_eq!(refusal(r#"{"price": {{close}}}"#).0, ErrorCode::UnfilledPlaceholder);
    assert_eq!(refusal(&"[".repeat(9000)).0, ErrorCode::TooLarge);
}

proptest! {
    #[test]
    fn what_a_json_library_accepts_is_accepted_and_nothing_else(text in r#"[\[\]{}":,0-9a-e.tru\\ \-]{0,24}"#) {
        let library = serde_json::from_str::<serde_json::Value>(&text);
        match read(&text) {
            Ok(_) => prop_assert!(library.is_ok()),
            Err(error) => prop_assert!(library.is_err() || error.code == ErrorCode::DuplicateKey),
        }
    }
}
