//! Passes for people and machines: table, JSON, Markdown, diff.
