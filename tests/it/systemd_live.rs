//! The kind `systemd_unit` against a real systemd: it boots as the first process of namespaces of its own, with the
//! `/usr` of this machine and an `/etc` of the test, and ends with the test.
//!
//! Needs root, a writable cgroup2 and the programs named in [`Lab::boot`]; where one is missing the test says so, loudly.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::resource;

/// What becomes of a process that has namespaces of its own: a root with the `/usr` of this machine, then systemd.
const BOOT: &str = r#"
set -e
for folder in usr etc run proc sys dev tmp var root program; do mkdir -p "$1/$folder"; done
for link in bin sbin lib lib64; do ln -s "usr/$link" "$1/$link"; done
mount --make-rprivate /
mount --bind /usr "$1/usr"
mount -o remount,bind,ro "$1/usr"
mount --bind "$2" "$1/program"
mount --bind "$1/run" "$1/run"
mount -t tmpfs tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for device in null zero full random urandom tty; do
  touch "$1/dev/$device"
  mount --bind "/dev/$device" "$1/dev/$device"
done
mkdir "$1/dev/shm" "$1/dev/pts"
hostname testhost
exec env -i container=countersign-test PATH=/usr/sbin:/usr/bin \
  chroot "$1" /lib/systemd/systemd --unit=lab.target --log-target=null --show-status=no
"#;

/// Units of every state that a manager can put them in.
const UNITS: &[(&str, &str)] = &[
    (
        "lab.target",
        "[Unit]\nDefaultDependencies=no\nRequires=dbus.service\nAfter=dbus.service\n\
         Wants=up.service once.service fail.service tick.timer gone.service running@x.service\n",
    ),
    (
        "up.service",
        "[Service]\nExecStart=/bin/sleep infinity\nUser=daemon\nEnvironment=CANARY=hunter2\n[Install]\nWantedBy=lab.target\nAlias=nick.service\n",
    ),
    ("up.service.d/10-more.conf", "[Service]\nNice=1\n"),
    ("once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n"),
    ("fail.service", "[Service]\nExecStart=/bin/false\n"),
    ("slow.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n"),
    ("gone.service", "[Service]\nExecStart=/bin/sleep infinity\n"),
    ("bad.service", "[Service]\n"),
    ("pre-fix@.service", "[Service]\nExecStart=/bin/true\n"),
    ("pre-fix-long-er.service", "[Service]\nExecStart=/bin/true\n"),
    ("stale.service", "[Service]\nExecStart=/bin/sleep infinity\n"),
    ("tick.timer", "[Timer]\nOnActiveSec=0\n"),
    ("tick.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n"),
    ("never.timer", "[Timer]\nOnCalendar=2001-01-01\n"),
    (
        "running@.service",
        "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=lab.target\n",
    ),
];

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nmessagebus:x:100:100::/:/bin/false\n\
                      nobody:x:65534:65534::/:/bin/false\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nmessagebus:x:100:\nnogroup:x:65534:\n";

/// Files that add to units by each of the ways there are; of some there are several by the same name.
const DROP_INS: &[&str] = &[
    "etc/systemd/system/nick.service.d/60-by-alias.conf",
    "etc/systemd/system/pre-fix@x.service.d/10.conf",
    "etc/systemd/system/pre-fix@.service.d/10.conf",
    "etc/systemd/system/pre-fix@.service.d/20.conf",
    "run/systemd/system/pre-fix@x.service.d/20.conf",
    "run/systemd/system/pre-fix@x.service.d/30.conf",
    "etc/systemd/system/pre-@.service.d/30.conf",
    "etc/systemd/system/pre-@x.service.d/40.conf",
    "etc/systemd/system/pre-.service.d/50.conf",
    "etc/systemd/system/pre-fix@y.service.d/60.conf",
    "run/systemd/system/pre-fix-long-.service.d/10.conf",
    "etc/systemd/system/pre-fix-.service.d/10.conf",
    "etc/systemd/system/pre-fix-.service.d/20.conf.off",
    "etc/systemd/system/pre-fix-.service.d/.hidden.conf",
    "run/systemd/system/pre-fix-long-er.service.d/15.conf",
];

/// How many were booted by this process.
static LABS: AtomicU32 = AtomicU32::new(0);

/// A systemd of its own, below a folder.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    unshare: Child,
    cgroup: PathBuf,
    /// The first process in there, as this machine numbers it.
    first: String,
}

impl Lab {
    /// Boots; `None`, loudly, where that is not possible.
    pub(crate) fn boot() -> Option<Self> {
        match Self::try_boot() {
            Ok(lab) => Some(lab),
            Err(why) => {
                eprintln!("SKIPPED, no live systemd was asked: {why}");
                None
            }
        }
    }

