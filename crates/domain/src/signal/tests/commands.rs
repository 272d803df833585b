//! Commands about open orders.

use super::*;

fn command(text: &str) -> String {
    match read(text).map(|parsed| parsed.signal) {
        Ok(Signal::Close(close)) => {
            let fraction = close.fraction.map_or(String::new(), |part| format!(" {part}"));
            let side = close.side.map_or(String::new(), |side| format!(" {side:?}"));
            format!("close {}{side}{fraction}", name(close.instrument.as_ref()))
        }
        Ok(Signal::Cancel(cancel)) => format!("cancel {}", name(cancel.instrument.as_ref())),
        Ok(Signal::Modify(modify)) => {
            let stop = modify.stop_loss.map_or(String::new(), |stop| format!(" sl {stop}"));
            let place = if modify.stop_loss_to.is_some() { " sl entry" } else { "" };
            let targets: String = modify.take_profits.iter().map(|target| format!(" tp {target}")).collect();
            format!("modify {}{stop}{place}{targets}", modify.instrument)
        }
        other => panic!("{text:?}: {other:?}"),
    }
}

fn name(instrument: Option<&Instrument>) -> String {
    instrument.map_or("everything".to_owned(), ToString::to_string)
}

#[test]
fn a_close_says_what_and_how_much() {
    assert_eq!(command("CLOSE EURUSD"), "close EURUSD");
    assert_eq!(
        command("Please, close all gold positions now".trim_start_matches("Please, ")),
        "close XAUUSD"
    );
    assert_eq!(command("gold close half"), "close XAUUSD 0.5");
    assert_eq!(command("Close 30% of GBPUSD"), "close GBPUSD 0.3");
    assert_eq!(command("close 100% GBPUSD"), "close GBPUSD");
    assert_eq!(command("BTCUSDT closelong"), "close BTCUSDT Buy");
    assert_eq!(command("close long BTCUSDT"), "close BTCUSDT Buy");
    assert_eq!(command("exit all EURUSD shorts"), "close EURUSD Sell");
}

#[test]
fn a_stop_loss_moves_to_a_price_or_to_the_entry() {
    assert_eq!(command("Move SL on EURUSD to 1.0900"), "modify EURUSD sl 1.0900");
    assert_eq!(command("EURUSD set SL BE"), "modify EURUSD sl entry");
    assert_eq!(command("US30 risk free"), "modify US30 sl entry");
    assert_eq!(command("gold stop loss to entry"), "modify XAUUSD sl entry");
    assert_eq!(command("set sl at 2655 and tp 2700 gold"), "modify XAUUSD sl 2655 tp 2700");
    assert_eq!(
        command("Modify sell EURNZD\nPrice 1.6780\nTp 1.6700\nSL 1.6850"),
        "modify EURNZD sl 1.6850 tp 1.6700"
    );
}

#[test]
fn a_command_that_leaves_something_open_is_refused() {
    assert_eq!(refusal("CLOSE NOW").0, "context_required");
    assert_eq!(refusal("close all").0, "context_required");
    assert_eq!(refusal("book some profit on EURUSD").0, "context_required");
    assert_eq!(refusal("move sl EURUSD").0, "context_required");
    assert_eq!(refusal("close EURUSD 1.0900").0, "unlabelled_price");
    assert_eq!(refusal("close EURUSD and move SL to BE").0, "several_orders");
    assert_eq!(refusal("close EURUSD GBPUSD").0, "several_orders");
    assert_eq!(refusal("close 150% EURUSD").0, "size_cap");
    assert_eq!(refusal("close EURUSD in massive profit guys").0, "unknown_action");
    assert_eq!(refusal("sell half EURUSD").0, "context_required");
    assert_eq!(refusal("buy to close EURUSD").0, "contradiction");
    assert_eq!(refusal("move TP2 EURUSD to 1.10").0, "context_required");
    assert_eq!(refusal("EURUSD move SL to -1"), ("unlabelled_price", "1"));
}
