//! Choices of clusters as files write them: a policy's `where`, the settings' `match`, `include` and `exclude`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Diagnostics, Document, join};
use crate::model::{Glob, OuGlob, Selector};

/// A choice of clusters. Every key that is given must match; without any key, every cluster is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(title = "Selector")]
pub struct SelectorInput {
    /// Paths of organizational units: `/Workloads/Dev` is the accounts right in Dev, `/Workloads/Dev/**` Dev and all
    /// below it.
    #[schemars(length(min = 1))]
    pub organizational_units: Vec<String>,
    /// Account ids (in quotes) or names; globs such as `payments-*` are allowed.
    #[schemars(length(min = 1))]
    pub accounts: Vec<String>,
    /// Tags of the account, each with the values (globs) of which one must match.
    #[schemars(extend("minProperties" = 1))]
    pub account_tags: BTreeMap<String, Values>,
    /// Regions, such as `eu-west-1` or `eu-*`.
    #[schemars(length(min = 1))]
    pub regions: Vec<String>,
    /// Names of clusters; globs such as `dev-*` are allowed.
    #[schemars(length(min = 1))]
    pub clusters: Vec<String>,
    /// Tags of the cluster, each with the values (globs) of which one must match.
    #[schemars(extend("minProperties" = 1))]
    pub cluster_tags: BTreeMap<String, Values>,
    /// What must not match, with the same keys.
    #[schemars(extend("minProperties" = 1))]
    pub not: Option<Box<SelectorInput>>,
}

/// The values of a tag of which one must match; globs are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Values(#[schemars(length(min = 1))] pub Vec<String>);

impl SelectorInput {
    /// Whether no key is given, so that every cluster is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The selector at `pointer`, its globs compiled. A bad glob is an error at its place and is left out.
pub fn selector(input: &SelectorInput, doc: &Document<'_>, pointer: &str, diagnostics: &mut Diagnostics) -> Selector {
    let at = |key: &str| join(pointer, key);
    let mut globs = |texts: &[String], pointer: &str| -> Vec<Glob> {
        texts.iter().enumerate().filter_map(|(i, text)| glob(text, doc, &join(pointer, i), diagnostics)).collect()
    };
    let accounts = globs(&input.accounts, &at("accounts"));
    let regions = globs(&input.regions, &at("regions"));
    let clusters = globs(&input.clusters, &at("clusters"));
    let mut tags = |tags: &BTreeMap<String, Values>, pointer: String| -> BTreeMap<String, Vec<Glob>> {
        tags.iter().map(|(key, values)| (key.clone(), globs(&values.0, &join(&pointer, key)))).collect()
    };
    let account_tags = tags(&input.account_tags, at("accountTags"));
    let cluster_tags = tags(&input.cluster_tags, at("clusterTags"));
    account_ids(&input.accounts, doc, &at("accounts"), diagnostics);
    region_codes(&input.regions, doc, &at("regions"), diagnostics);
    Selector {
        organizational_units: ou_globs(&input.organizational_units, doc, &at("organizationalUnits"), diagnostics),
        accounts,
        account_tags,
        regions,
        clusters,
        cluster_tags,
        not: input.not.as_ref().map(|not| Box::new(selector(not, doc, &at("not"), diagnostics))),
    }
}

fn glob(text: &str, doc: &Document<'_>, pointer: &str, diagnostics: &mut Diagnostics) -> Option<Glob> {
    match Glob::new(text) {
        Ok(glob) => Some(glob),
        Err(error) => {
            diagnostics.push(doc.error(pointer, error.to_string()).help(GLOB_HELP));
            None
        }
    }
}

const GLOB_HELP: &str = "`*` is any text, `?` one character, `[a-z]` one of these, `{a,b}` one or the other";

fn ou_globs(texts: &[String], doc: &Document<'_>, pointer: &str, diagnostics: &mut Diagnostics) -> Vec<OuGlob> {
    let mut globs = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match OuGlob::new(text) {
            Ok(glob) => globs.push(glob),
            Err(error) => {
                let error = doc.error(&join(pointer, index), error.to_string());
                let absolute = !text.starts_with('/') && OuGlob::new(&format!("/{text}")).is_ok();
                diagnostics.push(error.help(if absolute { format!("write /{text}") } else { GLOB_HELP.to_owned() }));
            }
        }
    }
    globs
}

/// Nine to thirteen digits that are not twelve are an account id that lost or gained some.
fn account_ids(texts: &[String], doc: &Document<'_>, pointer: &str, diagnostics: &mut Diagnostics) {
    for (index, text) in texts.iter().enumerate() {
        let digits = text.len();
        if text.bytes().all(|b| b.is_ascii_digit()) && digits != 12 && (9..=13).contains(&digits) {
            let error =
                doc.error(&join(pointer, index), format!("an AWS account id has 12 digits, {text} has {digits}"));
            diagnostics.push(if digits < 12 {
                error.help(format!("if it lost its leading zeros, write \"{text:0>12}\""))
            } else {
                error
            });
        }
    }
}

/// Region codes are lower case, so that a glob with anything else matches none.
fn region_codes(texts: &[String], doc: &Document<'_>, pointer: &str, diagnostics: &mut Diagnostics) {
    for (index, text) in texts.iter().enumerate() {
        if text.chars().any(|c| c.is_ascii_uppercase() || c.is_whitespace() || c == '_') {
            let error = doc.error(&join(pointer, index), format!("{text:?} matches no region"));
            diagnostics.push(error.help("regions are written like eu-west-1"));
        }
    }
}
