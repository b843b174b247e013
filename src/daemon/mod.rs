//! Passes on a schedule: reload, shutdown.
