//! How it is found out whether a group was committed whose answer was lost.

use hookfill_domain::audit::{ChainHash, Place};
use hookfill_domain::ids::UserId;
use tokio::time::timeout;

use super::batch::{Batch, Link};
use super::books::Group;
use super::sql::Sql;
use super::step::STEP_LIMIT;
use crate::StoreError;

/// An entry and its hash: nothing else hashes to that.
pub(super) struct Evidence {
    user_id: UserId,
    place: Place,
    hash: ChainHash,
    /// The user was made in the same group.
    is_new_user: bool,
}

impl Evidence {
    /// The first entry that a group appended: it is there if the group is.
    pub(super) fn of(group: &Group) -> Option<Self> {
        let (entry, hash) = group.books.entries.first()?;
        let is_new_user = group.books.new_users.iter().any(|(user_id, ..)| *user_id == entry.user_id);
        Some(Self { user_id: entry.user_id, place: entry.place, hash: *hash, is_new_user })
    }
}

/// Whether the entry is there that a group appended first.
///
/// Waits until nobody holds what the group held from its beginning: then it is decided. Only the statement after that
/// may look, for one that waits sees what was committed when it began.
pub(super) async fn is_there(link: Option<&Link>, evidence: Option<&Evidence>) -> Result<bool, StoreError> {
    let (Some(link), Some(evidence)) = (link, evidence) else {
        // Nothing was appended: once more does no harm.
        return Ok(false);
    };
    let Evidence { user_id: UserId(user), place: Place { seq, step }, hash, is_new_user } = evidence;
    let users = vec![*user];
    let mut batch = Batch::new(link);
    batch.say("BEGIN ISOLATION LEVEL READ COMMITTED");
    batch.add(1, Sql::LockHeads, vec![&users]);
    batch.add(usize::from(*is_new_user), Sql::HoldRevision, Vec::new());
    batch.add(1, Sql::EntryHash, vec![user, &seq.0, step]);
    batch.say("ROLLBACK");
    let found = match timeout(STEP_LIMIT, batch.run()).await {
        Ok(found) => found?,
        Err(_) => return Err(StoreError::Unavailable("the database does not answer".to_owned())),
    };
    let found = found.get(3).and_then(|rows| rows.first());
    Ok(found.is_some_and(|row| row.try_get::<_, &[u8]>(0).is_ok_and(|stored| stored == hash.0)))
}
