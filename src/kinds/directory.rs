//! `[directory."PATH"]`: a directory that exists with a given owner, group and mode, or does not exist.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answers, Kind, Named};
use crate::model::{Comparison, Difference, Evidence, Mode};
use crate::probe::World;
use crate::probe::host::{FileType, Links};

/// The table of a directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Directory {
    /// The name of its owner.
    owner: Option<String>,
    /// The name of its group.
    group: Option<String>,
    /// Its mode, such as "0750".
    mode: Option<Mode>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    file_type: FileType,
    owner: String,
    group: String,
    mode: Mode,
}

impl Kind for Directory {
    const NAME: &'static str = "directory";
    const ABOUT: &'static str = "a directory: presence, owner, group, mode";
    const DOC: &'static str = "The key is an absolute path.";
    const EXAMPLE: &'static str = r#"
[directory."/var/lib/cutter"]
owner = "root"
group = "root"
mode = "0750"
"#;
    type Observed = Option<Seen>;

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        world
            .sweep(items, |host, path, _spec| {
                let stat = host.stat(Path::new(path), Links::Refuse)?;
                Ok(stat.map(|stat| Seen {
                    file_type: stat.file_type,
                    owner: host.user_name(stat.uid),
                    group: host.group_name(stat.gid),
                    mode: stat.mode,
                }))
            })
            .await
    }

    fn diff(&self, _path: &str, observed: &Option<Seen>) -> Comparison {
        let mut found = Comparison::by(Evidence::Stat);
        let Some(seen) = observed else {
            found.differences.push(Difference::new("presence", "present", "absent"));
            return found;
        };
        found.expect("owner", self.owner.as_ref(), &seen.owner);
        found.expect("group", self.group.as_ref(), &seen.group);
        found.expect("mode", self.mode.as_ref(), &seen.mode);
        found
    }
}
