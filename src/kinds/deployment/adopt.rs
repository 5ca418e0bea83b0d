//! Writing a deployment down: what its manifest says, where that may be shown.

use std::path::Path;

use super::{BYTES_MAX, source_commit};
use crate::kinds::{Adopted, Draft, path};
use crate::model::{Reason, Unknown};
use crate::probe::deploy_manifest::DeployManifest;
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
    let values: serde_json::Map<_, _> = manifest
        .entries()
        .map(|(key, entry)| (key.to_owned(), entry.value.as_str().into()))
        .collect();
    if values.is_empty() {
        return Ok(adopted);
    }
    let folder = file.rsplit('/').nth(1).filter(|name| !name.is_empty()).unwrap_or("root");
    let draft = Draft::new(folder).set("file", file.as_str()).set("values", values.clone());
    adopted.drafts.push(if values.contains_key(&source_commit()) {
        draft
    } else {
        draft.comment("Which of these keys is the commit? Name it in `commit_key`.")
    });
    Ok(adopted)
}
