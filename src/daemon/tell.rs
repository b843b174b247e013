//! What is wrong with settings and policy, in the log.

use tracing::{error, warn};

use crate::{fleet::Loaded, source::Severity};

/// Says it with a line for each.
pub(super) fn diagnostics(loaded: &Loaded) {
    for diagnostic in loaded.diagnostics.sorted(&loaded.files) {
        let line = diagnostic.one_line(&loaded.files);
        match diagnostic.severity {
            Severity::Error => error!("{line}"),
            Severity::Warning => warn!("{line}"),
        }
    }
}
