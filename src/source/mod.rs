//! The text of YAML files with positions: parsing, decoding against a schema, and diagnostics with snippets.
//!
//! A file is read as YAML 1.2 ([core schema](https://yaml.org/spec/1.2.2/#103-core-schema)) into a [`Document`]: a JSON
//! value that knows where each of its parts stands, named by JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).
//! [`decode()`] checks it against the JSON Schema of a Rust type and says everything that is wrong at once.

mod check;
mod decode;
mod diagnostic;
mod document;
mod mask;
mod pointer;
mod render;
mod scalar;
pub mod selector;
mod syntax;
#[cfg(test)]
mod tests;
mod wording;
mod yaml;

pub use decode::{ApiVersion, decode, schema};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, Span};
pub use document::Document;
pub use pointer::join;

/// A file that a person wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file as the user named it.
    pub name: String,
    /// Its text, without a byte order mark.
    pub text: String,
}

impl std::fmt::Debug for SourceFile {
    /// Leaves the text out, since it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceFile").field("name", &self.name).field("bytes", &self.text.len()).finish()
    }
}

impl SourceFile {
    /// Takes a file's bytes as UTF-8, with or without a byte order mark.
    ///
    /// # Errors
    /// When the bytes are not UTF-8: a diagnostic that names the first wrong byte, its offset and its line.
    pub fn decode(name: &str, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            let error = Diagnostic::error(name, None, "the file is UTF-16, not UTF-8");
            return Err(Box::new(error.help("save it as UTF-8")));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text.strip_prefix('\u{feff}').unwrap_or(&text))),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let bytes = error.as_bytes();
                let line = 1 + bytes.iter().take(offset).filter(|b| **b == b'\n').count();
                let byte = bytes.get(offset).copied().unwrap_or_default();
                let message = format!("the file is not UTF-8: byte 0x{byte:02X} at offset {offset}, on line {line}");
                Err(Box::new(Diagnostic::error(name, None, message).help("save it as UTF-8")))
            }
        }
    }

    /// A file of this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The line and the column of a byte offset, both counted from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
        let column = 1 + before.rsplit('\n').next().map_or(0, |text| text.chars().count());
        (line, column)
    }
}
