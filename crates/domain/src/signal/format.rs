//! Which language a sender speaks.

use std::fmt;
use std::str::FromStr;

macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The language of a message, as its sender declares it.
        ///
        /// Dialects are declared and never guessed where their meanings clash: `stop_loss: 150` is a price to one
        /// sender and a count of points to another.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum Format {
            $($(#[$doc])* $variant,)*
        }

        impl Format {
            /// Every format, in the order of the documentation.
            pub const ALL: &'static [Format] = &[$(Format::$variant,)*];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Format::$variant => $name,)*
                }
            }
        }
    };
}

formats! {
    /// Text, or JSON and delimited text whose keys belong to one published shape.
    #[default]
    Auto = "auto",
    /// Text as people write it, never JSON.
    Text = "text",
    /// JSON alerts with TradingView's variables filled in.
    TradingView = "tradingview",
    /// TradersPost's webhook JSON.
    TradersPost = "traderspost",
    /// OpenAlgo's order JSON.
    OpenAlgo = "openalgo",
    /// 3Commas' bot messages.
    ThreeCommas = "3commas",
    /// PineConnector's comma list.
    PineConnector = "pineconnector",
    /// OctoBot's `KEY=VALUE` lines.
    OctoBot = "octobot",
    /// whook's positional tokens.
    Whook = "whook",
    /// Cornix' crypto cards.
    Cornix = "cornix",
    /// WunderTrading's JSON with its signal code.
    WunderTrading = "wundertrading",
    /// Alertatron's scripts.
    Alertatron = "alertatron",
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a format that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no format; known are {known}", known = known())]
pub struct UnknownFormat(pub String);

fn known() -> String {
    let names: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
    names.join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Format::ALL
            .iter()
            .copied()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_read_back_by_its_name_and_no_other() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse::<Format>(), Ok(*format));
        }
        let refused = "Auto".parse::<Format>().unwrap_err();
        assert!(refused.to_string().contains("known are auto, text, tradingview"));
    }
}
