//! A key that desired state holds, and what puts it into a keyring that lacks it.

use super::name::Named;
use super::{GpgKey, Seen};
use crate::action::{
    Action, Change, Condition, Content, INLINE_BYTES_MAX, Mended, PathState, Remedy, Risk,
    Surroundings, Undo,
};
use crate::kinds::{Files, Problem, closed};
use crate::model::Code;
use crate::model::display::escape;
use crate::probe::openpgp;

/// Reads the file that `source` names, and refuses what is not the one public key that the name means.
pub(super) fn read(
    source: &str,
    name: &str,
    files: &dyn Files,
    problems: &mut Vec<Problem>,
) -> Option<Content> {
    let mut problem = |code, message: String| {
        problems.push(Problem::key("source", code, message));
        None
    };
    let bytes = match files.read(source) {
        Ok(bytes) => bytes,
        Err(why) => return problem(Code::MissingFile, why),
    };
    let shown = escape(source);
    if bytes.len() > INLINE_BYTES_MAX {
        let message =
            format!("`{shown}` has more than {INLINE_BYTES_MAX} bytes, which is the limit");
        return problem(Code::Limit, message);
    }
    let key = match openpgp::public_key(&bytes) {
        Ok(key) => key,
        Err(why) => return problem(Code::WrongType, format!("`{shown}` {why}")),
    };
    if key.revoked {
        return problem(Code::Contradiction, format!("`{shown}` holds a key that is revoked"));
    }
    match Named::of(name) {
        Some(named) if named.key != key.fingerprint => {
            let message = format!("`{shown}` holds another key, {}", key.fingerprint);
            problem(Code::Contradiction, message)
        }
        _ => Some(Content::of(&bytes)),
    }
}

/// The import of a key that is not there, or why there is none.
pub(super) fn remedy(spec: &GpgKey, name: &str, seen: &Seen, around: &Surroundings) -> Mended {
    let nothing = |why: &str| Ok(Remedy::Nothing(why.to_owned()));
    if !spec.present || closed::is_pattern(name) {
        return nothing("no step takes a key out of a keyring");
    }
    if !seen.keys.is_empty() {
        return nothing("the key is there; what its keyring says of it comes from its owner");
    }
    let (Some(key), Some(Named { keyring, key: fingerprint })) = (&spec.content, Named::of(name))
    else {
        return nothing("its table does not say where the key comes from: `source`");
    };
    if spec.through_links {
        return nothing("it is looked at through links, and no step goes through one");
    }
    match around.path(keyring)? {
        PathState::Directory { .. } => {}
        PathState::Absent => {
            return nothing(
                "the home of GnuPG is not there; once it is, a new plan can import into it",
            );
        }
        _ => return nothing("only a home of GnuPG is imported into, and this is none"),
    }
    let key_is = |present| Condition::Key {
        home: keyring.to_owned(),
        fingerprint: fingerprint.to_owned(),
        present,
        sha256: None,
    };
    Ok(Remedy::Changes(vec![Change {
        action: Action::ImportKey {
            home: keyring.to_owned(),
            fingerprint: fingerprint.to_owned(),
            key: key.clone(),
        },
        before: key_is(false),
        after: key_is(true),
        undo: Undo::By(Box::new(Action::RemoveKey {
            home: keyring.to_owned(),
            fingerprint: fingerprint.to_owned(),
        })),
        // Whoever trusts the keyring trusts the key from then on.
        risk: Risk::High,
    }]))
}
