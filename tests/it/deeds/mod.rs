//! Plan, approve, apply from the outside: a host of a test's own, people with keys, and the record that it leaves.

mod absence;
mod confined;
mod crashes;
mod interleavings;
mod ordinary;
mod races;
mod refusals;
mod secrets;
mod storage;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use countersign::approval::{About, Authors, Decision, NAMESPACE, Statement};
use countersign::ledger::{Checkpoint, Event, LedgerError, Reader};
use countersign::model::{Clock as _, Digest, Period, SystemClock};
use countersign::plan::Plan;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};

use crate::program::{Ran, World, git, run};

const MACHINE: &str = "0123456789abcdef0123456789abcdef\n";

/// One directory and one file in it, neither of which is there.
const WANTED: &str = "[directory.\"/srv/runs\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0750\"\n\
    [file.\"/srv/runs/note\"]\nowner = \"me\"\ngroup = \"me\"\nmode = \"0640\"\nsource = \"files/note\"\n";

/// Somebody with a key and a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Operator,
    Reviewer,
}

impl Who {
    const BOTH: [Self; 2] = [Self::Operator, Self::Reviewer];

    fn name(self) -> &'static str {
        if self == Self::Operator { "operator" } else { "reviewer" }
    }

    fn role(self) -> &'static str {
        if self == Self::Operator { "dba" } else { "owner" }
    }

    fn key(self) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[self as u8 + 1; 32]))
    }

    fn line(self) -> String {
        self.key().public_key().to_openssh().unwrap().trim_end().to_owned()
    }

    fn sign(self, namespace: &str, text: &[u8]) -> Vec<u8> {
        let signed = SshSig::sign(&self.key(), namespace, HashAlg::Sha512, text).unwrap();
        signed.to_pem(LineEnding::LF).unwrap().into_bytes()
    }
}

/// A host with its own configuration, desired state in a repository, and two people who have to approve.
struct Lab {
    world: World,
}

impl Lab {
    fn new() -> Self {
        Self::wanting(WANTED)
    }

    fn wanting(resources: &str) -> Self {
        let lab = Self { world: World::new() };
        let world = &lab.world;
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        let (mut passwd, mut group) = (
            "root:x:0:0:root:/:\nother:x:12345:12345::/:\n".to_owned(),
            "root:x:0:\nother:x:12345:\n".to_owned(),
        );
        if !uid.is_root() {
            passwd = format!("{passwd}me:x:{uid}:{gid}:me:/:\n");
            group = format!("{group}me:x:{gid}:\n");
        }
        world.host_file("etc/machine-id", MACHINE);
        world.host_file("etc/passwd", passwd);
        world.host_file("etc/group", group);
        world.host_folder("etc", 0o755);
        world.host_folder("srv", 0o755);
        world.host_folder("", 0o755);
        world.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
        world.desired("hosts/a/files/note", "hello\n");
        lab.want(resources);
        lab.configure("");
        lab.file("switch.toml", "version = 1\napply = true\n");
        lab.trust("separation = \"none\"\n");
        lab
    }

    /// Commits another text of desired state.
    fn want(&self, resources: &str) -> String {
        // Of two names with one number only one is ever seen, and that of root has a name.
        let me = if rustix::process::geteuid().is_root() { "\"root\"" } else { "\"me\"" };
        self.world.desired("hosts/a/r.toml", resources.replace("\"me\"", me));
        self.world.commit()
    }

    fn configure(&self, more: &str) {
        let text = "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/\"]\n";
        self.file("config.toml", &format!("{text}{more}"));
    }

    fn trust(&self, policy: &str) {
        let text = format!(
            "version = 1\n[approver.operator]\nkeys = [\"{}\"]\nroles = [\"dba\"]\n[approver.reviewer]\nkeys = [\"{}\"]\nroles = [\"owner\"]\n\
             [policy.provision]\nactions = [\"create_directory\", \"write_file\", \"create_symlink\", \"set_mode\", \"set_owner\", \"remove\"]\n\
             roots = [\"/srv\"]\nmax_steps = 100\ntotal = 2\n\
             require = [{{ role = \"dba\", min = 1 }}, {{ role = \"owner\", min = 1 }}]\nlifetime = \"24h\"\n{policy}",
            Who::Operator.line(),
            Who::Reviewer.line()
        );
        self.file("trust.toml", &text);
    }

