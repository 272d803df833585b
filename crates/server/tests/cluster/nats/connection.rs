//! Who we are at the server, and what is said of it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tracing_subscriber::fmt::MakeWriter;

use super::heads::Heads;
use super::node::{ALICE, Node, Setup, heard};
use super::server::{Server, until};

/// All that is logged on this thread, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn keep(&self, filter: &str) -> tracing::subscriber::DefaultGuard {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        let log =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(self.clone());
        tracing::subscriber::set_default(log.finish())
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The URL with something before the host.
fn with_login(server: &Server, login: &str) -> String {
    server.nats.url().replace("nats://", &format!("nats://{login}@"))
}

#[tokio::test]
async fn who_we_are_is_told_to_the_server_and_to_nobody_else() {
    let log = Log::default();
    let _kept = log.keep("trace");
    let user = ["--user", "me", "--pass", "canary/1%"];
    let token = ["--auth", "canary@2"];
    for (arguments, login) in [(user.as_slice(), "me:canary%2F1%25"), (&token, "canary@2")] {
        let (server, store) = (Server::start_with(arguments), Arc::<Heads>::default());
        let url = with_login(&server, login);
        let (one, other) = (Node::connected(&url, &store).await, Node::connected(&url, &store).await);
        let mut hints = other.bus.subscribe(ALICE);
        until("Alice is heard", || server.subscribed(".user.1") == 1).await;
        let seq = one.commit(ALICE, 1);
        assert_eq!(heard(&mut hints).await, seq);
        server.nats.kill();
        one.is_connected(false).await;
        other.stop().await;
    }
    let text = log.text();
    assert!(text.contains("async_nats") && text.contains("NATS is there"), "{text}");
    assert!(!text.contains("canary"), "a secret is in the log");
}

#[tokio::test]
async fn a_wrong_password_is_named_as_the_cause_and_is_not_shown() {
    let log = Log::default();
    let _kept = log.keep("info,async_nats=off");
    let (server, store) = (Server::start_with(&["--user", "me", "--pass", "right"]), Arc::<Heads>::default());
    let node = Setup::at(&with_login(&server, "me:canary"), &store).start();
    until("it is said", || !log.text().is_empty()).await;
    let text = log.text();
    assert!(text.contains("NATS is away") && text.contains("authorization violation"), "{text}");
    assert!(!text.contains("canary") && node.metrics.nats_connected.get() == 0, "{text}");
}

#[tokio::test]
async fn each_coming_and_going_is_one_line() {
    let log = Log::default();
    let _kept = log.keep("info,async_nats=off");
    let (server, store) = (Server::start(), Arc::<Heads>::default());
    let node = Node::connected(&server.nats.url(), &store).await;
    for _ in 0..2 {
        server.nats.kill();
        node.is_connected(false).await;
        server.nats.restart();
        node.is_connected(true).await;
    }
    until("the last is said", || log.text().matches("NATS is there").count() == 3).await;
    assert_eq!(log.text().matches("NATS is away").count(), 2, "{}", log.text());
    assert_eq!(log.text().lines().count(), 5, "{}", log.text());
}

#[tokio::test]
async fn what_must_be_encrypted_is_not_sent_to_a_server_that_cannot() {
    let log = Log::default();
    let _kept = log.keep("info,async_nats=off");
    let (server, store) = (Server::start(), Arc::<Heads>::default());
    let node = Setup::at(&server.nats.url().replace("nats://", "tls://"), &store).start();
    until("it is said", || log.text().contains("NATS is away")).await;
    assert_eq!(node.metrics.nats_connected.get(), 0);
    assert_eq!(server.subscribed(".due.*"), 0);
}

/// A certificate for the loopback address: its authority, itself, its key, each in a file.
fn certificate(folder: &Path) -> [PathBuf; 3] {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    let files =
        [("authority", issuer.pem()), ("certificate", certificate.pem()), ("key", key.serialize_pem())];
    files.map(|(name, pem)| {
        let path = folder.join(name);
        std::fs::write(&path, pem).unwrap();
        path
    })
}

/// Which authorities are trusted is read from the environment, so that this takes a process of its own.
#[tokio::test]
async fn an_encrypted_server_is_believed_if_its_authority_is_trusted_and_not_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate, key] = certificate(folder.path()).map(|path| path.display().to_string());
    let server = Server::start_with(&["--tls", "--tlscert", &certificate, "--tlskey", &key]);
    for (trusted, expected) in [(&authority, "NATS is there"), (&certificate, "NATS is away")] {
        let mut inside = Command::new(std::env::current_exe().unwrap());
        inside.args(["--exact", "nats::connection::inside_a_process_of_its_own", "--ignored", "--nocapture"]);
        inside
            .env("SSL_CERT_FILE", trusted)
            .env("TEST_NATS_URL", server.nats.url().replace("nats://", "tls://"));
        let output = tokio::task::spawn_blocking(move || inside.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains(expected), "{text}");
    }
}

#[tokio::test]
#[ignore = "run by the test above, with an environment of its own"]
async fn inside_a_process_of_its_own() {
    let log = Log::default();
    let _kept = log.keep("info,async_nats=off");
    let url = std::env::var("TEST_NATS_URL").unwrap();
    let _node = Setup::at(&url, &Arc::<Heads>::default()).start();
    until("it is said", || !log.text().is_empty()).await;
    println!("{}", log.text());
}
