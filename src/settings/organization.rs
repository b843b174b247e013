//! `organization`: which accounts and regions are walked, and as whom.

use super::{
    checks::Checks,
    input::{HubInput, IdentityCenterInput, OrganizationInput, RegionsInput, SettingsInput, UnmanagedInput},
    names,
};
use crate::{
    model::{AccountId, Arn, HubRole, IdentityCenterScope, MemberRole, OrganizationScope, Region, Regions, Secret},
    source::{join, selector::SelectorInput},
};

const SESSION_NAME: &str = "rolecall";

/// The whole section; `None` when something is missing without which nothing can be walked.
pub(super) fn scope(checks: &mut Checks<'_, '_>, input: &OrganizationInput) -> Option<OrganizationScope> {
    let at = |key: &str| join("/organization", key);
    let hub = input.hub.as_ref().map(|input| hub(checks, input, &at("hub")));
    let member = member(checks, input);
    let regions = regions(checks, input.regions.as_ref());
    let include = checks.selector(&input.include, &at("include"));
    let exclude = input.exclude.as_ref().map(|input| checks.selector(input, &at("exclude")));
    if exclude.as_ref() == Some(&include) {
        let help = "take one of them out".to_owned();
        checks.bad(&at("exclude"), "`exclude` leaves out everything that `include` names", Some(help));
    }
    let accounts = input.accounts.as_ref().map(|accounts| account_ids(checks, accounts));
    let hub = match hub {
        Some(hub) => Some(hub?),
        None => None,
    };
    Some(OrganizationScope { hub, member: member?, regions, include, exclude, accounts, identity_center: None })
}

/// `identityCenter`; `None` when something in it is wrong or missing.
pub(super) fn identity_center(checks: &mut Checks<'_, '_>, input: &IdentityCenterInput) -> Option<IdentityCenterScope> {
    let at = |key: &str| join("/identityCenter", key);
    let hub = HubInput { role_arn: input.role_arn.clone(), external_id: input.external_id.clone() };
    let role = self::hub(checks, &hub, "/identityCenter");
    if input.external_id.is_some() && input.role_arn.is_none() {
        let help = "name the role under `roleArn`, or take the key out".to_owned();
        checks.bad(&at("externalId"), "there is no role here that could ask for an external id", Some(help));
    }
    let region = input.region.as_ref()?;
    if !checks.fine(&at("region"), names::region_fault(region)) || (role.is_none() && input.role_arn.is_some()) {
        return None;
    }
    Some(IdentityCenterScope { region: Region::new(region), role })
}

fn hub(checks: &mut Checks<'_, '_>, input: &HubInput, pointer: &str) -> Option<HubRole> {
    let external_id = external_id(checks, input.external_id.as_ref(), &join(pointer, "externalId"));
    let arn = role_arn(checks, input.role_arn.as_ref()?, &join(pointer, "roleArn"), "rolecall-hub")?;
    Some(HubRole { arn, external_id })
}

/// The ARN of a role that is assumed; `such_as` is the name of one in the words that help.
pub(super) fn role_arn(checks: &mut Checks<'_, '_>, text: &str, pointer: &str, such_as: &str) -> Option<Arn> {
    match text.parse::<Arn>() {
        Ok(arn) => checks.fine(pointer, names::role_arn_fault(&arn)).then_some(arn),
        Err(error) => {
            checks.bad(pointer, error.to_string(), Some(format!("such as arn:aws:iam::999988887777:role/{such_as}")));
            None
        }
    }
}

fn member(checks: &mut Checks<'_, '_>, input: &OrganizationInput) -> Option<MemberRole> {
    let at = |key: &str| join("/organization", key);
    let external_id = external_id(checks, input.external_id.as_ref(), &at("externalId"));
    if let Some(name) = &input.session_name {
        checks.fine(&at("sessionName"), names::session_fault("session name", name));
    }
    if let Some(name) = &input.source_identity {
        checks.fine(&at("sourceIdentity"), names::session_fault("source identity", name));
    }
    let role = input.member_role.as_ref()?;
    if let Ok(arn) = role.parse::<Arn>() {
        let name = arn.resource.strip_prefix("role/").unwrap_or("rolecall-member");
        let message = "the member role is named without account, since it is assumed in every account";
        checks.bad(&at("memberRole"), message, Some(format!("write {name}")));
    } else {
        checks.fine(&at("memberRole"), names::role_fault(role.trim_start_matches('/')));
    }
    Some(MemberRole {
        path_and_name: role.trim_start_matches('/').to_owned(),
        external_id,
        session_name: input.session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
        source_identity: input.source_identity.clone(),
    })
}

