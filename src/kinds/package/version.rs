//! Versions: the order of Debian's, and the one normal form of Python's.

use std::cmp::Ordering;

/// Spellings of what comes before a release.
const PRE: [(&str, &str); 8] = [
    ("alpha", "a"),
    ("beta", "b"),
    ("preview", "rc"),
    ("pre", "rc"),
    ("rc", "rc"),
    ("a", "a"),
    ("b", "b"),
    ("c", "rc"),
];
/// Spellings of what comes after it.
const POST: [(&str, &str); 3] = [("post", ".post"), ("rev", ".post"), ("r", ".post")];

/// A version of Debian, taken apart: `[EPOCH:]UPSTREAM[-REVISION]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Debian<'a> {
    epoch: u32,
    pub(super) upstream: &'a str,
    revision: &'a str,
}

impl<'a> Debian<'a> {
    /// Takes a version apart as dpkg does: the epoch ends at the first colon, the revision begins at the last hyphen.
    ///
    /// # Errors
    /// A fragment that says why it is no version.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().map_err(|_| "its epoch is no number")?, rest),
            None => (0, text),
        };
        if text.starts_with('+') || epoch > i32::MAX.unsigned_abs() {
            return Err("its epoch is no number");
        }
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        if upstream.is_empty() || (revision.is_empty() && rest.ends_with('-')) {
            return Err("a part of it is empty");
        }
        if !upstream.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("it does not begin with a digit");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '~');
        if !upstream.chars().all(|c| plain(c) || matches!(c, '-' | ':'))
            || !revision.chars().all(plain)
        {
            return Err("it has a character that no version has");
        }
        Ok(Self { epoch, upstream, revision })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let parts = || {
            part(self.upstream, other.upstream).then_with(|| part(self.revision, other.revision))
        };
        self.epoch.cmp(&other.epoch).then_with(parts)
    }
}

/// Compares texts and numbers in turn: `~` before the end, the end before letters, letters before everything else.
fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        while let (x, y) = (weight(a), weight(b))
            && (is_text(a) || is_text(b))
        {
            if x != y {
                return x.cmp(&y);
            }
            (a, b) = (&a[1..], &b[1..]);
        }
        let numbers = (number(&mut a), number(&mut b));
        let order = numbers.0.len().cmp(&numbers.1.len()).then_with(|| numbers.0.cmp(numbers.1));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn is_text(text: &[u8]) -> bool {
    text.first().is_some_and(|c| !c.is_ascii_digit())
}

fn weight(text: &[u8]) -> i32 {
    match text.first() {
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

/// Takes the digits off the front, and returns them without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    &digits[zeros..]
}

/// The normal form of a version of Python, so that equal versions have equal texts; `None` for what is no version.
///
/// Spellings, separators, leading zeros and trailing zeros of the release mean nothing.
pub(super) fn python(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let lower = lower.strip_prefix('v').unwrap_or(&lower);
    let (public, local) = lower.split_once('+').map_or((lower, None), |(p, l)| (p, Some(l)));
    let (epoch, mut rest) = match public.split_once('!') {
        Some((epoch, rest)) => (digits(epoch)?, rest),
        None => ("0", public),
    };
    let mut release = Vec::new();
    loop {
        release.push(leading(&mut rest)?);
        let Some(more) =
            rest.strip_prefix('.').filter(|m| m.starts_with(|c: char| c.is_ascii_digit()))
        else {
            break;
        };
        rest = more;
    }
    while release.len() > 1 && release.last() == Some(&"0") {
        release.pop();
    }
    let mut normal = format!("{epoch}!{}", release.join("."));
    suffix(&mut rest, &PRE, &mut normal);
    if let Some(more) =
        rest.strip_prefix('-').filter(|m| m.starts_with(|c: char| c.is_ascii_digit()))
    {
        rest = more;
        normal = format!("{normal}.post{}", leading(&mut rest)?);
    } else {
        suffix(&mut rest, &POST, &mut normal);
    }
    suffix(&mut rest, &[("dev", ".dev")], &mut normal);
    if !rest.is_empty() {
        return None;
    }
    let Some(local) = local else { return Some(normal) };
    let mut parts = Vec::new();
    for part in local.split(['.', '-', '_']) {
        if part.is_empty() || !part.bytes().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        parts.push(digits(part).unwrap_or(part));
    }
    Some(format!("{normal}+{}", parts.join(".")))
}

/// Takes one of the words off the front, with the separators and the number that go with it.
fn suffix(rest: &mut &str, words: &[(&str, &str)], normal: &mut String) {
    let bare = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
    for (word, short) in words {
        let Some(after) = bare.strip_prefix(word) else { continue };
        let numbered = after.strip_prefix(['.', '-', '_']).unwrap_or(after);
        let mut after_number = numbered;
        let number = leading(&mut after_number);
        *rest = if number.is_some() { after_number } else { after };
        normal.push_str(short);
        normal.push_str(number.unwrap_or("0"));
        return;
    }
}

/// The digits at the front, without leading zeros.
fn leading<'a>(text: &mut &'a str) -> Option<&'a str> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = digits(&text[..end])?;
    *text = &text[end..];
    Some(number)
}

