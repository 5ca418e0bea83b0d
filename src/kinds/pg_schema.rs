//! `[pg_schema.NAME]`: everything that stands in a schema of a database, against a manifest of its objects.
//!
//! Rows are compared while they come, and only what differs is kept; here that is turned into differences.

mod adopt;
mod compare;
mod look;
mod recall;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::in_database::object_name;
use super::{
    Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem, answer_all, by_database,
};
use crate::model::object_list::{HEADER, ObjectList};
use crate::model::{Code, Comparison, Digest, Unknown};
use crate::probe::catalog::schema::Asked;
use crate::probe::{World, until};
use look::Look;

/// The longest name that PostgreSQL keeps.
const NAME_BYTES_MAX: usize = 63;
/// The most patterns of `ignore`.
const PATTERNS_MAX: usize = 1_000;

/// The table of a schema.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgSchema {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// A manifest in desired state, as `countersign adopt --schema` writes it.
    manifest: Option<String>,
    /// Instead of `manifest`: its digest, as `sha256:` and 64 digits. Then only that something differs can be said.
    digest: Option<String>,
    /// Patterns of objects that are left alone, such as `function public.tmp_*`: the first line of their block, in which
    /// `*` stands for any text.
    #[serde(default)]
    ignore: Vec<String>,
    /// Are owners compared? Default: true.
    #[serde(default = "yes")]
    owners: bool,
    /// Are comments compared? Default: true.
    #[serde(default = "yes")]
    comments: bool,
    /// Are grants compared? Default: true.
    #[serde(default = "yes")]
    grants: bool,
    /// What `prepare` makes of the keys above.
    #[serde(skip)]
    ready: Ready,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Default)]
struct Ready {
    list: Arc<ObjectList>,
    /// Of the bytes of the manifest.
    manifest: Option<Digest>,
    /// What `digest` says.
    digest: Option<Digest>,
}

impl PgSchema {
    fn check_content(&mut self, problems: &mut Vec<Problem>) {
        match (&self.manifest, &self.digest) {
            (Some(_), Some(_)) => {
                let message = "`manifest` and `digest` both say what the schema holds";
                problems.push(Problem::key("digest", Code::Contradiction, message));
            }
            (None, None) => {
                let message = "neither `manifest` nor `digest` says what the schema holds";
                let hint = "`countersign adopt --schema NAME` writes a manifest";
                problems.push(Problem::resource(Code::MissingKey, message).hint(hint));
            }
            (None, Some(text)) => {
                self.ready.digest = text.strip_prefix("sha256:").and_then(|hex| hex.parse().ok());
                if self.ready.digest.is_none() {
                    let message = "a digest is `sha256:` and 64 hex digits";
                    problems.push(Problem::key("digest", Code::WrongType, message));
                }
            }
            (Some(_), None) => {}
        }
    }

    fn read_manifest(&mut self, files: &dyn Files, problems: &mut Vec<Problem>) {
        let Some(manifest) = &self.manifest else { return };
        // Piece by piece into the one place where it stays: it can be large.
        let mut text = Vec::new();
        let read = files.pieces(manifest).and_then(|pieces| {
            text.reserve_exact(usize::try_from(pieces.size()).unwrap_or_default());
            pieces.each(&mut |piece| text.extend_from_slice(piece))
        });
        if let Err(why) = read {
            return problems.push(Problem::key("manifest", Code::MissingFile, why));
        }
        self.ready.manifest = Some(Digest::of(&text));
        match ObjectList::parse(text) {
            Ok(list) => self.ready.list = Arc::new(list),
            Err(findings) => problems.extend(findings.into_iter().map(|finding| {
                let place = Place::File(manifest.clone(), finding.span);
                let hint = "`countersign adopt --schema NAME` writes it anew";
                Problem::at(place, Code::ObjectList, finding.message).hint(hint)
            })),
        }
    }

    fn check_ignore(&self, problems: &mut Vec<Problem>) {
        if self.ignore.len() > PATTERNS_MAX {
            let message = format!("`ignore` has more than {PATTERNS_MAX} patterns");
            problems.push(Problem::key("ignore", Code::Limit, message));
        }
        for pattern in &self.ignore {
            if !pattern.contains(' ') {
                let message = format!("`{pattern}` can match no object");
                let hint = "a pattern begins with a class, as in `function public.tmp_*`";
                problems.push(Problem::key("ignore", Code::BadName, message).hint(hint));
            }
        }
    }

    /// Keys of the manifest that do not count.
    fn left_out(&self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        if !self.owners {
            keys.push("owner");
        }
        if !self.comments {
            keys.extend(["comment", "comments"]);
        }
        keys
    }

    fn asked<'a>(&self, schema: &'a str) -> Asked<'a> {
        Asked { schema, owners: self.owners, comments: self.comments, grants: self.grants }
    }
}

impl Kind for PgSchema {
    const NAME: &'static str = "pg_schema";
    const ABOUT: &'static str = "everything in a schema of a database: missing, unlisted, changed";
    const DOC: &'static str = include_str!("pg_schema.md");
    const EXAMPLE: &'static str = r#"
[pg_schema.public]
database = "directus"
manifest = "manifests/public.schema"
ignore = ["function public.tmp_*"]
comments = false
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "schema",
        value: "SCHEMA",
        help: "Everything in a schema of a database: a manifest of its objects; '*' is every schema",
        all: Some("*"),
    });
    /// `None` when there is no such schema.
    type Observed = Option<Look>;

    fn prepare(&mut self, name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        let schema = object_name(name, &self.database);
        if !(1..=NAME_BYTES_MAX).contains(&schema.len()) || schema.contains('\0') {
            let message =
                format!("a schema's name has 1 to {NAME_BYTES_MAX} bytes, none of them zero");
            problems.push(Problem::resource(Code::BadName, message));
        }
        self.check_content(problems);
        self.check_ignore(problems);
        self.read_manifest(files, problems);
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        json!({
            "format": HEADER,
            "database": self.database,
            "manifest": self.ready.manifest,
            "ignore": self.ignore,
            "owners": self.owners,
            "comments": self.comments,
            "grants": self.grants,
        })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Look>> {
        let give_up = Instant::now() + world.deadline;
        let mut answers = Answers::new();
        for (database, wanted) in by_database(wanted) {
            let session = match world.database(database) {
                Ok(session) => session,
                Err(why) => {
                    answers.extend(answer_all(wanted, &why));
                    continue;
                }
            };
            let state = recall::state(world, session).await;
            for named in wanted {
                let looking = recall::look(world, session, named, state.as_ref());
                answers.insert(named.name.clone(), until(give_up, looking).await);
            }
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn diff(&self, _name: &str, observed: &Option<Look>) -> Comparison {
        self.compare(observed.as_ref())
    }
}
