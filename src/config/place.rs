//! Where something is, as the configuration names it: a path or a URL.

use std::path::Path;

/// Is it a path, rather than a URL or the `user@host:path` of ssh?
fn is_path(url: &str) -> bool {
    !url.contains("://") && !url.split('/').next().is_some_and(|first| first.contains(':'))
}

/// A path counts from the folder of the configuration file; a URL is one.
pub(super) fn below(base: &Path, url: String) -> String {
    if is_path(&url) { base.join(&url).display().to_string() } else { url }
}

/// A URL with a password in it, told without repeating it.
pub(super) fn secret_in_url(url: &str) -> Option<String> {
    let authority =
        url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?']).next().unwrap_or("");
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let in_query = url.split(['?', '&']).skip(1).any(|pair| pair.starts_with("password="));
    (user.contains(':') || in_query)
        .then(|| "a URL of a database holds no password; put it into a file of its own and name it as `password_file`".to_owned())
}
