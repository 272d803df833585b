//! Users in a fixed number of partitions: the unit in which work is shared among nodes.

use hookfill_domain::ids::UserId;

/// A part of all users. Every order of a user is worked by the node that holds the user's partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u8);

impl Partition {
    /// How many there are. Stored rows depend on it: it never changes.
    pub const COUNT: usize = 256;

    /// A user's partition. Stored rows depend on it: it never changes.
    ///
    /// The finisher of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), so
    /// that neighbouring numbers fall apart.
    #[must_use]
    pub fn of(user_id: UserId) -> Self {
        let mut hash = user_id.0.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(((hash ^ (hash >> 31)) & 0xff) as u8)
    }

    /// The partition of a number, if there is one.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        u8::try_from(number).ok().map(Self)
    }

    /// Its number, from 0.
    #[must_use]
    pub fn number(self) -> i16 {
        i16::from(self.0)
    }

    /// Its place in an array of all.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Every partition.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_partition_never_changes() {
        let of = |user| Partition::of(UserId(user)).number();
        assert_eq!([of(0), of(1), of(2), of(1_000_000)], [175, 193, 206, 231]);
    }

    #[test]
    fn users_spread_evenly() {
        let mut counts = [0u32; Partition::COUNT];
        (1..=256_000).for_each(|user| counts[Partition::of(UserId(user)).index()] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
