//! The rules that promises rest on. Tests break one at a time, and see that the checks notice.

/// As the product has them, everything is false.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    /// A claim does not look at `expires_at`.
    pub(super) claims_what_is_held: bool,
    /// A node counts its lease from the answer, not from the question.
    pub(super) counts_from_the_answer: bool,
    /// What came of some work is stored whatever the epoch.
    pub(super) stores_without_fence: bool,
    /// A node does not look at its own lease before it calls a broker.
    pub(super) submits_without_looking: bool,
    /// Streams hear of other nodes' commits by hints alone.
    pub(super) never_polls: bool,
    /// What has run out is claimed every tenth round only.
    pub(super) claims_rarely: bool,
}
