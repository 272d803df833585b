//! The pages of an order's history, for every backend.
//!
//! An entry leads to its order's entry before it, and none to the one after. A page of the oldest entries is found by a walk
//! back from the last one, of places alone. An order with more entries than one page may cost is looked for along its
//! user's journal instead; such a page may come back short.

use hookfill_domain::audit::Place;

use crate::{MAX_PAGE, MAX_SCAN};

/// Most entries that a walk back looks at.
pub(crate) const MAX_WALK: usize = MAX_SCAN;

/// Which part of a history is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Only entries after this place.
    pub(crate) after: Place,
    /// Most entries of the page.
    pub(crate) limit: usize,
}

/// The places of a page's entries, oldest first, and where the next page begins.
pub(crate) type Places = (Vec<Place>, Option<Place>);

impl Window {
    /// The part of an order's history after a cursor; without one, all that follows the order's creation, whose entry is the
    /// first of its user's with that number.
    pub(crate) fn new(first: Place, after: Option<Place>, limit: usize) -> Self {
        let before_first = Place { seq: first.seq, step: first.step - 1 };
        let after = after.map_or(before_first, |after| after.max(before_first));
        Self { after, limit: limit.clamp(1, MAX_PAGE) }
    }

    /// The entry that a walk goes on with, if it is in the window.
    pub(crate) fn within(&self, place: Option<Place>) -> Option<Place> {
        place.filter(|place| *place > self.after)
    }

    /// The page that a walk back to the beginning of the window has found: the oldest of its places.
    pub(crate) fn walked(&self, mut newest_first: Vec<Place>) -> Places {
        let newer = newest_first.len().saturating_sub(self.limit);
        let mut page = newest_first.split_off(newer);
        page.reverse();
        let next = page.last().copied().filter(|_| newer > 0);
        (page, next)
    }

    /// The page that a look along the journal has found: each place that was looked at, and whether it is the order's. The
    /// order has more entries than were looked at.
    pub(crate) fn scanned(&self, looked_at: impl Iterator<Item = (Place, bool)>) -> Places {
        let (mut page, mut last) = (Vec::new(), None);
        for (place, is_of_order) in looked_at {
            last = Some(place);
            if is_of_order {
                page.push(place);
            }
            if page.len() == self.limit {
                break;
            }
        }
        (page, last)
    }
}
