//! `hookfill backup`: under load, restored elsewhere, and what it does not do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hookfill::secrets::Keyring;
use hookfill_store::{ChainState, Journal};
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use super::crash::{call, worked_to_the_end};
use super::program::{Directory, Ended, runtime};

/// How many backups are made of a server under load.
const ROUNDS: usize = 4;
/// Who send at the same time, each for a user of their own.
const SENDERS: usize = 4;
const DELAYS: [(&str, &str); 2] =
    [("HOOKFILL_MOCK_EXECUTE_AFTER", "5ms"), ("HOOKFILL_MOCK_CLOSE_AFTER", "5ms")];

/// The ids of the orders that were answered 200, for each user.
type Acknowledged = BTreeMap<i64, BTreeSet<String>>;
/// A user's history: the places of its entries and the hashes, each of which is over everything before it.
type History = Vec<(i64, i64, Vec<u8>)>;

fn is_done(ended: &Ended) {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}

/// It failed with a sentence and left nothing but what was there before.
fn is_refused(directory: &Directory, arguments: &[&str], because: &str) {
    let names = || {
        let entries = fs::read_dir(directory.path(".")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).filter(is_no_log).collect::<BTreeSet<_>>()
    };
    let before = names();
    let ended = directory.run(arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains(because) && ended.stderr.lines().count() == 1, "{ended:?}");
    assert_eq!(names(), before);
}

fn is_no_log(name: &std::ffi::OsString) -> bool {
    !name.to_str().unwrap().contains("hookfill.db-")
}

/// A backup where nothing else is, with the key of the database that it is of.
fn restored(from: &Directory, name: &str) -> Directory {
    let to = Directory::empty();
    fs::copy(from.path(name), to.path("hookfill.db")).unwrap();
    fs::copy(from.path("hookfill.db.key"), to.path("hookfill.db.key")).unwrap();
    to
}

fn open(directory: &Directory) -> Connection {
    Connection::open(directory.path("hookfill.db")).unwrap()
}

