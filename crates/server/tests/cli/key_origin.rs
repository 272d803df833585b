//! A key from the environment or a flag is not sent to an address from a `.env` file, and such a file sets no proxy.

use std::io::ErrorKind;
use std::net::TcpListener;

use rstest::rstest;

use super::program::Directory;

const CANARY: &str = "hfk_canary7Kq";

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn was_called(listener: &TcpListener) -> bool {
    match listener.accept() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            false
        }
    }
}

#[rstest]
#[case(&["send", "BUY EURUSD"])]
#[case(&["watch"])]
fn a_key_from_elsewhere_is_not_sent_to_an_address_from_a_dotenv_file(#[case] arguments: &[&str]) {
    let (stranger, url) = listener();
    let directory = Directory::empty();
    directory.write(".env", &format!("HOOKFILL_URL={url}\n"));
    let by_flag = [arguments, &["--api-key", CANARY]].concat();
    for ended in [directory.run_with(&[("HOOKFILL_API_KEY", CANARY)], arguments), directory.run(&by_flag)] {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(!ended.output().contains("canary"), "{ended:?}");
        for word in ["HOOKFILL_URL", "--url", "HOOKFILL_API_KEY", ".env"] {
            assert!(ended.stderr.contains(word), "{word}: {ended:?}");
        }
        assert!(!was_called(&stranger), "{ended:?}");
    }
}

#[test]
fn a_dotenv_file_sets_no_proxy() {
    let (stranger, url) = listener();
    let directory = Directory::empty();
    let names = ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy"];
    directory.write(".env", &names.map(|name| format!("{name}={url}\n")).concat());
    for address in ["http://nowhere.invalid", "https://nowhere.invalid"] {
        let ended = directory.run(&["send", "BUY EURUSD", "--api-key", CANARY, "--url", address]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!was_called(&stranger), "{ended:?}");
    }
}
