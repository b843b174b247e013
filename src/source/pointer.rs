//! JSON pointers (RFC 6901).

use std::fmt::Display;

/// The pointer to a key or an index below `parent`.
pub fn join(parent: &str, token: impl Display) -> String {
    let token = token.to_string();
    if token.contains(['~', '/']) {
        format!("{parent}/{}", token.replace('~', "~0").replace('/', "~1"))
    } else {
        format!("{parent}/{token}")
    }
}

/// The pointer one step up; the root has none.
pub(super) fn parent(pointer: &str) -> Option<&str> {
    pointer.rfind('/').and_then(|at| pointer.get(..at))
}

/// The last key or index of a pointer, unescaped; empty for the root.
pub(super) fn last(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_tildes_survive() {
        let pointer = join(&join("/tags", "a/b~c"), 3);
        assert_eq!(pointer, "/tags/a~1b~0c/3");
        assert_eq!(parent(&pointer), Some("/tags/a~1b~0c"));
        assert_eq!(parent(&pointer).map(last).as_deref(), Some("a/b~c"));
        assert_eq!(parent(""), None);
    }
}
