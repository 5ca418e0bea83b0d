//! The tools that people use for the same, where they are installed. How to get them:
//!
//! ```text
//! apt-get install coreutils git rhash b3sum mtree-netbsd aide
//! python3 -m venv ENV && ENV/bin/pip install pytest-testinfra pyinfra ansible-core     (then PATH=ENV/bin:$PATH)
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Result;
use super::layout::{Layout, Resources};
use super::measure::Contender;

/// Where a program is.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).chain(more).map(|dir| dir.join(program)).find(|p| p.is_file())
}

/// The program, or `None` and a word about it.
fn installed(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        println!("\nskipped: {program} is not installed");
    }
    found
}

fn contender(name: &str, program: PathBuf, folder: &Path, arguments: &[&str]) -> Contender {
    Contender {
        name: name.to_owned(),
        program,
        arguments: arguments.iter().map(ToString::to_string).collect(),
        folder: folder.to_owned(),
        in_sync: |_| true,
    }
}

/// Runs a command that prepares something; what it prints goes into a file. Nothing large is kept here: the peak memory of
/// a child is never seen below that of its parent.
fn prepare(program: &Path, folder: &Path, arguments: &[&str], into: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    let status = command.stdout(fs::File::create(into)?).status()?;
    if status.success() {
        return Ok(());
    }
    fs::remove_file(into)?;
    Err(format!("{} {} failed: {status}", program.display(), arguments.join(" ")).into())
}

/// Programs that compare a tree with a list of theirs.
pub(super) fn of_trees(layout: &Layout, tree: &str, names: &[&str]) -> Result<Vec<Contender>> {
    let (root, tree_path) = (layout.root(), layout.root().join(tree));
    let text = |path: &Path| path.display().to_string();
    let mut all = Vec::new();
    for name in names {
        let binary = if *name == "mtree" { "mtree" } else { name };
        let Some(program) = installed(binary) else { continue };
        let list = layout.folder.join(format!("{tree}.{name}"));
        let list_text = text(&list);
        all.push(match *name {
            "sha256sum" => {
                let list = text(&layout.list(tree));
                let arguments = ["-c", "--quiet", "--status", &list];
                contender("sha256sum -c", program, &tree_path, &arguments)
            }
            "b3sum" => {
                if !list.exists() {
                    let script = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 b3sum";
                    prepare(Path::new("/bin/sh"), &tree_path, &["-c", script], &list)?;
                }
                contender("b3sum -c", program, &tree_path, &["-c", "--quiet", &list_text])
            }
            "rhash" => {
                if !list.exists() {
                    prepare(&program, &root, &["--sha256", "-r", tree], &list)?;
                }
                contender("rhash -c", program, &root, &["--sha256", "-c", &list_text])
            }
            "mtree" => {
                if !list.exists() {
                    let keys = "type,mode,uid,gid,size,link,time,sha256";
                    prepare(&program, &root, &["-c", "-k", keys, "-p", tree], &list)?;
                }
                contender("mtree -f", program, &root, &["-f", &list_text, "-p", tree])
            }
            _ => {
                let config = aide(layout, tree, &program)?;
                let config = format!("--config={}", text(&config));
                contender("aide --check", program, &root, &[&config, "--check"])
            }
        });
    }
    Ok(all)
}

/// The configuration of AIDE for a tree, with its database.
fn aide(layout: &Layout, tree: &str, program: &Path) -> Result<PathBuf> {
    let path = layout.folder.join(format!("{tree}.aide.conf"));
    let base = layout.folder.join(format!("{tree}.aide"));
    let (base_text, root) = (base.display(), layout.root());
    let config = format!(
        "database_in=file:{base_text}\ndatabase_out=file:{base_text}.new\ngzip_dbout=no\n\
         report_url=stdout\nR = p+u+g+s+m+c+i+n+ftype+sha256\n{}/{tree}(/|$) R\n",
        root.display()
    );
    fs::write(&path, config)?;
    if !base.exists() {
        let config = format!("--config={}", path.display());
        prepare(program, &root, &[&config, "--init"], &layout.folder.join("aide.log"))?;
        fs::rename(format!("{base_text}.new"), &base)?;
    }
    Ok(path)
}

