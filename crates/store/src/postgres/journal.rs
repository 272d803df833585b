//! The journal: streams, histories, the audit log and its chain.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, pin_mut};
use hookfill_domain::audit::{ChainHash, Place};
use hookfill_domain::ids::{OrderId, Seq, UserId};
use tokio::time::timeout;
use tokio_postgres::IsolationLevel;

use super::rows::{bytes, entry_columns, get, place, read_entry, read_shown};
use super::{PostgresStore, history};
use crate::chain::Walk;
use crate::{ChainState, Journal, MAX_HEADS, MAX_PAGE, Page, Shown, StoreError, StoredEntry};

/// Each entry with the head of its journal, which is NULL where there is none. The order is the key's: nothing is
/// sorted, however many entries there are.
const WALK: &str = concat!(
    "SELECT ",
    entry_columns!(),
    ", j.user_id, h.seq, h.step, h.hash FROM journal j LEFT JOIN heads h ON h.user_id = j.user_id \
     ORDER BY j.user_id, j.seq, j.step"
);
/// The heads of journals without entries.
const BARE_HEADS: &str = "\
    SELECT h.user_id, h.seq, h.step, h.hash FROM heads h
    WHERE NOT EXISTS (SELECT FROM journal j WHERE j.user_id = h.user_id) ORDER BY h.user_id";
/// How long the server may take for the next entry.
const NEXT_ENTRY: Duration = Duration::from_secs(30);

/// Where the walk along one journal must end.
type End = Option<(Place, ChainHash)>;

#[async_trait]
impl Journal for PostgresStore {
    async fn head(&self, user_id: UserId) -> Result<Seq, StoreError> {
        let row = self.row("SELECT seq FROM heads WHERE user_id = $1", &[&user_id.0]).await?;
        get(&row.ok_or(StoreError::Missing("such user"))?, 0).map(Seq)
    }

    async fn heads(&self, users: &[UserId]) -> Result<Vec<(UserId, Seq)>, StoreError> {
        let users: Vec<i64> = users.iter().take(MAX_HEADS).map(|user_id| user_id.0).collect();
        let rows = self.rows("SELECT user_id, seq FROM heads WHERE user_id = ANY($1)", &[&users]).await?;
        rows.iter().map(|row| Ok((UserId(get(row, 0)?), Seq(get(row, 1)?)))).collect()
    }

    async fn events_after(
        &self,
        user_id: UserId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Shown>, StoreError> {
        let sql = "SELECT seq, message FROM journal WHERE user_id = $1 AND seq > $2 AND step = 0 ORDER BY seq LIMIT $3";
        let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
        let rows = self.rows(sql, &[&user_id.0, &after.0, &limit]).await?;
        let events = rows.iter().map(|row| read_shown(user_id, row)).collect::<Result<Vec<_>, _>>()?;
        // Whatever is stored, nobody is led over a gap.
        let mut expected = after;
        let follows = |shown: &Shown| {
            expected = expected.next();
            shown.seq == expected
        };
        Ok(events.into_iter().take_while(follows).collect())
    }

    async fn history(
        &self,
        user_id: UserId,
        id: OrderId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Option<Page<StoredEntry, Place>>, StoreError> {
        history::page(self, user_id, id, (after, limit)).await
    }

    async fn entries(
        &self,
        user_id: UserId,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let sql = concat!(
            "SELECT ",
            entry_columns!(),
            " FROM journal j WHERE j.user_id = $1 AND (j.seq, j.step) < ($2, $3) ORDER BY j.seq DESC, j.step DESC LIMIT $4"
        );
        let before = before.unwrap_or(Place { seq: Seq(i64::MAX), step: i64::MAX });
        let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
        let rows = self.rows(sql, &[&user_id.0, &before.seq.0, &before.step, &limit]).await?;
        rows.iter().map(|row| Ok(read_entry(row)?.entry)).collect()
    }

    /// One snapshot for the walk and the heads, while nodes go on writing. The walk takes as long as it takes.
    async fn verify(&self) -> Result<ChainState, StoreError> {
        let mut client = soon(self.target.connect()).await??;
        let begun = async {
            let walk =
                client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
            let walk = walk.start().await?;
            walk.batch_execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
                 SET LOCAL enable_mergejoin = on",
            )
            .await
            .map(|()| walk)
        };
        let walk = soon(begun).await??;
        let none: [i64; 0] = [];
        let rows = soon(walk.query_raw(WALK, none)).await??;
        pin_mut!(rows);
        let mut entries = 0;
        let mut current: Option<(Walk, End)> = None;
        while let Some(row) = soon(rows.next()).await? {
            let row = row?;
            let user_id = UserId(get(&row, 10)?);
            if current.as_ref().is_none_or(|(walk, _)| walk.user_id() != user_id) {
                let end = match get::<Option<i64>>(&row, 11)? {
                    Some(_) => Some((place(&row, 11)?, ChainHash(bytes(&row, 13)?))),
                    None => None,
                };
                let before = current.replace((Walk::begin(user_id), end));
                if let Some(Err(broken)) = before.map(|(walk, end)| walk.end(end)) {
                    return Ok(broken);
                }
            }
            let Some((walk, _)) = &mut current else { continue };
            let taken = match read_entry(&row) {
                Ok(link) => walk.take(link),
                Err(_) => Err(walk.unreadable(place(&row, 0)?)),
            };
            if let Err(broken) = taken {
                return Ok(broken);
            }
            entries += 1;
        }
        if let Some(Err(broken)) = current.map(|(walk, end)| walk.end(end)) {
            return Ok(broken);
        }
        let rows = soon(walk.query_raw(BARE_HEADS, none)).await??;
        pin_mut!(rows);
        while let Some(row) = soon(rows.next()).await? {
            let row = row?;
            let head = (place(&row, 1)?, ChainHash(bytes(&row, 3)?));
            if let Err(broken) = Walk::begin(UserId(get(&row, 0)?)).end(Some(head)) {
                return Ok(broken);
            }
        }
        Ok(ChainState::Intact { entries })
    }
}

/// Waits for one step of a walk.
async fn soon<T>(step: impl Future<Output = T>) -> Result<T, StoreError> {
    let silent = |_| StoreError::Unavailable("the database does not answer".to_owned());
    timeout(NEXT_ENTRY, step).await.map_err(silent)
}
