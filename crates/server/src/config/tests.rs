use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;

fn environment(pairs: &[(&str, &str)], file: Option<&str>) -> Result<Environment, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    Environment::with(pairs.iter().map(|(name, value)| (name.into(), value.into())), &path)
}

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Flags::default(), &environment(pairs, None)?)
}

#[test]
fn nothing_set_gives_the_defaults_of_the_documentation() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen, [SocketAddr::from(([127, 0, 0, 1], 8000))]);
    assert!(matches!(config.database_url, DatabaseUrl::Sqlite(path) if path == "hookfill.db"));
    assert!(config.public_url.is_none() && config.allowed_origins.is_empty());
    assert!(config.nats_url.is_none() && config.encryption_keys.is_none() && config.admin_token.is_none());
    assert_eq!(config.lease, Duration::from_secs(5));
    assert_eq!(config.mock_execute_after, Duration::from_secs(5));
    assert_eq!(config.mock_close_after, Duration::from_secs(10));
    assert_eq!((config.registration, config.rate_limit), (None, RateLimit::Default));
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
    assert_eq!(RateLimit::STANDARD.0.get(), 600);
}

#[test]
fn flag_goes_before_environment_before_file_before_default() {
    let file = "HOOKFILL_LEASE=1s\nHOOKFILL_MOCK_CLOSE_AFTER=1s\nHOOKFILL_MOCK_EXECUTE_AFTER=1s\n";
    let set = [("HOOKFILL_LEASE", "2s"), ("HOOKFILL_MOCK_CLOSE_AFTER", "2s")];
    let flags = Flags { lease: Some("3s".to_owned()), ..Flags::default() };
    let config = Config::load(&flags, &environment(&set, Some(file)).unwrap()).unwrap();
    assert_eq!(config.lease, Duration::from_secs(3));
    assert_eq!(config.mock_close_after, Duration::from_secs(2));
    assert_eq!(config.mock_execute_after, Duration::from_secs(1));
}

#[test]
fn an_empty_value_counts_as_unset_and_blanks_around_one_do_not_count() {
    let set = [("HOOKFILL_LEASE", ""), ("HOOKFILL_LOG", "  "), ("HOOKFILL_RATE_LIMIT", " 5/s\n")];
    let environment = environment(&set, Some("HOOKFILL_LEASE=7s\nHOOKFILL_LOG=\n")).unwrap();
    let config = Config::load(&Flags::default(), &environment).unwrap();
    assert_eq!(config.lease, Duration::from_secs(7));
    assert_eq!(config.log, "info");
    assert!(matches!(config.rate_limit, RateLimit::Per { count, .. } if count.get() == 5));
}

#[rstest]
#[case("HOOKFILL_LISTEN", "8000")]
#[case("HOOKFILL_PUBLIC_URL", "hooks.example.com")]
#[case("HOOKFILL_ALLOWED_ORIGINS", "https://good.example,*")]
#[case("DATABASE_URL", "mysql://u:canary@h/d")]
#[case("NATS_URL", "ws://u:canary@h")]
#[case("ENCRYPTION_KEY", "canary")]
#[case("HOOKFILL_LEASE", "0s")]
#[case("HOOKFILL_MOCK_EXECUTE_AFTER", "5 parsecs")]
#[case("HOOKFILL_MOCK_CLOSE_AFTER", "10")]
#[case("HOOKFILL_REGISTRATION", "maybe")]
#[case("HOOKFILL_ADMIN_TOKEN", "canary with blanks")]
#[case("HOOKFILL_RATE_LIMIT", "fast")]
#[case("HOOKFILL_TRUSTED_PROXIES", "10.0.0.0/40")]
#[case("HOOKFILL_LOG", "hookfill=loud")]
#[case("HOOKFILL_LOG_FORMAT", "xml")]
fn a_bad_value_is_refused_by_the_name_of_its_setting(#[case] name: &str, #[case] value: &str) {
    let sentence = load(&[(name, value)]).unwrap_err().to_string();
    let setting = SETTINGS.iter().find(|setting| setting.env == name).unwrap();
    assert!(sentence.starts_with(&setting.to_string()), "{sentence}");
    assert!(sentence.ends_with(setting.example), "{sentence}");
    assert!(!sentence.contains("canary"), "{sentence}");
}

#[test]
fn nodes_that_share_a_database_are_given_their_key() {
    let url = ("DATABASE_URL", "postgres://u:canary@h/d");
    let sentence = load(&[url]).unwrap_err().to_string();
    assert!(sentence.starts_with("ENCRYPTION_KEY is not set, and has to be with PostgreSQL"), "{sentence}");
    let key = crate::secrets::new_key().unwrap();
    let config = load(&[url, ("ENCRYPTION_KEY", key.expose_secret())]).unwrap();
    assert!(config.database_url.path().is_none() && config.encryption_keys.is_some());
}

#[test]
fn a_value_that_is_not_utf_8_is_refused_by_name() {
    let pair = (OsString::from("HOOKFILL_LISTEN"), OsString::from_vec(vec![0xff]));
    let environment = Environment::with([pair], Path::new("/nonexistent")).unwrap();
    let sentence = Config::load(&Flags::default(), &environment).unwrap_err().to_string();
    assert!(sentence.starts_with("HOOKFILL_LISTEN (--listen) is not UTF-8"), "{sentence}");
}