    fn file(&self, name: &str, text: &str) {
        self.world.write(name, text);
        self.mode(name, 0o644);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.world.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    /// A path of the host.
    fn host(&self, name: &str) -> PathBuf {
        self.world.path("root").join(name)
    }

    fn ledger(&self) -> PathBuf {
        self.world.path("data/ledger/executor")
    }

    fn plan_with(&self, more: &[&str]) -> Ran {
        let (config, plan) = (self.path("config.toml"), self.path("plan.json"));
        run(&[&["plan", "--config", &config, "-o", &plan], more].concat())
    }

    /// Seals a plan for what is wanted.
    #[track_caller]
    fn plan(&self) -> (Plan, Digest) {
        self.plan_with(&[]).ends_with(0);
        self.read()
    }

    fn read(&self) -> (Plan, Digest) {
        let bytes = fs::read(self.world.path("plan.json")).unwrap();
        (Plan::read(&bytes).unwrap(), Digest::of(&bytes))
    }

    /// What somebody says about the plan, signed, in a file.
    fn says(&self, who: Who, namespace: &str, edit: impl FnOnce(&mut Statement)) -> String {
        let (plan, digest) = self.read();
        let mut statement = statement(who, &plan, digest);
        edit(&mut statement);
        let text = statement.text().unwrap();
        let signature = who.sign(namespace, text.as_bytes());
        let name = format!("{}.{}.approval", who.name(), Digest::of(text.as_bytes()));
        self.world.write(&name, [text.into_bytes(), signature].concat());
        self.path(&name)
    }

    fn approved(&self) -> Vec<String> {
        Who::BOTH.map(|who| self.says(who, NAMESPACE, |_| ())).into()
    }

    fn apply_with(&self, plan: &str, approvals: &[String]) -> Ran {
        let (config, plan) = (self.path("config.toml"), self.path(plan));
        let mut words = vec!["apply", &plan, "--config", &config];
        for file in approvals {
            words.extend(["--approval", file]);
        }
        run(&words)
    }

    fn apply(&self, approvals: &[String]) -> Ran {
        self.apply_with("plan.json", approvals)
    }

    /// Plans, approves and applies.
    #[track_caller]
    fn provision(&self) {
        self.plan();
        self.apply(&self.approved()).ends_with(0);
    }

    #[track_caller]
    fn refused(&self, exit: i32, word: &str, approvals: &[String]) -> Ran {
        self.refused_of("plan.json", exit, &[word], approvals)
    }

    /// It ends with that code, nothing of the host is another, and the ledger says why.
    #[track_caller]
    fn refused_of(&self, plan: &str, exit: i32, words: &[&str], approvals: &[String]) -> Ran {
        let (before, count) = (self.snapshot(), self.refusals().len());
        let ran = self.apply_with(plan, approvals).ends_with(exit);
        assert_eq!(self.snapshot(), before, "the host was changed");
        match &self.refusals()[count..] {
            [word] => assert!(words.contains(&word.as_str()), "{word}: {}", ran.stderr),
            others => panic!("{others:?}: {}", ran.stderr),
        }
        said(&ran);
        ran
    }

    /// Everything about the host, down to when each inode changed last.
    fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        walk(&self.world.path("root"), &mut found);
        found
    }

    fn events(&self) -> Vec<Event> {
        match Reader::open(&self.ledger()) {
            Ok(reader) => reader.entries().unwrap().map(|entry| entry.unwrap().event).collect(),
            Err(LedgerError::Missing { .. }) => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// The words of all refusals so far.
    fn refusals(&self) -> Vec<String> {
        let codes = self.events().into_iter().filter_map(|event| match event {
            Event::Refused(refused) => Some(refused.code),
            _ => None,
        });
        codes.collect()
    }

    /// The words of all statements that did not count.
    fn worthless(&self) -> Vec<String> {
        let codes = self.events().into_iter().filter_map(|event| match event {
            Event::ApprovalRefused(refused) => Some(refused.code),
            _ => None,
        });
        codes.collect()
    }

    fn checkpoint(&self) -> Checkpoint {
        Reader::open(&self.ledger()).unwrap().checkpoint().checkpoint.clone()
    }

    /// How often a plan was used up.
    fn used(&self, plan: Digest) -> usize {
        let used =
            |event: &&Event| matches!(event, Event::PermitConsumed(used) if used.plan == plan);
        self.events().iter().filter(used).count()
    }

    /// Copies a folder of this world, with everything that can be copied.
    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.world.path(from), self.world.path(to));
        let _ = fs::remove_dir_all(&to);
        let mut copy = std::process::Command::new("cp");
        assert!(copy.arg("-a").arg(&from).arg(&to).status().unwrap().success());
    }

    fn branch(&self, words: &[&str]) -> String {
        git(&self.world.path("desired"), words)
    }
}

/// What somebody says about a plan when all is well.
fn statement(who: Who, plan: &Plan, digest: Digest) -> Statement {
    let about = About::of(plan, digest, Authors::Unknown(String::new()));
    let now = SystemClock.now();
    Statement {
        decision: Decision::Approve,
        plan: digest,
        summary: about.summary(),
        plan_id: about.plan_id,
        host: about.host,
        commit: about.commit,
        approver: who.name().to_owned(),
        role: who.role().to_owned(),
        reason: "CHG-142".to_owned(),
        not_before: now,
        expires: now.after(Period::from_seconds(3600)),
        checkpoints: Vec::new(),
    }
}

/// A message, and what to do.
#[track_caller]
fn said(ran: &Ran) {
    assert!(ran.stderr.contains("error: ") && ran.stderr.contains("hint: "), "{}", ran.stderr);
}

fn walk(at: &Path, found: &mut BTreeMap<PathBuf, String>) {
    let meta = fs::symlink_metadata(at).unwrap();
    let mut told = format!(
        "{:o} {}:{} inode {} links {} changed {}.{}",
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.ino(),
        meta.nlink(),
        meta.ctime(),
        meta.ctime_nsec()
    );
    if meta.is_file() {
        write!(told, " sha256:{}", Digest::of(&fs::read(at).unwrap())).unwrap();
    } else if meta.is_symlink() {
        write!(told, " -> {}", fs::read_link(at).unwrap().display()).unwrap();
    } else if meta.is_dir() {
        for entry in fs::read_dir(at).unwrap() {
            walk(&entry.unwrap().path(), found);
        }
    }
    found.insert(at.to_owned(), told);
}
