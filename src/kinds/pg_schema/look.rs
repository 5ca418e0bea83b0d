//! The look at a schema: each object is compared when its row comes, and only what differs is kept.

use std::collections::BTreeMap;
use std::mem::take;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::PgSchema;
use crate::kinds::Named;
use crate::kinds::closed::matches;
use crate::kinds::in_database::object_name;
use crate::model::object_list::{HEADER, ObjectList, without};
use crate::model::{Blind, Digest, Reason, RelationName, Timestamp, Unknown};
use crate::probe::catalog::schema::{self, Block, Contents};
use crate::probe::postgres::Session;

/// How many objects that differ are kept one by one, of each class; the rest is counted.
const FINDINGS_MAX: usize = 1_000;
/// The longest block that is kept as text.
const BLOCK_BYTES_MAX: usize = 64 << 10;
/// The most text that is kept of a class.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// The most text of a whole schema, where it is digested in the order of its titles.
const SCHEMA_BYTES_MAX: usize = 256 << 20;
/// How many of those that could not be read are named.
const BLIND_MAX: usize = 1_000;

/// What was seen of a schema.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::kinds) struct Look {
    /// How many objects of each class count.
    pub(super) objects: BTreeMap<String, u64>,
    /// How many of them are as the manifest has them.
    pub(super) matched: u64,
    /// How many were left alone because a pattern of `ignore` matches them.
    pub(super) ignored: u64,
    /// How many belong to an extension.
    pub(super) of_extensions: u64,
    /// The digest of the manifest that would be written now, where there is no manifest to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    /// What differs, by title.
    pub(super) findings: Vec<Finding>,
    /// How many more differ.
    pub(super) findings_more: u64,
    /// Of every block that differs, those beyond the kept ones included.
    pub(super) differing: Digest,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) blind: Vec<Blind>,
    /// When it was read, where it is remembered from an earlier look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    /// Its title.
    pub(super) object: String,
    /// What happened to it.
    pub(super) what: What,
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// It is there, and not listed.
    Unlisted(Found),
    /// It is listed, and not there.
    Missing,
    /// It is another.
    Changed(Found),
}

/// What was found in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    /// Of its block.
    pub(super) sha256: Digest,
    /// The block itself, unless it is too long to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) block: Option<String>,
}

/// What is gathered of one class.
#[derive(Debug, Default)]
struct Gathered {
    objects: u64,
    ignored: u64,
    matched: u64,
    findings: Vec<Finding>,
    findings_more: u64,
    text_bytes: usize,
    differing: Sha256,
    /// Places in the manifest that were met.
    met: Vec<u32>,
    /// Every block by its title, where the whole is digested.
    blocks: BTreeMap<String, String>,
    overflow: bool,
}

impl Gathered {
    fn differs(&mut self, block: Block<'_>, what: fn(Found) -> What) {
        self.differing.update(block.text);
        if self.findings.len() >= FINDINGS_MAX {
            self.findings_more += 1;
            return;
        }
        let bytes = block.text.len();
        let kept = bytes <= BLOCK_BYTES_MAX && self.text_bytes + bytes <= TEXT_BYTES_MAX;
        self.text_bytes += if kept { bytes } else { 0 };
        let sha256 = Digest::of(block.text.as_bytes());
        let found = Found { sha256, block: kept.then(|| block.text.to_owned()) };
        self.findings.push(Finding { object: block.title.to_owned(), what: what(found) });
    }

    /// Compares one object with its place in the manifest.
    fn compare(&mut self, block: Block<'_>, list: &ObjectList, left_out: &[&str]) {
        match list.find(block.title) {
            None => self.differs(block, What::Unlisted),
            Some(at) => {
                self.met.push(u32::try_from(at).unwrap_or(u32::MAX));
                if without(list.block(at), left_out) == block.text {
                    self.matched += 1;
                } else {
                    self.differs(block, What::Changed);
                }
            }
        }
    }

    fn keep(&mut self, block: Block<'_>) {
        self.text_bytes += block.text.len();
        self.overflow |= self.text_bytes > SCHEMA_BYTES_MAX;
        if !self.overflow {
            self.blocks.insert(block.title.to_owned(), block.text.to_owned());
        }
    }
}

/// Looks at one schema; `None` when there is none of that name.
pub(super) async fn look(
    session: &Session,
    named: &Named<PgSchema>,
) -> Result<Option<Look>, Unknown> {
    let spec = &*named.spec;
    let asked = spec.asked(object_name(&named.name, &spec.database));
    let left_out = spec.left_out();
    let take = |gathered: &mut Gathered, block: Block<'_>| {
        if ignored(&spec.ignore, block.title) {
            gathered.ignored += 1;
            return;
        }
        gathered.objects += 1;
        match spec.manifest {
            Some(_) => gathered.compare(block, &spec.ready.list, &left_out),
            None => gathered.keep(block),
        }
    };
    let contents = schema::read::<Gathered>(session, &asked, take).await?;
    Ok(contents.map(|contents| summed(contents, spec)))
}

