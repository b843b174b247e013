//! What the system lets this process have.

use std::sync::Once;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Lets this process have as many files open as the system would give it, once.
///
/// Sockets are files, and the usual limit of 1,024 is one for old programs that ask for no more. Reading 64 clusters takes
/// a few sockets each, and those that do not answer keep theirs until they give up while others have their turn. Every API
/// server of the lab holds one too.
pub fn raise_open_files() {
    /// Far more than the largest fleet needs; some systems refuse to be asked for everything.
    const ENOUGH: u64 = 1 << 20;
    static RAISED: Once = Once::new();
    RAISED.call_once(|| {
        let mut limit = getrlimit(Resource::Nofile);
        let highest = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
        if limit.current.is_some_and(|current| current < highest) {
            limit.current = Some(highest);
            // Without it, the error of a socket tells what is missing.
            setrlimit(Resource::Nofile, limit).unwrap_or_default();
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_may_be_open_as_the_system_gives() {
        raise_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert!(limit.current >= limit.maximum.map(|maximum| maximum.min(1 << 20)) || limit.current.is_none());
    }
}
