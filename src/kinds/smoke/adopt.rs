//! Writing smoke commands down: each that the host allows is run in a folder, and how it ends is what is wanted.

use std::sync::Arc;

use super::{End, Smoke};
use crate::kinds::{Adopted, Draft, Kind as _, Named, path};
use crate::model::{Reason, Unknown};
use crate::probe::World;

/// What a reader of the table has to know.
const COMMENT: &str = "Only how it ended. Say with `counts` and `prints` what it has to print.";

pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let directory = path::asked(asked)?;
    let folder = directory.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("root");
    let wanted: Vec<Named<Smoke>> = world
        .smoke
        .allowed()
        .iter()
        .enumerate()
        .map(|(index, command)| Named {
            name: format!("{folder}-{}", index + 1),
            spec: Arc::new(Smoke {
                command: command.clone(),
                directory: directory.clone(),
                ..Smoke::default()
            }),
        })
        .collect();
    let mut adopted = Adopted::default();
    let mut answers = Smoke::observe_all(world, &wanted).await;
    for Named { name, spec } in &wanted {
        let draft = Draft::new(name)
            .set("command", spec.command.clone())
            .set("directory", directory.as_str())
            .comment(COMMENT);
        match answers.remove(name).map(|seen| seen.map(|seen| seen.end)) {
            Some(Ok(End::Exit(0))) => adopted.drafts.push(draft),
            Some(Ok(End::Exit(code))) => adopted.drafts.push(draft.set("exit_code", code)),
            Some(Ok(End::Signal(signal))) => {
                let detail = format!("it was ended by signal {signal}");
                adopted.unseen.push((name.clone(), Unknown::new(Reason::NotSupported, detail)));
            }
            Some(Err(unknown)) => adopted.unseen.push((name.clone(), unknown)),
            None => {}
        }
    }
    Ok(adopted)
}
