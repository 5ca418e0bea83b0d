//! The worlds that are measured: always the same bytes, from one generator.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Result;
use super::measure::Contender;

/// The folder of the benchmarks: `root` with the trees, `desired` with desired state, and the lists of the peers.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    program: PathBuf,
}

/// The state of W5, by kind.
#[derive(Debug)]
pub(super) struct Resources {
    pub(super) directories: Vec<PathBuf>,
    pub(super) files: Vec<(PathBuf, String)>,
    pub(super) links: Vec<(PathBuf, PathBuf)>,
    /// Name and number.
    pub(super) users: Vec<(String, String)>,
    pub(super) groups: Vec<(String, String)>,
    /// Who runs this, by name.
    pub(super) owner: String,
    pub(super) group: String,
}

/// `SplitMix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            piece.copy_from_slice(&self.next().to_le_bytes()[..piece.len()]);
        }
    }
}

/// A list as `sha256sum` writes it, in the order in which names are added: the bytewise one.
struct List(BufWriter<File>);

impl List {
    fn add(&mut self, digest: &[u8], name: &str) -> Result<()> {
        let mut line = String::with_capacity(80);
        for byte in digest {
            write!(line, "{byte:02x}")?;
        }
        writeln!(self.0, "{line}  {name}")?;
        Ok(())
    }
}

