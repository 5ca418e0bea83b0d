//! Plans for 10,000 resources: of a host where one in ten is missing, and of one where all are.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::Result;
use super::host::Host;
use super::layout::Layout;
use super::measure;

const FOLDERS: usize = 100;
const IN_EACH: usize = 100;
const CONTENT: &str = "key = value\n";

pub(super) fn run(layout: &Layout, runs: usize) -> Result<()> {
    println!("\n### Plan: {} resources, half directories and half files\n", FOLDERS * IN_EACH);
    println!("| missing | what | CPU s | wall s | peak MiB |\n|---|---|---|---|---|");
    for (name, missing) in [("plan-some", 10), ("plan-all", 1)] {
        let host = lay(layout, name, missing)?;
        let count = FOLDERS * IN_EACH / missing;
        // The first seals it, and those that are measured answer it again: nothing of the host has changed.
        for (what, verb) in [("check", "check"), ("plan", "plan")] {
            let mut asked = host.asked(what, &[verb, "--quiet"]);
            if verb == "plan" {
                asked.in_sync = |said| said.contains(" steps, sealed");
            } else {
                // It finds what is missing, and ends with 2.
                let words = asked.arguments.iter().map(|word| format!("'{word}'"));
                let words = words.collect::<Vec<_>>().join(" ");
                let script = format!("'{}' {words}; test $? = 2", asked.program.display());
                asked.program = "/bin/sh".into();
                asked.arguments = vec!["-c".to_owned(), script];
            }
            let median = measure::median(&asked, runs)?;
            let (cpu, wall) = (median.cpu.as_secs_f64(), median.wall.as_secs_f64());
            println!("| {count} | {what} | {cpu:.3} | {wall:.3} | {:.1} |", median.mebibytes);
        }
    }
    Ok(())
}

/// Lays a host down on which one in `missing` of the resources is not there.
fn lay(layout: &Layout, name: &str, missing: usize) -> Result<Host> {
    let host = Host::new(layout, name)?;
    fs::create_dir_all(host.path("/srv"))?;
    host.write("desired/hosts/bench/files/note", CONTENT)?;
    let owned = format!("owner = \"{}\"\ngroup = \"{}\"\n", host.owner, host.group);
    let mut toml = String::new();
    for at in 0..FOLDERS * IN_EACH {
        let (folder, within) = (at / IN_EACH, at % IN_EACH);
        let is_folder = within % 2 == 0;
        let path = match within {
            0 => format!("/srv/d{folder:03}"),
            within => format!("/srv/d{folder:03}/e{within:02}"),
        };
        if is_folder {
            writeln!(toml, "[directory.\"{path}\"]\n{owned}mode = \"0750\"")?;
        } else {
            writeln!(toml, "[file.\"{path}\"]\n{owned}mode = \"0640\"\nsource = \"files/note\"")?;
        }
        if within % missing == missing - 1 {
            continue;
        }
        let there = host.path(&path);
        if is_folder {
            fs::create_dir_all(&there)?;
        } else {
            fs::write(&there, CONTENT)?;
        }
        let mode = if is_folder { 0o750 } else { 0o640 };
        fs::set_permissions(&there, fs::Permissions::from_mode(mode))?;
    }
    host.want(&toml)?;
    Ok(host)
}
