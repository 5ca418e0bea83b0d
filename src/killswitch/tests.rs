//! Whatever is missing, unreadable or garbled means halted.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::*;
use crate::config::{Origin, Overrides};
use crate::model::Timestamp;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().expect("an instant")
}

fn laid_out(switch: &str) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("config.toml", "data = \"data\"\n"), ("switch.toml", switch)] {
        fs::write(folder.path().join(name), text).expect("written");
        mode(&folder.path().join(name), 0o644);
    }
    let config = Some((folder.path().join("config.toml"), Origin::Flag("--config")));
    let config =
        strict::load(&Overrides { config, ..Overrides::default() }).expect("a configuration");
    (folder, config)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

fn code(config: &Config, verb: Verb) -> &'static str {
    check(config, verb).err().map_or("armed", |halted| halted.code())
}

#[test]
fn only_a_switch_that_says_so_arms() {
    let (_folder, config) = laid_out("version = 1\napply = true\n");
    assert_eq!(check(&config, Verb::Apply).expect("armed").verb(), Verb::Apply);
    assert_eq!(code(&config, Verb::Prove), "switched_off");
    let (_folder, config) = laid_out("version = 1\n");
    assert_eq!(code(&config, Verb::Apply), "switched_off");
}

#[test]
fn a_switch_that_is_missing_garbled_or_anybodys_is_off() {
    let (folder, config) = laid_out("version = 1\napply = true\n");
    let file = folder.path().join("switch.toml");
    mode(&file, 0o666);
    assert_eq!(code(&config, Verb::Apply), "switch_insecure");
    mode(&file, 0o644);
    mode(folder.path(), 0o757);
    assert_eq!(code(&config, Verb::Apply), "switch_insecure", "others could replace it");
    mode(folder.path(), 0o755);
    fs::remove_file(&file).expect("removed");
    assert_eq!(code(&config, Verb::Apply), "switch_unreadable");
    symlink("/dev/null", &file).expect("linked");
    assert_eq!(code(&config, Verb::Apply), "switch_insecure");
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("made");
    assert_eq!(code(&config, Verb::Apply), "switch_insecure");
    fs::remove_dir(&file).expect("removed");
    for garbled in ["", "\0\0\0", "apply = true\n", "version = 1\napply = true\nx"] {
        fs::write(&file, garbled).expect("written");
        mode(&file, 0o644);
        assert_eq!(code(&config, Verb::Apply), "switch_unreadable", "{garbled:?}");
    }
    fs::write(&file, "version = 1\napply = true\n").expect("written");
    assert_eq!(code(&config, Verb::Apply), "armed", "it is read afresh");
}

#[test]
fn a_halt_stops_whatever_the_switch_says_until_it_is_lifted() {
    let (_folder, config) = laid_out("version = 1\napply = true\nprove = true\n");
    let data = &config.data.value;
    halt(data, "uid 7", "the disk\nsmells", now()).expect("halted");
    halt(data, "uid 7", "again", now()).expect("halted twice");
    assert_eq!((code(&config, Verb::Apply), code(&config, Verb::Prove)), ("halted", "halted"));
    let said = check(&config, Verb::Apply).expect_err("halted").to_string();
    assert!(said.contains("by: uid 7") && said.contains("the disk"), "{said}");
    assert!(!said.contains('\n'), "{said}");
    assert_eq!(lift(data).expect("lifted").len(), 2);
    assert_eq!(code(&config, Verb::Apply), "armed");
    assert_eq!(lift(data).expect("nothing to lift"), []);
}

#[test]
fn whatever_lies_in_the_folder_halts() {
    let (_folder, config) = laid_out("version = 1\napply = true\n");
    let folder = folder(&config.data.value);
    fs::create_dir_all(&folder).expect("made");
    assert_eq!(code(&config, Verb::Apply), "armed", "an empty folder is no marker");
    for name in ["", ".hidden", "garbage"] {
        let path = folder.join(if name.is_empty() { "empty" } else { name });
        fs::write(&path, name).expect("written");
        assert_eq!(code(&config, Verb::Apply), "halted", "{name}");
        fs::remove_file(&path).expect("removed");
    }
    symlink("nowhere", folder.join("link")).expect("linked");
    assert_eq!(code(&config, Verb::Apply), "halted");
    lift(&config.data.value).expect("lifted");
    // What should be the folder is something else.
    fs::remove_dir(&folder).expect("removed");
    fs::write(&folder, "").expect("written");
    assert_eq!(code(&config, Verb::Apply), "halt_unreadable");
    fs::remove_file(&folder).expect("removed");
    symlink(&config.data.value, &folder).expect("linked");
    assert_eq!(code(&config, Verb::Apply), "halt_unreadable");
}
