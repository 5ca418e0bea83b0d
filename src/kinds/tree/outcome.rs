//! From the outcome of a walk to differences. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Meaning, Tree, Unlisted};
use crate::model::display::escape;
use crate::model::{Change, Comparison, Difference, Digest, Evidence, Reason, Unknown};
use crate::probe::host::FileType;
use crate::probe::tree::{Finding, Walked, What};

impl Tree {
    pub(super) fn compare(&self, walked: &Walked, found: &mut Comparison) {
        let differences = walked.findings.iter().filter_map(|f| self.difference(f));
        found.differences.extend(differences);
        let drifts = |counts: bool, more: u64| if counts { more } else { 0 };
        let more = walked
            .findings_more
            .saturating_add(drifts(self.unlisted() == Unlisted::Drift, walked.unlisted_more))
            .saturating_add(drifts(self.any_carried_drifts(), walked.carried_more));
        if more > 0 {
            let actual = format!("{more} more differences, which are counted and not kept");
            found.differences.push(Difference::new("(more)", Value::Null, actual).partial());
        }
        found.blind.extend(walked.blind.iter().cloned());
        if walked.blind_more > 0 {
            let detail = format!("{} more paths could not be told", walked.blind_more);
            found.blind("(more)", Unknown::new(Reason::TooLarge, detail));
        }
        match self.digest {
            None => self.count_list(walked, found),
            Some(digest) => compare_digest(digest, walked, found),
        }
    }

    fn any_carried_drifts(&self) -> bool {
        [self.xattrs, self.privileges].contains(&Some(Meaning::Drift))
    }

    fn count_list(&self, walked: &Walked, found: &mut Comparison) {
        let Walked { listed, matched, unlisted, carried, .. } = walked;
        let mut seen = format!("{matched}/{listed}");
        match self.unlisted() {
            Unlisted::Report if *unlisted > 0 => seen.push_str(&format_unlisted(walked)),
            Unlisted::Drift if *unlisted > 0 => seen = format!("{seen}, {unlisted} unlisted"),
            _ => {}
        }
        if *carried > 0 {
            seen.push_str(&format_carried(walked));
        }
        let mut counts =
            BTreeMap::from([("listed", *listed), ("matched", *matched), ("unlisted", *unlisted)]);
        if let (1.., Some(since)) = (walked.recalled, walked.hashed_since) {
            found.evidence = Evidence::StatCached;
            found.hashed_since = Some(since);
            counts.insert("recalled", walked.recalled);
            seen = format!("{seen}, {} not read again", walked.recalled);
        }
        found.seen = Some(seen);
        found.counts = Some(counts);
    }

    fn difference(&self, finding: &Finding) -> Option<Difference> {
        let wanted = |name: &Option<String>| name.clone().unwrap_or_default();
        let drifts = |meaning: Option<Meaning>| meaning == Some(Meaning::Drift);
        let (desired, actual, change): (Value, Value, Change) = match &finding.what {
            What::Unlisted(_) if self.unlisted() != Unlisted::Drift => return None,
            What::Xattr(_) if !drifts(self.xattrs) => return None,
            What::Privilege(_) if !drifts(self.privileges) => return None,
            What::Missing => (FileType::File.into(), Value::Null, Change::Missing),
            What::Unlisted(actual) => (Value::Null, (*actual).into(), Change::Unlisted),
            What::Type { desired, actual } => {
                ((*desired).into(), (*actual).into(), Change::Changed)
            }
            What::Content { desired, actual } => {
                (format!("{desired:?}").into(), format!("{actual:?}").into(), Change::Changed)
            }
            What::Owner(actual) => attribute("owner", &wanted(&self.owner), actual),
            What::Group(actual) => attribute("group", &wanted(&self.group), actual),
            What::Mode { desired, actual } => {
                attribute("mode", &desired.to_string(), &actual.to_string())
            }
            // The name was escaped when it was seen.
            What::Xattr(name) => (Value::Null, format!("xattr {name}").into(), Change::Metadata),
            What::Privilege(held) => (Value::Null, held.as_str().into(), Change::Metadata),
        };
        let found = Difference::new(&finding.path, desired, actual).changed(change);
        // Of these the type or the name is told, and not what is in them.
        let partial =
            matches!(finding.what, What::Unlisted(_) | What::Xattr(_) | What::Privilege(_));
        Some(if partial { found.partial() } else { found })
    }
}

fn attribute(name: &str, desired: &str, actual: &str) -> (Value, Value, Change) {
    let text = |value: &str| Value::from(format!("{name} {}", escape(value)));
    (text(desired), text(actual), Change::Metadata)
}

/// How many things are not listed, and the first of them.
fn format_unlisted(walked: &Walked) -> String {
    let is_unlisted = |f: &&Finding| matches!(f.what, What::Unlisted(_));
    let first = walked.findings.iter().find(is_unlisted).map_or("", |f| f.path.as_str());
    format!(", {} unlisted, such as {first}", walked.unlisted)
}

/// How many extended attributes and privileges there are, and the first of them.
fn format_carried(walked: &Walked) -> String {
    let shown = |finding: &Finding| match &finding.what {
        What::Xattr(what) | What::Privilege(what) => Some(format!("{what} of {}", finding.path)),
        _ => None,
    };
    let first = walked.findings.iter().find_map(shown).unwrap_or_default();
    let noun =
        if walked.carried == 1 { "attribute or privilege" } else { "attributes or privileges" };
    format!(", {} {noun}, such as {first}", walked.carried)
}

fn compare_digest(wanted: Digest, walked: &Walked, found: &mut Comparison) {
    found.seen = Some(format!("{} files", walked.hashed));
    found.counts = Some(BTreeMap::from([("files", walked.hashed)]));
    match walked.digest {
        Some(is) if is == wanted => {}
        Some(is) => {
            let (wanted, is) = (format!("{wanted:?}"), format!("{is:?}"));
            found.differences.push(Difference::new("digest", wanted, is).changed(Change::Changed));
        }
        None => {
            let detail = "not every file could be read, so there is no digest of all";
            found.blind("digest", Unknown::new(Reason::Undecidable, detail));
        }
    }
}