/// `git status` over W2, with its index warm.
pub(super) fn git_status(layout: &Layout) -> Result<Vec<Contender>> {
    let Some(program) = installed("git") else { return Ok(Vec::new()) };
    let store = layout.folder.join("w2.git");
    let tree = layout.root().join("w2");
    let places =
        [format!("--git-dir={}", store.display()), format!("--work-tree={}", tree.display())];
    let git = |more: &[&str]| -> Vec<String> {
        places.iter().cloned().chain(more.iter().map(ToString::to_string)).collect()
    };
    if !layout.folder.join("w2.git.done").exists() {
        let identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        let plain = ["-c", "core.looseCompression=0", "-c", "gc.auto=0"];
        for more in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "w2"]] {
            let arguments = git(&[&identity[..], &plain[..], more].concat());
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            prepare(&program, &tree, &arguments, &layout.folder.join("git.log"))?;
        }
        fs::write(layout.folder.join("w2.git.done"), "")?;
    }
    let off = ["-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"];
    let arguments = git(&[&off[..], &["status", "--porcelain"]].concat());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Ok(vec![contender("git status --porcelain", program, &layout.folder, &arguments)])
}

/// Programs that compare a host with declared resources.
pub(super) fn of_resources(
    layout: &Layout,
    resources: &Resources,
    slow: bool,
) -> Result<Vec<Contender>> {
    let base = layout.folder.as_path();
    let mut all = Vec::new();
    if let Some(shell) = installed("sh") {
        fs::write(base.join("w5.sh"), shell_script(resources)?)?;
        all.push(contender("sh, a process or more a resource", shell, base, &["w5.sh"]));
    }
    if let Some(pytest) = installed("py.test").or_else(|| installed("pytest")) {
        fs::write(base.join("test_w5.py"), testinfra(resources)?)?;
        let arguments = ["-q", "-p", "no:cacheprovider", "--hosts=local://", "test_w5.py"];
        all.push(contender("testinfra", pytest, base, &arguments));
    }
    if !slow {
        println!("\nskipped without --slow: pyinfra, ansible-playbook");
        return Ok(all);
    }
    if let Some(pyinfra) = installed("pyinfra") {
        fs::write(base.join("w5_pyinfra.py"), pyinfra_deploy(resources)?)?;
        let arguments = ["@local", "w5_pyinfra.py", "--dry"];
        let pyinfra = contender("pyinfra --dry", pyinfra, base, &arguments);
        all.push(Contender { in_sync: pyinfra_sees_no_change, ..pyinfra });
    }
    if let Some(ansible) = installed("ansible-playbook") {
        fs::write(base.join("w5.yml"), playbook(resources)?)?;
        // It refuses the locale C, and may take a Python that only looks like one.
        let home = format!("ANSIBLE_HOME={}", base.join("ansible").display());
        let python = "ansible_python_interpreter={{ansible_playbook_python}}";
        let ansible = ansible.display().to_string();
        let program = ["LC_ALL=C.UTF-8", &home, &ansible];
        let arguments = ["-i", "localhost,", "-e", python, "--check", "w5.yml"];
        let arguments = [&program[..], &arguments].concat();
        let ansible =
            contender("ansible-playbook --check", "/usr/bin/env".into(), base, &arguments);
        all.push(Contender { in_sync: |said| said.contains(" changed=0 "), ..ansible });
    }
    Ok(all)
}

/// Its table has a row for each operation, and a dash where nothing would change.
fn pyinfra_sees_no_change(said: &str) -> bool {
    let rows = said
        .lines()
        .map(str::trim)
        .filter(|row| row.starts_with("files.") || row.starts_with("server."));
    let changes = |row: &str| !row.split_whitespace().rev().take(2).all(|word| word == "-");
    let mut rows = rows.peekable();
    rows.peek().is_some() && !rows.any(changes)
}

fn shell_script(resources: &Resources) -> Result<String> {
    let Resources { owner, group, .. } = resources;
    let mut script = String::from("set -e\n");
    let stat = |path: &Path, mode: &str| {
        format!("[ \"$(stat -c '%U %G %a' {})\" = '{owner} {group} {mode}' ]\n", path.display())
    };
    for path in &resources.directories {
        script.push_str(&stat(path, "750"));
    }
    for (path, content) in &resources.files {
        script.push_str(&stat(path, "644"));
        let digest = countersign::model::Digest::of(content.as_bytes());
        writeln!(script, "echo '{digest}  {}' | sha256sum -c --status", path.display())?;
    }
    for (path, target) in &resources.links {
        writeln!(script, "[ \"$(readlink {})\" = '{}' ]", path.display(), target.display())?;
    }
    for (name, number) in &resources.users {
        writeln!(script, "[ \"$(getent passwd {name} | cut -d: -f3)\" = {number} ]")?;
    }
    for (name, number) in &resources.groups {
        writeln!(script, "[ \"$(getent group {name} | cut -d: -f3)\" = {number} ]")?;
    }
    Ok(script)
}

