//! What the table of a function may say, and what of it cannot be meant.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{PgFunction, closed, is_pattern, object_name};
use crate::kinds::{Files, Problem, presence};
use crate::model::display::escape;
use crate::model::{Code, RoutineName};
use crate::probe::catalog::AGGREGATE_KEYS;

/// The longest body that desired state may hold.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The digits of an MD5.
const MD5_DIGITS: usize = 32;

/// What a routine is.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoutineKind {
    Function,
    Procedure,
    Aggregate,
    Window,
}

/// What the planner may take for granted.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// Where it may run in a parallel plan.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Parallel {
    Safe,
    Restricted,
    Unsafe,
}

impl RoutineKind {
    pub(super) fn word(self) -> String {
        let word = match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Window => "window",
        };
        word.to_owned()
    }
}

impl Volatility {
    pub(super) fn word(self) -> String {
        let word = match self {
            Self::Immutable => "immutable",
            Self::Stable => "stable",
            Self::Volatile => "volatile",
        };
        word.to_owned()
    }
}

impl Parallel {
    pub(super) fn word(self) -> String {
        let word = match self {
            Self::Safe => "safe",
            Self::Restricted => "restricted",
            Self::Unsafe => "unsafe",
        };
        word.to_owned()
    }
}

/// Checks a table, and reads the file that it names.
pub(super) fn prepare(
    spec: &mut PgFunction,
    name: &str,
    files: &dyn Files,
    problems: &mut Vec<Problem>,
) {
    let object = object_name(name, &spec.database).to_owned();
    let mut keys = attributes(spec);
    presence::check(spec.present, &[&keys[..], &definer(spec)].concat(), problems);
    keys.push(("present", !spec.present));
    closed::check(&object, spec.only.as_ref(), &keys, problems);
    if is_pattern(&object) {
        if spec.security_definer == Some(false) {
            let message =
                "a closed list is of all that match, or of those with `security_definer = true`";
            problems.push(Problem::key("security_definer", Code::Contradiction, message));
        }
        for item in spec.only.iter().flatten() {
            if let Err(why) = RoutineName::parse(item) {
                let message = format!("`{}` of `only` names no function: {why}", escape(item));
                problems.push(Problem::key("only", Code::WrongType, message));
            }
        }
    } else if let Err(why) = RoutineName::parse(&object) {
        problems.push(Problem::resource(Code::BadName, why));
    }
    check_digests(spec, problems);
    match body(spec, files) {
        Ok(text) => spec.text = text,
        Err(problem) => problems.push(problem),
    }
    for key in spec.aggregate.iter().flat_map(|parts| parts.keys()) {
        if !AGGREGATE_KEYS.contains(&key.as_str()) {
            let message = format!("an aggregate has no `{}`", escape(key));
            let hint = format!("it has {}", AGGREGATE_KEYS.join(", "));
            problems.push(Problem::key("aggregate", Code::UnknownKey, message).hint(hint));
        }
    }
}

fn definer(spec: &PgFunction) -> [(&'static str, bool); 1] {
    [("security_definer", spec.security_definer.is_some())]
}

/// The keys that say something about one function, besides `security_definer`, and whether they are there.
fn attributes(spec: &PgFunction) -> Vec<(&'static str, bool)> {
    vec![
        ("kind", spec.kind.is_some()),
        ("signature", spec.signature.is_some()),
        ("returns", spec.returns.is_some()),
        ("language", spec.language.is_some()),
        ("owner", spec.owner.is_some()),
        ("settings", spec.settings.is_some()),
        ("volatility", spec.volatility.is_some()),
        ("parallel", spec.parallel.is_some()),
        ("strict", spec.strict.is_some()),
        ("leakproof", spec.leakproof.is_some()),
        ("cost", spec.cost.is_some()),
        ("rows", spec.rows.is_some()),
        ("body", spec.body.is_some()),
        ("body_file", spec.body_file.is_some()),
        ("body_sha256", spec.body_sha256.is_some()),
        ("definition_md5", spec.definition_md5.is_some()),
        ("pin", spec.pin.is_some()),
        ("library", spec.library.is_some()),
        ("aggregate", spec.aggregate.is_some()),
        ("support", spec.support.is_some()),
        ("extension", spec.extension.is_some()),
        ("comment", spec.comment.is_some()),
    ]
}

fn check_digests(spec: &PgFunction, problems: &mut Vec<Problem>) {
    let is_hex =
        |text: &str, digits| text.len() == digits && text.bytes().all(|c| c.is_ascii_hexdigit());
    if spec.definition_md5.as_ref().is_some_and(|md5| !is_hex(md5, MD5_DIGITS)) {
        let message = format!("an MD5 has {MD5_DIGITS} hex digits");
        problems.push(Problem::key("definition_md5", Code::WrongType, message));
    }
    let digest = spec.pin.as_ref().map(|pin| pin.strip_prefix("1:"));
    if digest.is_some_and(|digest| digest.is_none_or(|digest| !is_hex(digest, 64))) {
        let message = "a pin is `1:` and 64 hex digits; 1 is the format that this version knows";
        problems.push(Problem::key("pin", Code::WrongType, message));
    }
}

/// The body that is wanted, wherever it stands.
fn body(spec: &PgFunction, files: &dyn Files) -> Result<Option<String>, Problem> {
    let given = [
        ("body", spec.body.is_some()),
        ("body_file", spec.body_file.is_some()),
        ("body_sha256", spec.body_sha256.is_some()),
    ];
    let mut given = given.into_iter().filter_map(|(key, set)| set.then_some(key));
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        let message = format!("`{first}` and `{second}` both give the body");
        return Err(Problem::key(second, Code::Contradiction, message));
    }
    let (key, text) = match (&spec.body, &spec.body_file) {
        (Some(text), _) => ("body", text.clone()),
        (None, Some(path)) => {
            let problem = |code, why: String| Problem::key("body_file", code, why);
            let bytes = files.read(path).map_err(|why| problem(Code::MissingFile, why))?;
            let text = std::str::from_utf8(&bytes);
            let text = text.map_err(|e| problem(Code::Encoding, e.to_string()))?;
            ("body_file", text.to_owned())
        }
        (None, None) => return Ok(None),
    };
    if text.len() > BODY_BYTES_MAX {
        let message = format!("the body has {} bytes, at most {BODY_BYTES_MAX}", text.len());
        return Err(Problem::key(key, Code::Limit, message));
    }
    Ok(Some(text))
}
