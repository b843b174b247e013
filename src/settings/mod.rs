//! rolecall.yaml → Settings.
