//! Writing a deployment down: what its manifest says, where that may be shown.

use std::path::Path;

use serde_json::json;

use super::{BYTES_MAX, source_commit};
use crate::kinds::{Adopted, Draft, path};
use crate::model::{Reason, Unknown};
use crate::probe::deploy_manifest::{self, DeployManifest};
use crate::probe::host::{Host, Links};

pub(super) fn adopt(host: &Host, asked: &str) -> Result<Adopted, Unknown> {
    let file = path::asked(asked)?;
    let mut adopted = Adopted::default();
    let read = host.read_to_show(Path::new(&file), Links::Refuse, BYTES_MAX)?;
    let Some((text, may_show)) = read else { return Ok(adopted) };
    let manifest = DeployManifest::parse(&text)?;
    if !may_show {
        let detail = "the host's `[observe] show_content` does not show it, so nothing of it is written down";
        return Err(Unknown::new(Reason::NotAllowed, detail));
    }
    let values = manifest.values();
    if values.is_empty() {
        return Ok(adopted);
    }
    let draft = Draft::new(deploy_manifest::name_of(&file));
    let draft = draft.set("file", file.as_str()).set("values", json!(values));
    let draft = draft.about(&["file"], file.as_str());
    adopted.drafts.push(if values.contains_key(source_commit().as_str()) {
        draft
    } else {
        draft.comment("Which of these keys is the commit? Name it in `commit_key`.")
    });
    Ok(adopted)
}
