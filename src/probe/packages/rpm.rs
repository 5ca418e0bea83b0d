//! The database of rpm, asked through `rpm -qa`: three formats of it are in use, and only rpm reads them all.
//!
//! The program is started only where a database exists, because it would make one otherwise, and without the rights of
//! root, because `SQLite` writes to its shared index beside the database wherever it may.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{INSTALLED, Package};
use crate::model::display::one_line;
use crate::model::{Reason, Unknown};
use crate::probe::host::Host;
use crate::probe::runner::Run;

/// A line for a package: enough for 100,000.
const OUTPUT_BYTES_MAX: usize = 16 << 20;
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
const DATABASES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];
const FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n";

/// Every package that rpm knows, in its order.
///
/// # Errors
/// Unknown, when there is no database, or rpm is not installed or does not answer.
pub fn read(host: &Host, deadline: Duration) -> Result<Vec<Package>, Unknown> {
    let database = database(host)?;
    let run = Run {
        program: "rpm",
        arguments: vec![
            "--dbpath".into(),
            database.into(),
            "-qa".into(),
            "--nodigest".into(),
            "--nosignature".into(),
            "--queryformat".into(),
            FORMAT.into(),
        ],
        // Macros of whoever runs this could start programs.
        environment: vec![("HOME", "/nonexistent".into())],
        folder: Path::new("/"),
        deadline,
    };
    let output = run.output_as_nobody(OUTPUT_BYTES_MAX).map_err(|error| error.unknown())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let detail = format!("`rpm -qa`: {}: {}", output.status, one_line(&said, 200));
        return Err(Unknown::new(Reason::IoError, detail));
    }
    if !output.complete {
        let detail = format!("`rpm -qa` printed more than {OUTPUT_BYTES_MAX} bytes");
        return Err(Unknown::new(Reason::TooLarge, detail));
    }
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn database(host: &Host) -> Result<PathBuf, Unknown> {
    for folder in FOLDERS {
        for database in DATABASES {
            if host.facts().stat(&format!("{folder}/{database}"))?.is_some() {
                return host.facts().real_directory(folder);
            }
        }
    }
    let detail = format!(
        "there is no database of rpm in {}",
        FOLDERS.map(|f| format!("`{f}`")).join(" or ")
    );
    Err(Unknown::new(Reason::NotSupported, detail))
}

fn parse(text: &str) -> Result<Vec<Package>, Unknown> {
    let package = |line: &str| {
        let [name, epoch, version, release, architecture] =
            line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let epoch = if epoch == "0" { String::new() } else { format!("{epoch}:") };
        Some(Package {
            name: name.to_owned(),
            version: format!("{epoch}{version}-{release}"),
            architecture: Some(architecture.to_owned()),
            state: INSTALLED.to_owned(),
        })
    };
    let lines = text.lines().map(|line| {
        package(line).ok_or_else(|| {
            let detail = format!("`rpm -qa` printed `{}`", one_line(line, 80));
            Unknown::new(Reason::Malformed, detail)
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_packages() {
        let packages = parse("a\t0\t1.2\t3\tx86_64\nb\t1\t4\t5\tnoarch\n").expect("two lines");
        let versions: Vec<_> = packages.iter().map(|p| p.version.as_str()).collect();
        assert_eq!(versions, ["1.2-3", "1:4-5"]);
        assert!(parse("error: x\n").is_err());
    }
}
