//! How far a stream has come, and whether the store has to be asked for more.

use hookfill_domain::ids::Seq;
use hookfill_store::Shown;

use crate::bus::Hint;

/// What a stream knows of itself. Hints may be lost, repeated and out of order.
pub(super) struct Progress {
    /// The number of the last message that was sent.
    sent: Seq,
    /// Whether the store may have more than was sent.
    behind: bool,
}

impl Progress {
    /// A stream that begins after a number, and knows nothing of the store.
    pub(super) fn from(sent: Seq) -> Self {
        Self { sent, behind: true }
    }

    /// The number of the last message that was sent.
    pub(super) fn sent(&self) -> Seq {
        self.sent
    }

    /// Whether the store has to be asked.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// The message that a hint brings, if it is the next one; else notes whether the store has to be asked.
    pub(super) fn take(&mut self, hint: Hint) -> Option<Shown> {
        match hint {
            Hint::Message(shown) if shown.seq == self.sent.next() => return Some(shown),
            Hint::Message(Shown { seq, .. }) | Hint::Head(seq) => self.behind |= seq > self.sent,
            Hint::Look => self.behind = true,
        }
        None
    }

    /// The store is to be asked, whatever hints were lost.
    pub(super) fn look(&mut self) {
        self.behind = true;
    }

    /// The store was asked.
    pub(super) fn looked(&mut self, has_more: bool) {
        self.behind = has_more;
    }

    /// A message was sent.
    pub(super) fn came_to(&mut self, seq: Seq) {
        self.sent = seq;
    }
}

#[cfg(test)]
mod tests {
    use hookfill_domain::ids::UserId;

    use super::*;

    /// A stream that has sent everything up to 5.
    fn at_five() -> Progress {
        let mut progress = Progress::from(Seq(5));
        progress.looked(false);
        progress
    }

    fn message(seq: i64) -> Hint {
        Hint::Message(Shown { user_id: UserId(1), seq: Seq(seq), message: "{}".into() })
    }

    #[test]
    fn what_was_sent_already_asks_nothing_of_the_store_however_often_it_is_hinted_at() {
        let mut progress = at_five();
        for seq in (0..=5).cycle().take(10_000) {
            assert!(progress.take(Hint::Head(Seq(seq))).is_none());
            assert!(progress.take(message(seq)).is_none());
        }
        assert!(!progress.is_behind());
    }

    #[test]
    fn any_number_of_hints_asks_the_store_once() {
        let mut progress = at_five();
        for seq in 0..10_000 {
            let _ = progress.take(Hint::Head(Seq(seq)));
            let _ = progress.take(Hint::Look);
        }
        assert!(progress.is_behind());
        progress.looked(false);
        assert!(!progress.is_behind(), "one look answers them all");
        let _ = progress.take(Hint::Look);
        assert!(progress.is_behind(), "and a later hint wants another");
    }

    #[test]
    fn the_next_message_is_sent_as_it_came_and_a_later_one_is_not() {
        let mut progress = at_five();
        assert!(progress.take(message(7)).is_none());
        assert!(progress.is_behind(), "6 is missing");
        let next = progress.take(message(6)).expect("the next message");
        progress.came_to(next.seq);
        assert_eq!(progress.sent(), Seq(6));
    }

    #[test]
    fn a_head_above_what_was_sent_asks_the_store_since_it_brings_nothing() {
        let mut progress = at_five();
        assert!(progress.take(Hint::Head(Seq(6))).is_none());
        assert!(progress.is_behind());
    }
}
