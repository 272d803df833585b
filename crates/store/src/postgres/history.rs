//! An order's history, in pages.

use hookfill_domain::audit::Place;
use hookfill_domain::ids::{OrderId, UserId};
use uuid::Uuid;

use super::PostgresStore;
use super::rows::{entry_columns, get, place, read_entry};
use crate::history::{MAX_WALK, Places, Window};
use crate::{MAX_SCAN, Page, StoreError, StoredEntry};

/// Follows an order's entries from the last to the first. Each is found by its key: a join could read the whole journal,
/// and does while the journal is short.
const WALK_BACK: &str = "
    WITH RECURSIVE w (seq, step, prev_seq, prev_step, nth) AS (
        SELECT j.seq, j.step, j.prev_seq, j.prev_step, 1 FROM journal j
        WHERE j.user_id = $1 AND j.seq = $2 AND j.step = $3 AND (j.seq, j.step) > ($4, $5)
        UNION ALL
        SELECT x.seq, x.step, x.prev_seq, x.prev_step, w.nth + 1
        FROM w CROSS JOIN LATERAL (
            SELECT e.seq, e.step, e.prev_seq, e.prev_step FROM journal e
            WHERE e.user_id = $1 AND e.seq = w.prev_seq AND e.step = w.prev_step LIMIT 1
        ) AS x
        WHERE w.nth < $6 AND (w.prev_seq, w.prev_step) > ($4, $5)
    )
    SELECT seq, step, prev_seq, prev_step FROM w ORDER BY nth";
/// A user's entries after a place, and whose order each is about.
const LOOK_ALONG: &str = "
    SELECT seq, step, order_id FROM journal
    WHERE user_id = $1 AND (seq, step) > ($2, $3) ORDER BY seq, step LIMIT $4";
/// The entries at some places, each by its key, in the order of the places.
const ENTRIES: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM unnest($2::int8[], $3::int8[]) WITH ORDINALITY AS p (seq, step, nth) CROSS JOIN LATERAL (
        SELECT * FROM journal e WHERE e.user_id = $1 AND e.seq = p.seq AND e.step = p.step LIMIT 1
    ) AS j ORDER BY p.nth"
);

pub(super) async fn page(
    store: &PostgresStore,
    user_id: UserId,
    id: OrderId,
    (after, limit): (Option<Place>, usize),
) -> Result<Option<Page<StoredEntry, Place>>, StoreError> {
    let Some(stored) = store.stored_order(user_id, id).await? else { return Ok(None) };
    let window = Window::new(Place { seq: stored.order.seq, step: 0 }, after, limit);
    let (places, next) = match walk_back(store, user_id, stored.last, window).await? {
        Some(places) => window.walked(places),
        None => look_along(store, user_id, id, window).await?,
    };
    let seqs: Vec<i64> = places.iter().map(|place| place.seq.0).collect();
    let steps: Vec<i64> = places.iter().map(|place| place.step).collect();
    let rows = store.rows(ENTRIES, &[&user_id.0, &seqs, &steps]).await?;
    let items = rows.iter().map(|row| Ok(read_entry(row)?.entry)).collect::<Result<Vec<_>, StoreError>>()?;
    if items.len() < places.len() {
        return Err(lacks(user_id, stored.last));
    }
    Ok(Some(Page { items, next }))
}

fn lacks(user_id: UserId, before: Place) -> StoreError {
    StoreError::Corrupt(format!("the journal of user {user_id} lacks entries before {before:?}"))
}

/// The places of the entries in a window, newest first; `None` if there are more than [`MAX_WALK`].
async fn walk_back(
    store: &PostgresStore,
    user_id: UserId,
    last: Place,
    window: Window,
) -> Result<Option<Vec<Place>>, StoreError> {
    let (after, most) = (window.after, i32::try_from(MAX_WALK).unwrap_or(i32::MAX));
    let rows = store
        .rows(WALK_BACK, &[&user_id.0, &last.seq.0, &last.step, &after.seq.0, &after.step, &most])
        .await?;
    let places = rows.iter().map(|row| place(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let rest = match rows.last() {
        Some(row) if get::<Option<i64>>(row, 2)?.is_some() => Some(place(row, 2)?),
        Some(_) => None,
        None => Some(last),
    };
    match window.within(rest) {
        None => Ok(Some(places)),
        Some(_) if places.len() == MAX_WALK => Ok(None),
        Some(missing) => Err(lacks(user_id, missing)),
    }
}

/// Looks for an order's entries along its user's journal.
async fn look_along(
    store: &PostgresStore,
    user_id: UserId,
    id: OrderId,
    window: Window,
) -> Result<Places, StoreError> {
    let (after, most) = (window.after, i64::try_from(MAX_SCAN).unwrap_or(i64::MAX));
    let rows = store.rows(LOOK_ALONG, &[&user_id.0, &after.seq.0, &after.step, &most]).await?;
    let look = |row| Ok((place(row, 0)?, get::<Option<Uuid>>(row, 2)? == Some(id.0)));
    let looked_at = rows.iter().map(look).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(window.scanned(looked_at.into_iter()))
}
