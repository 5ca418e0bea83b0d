//! Refusals: each with a word that never changes its meaning, an exit code, and what to do.

use std::fmt;

use crate::model::Digest;

macro_rules! words {
    ($($variant:ident = $word:literal, $exit:literal, $title:literal, $hint:literal;)*) => {
        /// Why a statement does not count, or why a plan may not be applied.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Word { $(#[doc = $title] $variant,)* }

        /// Every word.
        pub static WORDS: &[Word] = &[$(Word::$variant,)*];

        impl Word {
            /// The word by which programs know it.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $word,)* } }
            /// The exit code of a run that ends with it.
            #[must_use]
            pub const fn exit(self) -> u8 { match self { $(Self::$variant => $exit,)* } }
            /// What it means, as a fragment.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
            /// What to do about it.
            #[must_use]
            pub const fn hint(self) -> &'static str { match self { $(Self::$variant => $hint,)* } }
        }
    };
}

words! {
    Malformed = "no_statement", 6, "it is no statement",
        "write it with `countersign approve`, and do not edit it afterwards";
    BadSignature = "bad_signature", 6, "its signature does not hold",
        "sign it with `countersign approve`, which verifies what it made";
    WrongNamespace = "wrong_namespace", 6, "it was signed for another purpose",
        "sign it with `-n countersign/approval/v1`: no signature moves between purposes";
    UnknownKey = "unknown_key", 6, "the trust file knows no such approver with that key",
        "`countersign trust show` lists the approvers and their keys";
    RevokedKey = "revoked_key", 6, "the key or the approver was revoked",
        "sign with a key that the trust file still trusts";
    WrongRole = "wrong_role", 6, "the approver does not have that role",
        "approve with a role that the trust file gives, by --role";
    UntouchedKey = "untouched_key", 6, "nobody touched the security key",
        "sign again with the security key, and touch it";
    NoPin = "no_pin", 6, "the security key asked for no PIN",
        "make the key with `ssh-keygen -t ed25519-sk -O verify-required`";
    WrongPlan = "wrong_plan", 6, "it is about another plan",
        "approve this very plan: any change of its bytes makes it another one";
    WrongHost = "wrong_host", 6, "it is for another host",
        "plan and approve on the host that is meant";
    WrongCommit = "wrong_commit", 6, "it names another commit than the plan",
        "approve this very plan";
    WrongSummary = "wrong_summary", 6, "it quotes another summary than the plan has",
        "what the approver was shown is not this plan: find out where it was signed";
    NotYetValid = "not_yet_valid", 6, "it counts only later",
        "wait until then, and compare the clocks of the two machines";
    Expired = "expired", 6, "it has expired",
        "ask for a new statement";
    LivesTooLong = "lives_too_long", 6, "it lives longer than the policy allows",
        "approve again with a shorter --expires";
    Rejected = "rejected", 6, "an approver rejected the plan",
        "talk to them, and make another plan";
    Revoked = "revoked", 6, "an approver revoked the approval of the plan",
        "talk to them, and make another plan";
    SamePerson = "same_person", 6, "this person counts already",
        "another person has to approve: a second name or a second key is not a second person";
    AuthorExcluded = "author_excluded", 6, "whoever signed the commits does not count",
        "somebody else has to approve";
    AuthorUnknown = "author_unknown", 6, "of a commit it cannot be told who signed it",
        "sign the commits, and list the keys of committers in the trust file";
    NotCovered = "not_covered", 6, "no policy covers the whole plan",
        "plan less at a time, or have the trust file cover it";
    OutsideWindow = "outside_window", 7, "this is not the time for it",
        "apply inside a window of the policy";
    RemoteUnreachable = "remote_unreachable", 6, "the statements of the repository could not be fetched",
        "a veto could be waiting there: mend the connection, or have the policy say remote = \"offline\"";
    Missing = "missing", 6, "nobody has approved",
        "`countersign approve PLAN --as NAME --role ROLE --reason TEXT`";
    Insufficient = "insufficient", 6, "too few people have approved",
        "the policy says how many of which roles; `countersign approve --status PLAN` counts them";
    TooMany = "too_many", 6, "there are more statements than are read",
        "one among them could be a veto: remove those that nobody needs";
    Consumed = "consumed", 6, "the plan was used already",
        "a plan runs at most once: make another one";
}

/// A refusal: the word, and what of this case is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub word: Word,
    /// The case, in a sentence; escaped.
    pub detail: String,
    /// The statement that it is about; none when it is about the plan.
    pub statement: Option<Digest>,
}

impl Refusal {
    /// A refusal of a plan.
    pub(super) fn new(word: Word, detail: impl Into<String>) -> Self {
        Self { word, detail: detail.into(), statement: None }
    }

    /// The same about a statement.
    pub(super) const fn of(mut self, statement: Digest) -> Self {
        self.statement = Some(statement);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word.title(), self.detail)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_is_its_own_and_says_what_to_do() {
        let codes: BTreeSet<_> = WORDS.iter().map(|word| word.code()).collect();
        assert_eq!(codes.len(), WORDS.len());
        for word in WORDS {
            assert!(matches!(word.exit(), 6 | 7) && !word.hint().is_empty(), "{word:?}");
        }
    }
}
