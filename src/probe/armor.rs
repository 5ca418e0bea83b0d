//! Binary data written as text: the `-----BEGIN LABEL-----` blocks of certificates, keys and OpenPGP.
//!
//! A block is decoded only when somebody asks for what it holds, so that a private key beside a certificate stays text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A block: its label and its lines.
#[derive(Debug)]
pub struct Block<'a> {
    /// What stands after BEGIN.
    pub label: &'a str,
    lines: Vec<&'a [u8]>,
}

/// Why a text has no blocks that can be read, as a fragment.
pub type Fault = String;

/// The blocks of a text, whatever stands around them.
///
/// # Errors
/// A block that does not end, or ends as another one.
pub fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, Fault> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in text.split(|c| *c == b'\n').map(<[u8]>::trim_ascii_end).enumerate() {
        let number = index + 1;
        if let Some(label) = boundary(line, b"-----BEGIN ") {
            if open.is_some() {
                return Err(format!("has a block that begins within another in line {number}"));
            }
            open = Some(Block { label, lines: Vec::new() });
        } else if let Some(label) = boundary(line, b"-----END ") {
            match open.take() {
                Some(block) if block.label == label => found.push(block),
                _ => return Err(format!("has an end without its beginning in line {number}")),
            }
        } else if let Some(block) = &mut open {
            block.lines.push(line);
        }
    }
    match open {
        Some(_) => Err("has a block that does not end".to_owned()),
        None => Ok(found),
    }
}

fn boundary<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok()
}

impl Block<'_> {
    /// What the block holds. A checksum as OpenPGP adds it is compared.
    ///
    /// # Errors
    /// When it is no base64, or its checksum is another.
    pub fn decode(&self) -> Result<Vec<u8>, Fault> {
        let is_header = |line: &&&[u8]| line.contains(&b':');
        let headers = self.lines.iter().take_while(is_header).count();
        let mut text = Vec::new();
        let mut checksum = None;
        for line in &self.lines[headers..] {
            match line.strip_prefix(b"=") {
                Some(sum) if sum.len() == 4 => checksum = Some(sum),
                _ => text.extend(line.iter().filter(|c| !c.is_ascii_whitespace())),
            }
        }
        let wrong = || "has a block that is no base64".to_owned();
        let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
        if let Some(sum) = checksum {
            let wanted = STANDARD.decode(sum).map_err(|_| wrong())?;
            if wanted != crc24(&bytes).to_be_bytes()[1..] {
                return Err("has a block whose checksum is another".to_owned());
            }
        }
        Ok(bytes)
    }
}

/// The checksum of OpenPGP's armour (RFC 4880, section 6.1).
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    crc & 0x00ff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = b"# site\r\n-----BEGIN A B-----\r\nYWJj\r\n-----END A B-----\r\nrest\n\
                     -----BEGIN C-----\nX: y\n\nYWJj\nZGVm\n=tvQ0\n-----END C-----\n";
        let found = blocks(text).expect("two blocks");
        assert_eq!(found.iter().map(|b| b.label).collect::<Vec<_>>(), ["A B", "C"]);
        assert_eq!(found[0].decode(), Ok(b"abc".to_vec()));
        assert!(blocks(b"-----BEGIN A-----\nYWJj\n").is_err());
        assert!(blocks(b"-----BEGIN A-----\n-----BEGIN B-----\n").is_err());
        assert!(blocks(b"-----BEGIN A-----\n-----END B-----\n").is_err());
        assert!(blocks(b"-----END B-----\n").is_err());
        assert!(blocks(b"").expect("none").is_empty());
    }

    #[test]
    fn a_wrong_checksum_or_letter_is_refused() {
        // The checksum of nothing is its own start.
        assert_eq!(crc24(b""), 0x00b7_04ce);
        let sum = STANDARD.encode(&crc24(b"abc").to_be_bytes()[1..]);
        let block = |sum: &str, body: &str| {
            let text = format!("-----BEGIN A-----\n\n{body}\n={sum}\n-----END A-----\n");
            blocks(text.as_bytes()).expect("a block")[0].decode()
        };
        assert_eq!(block(&sum, "YWJj"), Ok(b"abc".to_vec()));
        assert!(block("AAAA", "YWJj").is_err());
        assert!(block(&sum, "YWJ?").is_err());
        assert!(block(&sum, "YWJ").is_err());
    }
}
