//! Which rows of aws-auth are rolecall's: an annotation on the ConfigMap says it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Section;

/// The annotation's key. Its value is compact JSON, for each section the ARNs (or account ids) of the rows that are
/// rolecall's with the unique id of the role or user, where it is known.
pub const OWNED_ROWS: &str = "rolecall.dev/owned-rows";

/// The rows of one section, by ARN or account id.
type Rows = BTreeMap<String, Option<String>>;

/// The rows of aws-auth that are rolecall's, by section and ARN or account id, as its annotations tell; none where these
/// cannot be read.
pub fn owned_rows(annotations: &BTreeMap<String, String>) -> BTreeSet<(Section, String)> {
    let owned = Owned::parse(annotations).unwrap_or_else(|_| Owned::nothing());
    let of = |section: Section| owned.section(section).keys().map(move |arn| (section, arn.clone()));
    Section::ALL.into_iter().flat_map(of).collect()
}

/// The rows that are rolecall's, by section and ARN; every section is there, empty or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned([Rows; 3]);

impl Owned {
    /// Nothing is rolecall's.
    pub(super) fn nothing() -> Self {
        Self([Rows::new(), Rows::new(), Rows::new()])
    }

    /// Reads the annotation; none means that nothing is rolecall's.
    pub(super) fn parse(annotations: &BTreeMap<String, String>) -> Result<Self, serde_json::Error> {
        let Some(text) = annotations.get(OWNED_ROWS) else { return Ok(Self::nothing()) };
        let mut sections: BTreeMap<Section, Rows> = serde_json::from_str(text)?;
        Ok(Self(Section::ALL.map(|section| sections.remove(&section).unwrap_or_default())))
    }

    /// Writes the annotation, or takes it away when nothing is rolecall's any more.
    pub(super) fn write(&self, annotations: &mut BTreeMap<String, String>) -> Result<(), serde_json::Error> {
        if self.0.iter().all(BTreeMap::is_empty) {
            annotations.remove(OWNED_ROWS);
        } else {
            let sections: BTreeMap<Section, &Rows> = Section::ALL.into_iter().zip(&self.0).collect();
            annotations.insert(OWNED_ROWS.to_owned(), serde_json::to_string(&sections)?);
        }
        Ok(())
    }

    /// The rows of one section.
    pub(super) fn section(&self, section: Section) -> &Rows {
        let [roles, users, accounts] = &self.0;
        match section {
            Section::Roles => roles,
            Section::Users => users,
            Section::Accounts => accounts,
        }
    }

    /// The rows of one section, to be changed.
    pub(super) fn section_mut(&mut self, section: Section) -> &mut Rows {
        let [roles, users, accounts] = &mut self.0;
        match section {
            Section::Roles => roles,
            Section::Users => users,
            Section::Accounts => accounts,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_an_empty_one_goes_away() {
        let mut owned = Owned::nothing();
        owned.section_mut(Section::Roles).insert("arn:b".to_owned(), Some("AROA1".to_owned()));
        owned.section_mut(Section::Roles).insert("arn:a".to_owned(), None);
        let mut annotations = BTreeMap::from([("other".to_owned(), "kept".to_owned())]);
        owned.write(&mut annotations).unwrap();
        assert_eq!(
            annotations[OWNED_ROWS],
            r#"{"mapRoles":{"arn:a":null,"arn:b":"AROA1"},"mapUsers":{},"mapAccounts":{}}"#
        );
        assert_eq!(Owned::parse(&annotations).unwrap(), owned);
        Owned::nothing().write(&mut annotations).unwrap();
        assert_eq!(annotations.keys().collect::<Vec<_>>(), ["other"]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for bad in ["", "[]", "{\"mapRoles\":[]}", "{\"maproles\":{}}", "{\"mapRoles\":{\"a\":1}}"] {
            let annotations = BTreeMap::from([(OWNED_ROWS.to_owned(), bad.to_owned())]);
            assert!(Owned::parse(&annotations).is_err(), "{bad}");
        }
    }
}
