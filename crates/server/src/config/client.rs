//! Which service the clients talk to, and as whom.

use secrecy::SecretString;

use super::{BaseUrl, ClientFlags, ConfigError, Environment, Setting, Settle, names, value};

/// Which service the clients talk to, and as whom.
#[derive(Debug, Clone)]
pub struct Client {
    /// The service.
    pub url: BaseUrl,
    /// The user's key.
    pub api_key: SecretString,
}

impl Client {
    /// Settles the two settings of the clients.
    ///
    /// A `.env` file may come with a directory that somebody else filled, so a key that its user gave elsewhere is never sent
    /// to an address from such a file. There is no exception for addresses on this machine: others may listen there.
    ///
    /// # Errors
    /// [`ConfigError`] names the one that cannot be used or is missing.
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
