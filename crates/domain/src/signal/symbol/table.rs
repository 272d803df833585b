//! Symbols that are known by name. Every list is sorted, for binary search.

/// Currencies that quote and are quoted.
pub(super) const CURRENCIES: &[&str] = &[
    "AED", "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF",
    "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "MYR", "NGN", "NOK", "NZD", "PHP", "PLN", "RON", "RUB", "SAR",
    "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
];

/// Metals, quoted in a currency.
pub(super) const METALS: &[&str] = &["XAG", "XAU", "XCU", "XPD", "XPT"];

/// Stable coins and coins that quote other coins, of any name.
pub(super) const COIN_QUOTES: &[&str] = &["BUSD", "DAI", "FDUSD", "PERP", "TUSD", "USDC", "USDT"];

/// Coins that are known without their quote.
pub(super) const COINS: &[&str] = &[
    "AAVE", "ADA", "ALGO", "APE", "APT", "ARB", "ATOM", "AVAX", "AXS", "BANK", "BCH", "BNB", "BONK", "BTC",
    "CAKE", "CHZ", "COMP", "CRV", "DASH", "DOGE", "DOT", "DYDX", "EGLD", "ENA", "ENJ", "ENS", "EOS", "ETC",
    "ETH", "FET", "FIL", "FLOKI", "FTM", "GALA", "GMT", "GRT", "HBAR", "ICP", "IMX", "INJ", "IOTA", "JASMY",
    "JTO", "JUP", "KAVA", "KSM", "LDO", "LINK", "LRC", "LTC", "LUNA", "LUNC", "MANA", "MATIC", "MKR", "NEAR",
    "NEO", "OMG", "ONDO", "OP", "ORDI", "PENDLE", "PEPE", "POL", "PYTH", "QNT", "RENDER", "RNDR", "ROSE",
    "RUNE", "SAND", "SEI", "SHIB", "SNX", "SOL", "STRK", "STX", "SUI", "SUSHI", "TAO", "THETA", "TIA", "TON",
    "TRX", "UNI", "VET", "WAVES", "WIF", "WLD", "XBT", "XLM", "XMR", "XRP", "XTZ", "YFI", "ZEC", "ZIL",
];

/// Words of other meanings among the coins: they need a mark or a quote to count.
pub(super) const COMMON_WORDS: &[&str] = &[
    "ALGO", "APE", "BANK", "CAKE", "COMP", "DASH", "DOT", "ENJ", "GALA", "GMT", "LINK", "MANA", "NEAR",
    "NEO", "OP", "ROSE", "RUNE", "SAND", "TON", "UNI", "WAVES",
];

/// Indices, commodities and futures that go by one name.
pub(super) const NAMED: &[&str] = &[
    "AU200",
    "AUS200",
    "BANKEX",
    "BANKNIFTY",
    "BRENT",
    "CHINA50",
    "CHINAA50",
    "DAX",
    "DAX30",
    "DAX40",
    "DE30",
    "DE40",
    "DJ30",
    "DJI",
    "DXY",
    "ES35",
    "ESP35",
    "EU50",
    "EUSTX50",
    "FINNIFTY",
    "FRA40",
    "FTSE100",
    "GDAXI",
    "GER30",
    "GER40",
    "HK50",
    "HSI",
    "IT40",
    "JP225",
    "JPN225",
    "MIDCPNIFTY",
    "NAS100",
    "NATGAS",
    "NDX",
    "NDX100",
    "NGAS",
    "NIFTY",
    "NIFTY50",
    "NIKKEI",
    "NIKKEI225",
    "NQ100",
    "SENSEX",
    "SP500",
    "SPX",
    "SPX500",
    "STOXX50",
    "SWI20",
    "TECH100",
    "UK100",
    "UKOIL",
    "US100",
    "US2000",
    "US30",
    "US500",
    "USDX",
    "USOIL",
    "USTEC",
    "USTEC100",
    "VIX",
    "VIX75",
    "WALLSTREET30",
    "WS30",
    "WTI",
    "XBRUSD",
    "XNGUSD",
    "XTIUSD",
];

/// Names that stand for another symbol, where the account says nothing else.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("CABLE", "GBPUSD"),
    ("CRUDEOIL", "USOIL"),
    ("DOWJONES", "US30"),
    ("FIBER", "EURUSD"),
    ("GJ", "GBPJPY"),
    ("GOLD", "XAUUSD"),
    ("GU", "GBPUSD"),
    ("NASDAQ", "NAS100"),
    ("NASDAQ100", "NAS100"),
    ("SILVER", "XAGUSD"),
    ("UJ", "USDJPY"),
    ("XAG", "XAGUSD"),
    ("XAU", "XAUUSD"),
    ("XBTUSD", "BTCUSD"),
];

/// What brokers hang on a symbol behind a point.
pub(super) const POINT_SUFFIXES: &[&str] =
    &["C", "CASH", "E", "ECN", "I", "M", "P", "PRO", "R", "RAW", "S", "STD", "T", "X", "Z"];

/// What brokers hang on a symbol without a mark; small letters only.
pub(super) const BARE_SUFFIXES: &[&str] = &["c", "i", "m", "micro", "pro"];

/// Capitals that are no stock's symbol, though they look like one.
pub(super) const NO_TICKERS: &[&str] = &[
    "AGAIN", "ALERT", "ANY", "ASAP", "BIG", "BITCOIN", "CHANCE", "COIN", "COPY", "CRYPTO", "DIP", "DIPS",
    "EARLY", "ENJOY", "EVERY", "FAST", "FOREX", "FREE", "FUTURE", "FX", "GO", "GOOD", "GREEN", "GUYS",
    "HERE", "HIGH", "HOLD", "HOT", "HUGE", "INDEX", "LIVE", "LOW", "MAX", "MISSION", "MORE", "NEW", "NEWS",
    "NICE", "NONE", "NULL", "OR", "PLEASE", "PREMIUM", "QUICK", "READY", "RED", "RISKY", "SAFE", "SCALP",
    "SIGNAL", "SMALL", "SOON", "STRONG", "SWING", "THAT", "THEM", "THESE", "THIS", "TODAY", "UP", "URGENT",
    "US", "VERY", "WE", "WITH", "YOU",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_sorted() {
        for list in [
            CURRENCIES,
            METALS,
            COIN_QUOTES,
            COINS,
            COMMON_WORDS,
            NAMED,
            POINT_SUFFIXES,
            BARE_SUFFIXES,
            NO_TICKERS,
        ] {
            assert!(list.is_sorted(), "{list:?}");
        }
        assert!(ALIASES.is_sorted());
    }
}