fn ignored(patterns: &[String], title: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, title))
}

/// Puts the classes together.
fn summed(contents: Contents<Gathered>, spec: &PgSchema) -> Look {
    let mut look = Look {
        objects: BTreeMap::new(),
        matched: 0,
        ignored: 0,
        of_extensions: contents.of_extensions,
        digest: None,
        findings: Vec::new(),
        findings_more: 0,
        differing: Digest::of(b""),
        blind: Vec::new(),
        since: None,
    };
    let (mut differing, mut blocks) = (Sha256::new(), BTreeMap::new());
    let mut met = vec![false; spec.ready.list.len()];
    let mut unread = contents.partial;
    let behind_locks = unread.iter().map(|class| Blind {
        field: (*class).to_owned(),
        unknown: Unknown::new(Reason::Locked, "some stand on what is locked, and were left out"),
    });
    look.blind.extend(behind_locks);
    let mut overflow = false;
    for (class, gathered) in contents.classes {
        let mut gathered = match gathered {
            Ok(gathered) => gathered,
            Err(unknown) => {
                unread.push(class);
                look.blind.push(Blind { field: class.to_owned(), unknown });
                continue;
            }
        };
        if gathered.objects > 0 {
            *look.objects.entry(class.to_owned()).or_default() += gathered.objects;
        }
        look.matched += gathered.matched;
        look.ignored += gathered.ignored;
        look.findings_more += gathered.findings_more;
        look.findings.append(&mut gathered.findings);
        differing.update(take(&mut gathered.differing).finalize());
        overflow |= gathered.overflow;
        blocks.append(&mut gathered.blocks);
        gathered.met.iter().filter_map(|at| usize::try_from(*at).ok()).for_each(|at| {
            if let Some(met) = met.get_mut(at) {
                *met = true;
            }
        });
    }
    let blocked: Vec<&RelationName> = contents.blocked.keys().collect();
    missing(&mut look, spec, &met, &unread, &blocked);
    let names = contents.blocked.iter().take(BLIND_MAX);
    look.blind.extend(names.map(|(relation, unknown)| Blind {
        field: crate::model::display::escape(&relation.to_string()).into_owned(),
        unknown: unknown.clone(),
    }));
    look.differing = Digest::from_bytes(differing.finalize().into());
    if spec.manifest.is_none() && overflow {
        let detail = format!("the text of the schema has more than {SCHEMA_BYTES_MAX} bytes");
        look.blind.push(Blind {
            field: "digest".to_owned(),
            unknown: Unknown::new(Reason::TooLarge, detail),
        });
    } else if spec.manifest.is_none() && look.blind.is_empty() {
        look.digest = Some(Digest::of(manifest(&blocks).as_bytes()));
    }
    look.findings.sort_by(|a, b| a.object.cmp(&b.object));
    look
}

/// Notes what the manifest lists and nobody met. What stands behind a lock, or is of a class that could not be read, is
/// not known to be missing.
fn missing(
    look: &mut Look,
    spec: &PgSchema,
    met: &[bool],
    unread: &[&str],
    blocked: &[&RelationName],
) {
    let list = &spec.ready.list;
    let behind: Vec<String> = blocked.iter().map(ToString::to_string).collect();
    let untold = |title: &str| {
        let name = title.split_once(' ').map_or("", |(_, name)| name);
        let of = |relation: &String| {
            name.strip_suffix(relation.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(" on "))
        };
        unread.contains(&schema::class_of(title)) || behind.iter().any(of)
    };
    let mut kept = 0;
    for at in (0..list.len()).filter(|at| !met[*at]) {
        let title = list.title(at);
        let out_of_scope = !spec.grants && schema::class_of(title) == "grant";
        if out_of_scope || untold(title) || ignored(&spec.ignore, title) {
            continue;
        }
        kept += 1;
        if kept > FINDINGS_MAX {
            look.findings_more += 1;
        } else {
            look.findings.push(Finding { object: title.to_owned(), what: What::Missing });
        }
    }
}

/// The manifest of these blocks.
pub(super) fn manifest(blocks: &BTreeMap<String, String>) -> String {
    let mut text = format!("{HEADER}\n");
    text.extend(blocks.values().map(String::as_str));
    text
}
