//! What the writes of one group share: the heads of the journals that they append to.

use std::collections::BTreeMap;
use std::sync::Arc;

use hookfill_domain::audit::{AuditAction, ChainHash, JournalEntry, Place};
use hookfill_domain::ids::{OrderId, UserId};
use hookfill_domain::order::Order;
use hookfill_domain::time::Timestamp;
use hookfill_domain::wire::StreamMessage;
use rusqlite::{Connection, OptionalExtension, params};

use crate::rows::{from_json, slot, to_json};
use crate::{Shown, StoreError};

/// Where a user's journal stands, inside a group.
pub(super) struct Head {
    pub(super) username: String,
    pub(super) place: Place,
    hash: ChainHash,
    tally: [i64; 6],
}

/// An entry to be appended.
pub(super) struct Draft<'a> {
    pub(super) user_id: UserId,
    pub(super) at: Timestamp,
    pub(super) action: AuditAction,
    pub(super) details: Vec<u8>,
    pub(super) about: Option<About<'a>>,
}

/// The order that an entry is about.
pub(super) struct About<'a> {
    /// The order as it is after what the entry records.
    pub(super) order: &'a Order,
    /// The order's entry before this one.
    pub(super) previous: Option<Place>,
    /// The type of the stream message, if the wire shows the entry.
    pub(super) message_type: Option<&'static str>,
}

/// What is to be announced once the group has committed.
pub(super) struct Committed {
    pub(super) shown: Vec<Shown>,
    pub(super) due_at: Option<Timestamp>,
}

/// The transaction of one group.
pub(super) struct Group<'c> {
    pub(super) connection: &'c Connection,
    heads: BTreeMap<UserId, Head>,
    instruments: BTreeMap<(UserId, Box<str>), i64>,
    committed: Committed,
    credentials_changed: bool,
}

impl<'c> Group<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            heads: BTreeMap::new(),
            instruments: BTreeMap::new(),
            committed: Committed { shown: Vec::new(), due_at: None },
            credentials_changed: false,
        }
    }

    /// Begins a new user's journal.
    pub(super) fn begin_journal(&mut self, user_id: UserId, username: &str) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO heads (user_id, username, seq, step, hash, tally) VALUES (?1, ?2, 0, 0, zeroblob(32), ?3)",
        )?;
        insert.execute(params![user_id.0, username, to_json(&[0i64; 6])?])?;
        Ok(())
    }

    /// The user's head, read once a group.
    pub(super) fn head(&mut self, user_id: UserId) -> Result<&mut Head, StoreError> {
        use std::collections::btree_map::Entry;
        match self.heads.entry(user_id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let mut select = self.connection.prepare_cached(
                    "SELECT username, seq, step, hash, tally FROM heads WHERE user_id = ?1",
                )?;
                let read = select.query_row([user_id.0], |row| {
                    let tally: Vec<u8> = row.get(4)?;
                    let place = Place { seq: hookfill_domain::ids::Seq(row.get(1)?), step: row.get(2)? };
                    Ok((row.get::<_, String>(0)?, place, row.get::<_, [u8; 32]>(3)?, tally))
                });
                let (username, place, hash, tally) =
                    read.optional()?.ok_or(StoreError::Missing("such user"))?;
                Ok(unknown.insert(Head { username, place, hash: ChainHash(hash), tally: from_json(&tally)? }))
            }
        }
    }

    /// Appends an entry to the user's journal and says where it stands.
    pub(super) fn append(&mut self, draft: Draft<'_>) -> Result<Place, StoreError> {
        let Draft { user_id, at, action, details, about } = draft;
        let head = self.head(user_id)?;
        let (order, previous, message_type) = match &about {
            Some(about) => (Some(about.order), about.previous, about.message_type),
            None => (None, None, None),
        };
        let place = match message_type {
            Some(_) => Place { seq: head.place.seq.next(), step: 0 },
            None => Place { seq: head.place.seq, step: head.place.step + 1 },
        };
        let message = match (order, message_type) {
            (Some(order), Some(kind)) => {
                Some(to_json(&StreamMessage::about(order, kind, place.seq, at, &head.username))?)
            }
            _ => None,
        };
        let order_id: Option<OrderId> = order.map(|order| order.id);
        let entry = JournalEntry { user_id, place, at, action, order_id, previous, details, message };
        head.hash = entry.chained(&head.hash);
        head.place = place;
        let hash = head.hash;
        self.insert_entry(&entry, &hash)?;
        if let Some(message) = entry.message {
            let message =
                String::from_utf8(message).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            self.committed.shown.push(Shown { user_id, seq: place.seq, message: Arc::from(message) });
        }
        Ok(place)
    }

    fn insert_entry(&self, entry: &JournalEntry, hash: &ChainHash) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO journal (user_id, seq, step, at, action, order_id, prev_seq, prev_step, details, message, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        insert.execute(params![
            entry.user_id.0,
            entry.place.seq.0,
            entry.place.step,
            entry.at.as_micros(),
            entry.action.as_str(),
            entry.order_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
            entry.previous.map(|place| place.seq.0),
            entry.previous.map(|place| place.step),
            entry.details,
            entry.message,
            hash.0,
        ])?;
        Ok(())
    }

    /// Counts an order from one status to another; `None` before it exists.
    pub(super) fn count(&mut self, before: Option<&Order>, after: &Order) -> Result<(), StoreError> {
        if before.is_none() {
            *self.instruments.entry((after.user_id, after.terms.instrument.as_str().into())).or_default() +=
                1;
        }
        let tally = &mut self.head(after.user_id)?.tally;
        if let Some(before) = before {
            tally[slot(before.status())] -= 1;
        }
        tally[slot(after.status())] += 1;
        Ok(())
    }

    /// An order that was written is due at that time.
    pub(super) fn work_is_due(&mut self, due_at: Option<Timestamp>) {
        self.committed.due_at = match (self.committed.due_at, due_at) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
    }

    /// Keys or accounts have changed: caches are to be emptied.
    pub(super) fn credentials_changed(&mut self) {
        self.credentials_changed = true;
    }

    /// Writes what the group has gathered, before it commits.
    pub(super) fn finish(self) -> Result<Committed, StoreError> {
        let mut update = self.connection.prepare_cached(
            "UPDATE heads SET seq = ?2, step = ?3, hash = ?4, tally = ?5 WHERE user_id = ?1",
        )?;
        for (user_id, head) in &self.heads {
            let Head { username: _, place, hash, tally } = head;
            update.execute(params![user_id.0, place.seq.0, place.step, hash.0, to_json(tally)?])?;
        }
        let mut count = self.connection.prepare_cached(
            "INSERT INTO instrument_counts (user_id, instrument, count) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_id, instrument) DO UPDATE SET count = count + excluded.count",
        )?;
        for ((user_id, instrument), more) in &self.instruments {
            count.execute(params![user_id.0, instrument, more])?;
        }
        if self.credentials_changed {
            self.connection.execute("UPDATE revision SET credentials = credentials + 1", [])?;
        }
        Ok(self.committed)
    }
}
