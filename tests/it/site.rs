//! A host with a repository, trust and an armed switch, whose plans are made, signed and run by the built program.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use countersign::model::Digest;

use crate::keys::Keys;
use crate::program::git;

/// How the program is started: here, or within namespaces.
type Start<'a> = Box<dyn Fn(&[&str]) -> Output + 'a>;

pub(crate) struct Site<'a> {
    /// Where it lies, as this machine names it.
    folder: PathBuf,
    /// The same, as the program names it.
    seen_at: String,
    start: Start<'a>,
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.text.contains(words), "{words} is not in\n{}", self.text);
        self
    }
}

impl<'a> Site<'a> {
    /// Lays it out; `root` is that of the host, as the configuration names it.
    pub(crate) fn new(
        folder: PathBuf,
        seen_at: &str,
        root: &str,
        policy: &str,
        start: Start<'a>,
    ) -> Self {
        fs::create_dir_all(folder.join("data")).unwrap();
        let keys = Keys::new();
        keys.make("ed25519", "first");
        fs::copy(keys.path("first"), folder.join("first")).unwrap();
        fs::copy(keys.path("first.pub"), folder.join("first.pub")).unwrap();
        let site = Self { folder, seen_at: seen_at.to_owned(), start };
        let config = format!(
            "host = \"a\"\nroot = \"{root}\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n\
             [identity]\nhostname = \"testhost\"\n[observe]\nroots = [\"/root\", \"/home\", \"/opt\"]\n"
        );
        site.write("config.toml", &config);
        site.write("switch.toml", "version = 1\napply = true\nprove = false\n");
        let mut trust = String::from("version = 1\n");
        let line = keys.line("first");
        write!(trust, "[approver.\"first@a\"]\nkeys = [\"{line}\"]\nroles = [\"operator\"]\n")
            .unwrap();
        write!(
            trust,
            "[policy.p]\n{policy}\nmax_steps = 16\ntotal = 1\nrequire = [{{ role = \"operator\", min = 1 }}]\n\
             separation = \"none\"\nlifetime = \"24h\"\n"
        )
        .unwrap();
        site.write("trust.toml", &trust);
        site.write("desired/hosts/a/host.toml", "[host]\nidentity = { hostname = \"testhost\" }\n");
        git(&site.folder.join("desired"), &["init", "--quiet", "--initial-branch=main"]);
        site
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Commits these resources.
    pub(crate) fn wants(&self, resources: &str) {
        self.write("desired/hosts/a/resources.toml", resources);
        let desired = self.folder.join("desired");
        git(&desired, &["add", "--all"]);
        git(&desired, &["commit", "--quiet", "--allow-empty", "--message", "wanted"]);
    }

    pub(crate) fn run(&self, words: &[&str]) -> Said {
        let config = format!("{}/config.toml", self.seen_at);
        let output = (self.start)(&[&["--config", &config], words].concat());
        let text = [output.stdout, output.stderr].map(|s| String::from_utf8_lossy(&s).into_owned());
        Said { code: output.status.code().unwrap_or(-1), text: text.concat() }
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.seen_at)
    }

    /// Plans into a file of that name.
    pub(crate) fn plan(&self, name: &str, more: &[&str]) -> Said {
        self.run(&[&["plan", "-o", &self.at(name)], more].concat())
    }

    /// Signs that plan.
    #[track_caller]
    pub(crate) fn approve(&self, name: &str) {
        let plan = fs::read(self.folder.join(name)).unwrap();
        let digest = Digest::of(&plan).to_string();
        let (plan, key) = (self.at(name), self.at("first"));
        let mut words = vec!["approve", &plan, "--as", "first@a", "--role", "operator"];
        words.extend(["--reason", "a test", "--key", &key, "--digest", &digest, "--i-am-remote"]);
        self.run(&words).ends_with(0);
    }

    /// Runs that plan.
    pub(crate) fn apply(&self, name: &str) -> Said {
        let statement = self.at(&format!("{name}.first@a.statement"));
        self.run(&["apply", &self.at(name), "--approval", &statement])
    }

    /// Plans, signs and runs.
    #[track_caller]
    pub(crate) fn deed(&self, name: &str, more: &[&str]) -> Said {
        self.plan(name, more).ends_with(0);
        self.approve(name);
        self.apply(name)
    }

    /// Where a file of the site lies, as the program names it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.at(name)
    }
}
