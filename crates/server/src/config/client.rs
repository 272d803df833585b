//! The settings of the clients `send` and `watch`.

use secrecy::SecretString;

use super::{BaseUrl, ClientFlags, ConfigError, Environment, Setting, Settle, names, value};

/// The service that a client talks to, and the user's key.
#[derive(Debug, Clone)]
pub struct Client {
    /// The service.
    pub url: BaseUrl,
    /// The user's key.
    pub api_key: SecretString,
}

impl Client {
    /// Reads both settings.
    ///
    /// Somebody else may have written the `.env` file in the working directory, so a key that does not come from it is
    /// never sent to an address that does. Addresses on this machine are no exception: another user may be listening there.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is missing or cannot be used.
    pub fn load(flags: &ClientFlags, environment: &Environment) -> Result<Self, ConfigError> {
        let settle = Settle { environment };
        let url = settle.value(&names::URL, &flags.url, str::parse)?;
        let url = url.map_or_else(|| names::URL.example.parse(), Ok);
        let api_key = settle.value(&names::API_KEY, &flags.api_key, value::token)?;
        let client = Self {
            url: url.map_err(|problem| ConfigError::bad(&names::URL, problem))?,
            api_key: api_key.ok_or_else(|| ConfigError::bad(&names::API_KEY, "is not set"))?,
        };
        let is_from_file = |setting: &Setting, flag: &Option<String>| -> Result<bool, ConfigError> {
            let elsewhere = flag.is_some() || environment.in_process(setting)?.is_some();
            Ok(!elsewhere && environment.in_file(setting).is_some())
        };
        if is_from_file(&names::URL, &flags.url)? && !is_from_file(&names::API_KEY, &flags.api_key)? {
            return Err(ConfigError::AddressFromFile);
        }
        Ok(client)
    }
}
