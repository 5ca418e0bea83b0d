//! What makes a file into the one that is wanted.

use super::super::provision::{self, Make, Place};
use super::{File, Seen};
use crate::action::{Action, Change, Content, Mended, PathState, Remedy, Risk, Surroundings, Undo};
use crate::model::{Decimal, Digest};

pub(super) fn of(file: &File, path: &str, seen: Option<&Seen>, around: &Surroundings) -> Mended {
    let wanted = file.wanted();
    let place = Place::of(path, &wanted, file.through_links, around);
    let nothing = |why: &str| Ok(Remedy::Nothing(why.to_owned()));
    if file.asks_carried() {
        return nothing("capabilities, attributes and flags of files are not changed");
    }
    if file.links.is_some_and(|links| links != 1) {
        return nothing("other names of a file are not made");
    }
    place.remedy(
        || place.create(&Make::File(content(file))),
        |is| match content(file) {
            _ if !content_differs(file, is, seen) => place.attributes(is),
            None => Ok(provision::no_content()),
            Some(bytes) => replace(&place, is, bytes, seen),
        },
    )
}

/// The content that desired state holds.
fn content(file: &File) -> Option<&[u8]> {
    match &file.source_content {
        Some((_, bytes)) => Some(bytes),
        None if file.empty == Some(true) || file.sha256 == Some(Digest::of(b"")) => Some(b""),
        None => None,
    }
}

fn content_differs(file: &File, is: &PathState, seen: Option<&Seen>) -> bool {
    let PathState::File { sha256: Some(sha256), .. } = is else { return true };
    let wanted = file.sha256.or(file.source_content.as_ref().map(|(digest, _)| *digest));
    if let Some(empty) = file.empty {
        return empty != seen.is_none_or(|seen| seen.size == 0);
    }
    wanted.is_some_and(|wanted| wanted != *sha256)
}

/// Writes it anew, in the place of what stands there.
fn replace(place: &Place<'_>, is: &PathState, bytes: &[u8], seen: Option<&Seen>) -> Mended {
    let PathState::File { links, sha256, .. } = is else {
        return Ok(Remedy::Nothing("no file stands there".to_owned()));
    };
    if *links != Decimal(1) {
        let why = format!("it has {links} names, of which a new file would take one");
        return Ok(Remedy::Nothing(why));
    }
    // What owner, group and mode come out as is what a change of attributes alone would lead to.
    let mut state = is.clone();
    let mut risk = Risk::Medium;
    match place.attributes(is)? {
        Remedy::Changes(changes) => {
            for change in changes {
                risk = risk.max(change.risk);
                if let crate::action::Condition::Path { is, .. } = change.after {
                    state = is;
                }
            }
        }
        other => return Ok(other),
    }
    let (Some((uid, gid)), Some(mode)) = (state.owner(), state.mode()) else {
        return Ok(Remedy::Nothing("no file stands there".to_owned()));
    };
    let content = match provision::content(bytes) {
        Ok(content) => content,
        Err(nothing) => return Ok(nothing),
    };
    let path = place.path;
    let after = provision::file(uid, gid, mode, &content);
    let undo = earlier(path, is, sha256.as_ref(), seen);
    let action = Action::WriteFile { path: path.to_owned(), uid, gid, mode, content };
    let (before, after) = (provision::at(path, is.clone()), provision::at(path, after));
    Ok(Remedy::Changes(vec![Change { action, before, after, undo, risk }]))
}

/// The earlier content is written back only where it may be shown: a plan is read by others.
fn earlier(path: &str, is: &PathState, sha256: Option<&Digest>, seen: Option<&Seen>) -> Undo {
    let text = seen.and_then(|seen| seen.text.as_ref());
    let same = text.filter(|text| Some(&Digest::of(text.as_bytes())) == sha256);
    let (Some(text), Some((uid, gid)), Some(mode)) = (same, is.owner(), is.mode()) else {
        let why = "the earlier content is not kept: it may not be shown, or is no short text";
        return Undo::Irreversible(why.to_owned());
    };
    let content = Content::Text(text.clone());
    Undo::By(Box::new(Action::WriteFile { path: path.to_owned(), uid, gid, mode, content }))
}