fn history(database: &Connection, user: i64) -> History {
    let sql = "SELECT seq, step, hash FROM journal WHERE user_id = ?1 ORDER BY seq, step";
    let mut select = database.prepare(sql).unwrap();
    let rows = select.query_map([user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn orders(database: &Connection, user: i64) -> BTreeSet<String> {
    let mut select = database.prepare("SELECT lower(hex(id)) FROM orders WHERE user_id = ?1").unwrap();
    let rows = select.query_map([user], |row| row.get(0)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// What is wrong with a backup: orders that were answered before it began and are not in it, and users of whom it tells
/// something that is not the beginning of what happened.
fn faults(backup: &Connection, whole: &Connection, acknowledged: &Acknowledged) -> Vec<String> {
    let mut faults = Vec::new();
    for (user, ids) in acknowledged {
        let there = orders(backup, *user);
        faults.extend(ids.difference(&there).map(|id| format!("order {id} of {user} is lost")));
        if !history(whole, *user).starts_with(&history(backup, *user)) {
            faults.push(format!("what happened to {user} is not what it was"));
        }
    }
    faults
}

fn registered(address: &str, name: &str) -> (i64, String) {
    let body = format!(r#"{{"username":"{name}","broker_name":"Mock","account_id":"1","api_key":"secret"}}"#);
    let (status, made) = call(address, "POST", "/accounts/", "", &body).unwrap();
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    (made["user_id"].as_i64().unwrap(), made["api_key"].as_str().unwrap().to_owned())
}

fn order_id(address: &str, api_key: &str) -> String {
    let body = r#"{"signal":"BUY EURUSD @1.0860 SL 1.0850 TP 1.0890"}"#;
    let headers = format!("X-API-Key: {api_key}\r\n");
    let (status, answer) = call(address, "POST", "/webhook/receive-signal/", &headers, body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["order_id"].as_str().unwrap().replace('-', "")
}

fn count(acknowledged: &Mutex<Acknowledged>) -> usize {
    acknowledged.lock().unwrap().values().map(BTreeSet::len).sum()
}

/// Ends the load, also where the test has failed.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends for each user until all backups are made; gives what was acknowledged before each of them began.
fn backups_under_load(directory: &Directory, address: &str, users: &[(i64, String)]) -> Vec<Acknowledged> {
    let acknowledged = Mutex::new(Acknowledged::new());
    let (over, beside) = (AtomicBool::new(false), AtomicUsize::new(0));
    let rounds = std::thread::scope(|scope| {
        for (user, api_key) in users {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let id = order_id(address, api_key);
                    acknowledged.lock().unwrap().entry(*user).or_default().insert(id);
                }
            });
        }
        let _over = AtTheEnd(&over);
        let backup = |round| {
            let enough = count(&acknowledged) + 20;
            while count(&acknowledged) < enough {
                std::thread::yield_now();
            }
            let before = acknowledged.lock().unwrap().clone();
            is_done(&directory.run(&["backup", &format!("{round}.backup")]));
            beside.fetch_add(
                count(&acknowledged) - before.values().map(BTreeSet::len).sum::<usize>(),
                Ordering::Relaxed,
            );
            before
        };
        (0..ROUNDS).map(backup).collect()
    });
    assert!(beside.into_inner() > 0, "nothing came in beside a backup");
    rounds
}

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before_and_serves_elsewhere() {
    let directory = Directory::empty();
    let service = directory.serve(&DELAYS);
    let address = service.first_line.rsplit("http://").next().unwrap().to_owned();
    let users: Vec<_> = (0..SENDERS).map(|number| registered(&address, &format!("user {number}"))).collect();
    let rounds = backups_under_load(&directory, &address, &users);
    assert_eq!(service.stopped().code, Some(0));

    let whole = open(&directory);
    for (round, acknowledged) in rounds.iter().enumerate() {
        let elsewhere = restored(&directory, &format!("{round}.backup"));
        let backup = open(&elsewhere);
        assert_eq!(faults(&backup, &whole, acknowledged), Vec::<String>::new());
        drop(backup);
        let chain = runtime().block_on(elsewhere.store().verify()).unwrap();
        assert!(matches!(chain, ChainState::Intact { entries } if entries > 0), "{chain:?}");
        let service = elsewhere.serve(&DELAYS);
        let address = service.first_line.rsplit("http://").next().unwrap();
        order_id(address, &users[0].1);
        assert_eq!(worked_to_the_end(&elsewhere, address), ["pending", "executed", "closed"]);
        assert_eq!(service.stopped().code, Some(0));
    }
}

/// The check itself notices what it is there for.
#[test]
fn a_backup_that_lacks_an_order_or_tells_another_story_would_be_noticed() {
    let directory = Directory::empty();
    let service = directory.serve(&[]);
    let address = service.first_line.rsplit("http://").next().unwrap();
    let (user, api_key) = registered(address, "ann");
    let ids = BTreeSet::from([order_id(address, &api_key), order_id(address, &api_key)]);
    is_done(&directory.run(&["backup", "a.backup"]));
    let acknowledged = Acknowledged::from([(user, ids)]);
    let whole = open(&directory);
    for (edit, noticed) in [
        ("SELECT 1", 0),
        ("DELETE FROM orders WHERE seq = 2", 1),
        ("DELETE FROM journal WHERE seq = 2", 0),
        ("DELETE FROM journal WHERE seq = 1", 1),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 2", 1),
    ] {
        let elsewhere = restored(&directory, "a.backup");
        let backup = open(&elsewhere);
        backup.execute_batch(&format!("{edit};")).unwrap();
        assert_eq!(faults(&backup, &whole, &acknowledged).len(), noticed, "{edit}");
    }
    assert_eq!(service.stopped().code, Some(0));
}

/// A database with a user in it that is not served.
fn closed() -> Directory {
    let directory = Directory::empty();
    directory.serve(&[]).stopped();
    let key = fs::read_to_string(directory.path("hookfill.db.key")).unwrap();
    directory.register("bob", &Keyring::parse(key.trim()).unwrap());
    directory
}

#[test]
fn a_backup_is_one_file_for_its_owner_alone_and_one_line_says_what_is_in_it() {
    let directory = closed();
    let ended = directory.run(&["backup", "a.backup", "--database-url", "sqlite:hookfill.db"]);
    is_done(&ended);
    let file = fs::read(directory.path("a.backup")).unwrap();
    assert_eq!(ended.stdout.lines().count(), 1);
    let said = format!("made a.backup: {} bytes, users: 1, orders: 0, last change: 20", file.len());
    assert!(ended.stdout.starts_with(&said), "{ended:?}");
    assert!(ended.stdout.contains("keep hookfill.db.key as well"), "{ended:?}");
    let mode = fs::metadata(directory.path("a.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left = fs::read_dir(directory.path(".")).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("a."));
    assert_eq!(left.count(), 1);
    assert!(!directory.path("hookfill.db-wal").exists());
    // Written without a log, and not marked as needing one.
    assert_eq!((&file[18..20], &file[60..64]), (&[1, 1][..], &[0; 4][..]));
    assert_eq!(restored(&directory, "a.backup").serve(&[]).stopped().code, Some(0));
}

#[test]
fn a_killed_servers_database_is_backed_up_with_its_log_and_starts_afterwards() {
    let directory = Directory::empty();
    let service = directory.serve(&[]);
    let address = service.first_line.rsplit("http://").next().unwrap();
    let (_, api_key) = registered(address, "ann");
    let id = order_id(address, &api_key);
    service.signal(Signal::KILL);
    service.ended();
    is_done(&directory.run(&["backup", "a.backup"]));
    let backup = Connection::open(directory.path("a.backup")).unwrap();
    assert_eq!(orders(&backup, 1), BTreeSet::from([id]));
    assert_eq!(directory.serve(&[]).stopped().code, Some(0));
}

#[test]
fn nothing_is_overwritten_and_nothing_half_done_is_taken_up() {
    let directory = closed();
    for name in ["a.backup", "a.backup-wal", "a.backup-journal", "a.backup.unfinished"] {
        directory.write(name, "mine");
        is_refused(&directory, &["backup", "a.backup"], name);
        assert_eq!(fs::read(directory.path(name)).unwrap(), b"mine");
        fs::remove_file(directory.path(name)).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", directory.path("a.backup")).unwrap();
    is_refused(&directory, &["backup", "a.backup"], "nothing is overwritten");
    is_refused(&directory, &["backup", "hookfill.db"], "nothing is overwritten");
}

#[test]
fn what_is_no_whole_database_of_ours_is_not_backed_up() {
    let directory = Directory::empty();
    is_refused(&directory, &["backup", "a.backup"], "there is no database hookfill.db");
    directory.write("hookfill.db", "");
    is_refused(&directory, &["backup", "a.backup"], "nothing is in it");
    Connection::open(directory.path("notes.db"))
        .unwrap()
        .execute_batch("CREATE TABLE notes (text TEXT)")
        .unwrap();
    is_refused(&directory, &["backup", "a.backup", "--database-url", "sqlite:notes.db"], "another program");

    let directory = closed();
    let served = directory.serve(&[]);
    fs::copy(directory.path("hookfill.db"), directory.path("half.db")).unwrap();
    is_refused(&directory, &["backup", "a.backup", "--database-url", "sqlite:half.db"], "half.db-wal");
    assert_eq!(served.stopped().code, Some(0));
}

#[test]
fn a_damaged_database_gives_no_backup() {
    let directory = closed();
    let raw = open(&directory);
    let root: u32 = raw
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'users'", [], |row| row.get(0))
        .unwrap();
    drop(raw);
    let root = usize::try_from(root).unwrap();
    let mut file = fs::read(directory.path("hookfill.db")).unwrap();
    file[(root - 1) * 4096..root * 4096].fill(0xff);
    fs::write(directory.path("hookfill.db"), &file).unwrap();
    is_refused(&directory, &["backup", "a.backup"], "malformed");

    // An index that says something else than its table: no page is damaged, and the rows can be read.
    let directory = closed();
    let raw = open(&directory);
    raw.execute_batch(
        "PRAGMA writable_schema = on; \
         UPDATE sqlite_schema SET sql = replace(sql, '(user_id)', '(id)') WHERE name = 'api_keys_by_user'",
    )
    .unwrap();
    drop(raw);
    is_refused(&directory, &["backup", "a.backup"], "is damaged");
}

/// The limit on the size of a file stands in for a disk that is full.
#[test]
fn a_backup_that_does_not_fit_leaves_nothing() {
    let directory = closed();
    let mut command = std::process::Command::new("bash");
    let script =
        format!("trap '' XFSZ; ulimit -f 48; exec {} backup a.backup", env!("CARGO_BIN_EXE_hookfill"));
    command.args(["-c", &script]).env_clear().current_dir(directory.path("."));
    let ended = Ended::from(command.output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("cannot be copied"), "{ended:?}");
    assert!(!directory.path("a.backup").exists() && !directory.path("a.backup.unfinished").exists());
    is_done(&directory.run(&["backup", "a.backup"]));
}

#[test]
fn a_backup_that_is_killed_has_no_final_name_or_is_whole() {
    let directory = closed();
    for turn in 0..12_u32 {
        let name = format!("{turn}.backup");
        let mut child = directory.command(&["backup", &name]).stdout(Stdio::null()).spawn().unwrap();
        // Each time a little later, counted in looks at a file that it makes.
        for _ in 0..(1_u32 << turn) {
            let _ = fs::metadata(directory.path(&format!("{name}.unfinished")));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if directory.path(&name).exists() {
            let backup = Connection::open(directory.path(&name)).unwrap();
            let users: i64 = backup.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
            assert_eq!(users, 1);
        }
        is_done(&directory.run(&["backup", &format!("{turn}.again")]));
    }
    assert_eq!(directory.serve(&[]).stopped().code, Some(0));
}
