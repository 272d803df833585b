//! The pages of an order's history, for every backend.
//!
//! An entry points to the order's previous entry, and not to the next one. So the oldest entries are found by walking back
//! from the last one, reading only places. If more than [`MAX_WALK`] entries of the order follow the cursor, they are
//! looked for along its user's journal instead, and a page may come back short.

use hookfill_domain::audit::Place;

use crate::{MAX_PAGE, MAX_SCAN};

/// The most entries that a walk back looks at.
pub(crate) const MAX_WALK: usize = MAX_SCAN;

/// The part of a history that a page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Only entries after this place.
    pub(crate) after: Place,
    /// The most entries of the page.
    pub(crate) limit: usize,
}

/// The places of a page's entries, oldest first, and where the next page begins.
pub(crate) type Places = (Vec<Place>, Option<Place>);

impl Window {
    /// The part of an order's history after a cursor. Without one, it begins with `first`, the entry of its creation.
    pub(crate) fn new(first: Place, after: Option<Place>, limit: usize) -> Self {
        let before_first = Place { seq: first.seq, step: first.step - 1 };
        let after = after.map_or(before_first, |after| after.max(before_first));
        Self { after, limit: limit.clamp(1, MAX_PAGE) }
    }

    /// The next place of a walk back; `None` if it lies before the window.
    pub(crate) fn within(&self, place: Option<Place>) -> Option<Place> {
        place.filter(|place| *place > self.after)
    }

    /// The page from a walk back to the beginning of the window: the oldest of its places.
    pub(crate) fn walked(&self, mut newest_first: Vec<Place>) -> Places {
        let newer = newest_first.len().saturating_sub(self.limit);
        let mut page = newest_first.split_off(newer);
        page.reverse();
        let next = page.last().copied().filter(|_| newer > 0);
        (page, next)
    }

    /// The page from a look along the journal: each place that was looked at, and whether it belongs to the order. There
    /// is always a next page, because the order has more entries than one look covers.
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
