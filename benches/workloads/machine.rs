//! What a reader of the figures has to know of the machine.

use std::fs;
use std::process::Command;

use super::Result;
use super::peers::find;

pub(super) fn print() -> Result<()> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("?", |(_, value)| value.trim())
    };
    let flags = format!(" {} ", field("flags"));
    let sha = flags.contains(" sha_ni ") || field("Features").contains("sha2");
    let cores = std::thread::available_parallelism()?;
    println!("processor: {}, {cores} cores, SHA instructions: {}", field("model name"), yes(sha));
    println!("kernel: {}", fs::read_to_string("/proc/sys/kernel/osrelease")?.trim());
    let memory = fs::read_to_string("/proc/meminfo")?;
    println!("{}", memory.lines().next().unwrap_or_default());
    let Some(program) = find("sha256sum") else { return Ok(()) };
    let linked = Command::new("ldd").arg(&program).output();
    let linked = linked.map(|out| String::from_utf8_lossy(&out.stdout).contains("libcrypto"));
    println!("sha256sum links libcrypto: {}", linked.map_or("?", yes));
    println!("load before: {}", fs::read_to_string("/proc/loadavg")?.trim());
    Ok(())
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
