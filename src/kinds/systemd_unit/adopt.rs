//! Units written down as they are: the closed list of a pattern, and a table for each of them.

use serde_json::Value;

use super::check_name;
use super::closed::{self, is_pattern};
use crate::kinds::{Adopted, Draft};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};
use crate::probe::World;
use crate::probe::systemd::{self, Asked, Unit, is_passing};

/// The most tables that are written for one pattern.
const TABLES_MAX: usize = 1_000;

pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let mut problems = Vec::new();
    check_name(asked, &mut problems);
    if let Some(problem) = problems.first() {
        let hint = problem.hint.as_deref().unwrap_or_default();
        let detail = format!("{}; {hint}", problem.message);
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let mut adopted = Adopted::default();
    let mut names = vec![asked.to_owned()];
    if is_pattern(asked) {
        let listed = look(world, Vec::new(), vec![asked.to_owned()]).await?.lists.remove(asked);
        let (_, listed) = listed.unwrap_or_else(|| Err(no_answer()))?;
        names = listed.into_keys().collect();
        if names.len() > TABLES_MAX {
            let detail = format!(
                "`{}` matches {} units, and at most {TABLES_MAX} tables are written",
                escape(asked),
                names.len()
            );
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        adopted.drafts.push(Draft::new(asked).set("only", names.clone()));
    }
    let mut units = look(world, names.clone(), Vec::new()).await?.units;
    for name in names {
        match units.remove(&name).unwrap_or_else(|| Err(no_answer())) {
            Ok((_, unit)) => adopted.drafts.extend(draft(name, &unit)),
            Err(unknown) => adopted.unseen.push((name, unknown)),
        }
    }
    Ok(adopted)
}

async fn look(
    world: &World,
    names: Vec<String>,
    patterns: Vec<String>,
) -> Result<systemd::Answered, Unknown> {
    let resting = names.clone();
    let asked = Asked { names, resting, patterns, matches: closed::matches, files_only: false };
    systemd::look(world, asked).await
}

fn no_answer() -> Unknown {
    Unknown::new(Reason::NoAnswer, "the probe gave no answer for it")
}

/// The table of one unit; `None` for one that runs and has no file, which no table can want.
fn draft(name: String, unit: &Unit) -> Option<Draft> {
    if unit.load == "not-found" {
        let gone = unit.active.as_ref().is_ok_and(|active| active.state != "inactive");
        return (!gone).then(|| Draft::new(name).set("present", false));
    }
    let mut comments = Vec::new();
    let mut draft = Draft::new(name);
    let plain = matches!(unit.load.as_str(), "loaded" | "merged");
    let masked =
        unit.load == "masked" && unit.enabled.as_ref().is_ok_and(|e| e.starts_with("masked"));
    if !plain && !masked {
        draft = draft.set("load", unit.load.as_str());
        comments.push("It is not loaded, as it stands.".to_owned());
    }
    if let Ok(active) = &unit.active {
        if is_passing(&active.state) {
            comments.push(format!("It was {} when it was looked at.", active.state));
        } else {
            draft = draft.set("active", active.state.as_str());
        }
        if active.state == "failed" {
            comments.push("It has failed, as it stands.".to_owned());
        }
    }
    if let Some(enabled) = unit.enabled.as_ref().ok().filter(|word| !word.is_empty()) {
        draft = draft.set("enabled", enabled.as_str());
    }
    let fragment = unit.fragment.clone();
    draft = draft.set("fragment", fragment.map_or(Value::Null, Value::from));
    draft = draft.set("drop_ins", unit.drop_ins.clone());
    if let Ok(Some(digest)) = &unit.definition_sha256 {
        draft = draft.set("definition_sha256", digest.to_string());
    }
    if let Ok(reload) = unit.needs_reload {
        draft = draft.set("needs_reload", reload);
        if reload {
            comments.push("Its files are not as the manager has read them.".to_owned());
        }
    }
    Some(if comments.is_empty() { draft } else { draft.comment(comments.join("\n")) })
}
