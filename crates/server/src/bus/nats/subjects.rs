//! The subjects that hints travel on, and what they carry: a decimal number.

use hookfill_domain::ids::UserId;
use hookfill_store::Partition;
use uuid::Uuid;

/// Digits of the largest number.
const DIGITS: usize = 19;

/// The subjects of one installation.
pub(super) struct Subjects {
    prefix: String,
}

impl Subjects {
    pub(super) fn of(installation: Uuid) -> Self {
        Self { prefix: format!("hookfill.{installation}") }
    }

    /// Where a user's new highest number is told.
    pub(super) fn user(&self, user_id: UserId) -> String {
        format!("{}.user.{user_id}", self.prefix)
    }

    /// Where it is told when an order of a partition is due.
    pub(super) fn due(&self, partition: Partition) -> String {
        format!("{}.due.{}", self.prefix, partition.number())
    }

    /// Where that is told of all partitions.
    pub(super) fn every_due(&self) -> String {
        format!("{}.due.*", self.prefix)
    }
}

/// The partition that a subject below [`Subjects::every_due`] is about. Anybody can make one up.
pub(super) fn partition(subject: &str) -> Option<Partition> {
    let last = subject.rsplit('.').next()?;
    number(last.as_bytes()).and_then(|number| i16::try_from(number).ok()).and_then(Partition::from_number)
}

/// The number that a hint carries. Anybody can send anything.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    let is_number = (1..=DIGITS).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_installation_kind_and_whom_it_is_about() {
        let subjects = Subjects::of(Uuid::from_u128(1));
        let prefix = "hookfill.00000000-0000-0000-0000-000000000001";
        assert_eq!(subjects.user(UserId(42)), format!("{prefix}.user.42"));
        assert_eq!(subjects.every_due(), format!("{prefix}.due.*"));
        for of in Partition::all() {
            assert_eq!(partition(&subjects.due(of)), Some(of));
        }
    }

    #[test]
    fn what_is_no_number_or_no_partition_is_no_hint() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(i64::MAX.to_string().as_bytes()), Some(i64::MAX));
        let long = "1".repeat(1 << 20);
        for wrong in ["", "-1", "+1", " 1", "1 ", "0x1", "1e3", "9223372036854775808", "\u{661}", &long] {
            assert_eq!(number(wrong.as_bytes()), None, "{wrong:.30}");
        }
        assert_eq!(number(&[0xff, b'1']), None);
        for wrong in ["hookfill.x.due.256", "hookfill.x.due.-1", "hookfill.x.due.", "hookfill.x.due.x", ""] {
            assert_eq!(partition(wrong), None, "{wrong}");
        }
    }
}
