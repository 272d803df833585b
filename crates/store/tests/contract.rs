//! What every backend promises, held against SQLite.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use async_trait::async_trait;
use hookfill_store::contract::Backend;
use hookfill_store::sqlite::SqliteStore;
use hookfill_store::{CommitListener, Role, SharedStore};
use tempfile::TempDir;

struct OnDisk(TempDir);

impl OnDisk {
    fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl Backend for OnDisk {
    async fn open(&self, listener: Arc<dyn CommitListener>) -> SharedStore {
        let path = self.0.path().join("store.db");
        Arc::new(SqliteStore::open(path.to_str().unwrap(), Role::Server, listener).unwrap())
    }
}

hookfill_store::contract_tests!(OnDisk::fresh());

#[test]
fn every_promise_of_the_suite_is_tested() {
    let listed = include_str!("../src/contract/mod.rs");
    let parts = [
        include_str!("../src/contract/accounts.rs"),
        include_str!("../src/contract/commands.rs"),
        include_str!("../src/contract/journal.rs"),
        include_str!("../src/contract/lists.rs"),
        include_str!("../src/contract/orders.rs"),
        include_str!("../src/contract/work.rs"),
    ];
    let promises: Vec<&str> = parts
        .iter()
        .flat_map(|part| part.split("pub async fn ").skip(1))
        .map(|rest| rest.split_once('(').unwrap().0)
        .collect();
    assert!(promises.len() > 40);
    for promise in promises {
        assert!(listed.lines().any(|line| line.trim() == promise), "`{promise}` is not in contract_tests!");
    }
}
