//! From what was seen of a schema to differences, grouped by what happened. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PgSchema;
use super::look::{Finding, Found, Look, What};
use crate::model::display::escaped_line;
use crate::model::object_list::without;
use crate::model::{Change, Comparison, Difference, Digest, Evidence, unified_escaped};

impl PgSchema {
    pub(super) fn compare(&self, observed: Option<&Look>) -> Comparison {
        let mut found = Comparison::by(Evidence::Queried);
        let Some(look) = observed else {
            found.differences.push(Difference::new("presence", "present", "absent"));
            return found;
        };
        if look.since.is_some() {
            found.evidence = Evidence::StatCached;
            found.hashed_since = look.since;
        }
        found.blind.extend(look.blind.iter().cloned());
        match self.ready.digest {
            Some(digest) => compare_digest(digest, look, &mut found),
            None => self.compare_objects(look, &mut found),
        }
        found.measured = look.objects.clone();
        found
    }

    fn compare_objects(&self, look: &Look, found: &mut Comparison) {
        // First what is there and should not be, then what is gone, then what is another.
        for group in [Change::Unlisted, Change::Missing, Change::Changed] {
            let of_group = look.findings.iter().map(|finding| self.difference(finding));
            found
                .differences
                .extend(of_group.filter(|difference| difference.change == Some(group)));
        }
        if look.findings_more > 0 {
            let actual = format!(
                "{} more objects differ, which are counted and not kept",
                look.findings_more
            );
            found.differences.push(Difference::new("(more)", Value::Null, actual));
        }
        let listed = u64::try_from(self.ready.list.len()).unwrap_or(u64::MAX);
        found.seen = Some(format!("{}/{listed} objects", look.matched));
        found.counts = Some(BTreeMap::from([
            ("listed", listed),
            ("matched", look.matched),
            ("ignored", look.ignored),
            ("of_extensions", look.of_extensions),
        ]));
    }

    fn difference(&self, finding: &Finding) -> Difference {
        let digest = |digest: Digest| Value::from(format!("{digest:?}"));
        // A title stands escaped in its block.
        let field = escaped_line(&finding.object, usize::MAX);
        let list = &self.ready.list;
        let wanted = || {
            let block = list.find(&finding.object).map(|at| list.block(at)).unwrap_or_default();
            without(block, &self.left_out())
        };
        let lines = |wanted: &str, found: &Found| {
            found.block.as_deref().map(|block| unified_escaped(wanted, block))
        };
        match &finding.what {
            What::Unlisted(found) => Difference::new(field, Value::Null, digest(found.sha256))
                .changed(Change::Unlisted)
                .unified(lines("", found)),
            What::Missing => {
                let wanted = digest(Digest::of(wanted().as_bytes()));
                Difference::new(field, wanted, Value::Null).changed(Change::Missing)
            }
            What::Changed(found) => {
                let wanted = wanted();
                Difference::new(field, digest(Digest::of(wanted.as_bytes())), digest(found.sha256))
                    .changed(Change::Changed)
                    .unified(lines(&wanted, found))
            }
        }
    }
}

fn compare_digest(wanted: Digest, look: &Look, found: &mut Comparison) {
    let objects: u64 = look.objects.values().sum();
    found.seen = Some(format!("{objects} objects"));
    found.counts = Some(BTreeMap::from([
        ("objects", objects),
        ("ignored", look.ignored),
        ("of_extensions", look.of_extensions),
    ]));
    if let Some(is) = look.digest
        && is != wanted
    {
        let (wanted, is) = (format!("{wanted:?}"), format!("{is:?}"));
        found.differences.push(Difference::new("digest", wanted, is).changed(Change::Changed));
    }
}