pub(super) fn external_id(checks: &mut Checks<'_, '_>, text: Option<&String>, pointer: &str) -> Option<Secret> {
    let text = text?;
    if let Some(fault) = names::external_id_fault(text) {
        checks.bad(pointer, fault, Some("letters, digits and _+=,.@:/- are allowed".to_owned()));
    }
    Some(Secret::new(text))
}

fn regions(checks: &mut Checks<'_, '_>, input: Option<&RegionsInput>) -> Regions {
    let Some(RegionsInput::Fixed(codes)) = input else { return Regions::Enabled };
    let pointer = "/organization/regions";
    checks.no_twins(pointer, codes);
    for (index, code) in codes.iter().enumerate() {
        if let Some(fault) = names::region_fault(code) {
            let help = "name each as eu-west-1, or write `regions: enabled` and choose with `include: {regions: […]}`";
            checks.bad(&join(pointer, index), fault, Some(help.to_owned()));
        }
    }
    Regions::Fixed(codes.iter().map(Region::new).collect())
}

fn account_ids(checks: &mut Checks<'_, '_>, texts: &[String]) -> Vec<AccountId> {
    let pointer = "/organization/accounts";
    checks.no_twins(pointer, texts);
    let mut ids = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse::<AccountId>() {
            Ok(id) => ids.push(id),
            Err(error) => {
                let digits = (9..12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
                let help = digits.then(|| format!("if it lost its leading zeros, write \"{text:0>12}\""));
                checks.bad(&join(pointer, index), error.to_string(), help);
            }
        }
    }
    ids
}

/// Without an organization nobody knows the accounts' units and tags, so that no selector may ask for them.
pub(super) fn no_selector_needs_an_organization(checks: &mut Checks<'_, '_>, input: &SettingsInput) {
    let Some(organization) = input.organization.as_ref().filter(|organization| organization.accounts.is_some()) else {
        return;
    };
    let mut selectors = vec![("/organization/include".to_owned(), Some(&organization.include))];
    selectors.push(("/organization/exclude".to_owned(), organization.exclude.as_ref()));
    let rules = match &input.unmanaged {
        Some(UnmanagedInput::Rules(rules)) => rules.as_slice(),
        _ => &[],
    };
    let item = |list: &str, index: usize| join(&join(list, index), "match");
    let connect = input.clusters.connect.iter().enumerate();
    selectors.extend(connect.map(|(i, rule)| (item("/clusters/connect", i), rule.r#match.as_ref())));
    selectors.extend(rules.iter().enumerate().map(|(i, rule)| (item("/unmanaged", i), rule.r#match.as_ref())));
    selectors.extend(input.paused.iter().enumerate().map(|(i, pause)| (item("/paused", i), pause.r#match.as_ref())));
    for (pointer, selector) in selectors {
        if let Some(selector) = selector {
            refuse_units_and_tags(checks, &pointer, selector);
        }
    }
}

fn refuse_units_and_tags(checks: &mut Checks<'_, '_>, pointer: &str, selector: &SelectorInput) {
    let keys = [
        ("organizationalUnits", !selector.organizational_units.is_empty()),
        ("accountTags", !selector.account_tags.is_empty()),
    ];
    for (key, _) in keys.iter().filter(|(_, given)| *given) {
        let message = format!("`{key}` cannot be known: with `organization.accounts` no organization is read");
        let error = checks.doc.error_at_key(&join(pointer, key), message);
        let error = match checks.doc.key_span("/organization/accounts") {
            Some(span) => error.related(&checks.doc.file().name, span, "the accounts are given here"),
            None => error,
        };
        checks.diagnostics.push(error.help("select by `accounts`, or take `organization.accounts` out"));
    }
    if let Some(not) = &selector.not {
        refuse_units_and_tags(checks, &join(pointer, "not"), not);
    }
}
