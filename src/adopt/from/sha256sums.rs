//! A list that `sha256sum` wrote becomes a `tree`, with the list as it is.

use super::{Format, Imported, Source};
use crate::kinds::Draft;
use crate::model::hash_list::{Ending, HashList};

pub(super) const FORMAT: Format = Format {
    name: "sha256sums",
    about: "a list that `sha256sum` wrote; --tree names the folder that its names start at",
    needs_root: true,
    read,
};

fn read(source: &Source<'_>) -> Result<Imported, String> {
    let root = source.root.unwrap_or("/");
    let parsed = HashList::read(&source.bytes, root.as_bytes(), Ending::Line)?;
    if let Some(wrong) = parsed.findings.iter().find(|finding| !finding.warning) {
        return Err(wrong.message.clone());
    }
    if parsed.list.is_empty() {
        return Err("it lists no file, so any tree would match it".to_owned());
    }
    let name = root.rsplit('/').find(|part| !part.is_empty()).unwrap_or("root");
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let file: String = root.trim_matches('/').chars().map(plain).collect();
    let manifest = format!("manifests/{}.sha256", if file.is_empty() { "root" } else { &file });
    let draft = Draft::new(name)
        .set("root", root)
        .set("manifest", manifest.as_str())
        .set("unlisted", "drift")
        .about(&["root"], root)
        .file(manifest, source.bytes.to_vec());
    Ok(Imported { drafts: vec![("tree", draft)], left_out: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(text: &str) -> Result<Imported, String> {
        read(&Source { file: "list", bytes: text.as_bytes(), root: Some("/opt/app") })
    }

    #[test]
    fn the_list_is_kept_as_it_is_or_refused() {
        let digest = "a".repeat(64);
        let text = format!("{digest}  a\n{digest} *b c\n");
        let imported = import(&text).expect("a list");
        let (kind, draft) = &imported.drafts[0];
        assert_eq!((*kind, draft.name.as_str()), ("tree", "app"));
        assert_eq!(draft.files, [("manifests/opt-app.sha256".to_owned(), text.into_bytes())]);
        assert!(import(&format!("{digest}  a\n{}  b\n", "a".repeat(63))).is_err());
        assert!(import("# nothing\n").is_err());
        assert!(import(&format!("{digest}  /etc/passwd\n")).is_err(), "outside the root");
    }
}
