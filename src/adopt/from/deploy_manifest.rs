//! A deploy manifest becomes a `deployment` that has to say the same. The file is where it lies on the host.

use super::{Format, Imported, Source};
use crate::kinds::Draft;
use crate::probe::deploy_manifest::DeployManifest;

pub(super) const FORMAT: Format = Format {
    name: "deploy-manifest",
    about: "lines `key = value` or `key: value` that a deployment left behind; FILE is its absolute path on the host",
    needs_root: false,
    read,
};

fn read(source: &Source<'_>) -> Result<Imported, String> {
    if !source.file.starts_with('/') {
        return Err("it is named by the absolute path that it has on the host".to_owned());
    }
    let manifest = DeployManifest::parse(source.bytes).map_err(|unknown| unknown.detail)?;
    let values: serde_json::Map<_, _> = manifest
        .entries()
        .map(|(key, entry)| (key.to_owned(), entry.value.as_str().into()))
        .collect();
    if values.is_empty() {
        return Err("it says nothing: there is no line with a key".to_owned());
    }
    let folder = source.file.rsplit('/').nth(1).filter(|name| !name.is_empty()).unwrap_or("root");
    let draft = Draft::new(folder).set("file", source.file).set("values", values);
    Ok(Imported { drafts: vec![("deployment", draft)], left_out: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(file: &str, text: &str) -> Result<Imported, String> {
        read(&Source { file, bytes: text.as_bytes(), root: None })
    }

    #[test]
    fn every_key_is_taken_over_or_none() {
        let text = "source_commit = 703559c91b81\nfile_count: 82\n";
        let imported = import("/opt/app-1/DEPLOY.txt", text).expect("a manifest");
        let (kind, draft) = &imported.drafts[0];
        assert_eq!((*kind, draft.name.as_str()), ("deployment", "app-1"));
        let values = &draft.keys[1].1;
        assert_eq!(
            (&values["source_commit"], &values["file_count"]),
            (&"703559c91b81".into(), &"82".into())
        );
        assert!(import("/x", "a = 1\nno line of a manifest\n").is_err());
        assert!(import("/x", "# nothing\n").is_err());
        assert!(import("DEPLOY.txt", text).is_err());
    }
}