#[test]
fn an_unknown_name_is_refused_wherever_it_stands() {
    let refused = |environment: Environment| environment.refuse_unknown_names().unwrap_err().to_string();
    let expected = "HOOKFILL_LISEN is no setting of hookfill; did you mean HOOKFILL_LISTEN?";
    assert_eq!(refused(environment(&[("HOOKFILL_LISEN", "x")], None).unwrap()), expected);
    assert_eq!(refused(environment(&[], Some("HOOKFILL_LISEN=x")).unwrap()), expected);
    let fine = [("HOOKFILL_PORT", "tcp://10.0.0.1:8000"), ("HOOKFILL_URL", "x"), ("HOME", "/")];
    assert_eq!(environment(&fine, Some("OTHER=1")).unwrap().refuse_unknown_names(), Ok(()));
}

#[test]
fn a_malformed_line_is_named_by_number_and_never_shown() {
    let refused = |text: &str| environment(&[], Some(text)).err().map(|error| error.to_string()).unwrap();
    let sentence = refused("A=1\nENCRYPTION_KEY: canary\n");
    assert!(sentence.starts_with("line 2 of .env") && !sentence.contains("canary"), "{sentence}");
    let sentence = refused(&format!("A={}", "x".repeat(70_000)));
    assert!(sentence.starts_with(".env cannot be read"), "{sentence}");
}

#[test]
fn secrets_are_not_in_the_debug_text() {
    let key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    let nats = ("NATS_URL", "nats://me:canary@h");
    let config = load(&[("ENCRYPTION_KEY", key), ("HOOKFILL_ADMIN_TOKEN", "canary"), nats]).unwrap();
    let text = format!("{config:?}");
    assert!(!text.contains("canary") && !text.contains(key), "{text}");
}

#[test]
fn help_names_every_setting_with_its_flag() {
    use clap::{Args, Command};
    let mut command = Flags::augment_args(Command::new("hookfill"));
    let help = command.render_long_help().to_string();
    for setting in SETTINGS {
        assert!(help.contains(setting.env), "{setting}");
        assert!(setting.flag.is_none_or(|flag| help.contains(&format!("{flag} "))), "{setting}");
    }
    assert_eq!(help.matches("[default: ").count(), SETTINGS.len());
}

/// Where a client setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Flag,
    Environment,
    File,
    Nowhere,
}

/// The client's settings, with an address and a key from these places.
fn client(url: Given, key: Given) -> Result<Client, ConfigError> {
    let (there, secret) = ("http://elsewhere.example", "canary7Kq");
    let flag = |given, text: &str| (given == Given::Flag).then(|| text.to_owned());
    let flags = ClientFlags { url: flag(url, there), api_key: flag(key, secret) };
    let settings = [("HOOKFILL_URL", there, url), ("HOOKFILL_API_KEY", secret, key)];
    let given = |place| settings.iter().filter(move |(_, _, given)| *given == place);
    let process: Vec<_> = given(Given::Environment).map(|(name, text, _)| (*name, *text)).collect();
    let file: String = given(Given::File).map(|(name, text, _)| format!("{name}={text}\n")).collect();
    Client::load(&flags, &environment(&process, Some(&file))?)
}

#[rstest]
fn a_key_goes_to_an_address_from_a_file_only_if_it_is_from_that_file_too(
    #[values(Given::Flag, Given::Environment, Given::File, Given::Nowhere)] url: Given,
    #[values(Given::Flag, Given::Environment, Given::File)] key: Given,
) {
    let settled = client(url, key);
    if url == Given::File && key != Given::File {
        let sentence = settled.unwrap_err().to_string();
        for word in ["HOOKFILL_URL", "--url", "HOOKFILL_API_KEY", ".env"] {
            assert!(sentence.contains(word), "{word}: {sentence}");
        }
        assert!(!sentence.contains("canary"), "{sentence}");
        return;
    }
    let client = settled.unwrap();
    let address = if url == Given::Nowhere { "http://127.0.0.1:8000" } else { "http://elsewhere.example" };
    assert_eq!((client.url.base(), client.api_key.expose_secret()), (address, "canary7Kq"));
}

#[test]
fn an_address_from_a_file_is_refused_also_behind_an_empty_variable_and_on_this_machine() {
    for (process, file) in [
        (&[("HOOKFILL_URL", " "), ("HOOKFILL_API_KEY", "k")][..], "HOOKFILL_URL=http://elsewhere.example"),
        (&[("HOOKFILL_API_KEY", "k")], "HOOKFILL_URL=http://127.0.0.1:8001"),
        (&[("HOOKFILL_API_KEY", "k")], "export HOOKFILL_URL='http://localhost'\nHOOKFILL_API_KEY=other"),
        (&[("HOOKFILL_API_KEY", "k")], "HOOKFILL_URL=http://127.0.0.1:8000"),
    ] {
        let refused = Client::load(&ClientFlags::default(), &environment(process, Some(file)).unwrap());
        assert!(refused.is_err(), "{file}");
    }
    // The environment overrides the file, so this address does not come from it.
    let process = [("HOOKFILL_URL", "http://mine.example"), ("HOOKFILL_API_KEY", "k")];
    let file = "HOOKFILL_URL=http://elsewhere.example\nHOOKFILL_API_KEY=other";
    let client = Client::load(&ClientFlags::default(), &environment(&process, Some(file)).unwrap()).unwrap();
    assert_eq!((client.url.base(), client.api_key.expose_secret()), ("http://mine.example", "k"));
}

#[test]
fn a_missing_key_is_reported_before_an_address_from_a_file() {
    let sentence = client(Given::File, Given::Nowhere).unwrap_err().to_string();
    assert!(sentence.starts_with("HOOKFILL_API_KEY (--api-key) is not set"), "{sentence}");
}
