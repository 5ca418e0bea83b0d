//! Narrows the thread that executes, and whatever it starts: it can write below the folders that the plan names and the
//! program's own data, and nowhere else.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use crate::action::Action;
use crate::plan::Plan;

/// How far the kernel narrowed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confinement {
    /// Everything that was asked for.
    Full,
    /// Less, because the kernel is older.
    Partial,
    /// Nothing, and why.
    None(String),
}

/// Narrows the calling thread for good. `root` is the root of the managed host, `data` the program's own folder.
#[must_use]
pub fn confine(plan: &Plan, root: &Path, data: &Path) -> Confinement {
    let mut folders: Vec<PathBuf> = vec![data.to_owned()];
    for step in &plan.steps {
        let Some(path) = step.action.path() else { continue };
        let path = Path::new(path);
        let above = match step.action {
            // What stands in a keyring's folder is written, and not the folder itself.
            Action::ImportKey { .. } | Action::RemoveKey { .. } => path,
            _ => path.parent().unwrap_or(Path::new("/")),
        };
        // A folder that an earlier step makes lies below one that is there.
        let there = above.ancestors().find(|above| beneath(root, above).is_dir());
        folders.extend(there.map(|above| beneath(root, above)));
    }
    folders.sort();
    folders.dedup();
    match restrict(&folders) {
        Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
        Ok(RulesetStatus::NotEnforced) => {
            Confinement::None("the kernel has no Landlock".to_owned())
        }
        Err(error) => Confinement::None(error.to_string()),
    }
}

/// A path of the host, as this machine names it.
pub(super) fn beneath(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Reading everywhere, running nothing but what is needed to look, writing below `folders` alone.
fn restrict(folders: &[PathBuf]) -> Result<RulesetStatus, landlock::RulesetError> {
    let abi = ABI::V6;
    let reading = AccessFs::from_read(abi);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .scope(Scope::Signal)?
        .create()?
        .add_rules(path_beneath_rules(["/"], reading))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_file(abi)))?
        .add_rules(path_beneath_rules(folders, AccessFs::from_all(abi)))?
        .restrict_self()?;
    Ok(status.ruleset)
}
