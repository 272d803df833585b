//! Shows an understood signal field by field. The fields come from its JSON, so that none can be forgotten here.

use std::fmt;

use hookfill_domain::signal::{Parsed, Signal};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The minimum width of the label column.
const LABEL: usize = 13;

/// The fields of a signal's JSON, in the order in which it is serialized.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Fields, A::Error> {
        let mut read = Vec::new();
        while let Some(field) = fields.next_entry()? {
            read.push(field);
        }
        Ok(Fields(read))
    }
}

/// What the signal asks for, as the title.
pub(super) fn kind(signal: &Signal) -> &'static str {
    match signal {
        Signal::Order(_) => "open a position",
        Signal::Close(_) => "close a position",
        Signal::Cancel(cancel) if cancel.reference.is_some() => "cancel one pending order",
        Signal::Cancel(_) => "cancel pending orders",
        Signal::Modify(_) => "change the protection of open orders",
    }
}

/// One line per field that the signal has: its name, its value, and the words of the message that it was read from.
pub(super) fn lines(text: &str, parsed: &Parsed) -> serde_json::Result<Vec<String>> {
    let Fields(fields) = serde_json::from_str(&serde_json::to_string(&parsed.signal)?)?;
    let named = |(name, value): (String, Value)| {
        let value = shown(&value);
        // The title says the kind.
        (name != "kind" && !value.is_empty())
            .then(|| (name.replace('_', " "), value, source(text, parsed, &name)))
    };
    let fields: Vec<_> = fields.into_iter().filter_map(named).collect();
    let width = fields.iter().map(|(label, ..)| label.len()).max().unwrap_or(0).max(LABEL);
    let line = |(label, value, source): (String, String, Option<String>)| match source {
        Some(source) => format!("  {label:<width$}  {value:<18} from {source}"),
        None => format!("  {label:<width$}  {value}"),
    };
    Ok(fields.into_iter().map(line).collect())
}

/// A value as text for the user; empty if it is absent.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) => joined(items.iter().map(shown), ", "),
        Value::Object(fields) => match (fields.get("value"), fields.get("unit"), fields.len()) {
            (Some(value), Some(unit), 2) => format!("{} {}", shown(value), shown(unit)),
            _ => joined(fields.iter().map(|(name, value)| named(name, value)), "; "),
        },
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A nested field with its name; empty if it is absent.
fn named(name: &str, value: &Value) -> String {
    let value = shown(value);
    if value.is_empty() { value } else { format!("{} {value}", name.replace('_', " ")) }
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

/// The words of the message that a field was read from.
fn source(text: &str, parsed: &Parsed, field: &str) -> Option<String> {
    let is_of = |name: &str| {
        name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    };
    let spans = parsed.spans.iter().filter(|span| is_of(&span.field));
    let words = spans.filter_map(|span| text.get(span.span.start..span.span.end));
    let words: Vec<_> = words.map(|words| format!("`{words}`")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookfill_domain::order::{OrderType, Side};
    use hookfill_domain::signal::{
        Amount, CancelSignal, CloseSignal, Distances, Entry, ModifySignal, OrderSignal, StopTo, Unit,
    };
    use std::collections::BTreeSet;

    fn amount(value: &str, unit: Unit) -> Option<Amount> {
        Some(Amount { value: value.parse().unwrap(), unit })
    }

    fn distances() -> Distances {
        Distances {
            entry: amount("3.5", Unit::Pips),
            stop_loss: amount("20.5", Unit::Pips),
            take_profits: vec![amount("41.5", Unit::Points).unwrap(), amount("62.5", Unit::Points).unwrap()],
        }
    }

    /// An order with every field that goes with the entry.
    fn order(entry: Entry) -> Signal {
        Signal::Order(OrderSignal {
            side: Side::Sell,
            instrument: "XAUUSD".parse().unwrap(),
            order_type: OrderType::Stop,
            entry,
            stop_loss: Some("2421.10".parse().unwrap()),
            take_profits: vec!["2381.20".parse().unwrap(), "2371.30".parse().unwrap()],
            quantity: amount("0.25", Unit::Lots),
            risk: amount("1.75", Unit::Percent),
            leverage: Some("12.5".parse().unwrap()),
            distances: distances(),
            notes: vec!["a runner of 30".to_owned(), "seen at 2399".to_owned()],
        })
    }

    /// Signals of every kind, with every field.
    fn specimens() -> Vec<Signal> {
        let price = |text: &str| text.parse().unwrap();
        let (side, notes) = (Some(Side::Buy), vec!["of the morning".to_owned()]);
        vec![
            order(Entry::Zone(price("2401.1"), price("2405.2"))),
            order(Entry::Ladder(vec![price("2401.1"), price("2403.2"), price("2405.3")])),
            order(Entry::At(price("2402.5"))),
            Signal::Close(CloseSignal {
                instrument: Some("GBPUSD".parse().unwrap()),
                side,
                fraction: Some("0.35".parse().unwrap()),
                quantity: amount("7.5", Unit::Units),
                notes: notes.clone(),
            }),
            Signal::Cancel(CancelSignal {
                instrument: Some("ETHUSDT".parse().unwrap()),
                side,
                reference: Some("first-of-two".to_owned()),
                notes: notes.clone(),
            }),
            Signal::Modify(ModifySignal {
                instrument: "USDJPY".parse().unwrap(),
                side,
                stop_loss: Some(price("151.25")),
                stop_loss_to: Some(StopTo::Entry),
                take_profits: vec![price("152.35"), price("153.45")],
                distances: distances(),
                notes,
            }),
        ]
    }

    /// Collects the scalars inside a value, as text.
    fn leaves(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Null => {}
            Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
            Value::String(text) => found.push(text.clone()),
            Value::Bool(_) | Value::Number(_) => found.push(value.to_string()),
        }
    }

    #[test]
    fn the_line_of_a_field_shows_all_of_its_values() {
        let (mut all, mut filled) = (BTreeSet::new(), BTreeSet::new());
        for signal in specimens() {
            let json = serde_json::to_value(&signal).unwrap();
            let lines = lines("", &Parsed { signal, spans: Vec::new() }).unwrap();
            for (name, value) in json.as_object().unwrap() {
                all.insert(name.clone());
                let mut values = Vec::new();
                leaves(value, &mut values);
                let label = format!("  {}  ", name.replace('_', " "));
                let line = lines.iter().find(|line| line.starts_with(&label));
                if name == "kind" || values.is_empty() {
                    assert_eq!(line, None, "{name}");
                    continue;
                }
                filled.insert(name.clone());
                for value in values {
                    assert!(line.is_some_and(|line| line.contains(&value)), "{name} {value}: {lines:#?}");
                }
            }
        }
        all.remove("kind");
        assert_eq!(filled, all, "each field needs a specimen");
    }

    #[test]
    fn fields_keep_the_order_of_the_json_and_unknown_shapes_are_shown_too() {
        let signal = specimens().remove(0);
        let text = serde_json::to_string(&signal).unwrap();
        let lines = lines("", &Parsed { signal, spans: Vec::new() }).unwrap();
        let places: Vec<_> = lines
            .iter()
            .map(|line| text.find(&format!("\"{}\":", line[2..15].trim().replace(' ', "_"))).unwrap())
            .collect();
        assert!(places.is_sorted(), "{lines:#?}");
        let odd =
            serde_json::json!({ "to": "entry", "after": [1, { "value": "2", "unit": "r" }], "no": null });
        assert_eq!(shown(&odd), "after 1, 2 r; to entry");
    }
}
