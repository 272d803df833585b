use super::super::lexer::lex;
use super::*;

fn read(text: &str) -> Option<String> {
    let (tokens, reading) = (lex(text), Reading::default());
    let symbols = Symbols { text, tokens: &tokens, reading: &reading };
    symbols.at(0).map(|found| format!("{} {}", found.instrument, &text[found.span.start..found.span.end]))
}

#[test]
fn a_pair_is_found_in_every_spelling() {
    for text in ["EURUSD", "eurusd", "EUR/USD", "Eur / usd", "EUR USD", "EUR-USD", "EUR_USD"] {
        assert_eq!(read(text), Some(format!("EURUSD {text}")));
    }
    assert_eq!(read("btc/usdt:USDT x"), Some("BTCUSDT btc/usdt:USDT".into()));
    assert_eq!(read("BTC-USDT-SWAP"), Some("BTCUSDT BTC-USDT-SWAP".into()));
    assert_eq!(read("1000PEPE/USDT"), Some("1000PEPEUSDT 1000PEPE/USDT".into()));
}

#[test]
fn names_aliases_and_suffixes_of_brokers_are_folded() {
    for (text, symbol) in [
        ("Gold", "XAUUSD"),
        ("Dow Jones", "US30"),
        ("cable", "GBPUSD"),
        ("XAUUSDm", "XAUUSD"),
        ("US100.e", "US100"),
        ("US30.Cash", "US30"),
        ("BTCUSDT.P", "BTCUSDT"),
        ("ger40", "GER40"),
    ] {
        assert_eq!(read(text), Some(format!("{symbol} {text}")));
    }
}

#[test]
fn nothing_is_corrected_by_similarity() {
    for text in ["XUAUSD", "USDCHFF", "EURUSDX", "EURUSD.SL", "BTCUSDT@1", "hello", "EUR", "EURЦSD", "1.5"] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(read("EURUSD@1"), Some("EURUSD EURUSD".into()));
}

#[test]
fn a_stock_symbol_is_capitals_and_no_word() {
    for ticker in ["TSLA", "AAPL", "RELIANCE", "MNQ", "SYM12"] {
        assert!(is_ticker(ticker), "{ticker}");
    }
    for other in ["HERE", "NOW", "XUAUSD", "USDCHFF", "EURUSDX", "Tsla", "TARGET", "BTCUSDX"] {
        assert!(!is_ticker(other), "{other}");
    }
}