/// Python's literal of a list of tuples of strings.
fn tuples<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let row = |row: [String; N]| {
        let quoted: Vec<String> = row.iter().map(|text| format!("{text:?}")).collect();
        format!("({},)", quoted.join(", "))
    };
    format!("[{}]", rows.map(row).collect::<Vec<_>>().join(", "))
}

fn lists(resources: &Resources) -> String {
    let text = |path: &PathBuf| path.display().to_string();
    let Resources { directories, files, links, users, groups, owner, group } = resources;
    let digest = |content: &str| countersign::model::Digest::of(content.as_bytes()).to_string();
    format!(
        "DIRECTORIES = {}\nFILES = {}\nLINKS = {}\nUSERS = {}\nGROUPS = {}\nOWNER, GROUP = {owner:?}, {group:?}\n",
        tuples(directories.iter().map(|path| [text(path)])),
        tuples(files.iter().map(|(path, content)| [text(path), digest(content), content.clone()])),
        tuples(links.iter().map(|(path, target)| [text(path), text(target)])),
        tuples(users.iter().map(|(name, number)| [name.clone(), number.clone()])),
        tuples(groups.iter().map(|(name, number)| [name.clone(), number.clone()])),
    )
}

fn testinfra(resources: &Resources) -> Result<String> {
    let mut text = lists(resources);
    text.push_str("import pytest\n");
    for (kind, names, body) in [
        (
            "directory",
            "DIRECTORIES",
            "f = host.file(row[0]); assert f.is_directory and (f.user, f.group, f.mode) == (OWNER, GROUP, 0o750)",
        ),
        (
            "file",
            "FILES",
            "f = host.file(row[0]); assert f.is_file and (f.user, f.group, f.mode, f.sha256sum) == (OWNER, GROUP, 0o644, row[1])",
        ),
        ("link", "LINKS", "f = host.file(row[0]); assert f.is_symlink and f.linked_to == row[1]"),
        ("user", "USERS", "assert host.user(row[0]).uid == int(row[1])"),
        ("group", "GROUPS", "assert host.group(row[0]).gid == int(row[1])"),
    ] {
        writeln!(
            text,
            "@pytest.mark.parametrize('row', {names})\ndef test_{kind}(host, row):\n    {body}"
        )?;
    }
    Ok(text)
}

fn pyinfra_deploy(resources: &Resources) -> Result<String> {
    let mut text = lists(resources);
    text.push_str("import io\nfrom pyinfra.operations import files, server\n");
    for (names, body) in [
        ("DIRECTORIES", "files.directory(path=row[0], user=OWNER, group=GROUP, mode='750')"),
        (
            "FILES",
            "files.put(src=io.StringIO(row[2]), dest=row[0], user=OWNER, group=GROUP, mode='644')",
        ),
        ("LINKS", "files.link(path=row[0], target=row[1])"),
        ("GROUPS", "server.group(group=row[0], gid=int(row[1]))"),
        ("USERS", "server.user(user=row[0], uid=int(row[1]), ensure_home=False)"),
    ] {
        writeln!(text, "for row in {names}:\n    {body}")?;
    }
    Ok(text)
}

/// YAML takes JSON's strings.
fn playbook(resources: &Resources) -> Result<String> {
    let Resources { owner, group, .. } = resources;
    let mut text =
        String::from("- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n");
    let path = |path: &PathBuf| format!("{:?}", path.display().to_string());
    let owned = format!("owner: {owner}, group: {group}");
    writeln!(
        text,
        "  - file: {{path: '{{{{item}}}}', state: directory, mode: '0750', {owned}}}\n    loop:"
    )?;
    for directory in &resources.directories {
        writeln!(text, "    - {}", path(directory))?;
    }
    writeln!(
        text,
        "  - copy: {{dest: '{{{{item.p}}}}', content: '{{{{item.c}}}}', mode: '0644', {owned}}}\n    loop:"
    )?;
    for (file, content) in &resources.files {
        writeln!(text, "    - {{p: {}, c: {content:?}}}", path(file))?;
    }
    text.push_str("  - file: {path: '{{item.p}}', src: '{{item.t}}', state: link}\n    loop:\n");
    for (link, target) in &resources.links {
        writeln!(text, "    - {{p: {}, t: {}}}", path(link), path(target))?;
    }
    for (module, number, rows) in [
        // Some have a home that is not there, and nobody else here asks for it.
        ("user", "create_home: false, uid", &resources.users),
        ("group", "gid", &resources.groups),
    ] {
        writeln!(
            text,
            "  - {module}: {{name: '{{{{item.n}}}}', {number}: '{{{{item.i}}}}'}}\n    loop:"
        )?;
        for (name, id) in rows {
            writeln!(text, "    - {{n: {name:?}, i: {id:?}}}")?;
        }
    }
    Ok(text)
}
