//! Paths as the reference generator treats them: as strings.
//!
//! What a message prints is the string as written, joined but never normalised, while the identity
//! of a file and the name of its module come from the normalised absolute path. Symbolic links are
//! not followed.

/// The part before the last slash.
pub(crate) fn dirname(path: &str) -> &str {
    let Some(slash) = path.rfind('/') else { return "" };
    let head = path.get(..=slash).unwrap_or("");
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}

/// `path` seen from `directory`.
pub(crate) fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        path.to_owned()
    } else if directory.ends_with('/') {
        format!("{directory}{path}")
    } else {
        format!("{directory}/{path}")
    }
}

/// Absolute, without `.`, `..` and doubled slashes.
pub(crate) fn absolute(path: &str) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    let whole = join(&current.to_string_lossy(), path);
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The absolute path `target` as seen from the absolute directory `base`.
pub(crate) fn relative(target: &str, base: &str) -> String {
    let split = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (target, base) = (split(target), split(base));
    let common = target.iter().zip(&base).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n("..", base.len() - common);
    let down = target.iter().skip(common).map(String::as_str);
    let parts: Vec<&str> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
