//! The file that `plan --out` writes and `sync --plan` reads.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    fleet,
    model::{PassReport, Plan},
};

const API_VERSION: &str = "rolecall.dev/v1";
const KIND: &str = "PlanFile";

/// Plans as they were made, to be carried out later as they are or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlanFile {
    api_version: String,
    kind: String,
    /// When the pass ended that made the plans.
    pub created: Timestamp,
    /// The organization's id, where there is one.
    pub organization: Option<String>,
    /// Whether the plans repair broken sections; they can only be made anew, and so compared, in the same way.
    #[serde(default)]
    pub repair: bool,
    /// How many clusters were known.
    #[serde(default)]
    pub clusters: usize,
    /// The plans of the clusters that there is something to write to.
    pub plans: Vec<Plan>,
}

impl PlanFile {
    /// The plans of a pass that may be carried out.
    pub(super) fn of(report: &PassReport, repair: bool) -> Self {
        let plans = report.clusters.iter().filter_map(|cluster| cluster.plan.as_ref());
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            created: report.finished,
            organization: report.organization.clone(),
            repair,
            clusters: fleet::known(report),
            plans: plans.filter(|plan| !plan.steps.is_empty() && plan.blocked.is_none()).cloned().collect(),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("the plan cannot be put into JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write the plan to {}", path.display()))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is not JSON, is something else than a plan, or a plan of another version.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the plan {name}"))?;
        Self::parse(&text).with_context(|| format!("{name} is not a plan that can be carried out"))
    }

    fn parse(text: &str) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_str(text).context("it is not JSON")?;
        let told = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
        match told("kind") {
            Some(KIND) => {}
            Some(kind) => bail!("its kind is {kind:?}, not {KIND:?}"),
            None => bail!(
                "it has no `kind: {KIND}`; `rolecall plan --out FILE` writes such a file, `--output json` does not"
            ),
        }
        match told("apiVersion") {
            Some(API_VERSION) => {}
            version => {
                let version = version.unwrap_or("none");
                bail!("its apiVersion is {version}, and this rolecall reads {API_VERSION}: make a new plan")
            }
        }
        serde_path_to_error::deserialize(value)
            .map_err(|error| anyhow::anyhow!("at {}: {}: make a new plan", error.path(), error.inner()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn file() -> PlanFile {
        PlanFile {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            created: "2026-11-22T03:00:00Z".parse().unwrap(),
            organization: Some("o-a1b2c3d4e5".to_owned()),
            repair: true,
            clusters: 0,
            plans: Vec::new(),
        }
    }

    fn refused(text: &str) -> String {
        format!("{:#}", PlanFile::parse(text).unwrap_err())
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        file().write(&path).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap(), file());
        assert!(
            format!("{:#}", PlanFile::read(&folder.path().join("none")).unwrap_err()).contains("cannot read the plan")
        );
    }

    #[test]
    fn other_files_are_refused_in_words() {
        let text = serde_json::to_string(&file()).unwrap();
        assert!(refused("plans: []").contains("it is not JSON"));
        assert!(refused("{\"schemaVersion\": 1}").contains("plan --out FILE"));
        assert!(refused(&text.replace("PlanFile", "Settings")).contains("its kind is \"Settings\""));
        assert!(refused(&text.replace("/v1", "/v9")).contains("apiVersion is rolecall.dev/v9"));
        let plans = text.replace("\"plans\":[]", "\"plans\":[{\"cluster\":{\"account\":\"12\"}}]");
        assert!(
            refused(&plans).contains("at plans[0].cluster.account: \"12\" is not an AWS account id"),
            "{}",
            refused(&plans)
        );
    }
}
