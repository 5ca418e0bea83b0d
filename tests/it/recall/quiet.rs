//! What happens to a host and is no drift.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{Case, case};
use crate::program::World;

fn at(world: &World, path: &str) -> std::path::PathBuf {
    world.path("root").join(path)
}

fn quiet(about: &'static str, make: fn(&World)) -> Case {
    case(about, make, &[])
}

fn touch(path: std::path::PathBuf) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(1000)).unwrap();
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = vec![
        quiet("a file is touched", |w| touch(at(w, "srv/pinned"))),
        quiet("every file of a tree is read", |w| {
            for file in ["a", "b", "lib/c"] {
                fs::read(at(w, "srv/tree").join(file)).unwrap();
            }
        }),
        quiet("a file is written anew with the same content", |w| {
            w.host_file("srv/pinned", "pinned\n");
        }),
        quiet("a file is replaced by a copy of itself", |w| {
            fs::copy(at(w, "srv/tree/a"), at(w, "srv/copy")).unwrap();
            fs::rename(at(w, "srv/copy"), at(w, "srv/tree/a")).unwrap();
        }),
        quiet("an ignored cache directory grows", |w| {
            w.host_file("srv/tree/lib/__pycache__/d.pyc", "more noise");
        }),
        quiet("a directory gets one more entry", |w| w.host_file("srv/dir/more", "")),
        quiet("the lines of a settings file are reordered, with comments between", |w| {
            let text = "# settings\nTOKEN = \"x\"\n\nMODE = \"safe\"\nLIMIT = 5  # five\n";
            w.host_file("srv/settings.py", text);
        }),
        quiet("a value that only has to be there becomes another", |w| {
            w.host_file("srv/settings.py", "LIMIT = 5\nMODE = \"off\"\nTOKEN = \"rotated\"\n");
        }),
        quiet("the manifest of a deployment is written with colons, and a comment", |w| {
            let text = fs::read_to_string(at(w, "srv/DEPLOY.txt")).unwrap();
            w.host_file("srv/DEPLOY.txt", format!("# by hand\n{}", text.replace(" = ", ": ")));
        }),
        quiet("a hard link to a file of a tree is made elsewhere", |w| {
            fs::hard_link(at(w, "srv/tree/a"), at(w, "srv/second")).unwrap();
        }),
    ];
    cases.extend(super::accounts::quiet());
    cases
}