/// A text of digits alone, without leading zeros.
fn digits(text: &str) -> Option<&str> {
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let bare = text.trim_start_matches('0');
    Some(if bare.is_empty() { "0" } else { bare })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(a: &str, b: &str) -> Ordering {
        Debian::parse(a).expect(a).compare(&Debian::parse(b).expect(b))
    }

    #[test]
    fn versions_of_debian_are_ordered_as_its_policy_says() {
        for ascending in [
            &["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b", "1.0.1", "1:0.1"][..],
            &["16.13-0ubuntu0.24.04.1", "16.13-1", "16.13-1.1", "16.13-10", "17~beta1-1", "17-1"],
            &["2:8.39-14", "2:8.39-15build1", "2:8.39.1-1"],
        ] {
            for pair in ascending.windows(2) {
                assert_eq!(order(pair[0], pair[1]), Ordering::Less, "{pair:?}");
                assert_eq!(order(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
            }
        }
        for (a, b) in [("1.0", "0:1.0-0"), ("01.00", "1.0"), ("1.0-0", "1.0"), ("1.a0", "1.a")] {
            assert_eq!(order(a, b), Ordering::Equal, "{a} {b}");
        }
        for bad in ["", ":1", "x:1", "1:", "1-", "a1", "1_2", "1 2", "1-2_3", "99999999999:1", "-1"]
        {
            assert!(Debian::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Debian::parse("1:16.13-b-0ubuntu0").map(|v| v.upstream), Ok("16.13-b"));
    }

    /// A generator of its own, so that every run compares the same pairs.
    struct Pieces(u64);

    impl Pieces {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).expect("31 bits") % bound
        }

        fn version(&mut self) -> String {
            const PIECES: [&str; 18] = [
                "0",
                "1",
                "9",
                "10",
                "007",
                "a",
                "b",
                "Z",
                ".",
                "+",
                "~",
                "~~",
                "rc",
                "-",
                "beta",
                ".0",
                "99999999999999999999",
                "~1",
            ];
            let epoch = ["", "", "", "0:", "1:", "10:"][self.below(6)];
            let mut text = format!("{epoch}{}", self.below(3));
            for _ in 0..self.below(6) {
                text.push_str(PIECES[self.below(PIECES.len())]);
            }
            if text.ends_with('-') { text + "1" } else { text }
        }
    }

    #[test]
    fn dpkg_agrees_on_many_random_versions() {
        let run = |arguments: &[&str]| std::process::Command::new("dpkg").args(arguments).output();
        if run(&["--version"]).is_err() {
            eprintln!("SKIPPED, nothing was compared: dpkg is not installed");
            return;
        }
        let mut pieces = Pieces(7);
        for _ in 0..1200 {
            let (a, b) = (pieces.version(), pieces.version());
            let word = match order(&a, &b) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            let output = run(&["--compare-versions", &a, word, &b]).expect("dpkg runs");
            assert!(
                output.status.success(),
                "{a} {word} {b}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    #[test]
    fn versions_of_python_have_one_normal_form() {
        for (a, b) in [
            ("1.0", "1"),
            ("1.0.0", "v1.0"),
            ("1.0RC1", "1.0.rc-01"),
            ("1.0c1", "1.0-preview_1"),
            ("1.0-1", "1.0.post1"),
            ("1.0.r1", "1.0rev1"),
            ("1.0.dev", "1-DEV0"),
            ("0!1.2", "1.2"),
            ("1.0+ubuntu.1", "1+Ubuntu-01"),
            ("1a", "1.alpha0"),
            ("2.9.11", "2.9.11"),
        ] {
            assert!(python(a).is_some(), "{a}");
            assert_eq!(python(a), python(b), "{a} {b}");
        }
        for (a, b) in [
            ("1.0", "1.0.1"),
            ("1.0", "1.0a1"),
            ("1.0", "1.0+x"),
            ("1.0", "1!1.0"),
            ("1.10", "1.1"),
        ] {
            assert_ne!(python(a), python(b), "{a} {b}");
        }
        for bad in ["", "x", "1.0x", "1..0", "1.0+", "1.0+a..b", "1.0-"] {
            assert_eq!(python(bad), None, "{bad}");
        }
    }
}
