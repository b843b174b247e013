//! `rolecall schema`: JSON Schemas for editors.

use anyhow::{Context as _, Result};

use super::{
    args::{SchemaArgs, SchemaOf},
    terminal::Terminal,
};
use crate::{model::ExitCode, policy, settings};

pub(super) fn schema(args: &SchemaArgs, terminal: &Terminal) -> Result<ExitCode> {
    let schema = match args.of {
        SchemaOf::Settings => settings::schema(),
        SchemaOf::Policy => policy::schema(),
    };
    let text = serde_json::to_string_pretty(&schema).context("the schema cannot be put into JSON")?;
    terminal.print(&(text + "\n"))?;
    Ok(ExitCode::InSync)
}
