//! The walk along a user's audit chain, for every backend.

use hookfill_domain::audit::{ChainHash, JournalEntry, Place, audit_id};
use hookfill_domain::ids::UserId;
use uuid::Uuid;

use crate::{ChainState, StoredEntry};

/// An entry as it is stored, with the place of its order's entry before it.
pub(crate) struct Link {
    pub(crate) entry: StoredEntry,
    pub(crate) previous: Option<Place>,
}

/// One user's chain, as far as the walk has come.
pub(crate) struct Walk {
    user_id: UserId,
    place: Place,
    hash: ChainHash,
}

impl Walk {
    pub(crate) fn begin(user_id: UserId) -> Self {
        Self { user_id, place: Place::default(), hash: ChainHash::default() }
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.user_id
    }

    /// Takes the next entry, or says that it is not the one that was written there.
    pub(crate) fn take(&mut self, link: Link) -> Result<(), ChainState> {
        let Link { entry, previous } = link;
        let id = audit_id(&ChainHash(entry.hash), 0);
        let StoredEntry { place, at, action, order_id, details, message, hash } = entry;
        let expected = match message {
            Some(_) => Place { seq: self.place.seq.next(), step: 0 },
            None => Place { seq: self.place.seq, step: self.place.step + 1 },
        };
        let entry =
            JournalEntry { user_id: self.user_id, place, at, action, order_id, previous, details, message };
        let chained = entry.chained(&self.hash);
        self.place = place;
        self.hash = chained;
        if place == expected && chained.0 == hash { Ok(()) } else { Err(self.broken(Some(id))) }
    }

    /// The entry at that place cannot be read.
    pub(crate) fn unreadable(&mut self, place: Place) -> ChainState {
        self.place = place;
        self.broken(None)
    }

    /// The walk must end where the head says that the journal does.
    pub(crate) fn end(self, head: Option<(Place, ChainHash)>) -> Result<(), ChainState> {
        if head == Some((self.place, self.hash)) { Ok(()) } else { Err(self.broken(None)) }
    }

    fn broken(&self, id: Option<Uuid>) -> ChainState {
        ChainState::Broken { user_id: self.user_id, place: self.place, id }
    }
}