    fn try_boot() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can make the namespaces".to_owned());
        }
        let programs =
            ["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/dbus-daemon", "/usr/bin/systemctl"];
        for program in programs.into_iter().chain(["/lib/systemd/systemd"]) {
            if !Path::new(program).exists() {
                return Err(format!("there is no {program}"));
            }
        }
        let mounts = fs::read_to_string("/proc/mounts").map_err(|e| e.to_string())?;
        let cgroup2 = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let cgroup2 = cgroup2.into_iter().find(|words| words.get(2) == Some(&"cgroup2"));
        let mount =
            cgroup2.and_then(|words| words.get(1).copied()).ok_or("no cgroup2 is mounted")?;
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-test-{}-{number}", std::process::id());
        let cgroup = Path::new(mount).join(name);
        fs::create_dir(&cgroup).map_err(|e| format!("{}: {e}", cgroup.display()))?;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        write_etc(folder.path());
        let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
        let enter = "echo $$ > \"$3/cgroup.procs\" && exec unshare --fork --kill-child --pid --mount --uts --ipc \
                     --net --cgroup /bin/sh -c \"$4\" sh \"$1\" \"$2\"";
        let unshare = Command::new("/bin/sh")
            .args(["-c", enter, "sh"])
            .args([folder.path(), program, &cgroup, Path::new(BOOT)])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("boot.log")).unwrap())
            .spawn()
            .map_err(|e| e.to_string());
        let mut lab = Self { folder, unshare: unshare?, cgroup, first: String::new() };
        lab.wait_for_boot()?;
        Ok(lab)
    }

    fn wait_for_boot(&mut self) -> Result<(), String> {
        let give_up = Instant::now() + Duration::from_mins(1);
        let pid = self.unshare.id();
        loop {
            let log =
                || fs::read_to_string(self.folder.path().join("boot.log")).unwrap_or_default();
            if let Ok(Some(status)) = self.unshare.try_wait() {
                return Err(format!("systemd ended with {status}: {}", log()));
            }
            if Instant::now() > give_up {
                return Err(format!("systemd did not boot within a minute: {}", log()));
            }
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            children.unwrap_or_default().trim().clone_into(&mut self.first);
            let booted = !self.first.is_empty()
                && self.folder.path().join("run/dbus/system_bus_socket").exists()
                && self.run(&["systemctl", "is-active", "lab.target"]).status.success();
            if booted {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a program in there.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        Command::new("/usr/bin/nsenter")
            .args(["--target", &self.first, "--all", "--root", "--wd"])
            .args(words)
            .env("LC_ALL", "C")
            .output()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn must(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Checks a file of resources in there, as whom the words before say.
    fn check(&self, before: &[&str], resources: &str) -> (i32, Value) {
        self.write("desired/hosts/a/resources.toml", resources);
        let words = ["/program/countersign", "check", "--desired", "/desired", "--output", "json"];
        let output = self.run(&[before, &words].concat());
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("CANARY"), "{text}");
        let report = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        (output.status.code().unwrap(), report)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Everything in there, at once; where the kernel cannot do that, its first process takes the others with it.
        let _ = fs::write(self.cgroup.join("cgroup.kill"), "1");
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        let give_up = Instant::now() + Duration::from_secs(20);
        while remove_groups(&self.cgroup).is_err() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn remove_groups(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_groups(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

fn write_etc(root: &Path) {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    // `tempfile` keeps its folders to their owner; the bus runs as somebody else.
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    write("etc/passwd", PASSWD);
    write("etc/group", GROUP);
    write("etc/hostname", "testhost\n");
    write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    write("etc/countersign/config.toml", "host = \"a\"\n[observe]\nroots = [\"/opt\"]\n");
    write("desired/hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
    for (name, text) in UNITS {
        write(&format!("etc/systemd/system/{name}"), text);
    }
    let system = root.join("etc/systemd/system");
    fs::create_dir_all(system.join("lab.target.wants")).unwrap();
    symlink("/etc/systemd/system/up.service", system.join("lab.target.wants/up.service")).unwrap();
    symlink("/etc/systemd/system/up.service", system.join("nick.service")).unwrap();
    symlink("/dev/null", system.join("masked.service")).unwrap();
    write("etc/systemd/system/timer.d/all.conf", "[Timer]\nAccuracySec=1s\n");
    for path in DROP_INS {
        write(path, "[Service]\nNice=2\n");
    }
    symlink("/dev/null", system.join("pre-fix@x.service.d/70.conf")).unwrap();
    let generator = "etc/systemd/system-generators/lab";
    write(
        generator,
        "#!/bin/sh\nprintf '[Service]\\nExecStart=/bin/true\\n' > \"$1/generated.service\"\n",
    );
    fs::set_permissions(root.join(generator), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every state of a living manager, each as it is, and the same through `systemctl` when the bus is gone.
#[test]
fn a_living_manager_is_asked_and_understood() {
    let Some(lab) = Lab::boot() else { return };
    lab.write("run/systemd/system/masked-runtime.service", "");
    lab.must(&["systemctl", "daemon-reload"]);
    lab.must(&["systemctl", "start", "--no-block", "slow.service"]);
    lab.must(&["systemd-run", "--quiet", "--unit=passing", "/bin/sleep", "infinity"]);
    fs::remove_file(lab.folder.path().join("etc/systemd/system/gone.service")).unwrap();
    lab.must(&["systemctl", "daemon-reload"]);
    // The manager keeps what it has read of a unit that runs, and this one is changed after that.
    lab.must(&["systemctl", "start", "stale.service"]);
    lab.write("etc/systemd/system/stale.service.d/new.conf", "[Unit]\nDescription=new\n");

    each_state_is_told(&lab);
    closed_lists_hold_everything(&lab);
    files_say_what_the_manager_says(&lab);
    without_a_bus_systemctl_is_asked(&lab);
}

const IN_SYNC: &str = r#"
[systemd_unit."up.service"]
active = "active"
enabled = "enabled"
user = "daemon"
result = "success"
fragment = "/etc/systemd/system/up.service"
drop_ins = [
  "/etc/systemd/system/nick.service.d/60-by-alias.conf",
  "/etc/systemd/system/up.service.d/10-more.conf",
]
needs_reload = false
[systemd_unit."nick.service"]
enabled = "alias"
active = "active"
[systemd_unit."once.service"]
active = "inactive"
enabled = "static"
result = "success"
[systemd_unit."fail.service"]
active = "failed"
result = "exit-code"
[systemd_unit."masked.service"]
enabled = "masked"
[systemd_unit."masked-runtime.service"]
enabled = "masked-runtime"
[systemd_unit."generated.service"]
enabled = "generated"
[systemd_unit."passing.service"]
enabled = "transient"
active = "active"
[systemd_unit."running@x.service"]
active = "active"
[systemd_unit."running@.service"]
enabled = "disabled"
[systemd_unit."tick.timer"]
active = ["active", "inactive"]
triggered_within = "1h"
drop_ins = ["/etc/systemd/system/timer.d/all.conf"]
[systemd_unit."none.service"]
present = false
[systemd_unit."bad.service"]
load = "bad-setting"
[systemd_unit."slow.service"]
active = "activating"
"#;

const OTHERWISE: &str = r#"
[systemd_unit."up.service"]
drop_ins = []
[systemd_unit."once.service"]
enabled = "enabled"
[systemd_unit."fail.service"]
active = "active"
[systemd_unit."masked.service"]
[systemd_unit."stale.service"]
needs_reload = false
[systemd_unit."gone.service"]
present = false
[systemd_unit."bad.service"]
[systemd_unit."slow.service"]
active = "active"
[systemd_unit."never.timer"]
triggered_within = "1h"
[systemd_unit."none.service"]
"#;

fn each_state_is_told(lab: &Lab) {
    let (code, report) = lab.check(&[], IN_SYNC);
    assert_eq!(code, 0, "{report:#}");
    // Anybody may ask.
    let daemon = ["/usr/bin/setpriv", "--reuid", "1", "--regid", "1", "--clear-groups"];
    let (code, report) = lab.check(&daemon, IN_SYNC);
    assert_eq!(code, 0, "{report:#}");
    let (code, report) = lab.check(&[], OTHERWISE);
    assert_eq!(code, 4, "{report:#}");
    let told = |name: &str| {
        let found = resource(&report, &format!("systemd_unit.{name}"));
        let first = &found["differences"][0];
        format!("{} {} {}", found["verdict"], first["field"], first["actual"]).replace('"', "")
    };
    for (name, expected) in [
        ("up.service", "drift drop_ins /etc/systemd/system/up.service.d/10-more.conf applies"),
        ("once.service", "drift enabled static: it has no [Install] section"),
        ("fail.service", "drift active failed, result exit-code"),
        ("masked.service", "drift load masked"),
        ("stale.service", "drift needs_reload true"),
        ("gone.service", "drift active active (running), although its file is gone"),
        ("bad.service", "drift load bad-setting: "),
        ("slow.service", "unknown null null"),
        ("never.timer", "drift triggered_within never"),
        ("none.service", "drift presence absent"),
    ] {
        assert!(told(name).starts_with(expected), "{name}: {}", told(name));
    }
}

fn closed_lists_hold_everything(lab: &Lab) {
    let wanted = "[systemd_unit.\"*cutter*\"]\nonly = []\n\
                  [systemd_unit.\"running@*\"]\nonly = [\"running@.service\", \"running@x.service\"]\n";
    let (code, report) = lab.check(&[], wanted);
    assert_eq!(code, 0, "{report:#}");
    // A file alone, a unit without a file, and one that only runs any more.
    lab.write("etc/systemd/system/a-cutter.timer", "[Timer]\nOnCalendar=daily\n");
    lab.must(&["systemd-run", "--quiet", "--unit=cutter-b", "/bin/sleep", "infinity"]);
    let (code, report) = lab.check(&[], wanted);
    let found = resource(&report, "systemd_unit.*cutter*");
    let fields: Vec<&str> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["field"].as_str().unwrap())
        .collect();
    assert_eq!((code, fields), (2, vec!["a-cutter.timer", "cutter-b.service"]));
}

/// For every unit with a file in this machine's `/usr`: what is read here is what the manager has read.
fn files_say_what_the_manager_says(lab: &Lab) {
    let listed =
        lab.must(&["systemctl", "list-unit-files", "--no-legend", "--plain", "--no-pager"]);
    let files = listed.lines().filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = files.chain(["pre-fix@x.service", "running@x.service"]).collect();
    let mut recorded = ["", "source = \"files\"\n"].map(|source| {
        let mut text = String::new();
        for name in &names {
            let name = name.replace('\\', "\\\\");
            writeln!(text, "[systemd_unit.\"{name}\"]\n{source}").unwrap();
        }
        lab.write("desired/hosts/a/resources.toml", &text);
        let words = ["check", "--desired", "/desired", "--record", "/tmp/world.json"];
        lab.run(&[&["/program/countersign"], &words[..]].concat());
        let world = lab.must(&["cat", "/tmp/world.json"]);
        serde_json::from_str::<Value>(&world).unwrap()
    });
    let [bus, files] = &mut recorded;
    let (bus, files) = (bus["answers"].as_array().unwrap(), files["answers"].as_array().unwrap());
    assert_eq!((bus.len(), files.len()), (names.len(), names.len()));
    let mut wrong = Vec::new();
    for (bus, files) in bus.iter().zip(files) {
        let template = bus["resource"].as_str().unwrap().contains("@.");
        assert_eq!(bus["seen"]["source"], if template { "files" } else { "bus" });
        assert_eq!(files["seen"]["source"], "files");
        let (theirs, ours) = (&bus["seen"]["unit"], &files["seen"]["unit"]);
        // What was changed behind the manager's back, or has no file, is another matter.
        let name = bus["resource"].as_str().unwrap();
        if ["stale.service", "passing.service"].iter().any(|n| name.ends_with(n)) {
            continue;
        }
        for field in
            ["id", "enabled", "fragment", "drop_ins", "fragment_sha256", "definition_sha256"]
        {
            if theirs[field] != ours[field] {
                wrong.push(format!("{name} {field}: {} {}", theirs[field], ours[field]));
            }
        }
        let load = (theirs["load"].as_str().unwrap(), ours["load"].as_str().unwrap());
        if load.0 != load.1 && load != ("bad-setting", "loaded") {
            wrong.push(format!("{name} load: {load:?}"));
        }
    }
    let more = |name: &str| {
        let fits = |answer: &&Value| answer["resource"] == format!("systemd_unit.{name}");
        let answer = files.iter().find(fits).unwrap();
        answer["seen"]["unit"]["drop_ins"].as_array().unwrap().len()
    };
    assert_eq!((more("pre-fix@x.service"), more("pre-fix-long-er.service")), (6, 3));
    eprintln!("{} units were compared", names.len());
    assert!(wrong.is_empty() && names.len() > 100, "{}", wrong.join("\n"));
}

/// Root may ask the manager's own socket; others learn that nobody answers.
fn without_a_bus_systemctl_is_asked(lab: &Lab) {
    fs::remove_file(lab.folder.path().join("run/dbus/system_bus_socket")).unwrap();
    let resources = "[systemd_unit.\"up.service\"]\nactive = \"active\"\nenabled = \"enabled\"\nuser = \"daemon\"\n\
                     drop_ins = [\"/etc/systemd/system/up.service.d/10-more.conf\", \
                     \"/etc/systemd/system/nick.service.d/60-by-alias.conf\"]\n\
                     [systemd_unit.\"none.service\"]\npresent = false\n\
                     [systemd_unit.\"cutter-b*\"]\nonly = [\"cutter-b.service\"]\n";
    let (code, report) = lab.check(&[], resources);
    assert_eq!(code, 0, "{report:#}");
    let daemon = ["/usr/bin/setpriv", "--reuid", "1", "--regid", "1", "--clear-groups"];
    let (code, report) = lab.check(&daemon, resources);
    let found = resource(&report, "systemd_unit.none.service");
    assert_eq!((code, &found["reason"]), (4, &"unreachable".into()), "{report:#}");
}
