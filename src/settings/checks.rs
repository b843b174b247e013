//! What the settings' readers share: saying what is wrong with a value, at its place.

use std::{collections::HashMap, time::Duration};

use super::schedule;
use crate::{
    model::Selector,
    source::{
        Diagnostic, Diagnostics, Document, join,
        selector::{SelectorInput, selector},
    },
};

/// A settings file under examination.
pub(super) struct Checks<'c, 'f> {
    pub(super) doc: &'c Document<'f>,
    pub(super) diagnostics: &'c mut Diagnostics,
}

impl Checks<'_, '_> {
    /// Says that a value is wrong.
    pub(super) fn bad(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        let error = self.doc.error(pointer, message);
        self.diagnostics.push(Diagnostic { help, ..error });
    }

    /// Says so when there is a fault; true when there is none.
    pub(super) fn fine(&mut self, pointer: &str, fault: Option<String>) -> bool {
        match fault {
            None => true,
            Some(fault) => {
                self.bad(pointer, fault, None);
                false
            }
        }
    }

    /// Says so when a list names something twice.
    pub(super) fn no_twins(&mut self, pointer: &str, items: &[String]) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(before) = first.get(item.as_str()) else {
                first.insert(item, index);
                continue;
            };
            let error = self.doc.error(&join(pointer, index), format!("{item:?} is named twice"));
            self.diagnostics.push(match self.doc.span(&join(pointer, before)) {
                Some(span) => error.related(&self.doc.file().name, span, "first named here").help("keep one of them"),
                None => error,
            });
        }
    }

    /// A selector's globs, compiled.
    pub(super) fn selector(&mut self, input: &SelectorInput, pointer: &str) -> Selector {
        selector(input, self.doc, pointer, self.diagnostics)
    }

    /// A duration, `default` where none is given.
    pub(super) fn duration(&mut self, text: Option<&str>, pointer: &str, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        schedule::duration(text).unwrap_or_else(|fault| {
            self.bad(pointer, fault, Some("write it with its unit, such as 30s or 1m 30s".to_owned()));
            default
        })
    }

    /// A timeout: whole seconds, at least one.
    pub(super) fn timeout(&mut self, text: Option<&str>, pointer: &str, default: Duration) -> Duration {
        let errors = self.diagnostics.len();
        let timeout = self.duration(text, pointer, default);
        if self.diagnostics.len() == errors && (timeout.as_secs() == 0 || timeout.subsec_nanos() != 0) {
            self.bad(pointer, "a timeout takes whole seconds, at least one", Some("such as 30s".to_owned()));
        }
        timeout
    }

    /// Warns of rules after one that matches every cluster: the first that matches counts.
    pub(super) fn nothing_after_a_catch_all<'s>(
        &mut self,
        pointer: &str,
        selectors: impl Iterator<Item = &'s Option<SelectorInput>>,
    ) {
        let mut catch_all: Option<usize> = None;
        for (index, selector) in selectors.enumerate() {
            if let Some(before) = catch_all {
                let warning =
                    self.doc.warning(&join(pointer, index), "this rule never counts: the first that matches does");
                let span = self.doc.span(&join(pointer, before));
                self.diagnostics.push(match span {
                    Some(span) => warning.related(&self.doc.file().name, span, "this one matches every cluster"),
                    None => warning,
                });
            } else if selector.as_ref().is_some_and(SelectorInput::is_empty) {
                catch_all = Some(index);
            }
        }
    }
}
