//! The journal: streams, histories, the audit log and its chain.

use std::sync::Arc;

use async_trait::async_trait;
use hookfill_domain::audit::{AuditAction, ChainHash, Place};
use hookfill_domain::ids::{OrderId, Seq, UserId};
use hookfill_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::SqliteStore;
use super::orders::order_by_id;
use crate::chain::{Link, Walk};
use crate::history::{MAX_WALK, Places, Window};
use crate::{ChainState, Journal, MAX_HEADS, MAX_PAGE, MAX_SCAN, Page, Shown, StoreError, StoredEntry};

/// The columns of an entry, in the order in which [`read_entry`] takes them.
const COLUMNS: &str = "seq, step, at, action, order_id, details, message, hash, prev_seq, prev_step";

fn read_entry(row: &Row<'_>) -> Result<Link, StoreError> {
    let word: String = row.get(3)?;
    let action = AuditAction::from_word(&word)
        .ok_or_else(|| StoreError::Corrupt(format!("`{word}` is no action of the audit log")))?;
    let order_id: Option<[u8; 16]> = row.get(4)?;
    let previous: (Option<i64>, Option<i64>) = (row.get(8)?, row.get(9)?);
    Ok(Link {
        entry: StoredEntry {
            place: Place { seq: Seq(row.get(0)?), step: row.get(1)? },
            at: Timestamp::from_micros(row.get(2)?),
            action,
            order_id: order_id.map(|id| OrderId(Uuid::from_bytes(id))),
            details: row.get(5)?,
            message: row.get(6)?,
            hash: row.get(7)?,
        },
        previous: previous.0.zip(previous.1).map(|(seq, step)| Place { seq: Seq(seq), step }),
    })
}

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM journal {rest}")
}

/// Numbers have no gaps, so each message is one look-up, however many internal entries lie between.
fn events_after(
    connection: &Connection,
    user_id: UserId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Shown>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT message FROM journal WHERE user_id = ?1 AND seq = ?2 AND step = 0")?;
    let mut events = Vec::new();
    let mut seq = after;
    while events.len() < limit.min(MAX_PAGE) {
        seq = seq.next();
        let message: Option<Option<Vec<u8>>> =
            select.query_row(params![user_id.0, seq.0], |row| row.get(0)).optional()?;
        let Some(message) = message else { break };
        let message = String::from_utf8(message.unwrap_or_default());
        let message = message.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        events.push(Shown { user_id, seq, message: Arc::from(message) });
    }
    Ok(events)
}

/// The error for a missing entry that another entry, or the order, refers to.
fn lost(user_id: UserId, at: Place) -> StoreError {
    StoreError::Corrupt(format!("the journal of user {user_id} has no entry {at:?}"))
}

