//! A dump that is taken under load is restored elsewhere: it is intact, has everything that was accepted before it
//! began, and of each user's history a beginning; a node serves it.

use std::path::Path;
use std::process::Command;

use hookfill_rig::{Database, Postgres};

use crate::harness::journal::{Sent, Told};
use crate::harness::load::Manner;
use crate::harness::node::Node;
use crate::harness::reading::Reader;
use crate::harness::scene::Scene;

fn done(command: &mut Command) {
    let output = command.output().expect("PostgreSQL's program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// As an operator makes it.
fn dump(database: &Database, file: &Path) {
    let mut command = Command::new(Postgres::program("pg_dump"));
    done(command.args(["--format=custom", "--file"]).arg(file).arg(database.url()));
}

/// Without the witness, who would be called again.
fn restore(file: &Path, database: &Database) {
    let mut command = Command::new(Postgres::program("pg_restore"));
    let command = command.args(["--exit-on-error", "--no-owner", "--dbname"]).arg(database.url());
    done(command.arg(file));
    database.psql("DROP TRIGGER witness ON journal");
}

/// The ids of what was accepted.
fn accepted(sent: &[Sent], user_id: i64) -> Vec<&str> {
    let ids = sent.iter().filter(|sent| sent.user_id == user_id).filter_map(|sent| match &sent.told {
        Told::Accepted(id) => Some(id.as_str()),
        Told::NotStored | Told::Nothing | Told::Wrong(_) => None,
    });
    ids.collect()
}

#[test]
fn with_everything_that_was_accepted_before_it_began() {
    let server = Postgres::shared();
    let scene = Scene::on(server.database()).with_nodes(2, 6);
    let load = scene.load(Manner::Persistent);
    scene.await_accepted(&load, 150);

    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("dump");
    let before = load.journal().all();
    dump(&scene.database, &file);
    scene.await_accepted(&load, 50);
    let sendings = load.finish();
    scene.judge(&scene.nodes[0], &sendings, Vec::new());

    let restored = server.database();
    restore(&file, &restored);
    scene.assert_chain_intact(restored.url());
    let beginnings: Vec<_> = scene.traders.iter().map(|trader| events(&restored, trader.user_id)).collect();
    let node = Node::start(&scene.settings.clone().with("DATABASE_URL", restored.url()));
    let mut shorter = 0;
    for (trader, beginning) in scene.traders.iter().zip(&beginnings) {
        let orders = scene.wait(Reader::at(node.address(), trader).orders());
        let lost: Vec<_> = accepted(&before, trader.user_id)
            .into_iter()
            .filter(|id| orders.iter().all(|order| order.id != *id))
            .collect();
        assert_eq!(lost, Vec::<&str>::new(), "accepted before the dump began");
        let log = scene.wait(Reader::at(scene.nodes[0].address(), trader).events());
        assert!(log.starts_with(beginning), "no beginning of the log of {}", trader.username);
        shorter += usize::from(beginning.len() < log.len());
    }
    assert!(shorter > 0, "nothing went on while the dump was taken: it proves little");
    scene.await_ends(node.address());
    println!("{} orders accepted before the dump; {shorter} users went on after it", before.len());
}

/// The messages as they are stored, before a node goes on with them.
fn events(database: &Database, user_id: i64) -> Vec<String> {
    let sql = format!(
        "SELECT convert_from(message, 'UTF8') FROM journal WHERE user_id = {user_id} AND message IS NOT NULL ORDER BY seq"
    );
    database.psql(&sql).lines().map(str::to_owned).collect()
}
