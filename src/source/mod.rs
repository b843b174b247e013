//! The text of YAML files with positions: parsing, decoding against a schema, and diagnostics with snippets.
