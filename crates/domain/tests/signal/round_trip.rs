//! What is written down is what is read back.

use std::collections::BTreeMap;

use hookfill_domain::money::Price;
use hookfill_domain::signal::{Format, Reading, Signal, parse};
use proptest::prelude::*;

use super::forms::{FORMS, Idea, ideas, order, read};

proptest! {
    #[test]
    fn an_order_written_in_any_form_is_read_back_the_same(idea in ideas()) {
        for form in FORMS {
            let text = form(&idea);
            let order = order(&text);
            prop_assert_eq!(order.side, idea.side, "{}", text);
            prop_assert_eq!(order.instrument.as_str(), idea.instrument, "{}", text);
            prop_assert_eq!(order.order_type, idea.kind, "{}", text);
            let entry = order.entry.working_price(order.side).map(|price| price.to_string());
            prop_assert_eq!(&entry, &idea.entry, "{}", text);
            prop_assert_eq!(order.stop_loss.map(|price| price.to_string()), Some(idea.stop.clone()), "{}", text);
            let targets: Vec<_> = order.take_profits.iter().map(ToString::to_string).collect();
            prop_assert_eq!(&targets, &idea.targets, "{}", text);
        }
    }

    #[test]
    fn an_order_written_as_json_is_read_back_the_same(idea in ideas()) {
        let text = json(&idea);
        let order = order(&text);
        prop_assert_eq!(order.side, idea.side);
        prop_assert_eq!(order.order_type, idea.kind);
        let targets: Vec<_> = order.take_profits.iter().map(ToString::to_string).collect();
        prop_assert_eq!(&targets, &idea.targets, "{}", text);
        prop_assert_eq!(order.stop_loss.map(|price| price.to_string()), Some(idea.stop.clone()), "{}", text);
    }

    #[test]
    fn every_number_of_an_accepted_message_stands_in_its_text(text in "(BUY|SELL) (EURUSD|GOLD)[ \n]@?[0-9]{1,4}[.,/ -]?[0-9]{0,4}[ \n](SL|sl:)[ :]?[0-9.]{1,6} (TP|T.P)[ 1:]?[0-9., /-]{1,16}") {
        let Ok(parsed) = read(&text) else { return Ok(()) };
        let Signal::Order(order) = parsed.signal else { return Ok(()) };
        let plain = text.replace(',', "");
        let stands = |price: &Price| {
            let shown = price.to_string();
            let bare = shown.strip_prefix('0').unwrap_or(&shown);
            text.contains(bare) || plain.contains(bare)
        };
        prop_assert!(order.take_profits.iter().all(stands), "{:?} {:?}", text, order);
        prop_assert!(order.stop_loss.iter().all(stands), "{:?} {:?}", text, order);
        prop_assert!(order.entry.working_price(order.side).iter().all(stands), "{:?} {:?}", text, order);
    }

    #[test]
    fn no_text_makes_a_panic_in_any_dialect(text in "\\PC{0,200}", choice in 0usize..12) {
        let _ = parse(&text, Format::ALL[choice], &Reading { aliases: BTreeMap::new(), decimal_comma: choice % 2 == 0 });
    }

    #[test]
    fn no_json_makes_a_panic_in_any_dialect(
        keys in proptest::collection::vec("action|ticker|symbol|price|sl|tp|type|quantity|code|sentiment|stopLoss|signal", 0..6),
        values in proptest::collection::vec(r#""[a-zA-Z0-9 %.:_-]{0,12}"|-?[0-9]{1,3}(\.[0-9]{1,3})?|true|null|\[1\]|\{"a":1\}"#, 6),
        choice in 0usize..12,
    ) {
        let fields: Vec<_> = keys.iter().zip(&values).map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let _ = parse(&format!("{{{}}}", fields.join(",")), Format::ALL[choice], &Reading::default());
    }
}

fn json(idea: &Idea) -> String {
    let targets: Vec<_> = idea
        .targets
        .iter()
        .enumerate()
        .map(|(at, price)| format!("\"tp{}\":{price}", at + 1))
        .collect();
    let entry = idea
        .entry
        .as_ref()
        .map_or(String::new(), |entry| format!("\"price\":\"{entry}\","));
    let kind = format!("{:?}", idea.kind).to_lowercase();
    format!(
        "{{\"action\":\"{}\",\"symbol\":\"{}\",\"type\":\"{kind}\",{entry}\"sl\":{},{}}}",
        idea.word().to_lowercase(),
        idea.instrument,
        idea.stop,
        targets.join(",")
    )
}