/// The places of the entries in a window, newest first; `None` if there are more than [`MAX_WALK`].
fn walk_back(
    connection: &Connection,
    user_id: UserId,
    last: Place,
    window: Window,
) -> Result<Option<Vec<Place>>, StoreError> {
    let sql = "SELECT prev_seq, prev_step FROM journal WHERE user_id = ?1 AND seq = ?2 AND step = ?3";
    let mut select = connection.prepare_cached(sql)?;
    let mut places = Vec::new();
    let mut place = window.within(Some(last));
    while let Some(at) = place {
        if places.len() == MAX_WALK {
            return Ok(None);
        }
        places.push(at);
        let previous: Option<(Option<i64>, Option<i64>)> = select
            .query_row(params![user_id.0, at.seq.0, at.step], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (seq, step) = previous.ok_or_else(|| lost(user_id, at))?;
        place = window.within(seq.zip(step).map(|(seq, step)| Place { seq: Seq(seq), step }));
    }
    Ok(Some(places))
}

/// Looks for an order's entries along its user's journal.
fn look_along(
    connection: &Connection,
    user_id: UserId,
    id: OrderId,
    window: Window,
) -> Result<Places, StoreError> {
    let sql = "SELECT seq, step, order_id FROM journal WHERE user_id = ?1 AND (seq, step) > (?2, ?3) \
               ORDER BY seq, step LIMIT ?4";
    let mut select = connection.prepare_cached(sql)?;
    let (after, most) = (window.after, i64::try_from(MAX_SCAN).unwrap_or(i64::MAX));
    let rows = select.query_map(params![user_id.0, after.seq.0, after.step, most], |row| {
        let order_id: Option<[u8; 16]> = row.get(2)?;
        Ok((Place { seq: Seq(row.get(0)?), step: row.get(1)? }, order_id == Some(id.0.into_bytes())))
    })?;
    let looked_at: Vec<_> = rows.collect::<Result<_, _>>()?;
    Ok(window.scanned(looked_at.into_iter()))
}

fn history(
    connection: &Connection,
    user_id: UserId,
    id: OrderId,
    (after, limit): (Option<Place>, usize),
) -> Result<Option<Page<StoredEntry, Place>>, StoreError> {
    let Some(stored) = order_by_id(connection, user_id, id)? else {
        return Ok(None);
    };
    let window = Window::new(Place { seq: stored.order.seq, step: 0 }, after, limit);
    let (places, next) = match walk_back(connection, user_id, stored.last, window)? {
        Some(places) => window.walked(places),
        None => look_along(connection, user_id, id, window)?,
    };
    let mut select = connection.prepare_cached(&select("WHERE user_id = ?1 AND seq = ?2 AND step = ?3"))?;
    let mut items = Vec::with_capacity(places.len());
    for at in places {
        let mut rows = select.query(params![user_id.0, at.seq.0, at.step])?;
        let row = rows.next()?.ok_or_else(|| lost(user_id, at))?;
        items.push(read_entry(row)?.entry);
    }
    Ok(Some(Page { items, next }))
}

fn entries(
    connection: &Connection,
    user_id: UserId,
    before: Option<Place>,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    let before = before.unwrap_or(Place { seq: Seq(i64::MAX), step: i64::MAX });
    let rest = "WHERE user_id = ?1 AND (seq, step) < (?2, ?3) ORDER BY seq DESC, step DESC LIMIT ?4";
    let mut select = connection.prepare_cached(&select(rest))?;
    let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
    let mut rows = select.query(params![user_id.0, before.seq.0, before.step, limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read_entry(row)?.entry);
    }
    Ok(entries)
}

/// Where a user's head says that the journal ends.
fn head(connection: &Connection, user_id: UserId) -> Result<Option<(Place, ChainHash)>, StoreError> {
    let mut select = connection.prepare_cached("SELECT seq, step, hash FROM heads WHERE user_id = ?1")?;
    let head = select.query_row([user_id.0], |row| {
        Ok((Place { seq: Seq(row.get(0)?), step: row.get(1)? }, ChainHash(row.get(2)?)))
    });
    Ok(head.optional()?)
}

/// Walks along one user's chain and counts its entries.
fn walk(connection: &Connection, user_id: UserId) -> Result<Result<u64, ChainState>, StoreError> {
    let mut walk = Walk::begin(user_id);
    let mut walked = 0;
    let mut entries = connection.prepare_cached(&select("WHERE user_id = ?1 ORDER BY seq, step"))?;
    let mut rows = entries.query([user_id.0])?;
    while let Some(row) = rows.next()? {
        let place = Place { seq: Seq(row.get(0)?), step: row.get(1)? };
        let Ok(link) = read_entry(row) else { return Ok(Err(walk.unreadable(place))) };
        if let Err(broken) = walk.take(link) {
            return Ok(Err(broken));
        }
        walked += 1;
    }
    Ok(walk.end(head(connection, user_id)?).map(|()| walked))
}

fn verify(connection: &Connection) -> Result<ChainState, StoreError> {
    // One snapshot for the walk and the heads, while a server goes on writing.
    let snapshot = connection.unchecked_transaction()?;
    let mut users =
        snapshot.prepare("SELECT user_id FROM heads UNION SELECT user_id FROM journal ORDER BY 1")?;
    let users: Vec<i64> = users.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut entries = 0;
    for user_id in users.into_iter().map(UserId) {
        match walk(&snapshot, user_id)? {
            Ok(walked) => entries += walked,
            Err(broken) => return Ok(broken),
        }
    }
    Ok(ChainState::Intact { entries })
}

#[async_trait]
impl Journal for SqliteStore {
    async fn head(&self, user_id: UserId) -> Result<Seq, StoreError> {
        let read = move |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT seq FROM heads WHERE user_id = ?1")?;
            let seq: Option<i64> = select.query_row([user_id.0], |row| row.get(0)).optional()?;
            seq.map(Seq).ok_or(StoreError::Missing("such user"))
        };
        self.readers.read(read).await
    }

    async fn heads(&self, users: &[UserId]) -> Result<Vec<(UserId, Seq)>, StoreError> {
        let users = users[..users.len().min(MAX_HEADS)].to_vec();
        let read = move |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT seq FROM heads WHERE user_id = ?1")?;
            let mut heads = Vec::with_capacity(users.len());
            for user_id in users {
                let seq: Option<i64> = select.query_row([user_id.0], |row| row.get(0)).optional()?;
                heads.extend(seq.map(|seq| (user_id, Seq(seq))));
            }
            Ok(heads)
        };
        self.readers.read(read).await
    }

    async fn events_after(
        &self,
        user_id: UserId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Shown>, StoreError> {
        self.readers.read(move |connection| events_after(connection, user_id, after, limit)).await
    }

    async fn history(
        &self,
        user_id: UserId,
        id: OrderId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Option<Page<StoredEntry, Place>>, StoreError> {
        self.readers.read(move |connection| history(connection, user_id, id, (after, limit))).await
    }

    async fn entries(
        &self,
        user_id: UserId,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.readers.read(move |connection| entries(connection, user_id, before, limit)).await
    }

    async fn verify(&self) -> Result<ChainState, StoreError> {
        self.readers.read(verify).await
    }
}
