//! Each test narrows a thread of its own: what it loses, the others keep.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::io::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::*;

/// Runs a test on a thread that ends with it.
fn alone(test: impl FnOnce() + Send + 'static) {
    let ended = std::thread::spawn(test).join();
    assert!(ended.is_ok(), "see above");
}

/// A kernel without these calls.
fn without(calls: &[libc::c_long]) {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture with filters");
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, missing, arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("a program");
    seccompiler::apply_filter(&program).expect("this kernel has filters");
}

fn errno<T>(result: io::Result<T>) -> Option<Errno> {
    result.err().and_then(|error| Errno::from_io_error(&error))
}

#[test]
fn files_are_read_where_it_is_said_and_written_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    for folder in [&inside, &outside] {
        fs::create_dir(folder).expect("a folder");
        fs::write(folder.join("file"), "text").expect("a file");
    }
    alone(move || {
        restrict_files(std::slice::from_ref(&inside)).expect("Landlock");
        assert_eq!(fs::read(inside.join("file")).expect("it may be read"), b"text");
        assert!(fs::read_dir("/usr").is_ok());
        assert_eq!(errno(fs::read(outside.join("file"))), Some(Errno::ACCESS));
        assert_eq!(errno(fs::read_dir(&outside)), Some(Errno::ACCESS));
        for folder in [inside.as_path(), Path::new("/tmp"), Path::new("/dev/shm")] {
            // Names that nobody else has taken there.
            let named = |what| folder.join(format!("countersign-{what}-{}", std::process::id()));
            let (file, inner) = (fs::write(named("file"), ""), fs::create_dir(named("folder")));
            assert_eq!(errno(file), Some(Errno::ACCESS), "{folder:?}");
            assert_eq!(errno(inner), Some(Errno::ACCESS), "{folder:?}");
        }
        assert_eq!(errno(fs::write(inside.join("file"), "")), Some(Errno::ACCESS));
        assert_eq!(errno(fs::remove_file(inside.join("file"))), Some(Errno::ACCESS));
        assert_eq!(errno(fs::rename(inside.join("file"), inside.join("g"))), Some(Errno::ACCESS));
        assert!(fs::write("/dev/null", "gone").is_ok());
        assert_eq!(errno(fs::write("/dev/full", "")), Some(Errno::ACCESS));
    });
}

#[test]
fn what_landlock_leaves_open_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let socket = folder.path().join("socket");
    let _local = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    alone(move || {
        filter::install().expect("a filter");
        assert_eq!(errno(TcpStream::connect(address)), Some(Errno::PERM));
        assert_eq!(errno(std::net::UdpSocket::bind("127.0.0.1:0")), Some(Errno::PERM));
        assert_eq!(errno(UnixStream::connect(&socket)), Some(Errno::PERM));
        assert!(UnixStream::pair().is_ok());
        let mode = fs::Permissions::from_mode(0o777);
        assert_eq!(errno(fs::set_permissions(&file, mode)), Some(Errno::PERM));
        let owner = rustix::process::getuid().as_raw();
        assert_eq!(errno(std::os::unix::fs::chown(&file, Some(owner), None)), Some(Errno::PERM));
        let (modified, opened) = (std::time::SystemTime::UNIX_EPOCH, fs::File::open(&file));
        assert_eq!(errno(opened.and_then(|f| f.set_modified(modified))), Some(Errno::PERM));
        let flags = rustix::fs::XattrFlags::empty();
        assert_eq!(rustix::fs::setxattr(&file, "user.a", b"", flags), Err(Errno::PERM));
        assert_eq!(rustix::process::setsid(), Err(Errno::PERM));
        assert_eq!(rustix::process::setpgid(None, None), Err(Errno::PERM));
        // New threads are made with `clone3`; without it the library takes `clone`.
        assert_eq!(std::thread::spawn(|| 7).join().ok(), Some(7));
    });
}

/// What a filter refuses where Landlock is too old to.
#[test]
fn no_way_to_open_a_file_gets_past_older_kernels() {
    use rustix::fs::{Mode, OFlags};
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "text").expect("a file");
    alone(move || {
        filter::install().expect("a filter");
        let open = |flags| rustix::fs::open(&file, flags, Mode::empty()).map(|_| ());
        let steer = OFlags::from_bits_retain(libc::O_ACCMODE.unsigned_abs());
        assert_eq!(open(steer), Err(Errno::PERM));
        assert_eq!(open(steer | OFlags::TRUNC), Err(Errno::PERM));
        assert_eq!(open(OFlags::RDONLY | OFlags::TRUNC), Err(Errno::PERM));
        assert_eq!(fs::read(&file).expect("it can be read"), b"text");
        let (none, beneath) = (Mode::empty(), rustix::fs::ResolveFlags::empty());
        let hidden = rustix::fs::openat2(rustix::fs::CWD, &file, OFlags::RDONLY, none, beneath);
        assert_eq!(hidden.err(), Some(Errno::NOSYS), "its flags cannot be seen");
        // Landlock knows those that say that they write.
        assert_eq!(open(OFlags::WRONLY | OFlags::TRUNC), Ok(()));
    });
}

#[test]
fn others_and_what_they_share_are_out_of_reach() {
    alone(|| {
        filter::install().expect("a filter");
        // A socket for single messages sends them to whom it likes, connected or not.
        assert_eq!(errno(std::os::unix::net::UnixDatagram::pair()), Some(Errno::PERM));
        assert!(UnixStream::pair().is_ok());
        let other = rustix::process::getppid();
        let limit = rustix::process::getrlimit(Resource::Core);
        let same = || Rlimit { current: limit.current, maximum: limit.maximum };
        let set = rustix::process::prlimit(other, Resource::Core, same());
        assert_eq!(set.map(|_| ()), Err(Errno::PERM));
        assert!(rustix::process::setrlimit(Resource::Core, same()).is_ok());
        assert_eq!(rustix::process::setpriority_process(other, 19), Err(Errno::PERM));
        let user = rustix::process::getuid();
        assert_eq!(rustix::process::setpriority_user(user, 19), Err(Errno::PERM));
        let processors = rustix::thread::sched_getaffinity(None).expect("processors");
        assert_eq!(rustix::thread::sched_setaffinity(other, &processors), Err(Errno::PERM));
        assert_eq!(rustix::thread::sched_setaffinity(None, &processors), Ok(()));
        assert_eq!(rustix::process::set_parent_process_death_signal(None), Err(Errno::PERM));
        let (read, _write) = io::pipe().expect("a pipe");
        assert_eq!(rustix::io::ioctl_fionread(&read), Ok(0));
        let file = fs::File::open("/etc/passwd").expect("a file");
        assert_eq!(rustix::fs::ioctl_getflags(&file), Err(Errno::NOTTY));
    });
}

#[test]
fn where_the_kernel_cannot_confine_nothing_is_concluded() {
    let read = [PathBuf::from("/tmp")];
    alone(move || {
        without(&[libc::SYS_landlock_create_ruleset]);
        let refused = restrict_files(&read).expect_err("there is no Landlock");
        assert_eq!(refused.reason, Reason::NotConfined);
    });
    let read = [PathBuf::from("/tmp")];
    alone(move || {
        without(&[libc::SYS_landlock_restrict_self]);
        let refused = restrict_files(&read).expect_err("it cannot be put into force");
        assert_eq!(refused.reason, Reason::NotConfined);
    });
    alone(|| {
        without(&[libc::SYS_seccomp]);
        let refused = filter::install().expect_err("there are no filters");
        assert_eq!(refused.reason, Reason::NotConfined);
    });
}
