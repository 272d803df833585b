//! Settings: each bad value is named, unknown names are refused, secrets are never shown.

use rstest::rstest;

use super::program::Directory;

const CANARY: &str = "canary7Kq";
const FERNET_KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

#[rstest]
#[case("HOOKFILL_LISTEN", "--listen", "nowhere")]
#[case("HOOKFILL_PUBLIC_URL", "--public-url", "hooks")]
#[case("HOOKFILL_ALLOWED_ORIGINS", "--allowed-origins", "*")]
#[case("DATABASE_URL", "--database-url", "hookfill.db")]
#[case("NATS_URL", "--nats-url", "http://127.0.0.1")]
#[case("HOOKFILL_LEASE", "--lease", "5")]
#[case("HOOKFILL_MOCK_EXECUTE_AFTER", "--mock-execute-after", "5 s")]
#[case("HOOKFILL_MOCK_CLOSE_AFTER", "--mock-close-after", "1.5s")]
#[case("HOOKFILL_REGISTRATION", "--registration", "yes")]
#[case("HOOKFILL_RATE_LIMIT", "--rate-limit", "600")]
#[case("HOOKFILL_TRUSTED_PROXIES", "--trusted-proxies", "proxy.local")]
#[case("HOOKFILL_LOG", "--log", "a=b=c")]
#[case("HOOKFILL_LOG", "--log", "loud")]
#[case("HOOKFILL_LOG", "--log", "info,hokfill=debug")]
#[case("HOOKFILL_LOG", "--log", "hookfill=loud")]
#[case("HOOKFILL_LOG", "--log", "hookfill::htttp=debug")]
#[case("HOOKFILL_LOG_FORMAT", "--log-format", "yaml")]
fn a_bad_value_stops_the_start_with_one_sentence_that_names_its_setting(
    #[case] name: &str,
    #[case] flag: &str,
    #[case] value: &str,
) {
    let directory = Directory::empty();
    for ended in [
        directory.run_with(&[(name, value)], &[]),
        directory.run(&["serve", flag, value]),
        directory.run(&[flag, value]),
        {
            directory.write(".env", &format!("{name}={value}\n"));
            directory.run(&["serve"])
        },
    ] {
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!((ended.stdout.as_str(), ended.stderr.lines().count()), ("", 1), "{ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains(flag), "{ended:?}");
    }
    assert!(!directory.path("hookfill.db").exists(), "a start that is refused leaves nothing behind");
}

#[rstest]
#[case("ENCRYPTION_KEY", CANARY)]
#[case("HOOKFILL_ADMIN_TOKEN", "canary7Kq two words")]
#[case("DATABASE_URL", "mysql://u:canary7Kq@db/x")]
#[case("DATABASE_URL", "postgres://u:canary7Kq@db:port/x")]
#[case("NATS_URL", "http://u:canary7Kq@hub")]
fn a_bad_value_that_may_be_a_secret_is_not_repeated(#[case] name: &str, #[case] value: &str) {
    let directory = Directory::empty();
    for command in ["serve", "doctor"] {
        let from_environment = directory.run_with(&[(name, value)], &[command]);
        directory.write(".env", &format!("{name}='{value}'"));
        let from_file = directory.run(&[command]);
        std::fs::remove_file(directory.path(".env")).unwrap();
        for ended in [from_environment, from_file] {
            assert!(ended.code != Some(0) && ended.output().contains(name), "{ended:?}");
            assert!(!ended.output().contains(CANARY), "{ended:?}");
        }
    }
}

#[test]
fn help_names_every_setting_and_no_value() {
    let directory = Directory::empty();
    let set = [
        ("DATABASE_URL", "postgres://u:canary7Kq@db/x"),
        ("ENCRYPTION_KEY", CANARY),
        ("HOOKFILL_ADMIN_TOKEN", CANARY),
        ("HOOKFILL_API_KEY", CANARY),
        ("HOOKFILL_LISTEN", CANARY),
    ];
    for command in ["serve", "doctor"] {
        let ended = directory.run_with(&set, &[command, "--help"]);
        assert_eq!(ended.code, Some(0));
        for setting in hookfill::config::SETTINGS {
            assert!(ended.stdout.contains(setting.env), "{setting}");
        }
        assert!(!ended.output().contains(CANARY));
    }
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["send", "--help"],
        &["watch", "--help"],
        &["keys", "--help"],
        &["migrate", "--help"],
        &["backup", "--help"],
    ] {
        let ended = directory.run_with(&set, arguments);
        assert!(ended.code == Some(0) && !ended.output().contains(CANARY), "{arguments:?}");
    }
}

#[test]
fn a_secret_given_as_a_flag_is_refused_without_repeating_it() {
    let ended = Directory::empty().run(&["serve", "--encryption-key=canary7Kq"]);
    assert_eq!(ended.code, Some(2));
    assert!(!ended.output().contains(CANARY), "{ended:?}");
}

#[test]
fn an_unknown_name_stops_the_service_the_migration_and_the_doctor_with_what_was_meant() {
    let directory = Directory::empty();
    for arguments in [&["serve"][..], &["migrate"], &["migrate", "--list"], &["migrate", "--dry-run"]] {
        let ended = directory.run_with(&[("HOOKFILL_LISTN", CANARY)], arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(
            ended.stderr,
            "hookfill: HOOKFILL_LISTN is no setting of hookfill; did you mean HOOKFILL_LISTEN?\n"
        );
    }
    let ended = directory.run_with(&[("HOOKFILL_LISTN", CANARY)], &["doctor"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.starts_with("FAIL settings: HOOKFILL_LISTN"), "{ended:?}");
    let ended = directory.run_with(&[("HOOKFILL_LISTN", CANARY)], &["keys", "new"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn flag_goes_before_environment_before_file_before_default() {
    let directory = Directory::empty();
    directory.write(".env", "# mine\nDATABASE_URL=\"sqlite:file.db\"\nHOOKFILL_LISTEN = 127.0.0.1:0\n");
    let made = |name: &str| directory.path(name).exists();

    assert_eq!(directory.serve(&[("DATABASE_URL", "")]).stopped().code, Some(0));
    assert!(made("file.db") && !made("hookfill.db"));

    assert_eq!(directory.serve(&[("DATABASE_URL", "sqlite:environment.db")]).stopped().code, Some(0));
    assert!(made("environment.db"));

    let mut command = directory.command(&["--database-url", "sqlite:flag.db"]);
    command.env("DATABASE_URL", "sqlite:unused.db");
    assert_eq!(super::program::Running::start(command).stopped().code, Some(0));
    assert!(made("flag.db") && !made("unused.db"));
}

#[test]
fn a_malformed_line_is_named_by_its_number_alone() {
    let directory = Directory::empty();
    directory.write(".env", "HOOKFILL_LOG=info\nENCRYPTION_KEY canary7Kq\n");
    let ended = directory.run(&["serve"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("line 2 of .env") && !ended.output().contains(CANARY), "{ended:?}");
}

#[test]
fn good_secrets_are_in_no_output_at_the_loudest_log() {
    let directory = Directory::empty();
    let set = [
        ("ENCRYPTION_KEY", FERNET_KEY),
        ("HOOKFILL_ADMIN_TOKEN", CANARY),
        ("HOOKFILL_LOG", "trace"),
        ("HOOKFILL_LISTEN", "127.0.0.1:0"),
    ];
    let served = directory.serve(&set).stopped();
    let checked = directory.run_with(&set, &["doctor"]);
    for ended in [served, checked] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.output().contains(CANARY) && !ended.output().contains(FERNET_KEY), "{ended:?}");
    }
}
