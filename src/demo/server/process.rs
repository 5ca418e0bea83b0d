//! The server's process: started by a thread that outlives it, or left on its own; stopped in order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::error::{Result, ServerError, end_of, io_error, late, log_end};

const START_SECONDS_MAX: u64 = 60;
const STOP_SECONDS_MAX: u64 = 30;

pub(super) type Kept = (u32, mpsc::Sender<()>, JoinHandle<Result<()>>);

pub(super) fn keep(server: Command, home: PathBuf) -> Result<Kept> {
    let (stop, stopping) = mpsc::channel::<()>();
    let (ready, started) = mpsc::channel();
    let folder = home.clone();
    let thread = std::thread::Builder::new().name("private-postgres".into()).spawn(move || {
        let mut child = spawn(server)?;
        let up = wait_until_ready(&home, &mut child);
        let failed = up.is_err();
        // Nobody listening means that the starter is gone; then there is nothing to keep either.
        let heard = ready.send(up.map(|()| child.id())).is_ok();
        if heard && !failed {
            // Returns when the other end is dropped.
            let _ = stopping.recv();
        }
        stop_child(&mut child, &home)
    });
    let thread = thread.map_err(|e| io_error("keep", &folder, e))?;
    match started.recv() {
        Ok(Ok(pid)) => Ok((pid, stop, thread)),
        Ok(Err(error)) => {
            let _ = thread.join();
            Err(error)
        }
        Err(_) => match thread.join() {
            Ok(Err(error)) => Err(error),
            _ => Err(late("start", START_SECONDS_MAX, &folder)),
        },
    }
}

fn stop_child(child: &mut Child, home: &Path) -> Result<()> {
    // SIGINT is a fast shutdown: sessions are ended, and the data directory is left in order.
    if let Ok(None) = child.try_wait() {
        let _ = kill_process(Pid::from_child(child), Signal::INT);
    }
    let give_up = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
    while let Ok(None) = child.try_wait() {
        if Instant::now() > give_up {
            let error = late("stop", STOP_SECONDS_MAX, home);
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The server writes `ready` into the last line of its pid file.
pub(super) fn wait_until_ready(home: &Path, child: &mut Child) -> Result<()> {
    let give_up = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
    let pid_file = home.join("data/postmaster.pid");
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            let (program, output) = ("postgres".into(), log_end(home));
            return Err(ServerError::Failed { program, status: status.to_string(), output });
        }
        let text = fs::read_to_string(&pid_file).unwrap_or_default();
        if text.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        if Instant::now() > give_up {
            let error = late("start", START_SECONDS_MAX, home);
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn spawn(mut command: Command) -> Result<Child> {
    command.spawn().map_err(|e| not_started(&command, e))
}

pub(super) fn finish(mut command: Command) -> Result<()> {
    let program = command.get_args().chain([command.get_program()]).find_map(|word| {
        let name = Path::new(word).file_name()?.to_str()?;
        ["initdb", "pg_ctl"].contains(&name).then(|| name.to_owned())
    });
    let Output { status, stdout, stderr } =
        command.output().map_err(|e| not_started(&command, e))?;
    if status.success() {
        return Ok(());
    }
    let mut output = stdout;
    output.extend(stderr);
    let output = end_of(&String::from_utf8_lossy(&output));
    let program = program.unwrap_or_else(|| "setpriv".into());
    Err(ServerError::Failed { program, status: status.to_string(), output })
}

fn not_started(command: &Command, source: std::io::Error) -> ServerError {
    match Path::new(command.get_program()) {
        program if program == Path::new("setpriv") => ServerError::NoSetpriv(source),
        program => io_error("start", program, source),
    }
}
