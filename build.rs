//! Links the unwinder of GCC into the program instead of loading `libgcc_s.so.1` at each start, where the C compiler has it
//! as an archive: the program then needs the C library alone, and starts a little faster.

#![expect(
    clippy::disallowed_methods,
    reason = "it asks the compiler and writes below the folder that cargo gives it; nothing of it is in the program"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What the toolchain asks the linker for by `-lgcc_s`. Linkers take a script for a library.
const ASKED: &str = "libgcc_s.so";
const ARCHIVE: &str = "libgcc_eh.a";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let Some(archive) = archive() else { return };
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    let script = format!("INPUT({})\n", archive.display());
    if let Err(error) = fs::write(out.join(ASKED), script) {
        println!("cargo::warning=libgcc_s is loaded at each start: {}: {error}", out.display());
        return;
    }
    println!("cargo::rustc-link-search=native={}", out.display());
}

/// The archive, where this builds for the machine that it runs on and the compiler knows of one.
fn archive() -> Option<PathBuf> {
    let gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|name| name == "gnu");
    if !gnu || env::var_os("HOST") != env::var_os("TARGET") {
        return None;
    }
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let asked = Command::new(compiler).arg(format!("-print-file-name={ARCHIVE}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    // A compiler that has none answers with the bare name. A linker script takes no path with spaces or quotes as it is.
    let plain =
        |path: &Path| path.to_str().is_some_and(|text| !text.contains([' ', '"', ',', '(', ')']));
    (path.is_absolute() && path.is_file() && plain(&path)).then_some(path)
}
