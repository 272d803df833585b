//! API keys: how they are made, hashed, and told from a slip of the pen.
//!
//! A key is a prefix, 256 random bits in 43 base62 digits, and a checksum in 6. The checksum lets a mistyped key be refused without
//! asking the store, and a scanner for leaked secrets be sure of a find. It proves nothing about who made the key.

use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// Most bytes of a key, ours or the replaced service's.
pub const MAX_LENGTH: usize = 255;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 is the first power above 2^256.
const BODY: usize = 43;
/// 62^6 is the first power above 2^32.
const CHECKSUM: usize = 6;

/// The operating system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// A family of keys, known by its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    prefix: &'static str,
}

/// Keys of users.
pub const API_KEY: Family = Family { prefix: "hfk_" };

impl Family {
    /// Draws a new key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(self) -> Result<SecretString, NoRandomness> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        OsRng.try_fill_bytes(&mut *bits).map_err(|_| NoRandomness)?;
        Ok(SecretString::from(self.text_of(*bits)))
    }

    fn text_of(self, bits: [u8; 32]) -> String {
        let mut text = String::with_capacity(self.prefix.len() + BODY + CHECKSUM);
        text.push_str(self.prefix);
        text.extend(base62::<BODY>(bits).map(char::from));
        let checksum = checksum(&text);
        text.extend(checksum.map(char::from));
        text
    }

    /// Whether the store should be asked about a text that was sent as a key.
    ///
    /// One with our prefix must have the right length and checksum. Others may be keys of the replaced service: those are
    /// known by their hash alone.
    #[must_use]
    pub fn plausible(self, text: &str) -> bool {
        let fits = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        match text.strip_prefix(self.prefix) {
            Some(rest) => fits && rest.len() == BODY + CHECKSUM && self.is_sound(text),
            None => fits,
        }
    }

    fn is_sound(self, text: &str) -> bool {
        let (signed, sum) = text.split_at(text.len() - CHECKSUM);
        signed[self.prefix.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric())
            && sum.as_bytes() == checksum(signed)
    }
}

/// What is stored of a key. The replaced service stored the same hash.
#[must_use]
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn checksum(text: &str) -> [u8; CHECKSUM] {
    base62(crc32fast::hash(text.as_bytes()).to_be_bytes())
}

/// A big-endian number in exactly `WIDTH` base62 digits.
fn base62<const WIDTH: usize>(mut number: impl AsMut<[u8]>) -> [u8; WIDTH] {
    let mut digits = [0; WIDTH];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_usize;
        for byte in number.as_mut() {
            let dividend = remainder * 256 + usize::from(*byte);
            // Below 256, because the remainder is below 62.
            *byte = (dividend / 62) as u8;
            remainder = dividend % 62;
        }
        *digit = DIGITS[remainder];
    }
    digits
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_has_a_fixed_width_and_is_plausible() {
        for bits in [[0; 32], [255; 32], [7; 32]] {
            let text = API_KEY.text_of(bits);
            assert_eq!(text.len(), 53, "{text}");
            assert!(API_KEY.plausible(&text), "{text}");
        }
        assert_eq!(&API_KEY.text_of([0; 32])[..47], format!("hfk_{}", "0".repeat(43)));
    }

    #[test]
    fn base62_writes_numbers_as_python_does() {
        // By repeated divmod(n, 62).
        assert_eq!(&base62::<43>([255; 32]), b"yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
        assert_eq!(&base62::<5>([0, 0, 0, 61]), b"0000z");
        assert_eq!(&base62::<3>(62_u32.to_be_bytes()), b"010");
        assert_eq!(&base62::<6>(u32::MAX.to_be_bytes()), b"4gfFC3");
    }

    #[test]
    fn two_keys_differ_and_their_hash_is_plain_sha_256() {
        let (one, other) = (API_KEY.generate().unwrap(), API_KEY.generate().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        let known = hash("abc");
        assert_eq!(known[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn any_slip_in_a_key_of_ours_is_noticed() {
        let text = API_KEY.text_of([42; 32]);
        for at in 4..text.len() {
            let other = if &text[at..=at] == "x" { "y" } else { "x" };
            let slip = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(!API_KEY.plausible(&slip), "{slip}");
        }
        assert!(!API_KEY.plausible(&text[..52]));
        assert!(!API_KEY.plausible(&format!("{text}0")));
        assert!(!API_KEY.plausible("hfk_"));
    }

    #[test]
    fn a_checksum_belongs_to_its_family() {
        let source = Family { prefix: "hfs_" };
        let text = source.text_of([42; 32]);
        assert!(source.plausible(&text));
        assert!(!API_KEY.plausible(&text.replace("hfs_", "hfk_")));
    }

    #[test]
    fn a_key_of_the_replaced_service_is_for_the_store_to_judge() {
        assert!(API_KEY.plausible("kJ8-legacy_key.of~32~bytes"));
        assert!(API_KEY.plausible(&"x".repeat(255)));
        for wrong in ["", "two words", "ümlaut", "line\n", &"x".repeat(256)] {
            assert!(!API_KEY.plausible(wrong), "{wrong:?}");
        }
    }
}
