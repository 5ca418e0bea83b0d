//! Packets: a tag, a length, a body (RFC 9580, section 4).

use super::{Fault, PACKETS_MAX};
use crate::model::Reason;

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
}

/// Bytes that are read from their start. Whatever is too short has no answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    /// A number of so many octets, the highest first; four at most.
    pub(super) fn number(&mut self, octets: usize) -> Option<u32> {
        let taken = self.take(octets.min(4))?;
        Some(taken.iter().fold(0, |number, octet| (number << 8) | u32::from(*octet)))
    }

    /// As many octets as the number before them says.
    pub(super) fn counted(&mut self, octets: usize) -> Option<&'a [u8]> {
        let count = self.number(octets)?;
        self.take(usize::try_from(count).ok()?)
    }

    /// A large number with its length in bits before it: these bits.
    pub(super) fn large(&mut self) -> Option<u32> {
        let bits = self.number(2)?;
        self.take(usize::try_from(bits.div_ceil(8)).ok()?)?;
        Some(bits)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// All packets. Bodies in parts and without a length are for data that streams, and no part of a keyring.
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Fault> {
    let mut rest = Cursor(bytes);
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() == PACKETS_MAX {
            let what = format!("has more than {PACKETS_MAX} packets");
            return Err(Fault { reason: Reason::TooLarge, what });
        }
        let at = bytes.len() - rest.0.len();
        let packet = packet(&mut rest).ok_or_else(|| {
            Fault::malformed(format!("has something at byte {at} that is no packet of a keyring"))
        })?;
        found.push(packet);
    }
    Ok(found)
}

fn packet<'a>(rest: &mut Cursor<'a>) -> Option<Packet<'a>> {
    let header = rest.octet()?;
    let (tag, length) = match header >> 6 {
        // The new format: the length says itself how long it is.
        0b11 => (header & 0x3f, length(rest)?),
        // The old one: the tag says how long the length is; 3 means that there is none.
        0b10 if header & 3 < 3 => ((header >> 2) & 0xf, rest.number(1 << (header & 3))?),
        _ => return None,
    };
    (tag != 0).then_some(())?;
    Some(Packet { tag, body: rest.take(usize::try_from(length).ok()?)? })
}

/// A length of the new format; 224 to 254 begin a body in parts.
fn length(rest: &mut Cursor<'_>) -> Option<u32> {
    match rest.octet()? {
        short @ 0..192 => Some(u32::from(short)),
        two @ 192..224 => Some(((u32::from(two) - 192) << 8) + rest.number(1)? + 192),
        224..255 => None,
        255 => rest.number(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_both_formats_are_read() {
        let body = vec![7; 300];
        let with = |header: &[u8]| [header, &body].concat();
        for bytes in [
            with(&[0xc6, 192, 108]),
            with(&[0xc6, 255, 0, 0, 1, 44]),
            with(&[0x99, 1, 44]),
            with(&[0x9a, 0, 0, 1, 44]),
        ] {
            assert_eq!(packets(&bytes), Ok(vec![Packet { tag: 6, body: &body }]));
        }
        assert_eq!(packets(&[0xcd, 1, b'x']).map(|p| p.len()), Ok(1));
    }

    #[test]
    fn what_is_cut_in_parts_or_without_length_is_refused() {
        for bytes in [
            &[0xc6, 3, 1, 2][..],
            &[0xc6],
            &[0xc6, 255, 0],
            &[0xc6, 225, 1, 2, 0],
            &[0x9b, 1, 2],
            &[0x46, 1, 2],
            &[0xc0, 0],
        ] {
            assert!(packets(bytes).is_err(), "{bytes:?}");
        }
    }
}