impl Layout {
    pub(super) fn new(folder: PathBuf, program: PathBuf) -> Result<Self> {
        let layout = Self { folder, program };
        fs::create_dir_all(layout.root().join("etc"))?;
        fs::write(layout.root().join("etc/hostname"), "bench\n")?;
        for list in ["passwd", "group"] {
            fs::copy(Path::new("/etc").join(list), layout.root().join("etc").join(list))?;
        }
        Ok(layout)
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    fn desired(&self, name: &str) -> PathBuf {
        self.folder.join("desired").join(name)
    }

    /// The list of a workload.
    pub(super) fn list(&self, name: &str) -> PathBuf {
        self.desired(name).join("hosts/bench").join(format!("{name}.sha256"))
    }

    /// This program on a tree.
    pub(super) fn check(&self, name: &str, more: &[&str]) -> Contender {
        let text = |path: PathBuf| path.display().to_string();
        let mut arguments = vec!["--root".into(), text(self.root())];
        arguments.extend(["--desired".into(), text(self.desired(name))]);
        arguments.extend(["--data".into(), text(self.folder.join("data")), "check".into()]);
        arguments.push("--quiet".into());
        arguments.extend(more.iter().map(ToString::to_string));
        let name = ["countersign", "check"].iter().chain(more).copied().collect::<Vec<_>>();
        Contender {
            name: name.join(" "),
            program: self.program.clone(),
            arguments,
            folder: self.folder.clone(),
            in_sync: |_| true,
        }
    }

    /// Runs `build` unless the workload is there already, whole.
    fn once(&self, name: &str, build: impl FnOnce() -> Result<()>) -> Result<()> {
        let done = self.folder.join(format!("{name}.done"));
        if !done.exists() {
            eprintln!("building {name} below {}", self.folder.display());
            build()?;
            fs::write(done, "")?;
        }
        Ok(())
    }

    /// Desired state of one tree below `root/FOLDER`: owner, mode and unlisted files are compared as well.
    fn declare(&self, name: &str, folder: &str, keys: &str) -> Result<List> {
        let host = self.desired(name).join("hosts/bench");
        fs::create_dir_all(&host)?;
        fs::write(host.join("host.toml"), "[host]\nidentity = { hostname = \"bench\" }\n")?;
        let owner = name_of(&self.root().join("etc/passwd"), fs::metadata(&self.folder)?.uid())?;
        let tree = format!(
            "[tree.{name}]\nroot = \"/{folder}\"\nmanifest = \"{name}.sha256\"\nowner = \"{owner}\"\n\
             file_mode = \"0644\"\n{keys}"
        );
        fs::write(host.join("tree.toml"), tree)?;
        Ok(List(BufWriter::new(File::create(self.list(name))?)))
    }

    /// W1.
    pub(super) fn small(&self) -> Result<()> {
        self.once("w1", || {
            let mut random = Random(42);
            let mut list = self.declare("w1", "w1", "")?;
            // By folder, so that the list is sorted: file i lies in folder i mod 8.
            for (folder, start) in (0..8).flat_map(|d| (d..82).step_by(8).map(move |i| (d, i))) {
                let size = usize::try_from(4096 + random.next() % 16_385)?;
                self.write(
                    &mut random,
                    &mut list,
                    "w1",
                    &format!("d{folder}/f{start:03}.sql"),
                    size,
                )?;
            }
            Ok(list.0.flush()?)
        })
    }

    /// W2.
    pub(super) fn many(&self) -> Result<()> {
        self.once("w2", || {
            let mut random = Random(42);
            let mut list = self.declare("w2", "w2", "")?;
            for (folder, file) in (0..1000).flat_map(|d| (0..100).map(move |f| (d, f))) {
                let name = format!("{:02}/{folder:04}/f{file:03}", folder / 32);
                self.write(&mut random, &mut list, "w2", &name, 4096)?;
            }
            Ok(list.0.flush()?)
        })
    }

    /// W3.
    pub(super) fn large(&self) -> Result<()> {
        self.once("w3", || {
            let mut random = Random(42);
            let mut list = self.declare("w3", "w3", "")?;
            for index in 0..8 {
                self.write(&mut random, &mut list, "w3", &format!("big{index}"), 512 << 20)?;
            }
            Ok(list.0.flush()?)
        })
    }

    /// One tree of the largest count, and a list of the first files for each of them.
    pub(super) fn million(&self, counts: &[u32]) -> Result<()> {
        self.once("scale", || {
            let mut random = Random(42);
            let keys = "unlisted = \"ignore\"\n";
            let mut lists = Vec::new();
            for count in counts {
                lists.push((*count, self.declare(&format!("scale-{count}"), "scale", keys)?));
            }
            let mut content = [0; 1024];
            for index in 0..counts.iter().copied().max().unwrap_or_default() {
                let folder = index / 100;
                let name = format!("{:03}/{folder:05}/f{:02}", folder / 32, index % 100);
                let path = self.root().join("scale").join(&name);
                if index % 100 == 0 {
                    fs::create_dir_all(path.parent().unwrap_or(&path))?;
                }
                random.fill(&mut content);
                fs::write(&path, content)?;
                let digest = Sha256::digest(content);
                for (_, list) in lists.iter_mut().filter(|(count, _)| index < *count) {
                    list.add(&digest, &name)?;
                }
            }
            lists.iter_mut().try_for_each(|(_, list)| Ok(list.0.flush()?))
        })
    }

    fn write(
        &self,
        random: &mut Random,
        list: &mut List,
        tree: &str,
        name: &str,
        size: usize,
    ) -> Result<()> {
        let path = self.root().join(tree).join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let mut file = File::create(&path)?;
        let mut hasher = Sha256::new();
        // A small buffer: the peak memory of a child is never seen below that of its parent.
        let mut buffer = vec![0; size.min(256 << 10)];
        let mut left = size;
        while left > 0 {
            let piece = &mut buffer[..left.min(256 << 10)];
            random.fill(piece);
            file.write_all(piece)?;
            hasher.update(&*piece);
            left -= piece.len();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        list.add(&hasher.finalize(), name)
    }

    /// W5: the state itself, and ours of it. Paths are those of the machine: peers know no other root.
    pub(super) fn resources(&self) -> Result<Resources> {
        let base = fs::canonicalize(&self.folder)?.join("w5");
        fs::create_dir_all(&base)?;
        let me = fs::metadata(&base)?;
        let all = Resources {
            directories: (0..200).map(|i| base.join(format!("d{i:03}"))).collect(),
            files: (0..200)
                .map(|i| (base.join(format!("f{i:03}")), format!("key{i} = value{i}\n").repeat(50)))
                .collect(),
            links: (0..50)
                .map(|i| (base.join(format!("l{i:03}")), base.join(format!("f{i:03}"))))
                .collect(),
            users: names("/etc/passwd", 25)?,
            groups: names("/etc/group", 25)?,
            owner: name_of(Path::new("/etc/passwd"), me.uid())?,
            group: name_of(Path::new("/etc/group"), me.gid())?,
        };
        for directory in &all.directories {
            fs::create_dir_all(directory)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o750))?;
        }
        for (path, content) in &all.files {
            fs::write(path, content)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
        }
        for (path, target) in &all.links {
            if fs::symlink_metadata(path).is_err() {
                symlink(target, path)?;
            }
        }
        all.declare(self, &base)?;
        Ok(all)
    }
}

