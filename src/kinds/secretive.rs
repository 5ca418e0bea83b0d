//! Names that speak of a secret: values under them are compared, and never shown or written down in clear.

/// Parts of such names, in lower case.
const SECRETIVE: &[&str] = &[
    "api_key",
    "apikey",
    "conninfo",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];

/// Does the name of a setting speak of a secret?
pub(super) fn is_secretive(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    // The name of a method, and no password.
    name != "password_encryption" && SECRETIVE.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_their_parts() {
        for name in
            ["DB_PASSWORD", "auth.jwt-secret", "server.apiKey", "GITHUB_TOKEN", "primary_conninfo"]
        {
            assert!(is_secretive(name), "{name}");
        }
        for name in ["port", "password_encryption", "work_mem", "__milestone__", "key_count"] {
            assert!(!is_secretive(name), "{name}");
        }
    }
}
