//! Which rows of aws-auth are rolecall's: an annotation on the ConfigMap says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Section;

/// The annotation's key. Its value is compact JSON, for each section the ARNs (or account ids) of the rows that are
/// rolecall's with the unique id of the role or user, where it is known.
pub const OWNED_ROWS: &str = "rolecall.dev/owned-rows";

/// The rows that are rolecall's, by section and ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Owned {
    map_roles: BTreeMap<String, Option<String>>,
    map_users: BTreeMap<String, Option<String>>,
    map_accounts: BTreeMap<String, Option<String>>,
}

impl Owned {
    /// Reads the annotation; none means that nothing is rolecall's.
    pub(super) fn parse(annotations: &BTreeMap<String, String>) -> Result<Self, serde_json::Error> {
        annotations.get(OWNED_ROWS).map_or_else(|| Ok(Self::default()), |text| serde_json::from_str(text))
    }

    /// Writes the annotation, or takes it away when nothing is rolecall's any more.
    pub(super) fn write(&self, annotations: &mut BTreeMap<String, String>) -> Result<(), serde_json::Error> {
        if *self == Self::default() {
            annotations.remove(OWNED_ROWS);
        } else {
            annotations.insert(OWNED_ROWS.to_owned(), serde_json::to_string(self)?);
        }
        Ok(())
    }

    /// The rows of one section.
    pub(super) fn section(&self, section: Section) -> &BTreeMap<String, Option<String>> {
        match section {
            Section::Roles => &self.map_roles,
            Section::Users => &self.map_users,
            Section::Accounts => &self.map_accounts,
        }
    }

    /// The rows of one section, to be changed.
    pub(super) fn section_mut(&mut self, section: Section) -> &mut BTreeMap<String, Option<String>> {
        match section {
            Section::Roles => &mut self.map_roles,
            Section::Users => &mut self.map_users,
            Section::Accounts => &mut self.map_accounts,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_an_empty_one_goes_away() {
        let mut owned = Owned::default();
        owned.section_mut(Section::Roles).insert("arn:b".to_owned(), Some("AROA1".to_owned()));
        owned.section_mut(Section::Roles).insert("arn:a".to_owned(), None);
        let mut annotations = BTreeMap::from([("other".to_owned(), "kept".to_owned())]);
        owned.write(&mut annotations).unwrap();
        assert_eq!(
            annotations[OWNED_ROWS],
            r#"{"mapRoles":{"arn:a":null,"arn:b":"AROA1"},"mapUsers":{},"mapAccounts":{}}"#
        );
        assert_eq!(Owned::parse(&annotations).unwrap(), owned);
        Owned::default().write(&mut annotations).unwrap();
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