impl Resources {
    fn declare(&self, layout: &Layout, base: &Path) -> Result<()> {
        let host = layout.desired("w5").join("hosts/bench");
        fs::create_dir_all(&host)?;
        let hostname = fs::read_to_string("/proc/sys/kernel/hostname")?;
        let identity = format!("[host]\nidentity = {{ hostname = \"{}\" }}\n", hostname.trim());
        fs::write(host.join("host.toml"), identity)?;
        let owned = format!("owner = \"{}\"\ngroup = \"{}\"\n", self.owner, self.group);
        let mut toml = String::new();
        for path in &self.directories {
            writeln!(toml, "[directory.\"{}\"]\n{owned}mode = \"0750\"", path.display())?;
        }
        for (path, content) in &self.files {
            let digest = countersign::model::Digest::of(content.as_bytes());
            let path = path.display();
            writeln!(toml, "[file.\"{path}\"]\n{owned}mode = \"0644\"\nsha256 = \"{digest}\"")?;
        }
        for (path, target) in &self.links {
            writeln!(toml, "[symlink.\"{}\"]\ntarget = \"{}\"", path.display(), target.display())?;
        }
        for (name, number) in &self.users {
            writeln!(toml, "[user.\"{name}\"]\nuid = {number}")?;
        }
        for (name, number) in &self.groups {
            writeln!(toml, "[group.\"{name}\"]\ngid = {number}")?;
        }
        fs::write(host.join("resources.toml"), toml)?;
        let config = format!("[observe]\nroots = [\"{}\", \"/etc\"]\n", base.display());
        fs::write(layout.folder.join("w5.toml"), config)?;
        Ok(())
    }

    pub(super) fn check(layout: &Layout) -> Contender {
        let text = |path: PathBuf| path.display().to_string();
        let config = text(layout.folder.join("w5.toml"));
        let arguments = ["--config", &config, "--desired", &text(layout.desired("w5")), "check"];
        Contender {
            name: "countersign check".to_owned(),
            program: layout.program.clone(),
            arguments: arguments.iter().map(ToString::to_string).chain(["-q".into()]).collect(),
            folder: layout.folder.clone(),
            in_sync: |_| true,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.directories.len()
            + self.files.len()
            + self.links.len()
            + self.users.len()
            + self.groups.len()
    }
}

/// The first names of `/etc/passwd` or `/etc/group`, with their numbers.
fn names(path: &str, count: usize) -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(path)?;
    let pair = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.to_owned()))
    };
    Ok(text.lines().filter_map(pair).take(count).collect())
}

pub(super) fn name_of(path: &Path, number: u32) -> Result<String> {
    let all = names(&path.display().to_string(), usize::MAX)?;
    let found = all.into_iter().find(|(_, other)| *other == number.to_string());
    Ok(found.map_or_else(|| number.to_string(), |(name, _)| name))
}
