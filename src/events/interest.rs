//! What the reader of events has to know of rolecall itself and of its policy.

use std::collections::BTreeSet;

use super::record::Record;
use crate::model::{Arn, MemberRole, Principal, SSO_PREFIX};

/// As whom rolecall makes its calls.
#[derive(Clone, Debug)]
pub struct Own {
    role: String,
    session: String,
    caller: String,
}

impl Own {
    /// The member role's sessions, in whatever account, and the hub's own credentials.
    pub fn new(member: &MemberRole, hub: &Arn) -> Self {
        let role = member.path_and_name.rsplit('/').next().unwrap_or_default().to_owned();
        Self { role, session: member.session_name.clone(), caller: hub.to_string() }
    }

    /// Whether rolecall itself made the call: otherwise each of its writes would be followed by a pass. A session's ARN
    /// tells its role without the path. People may use the member role too, under another session name.
    ///
    /// See <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>.
    pub(super) fn made(&self, record: &Record) -> bool {
        let Some(arn) = record.text("/detail/userIdentity/arn") else { return false };
        if arn == self.caller {
            return true;
        }
        let Ok(arn) = arn.parse::<Arn>() else { return false };
        let here = record.account().is_ok_and(|account| arn.account_id() == Some(account));
        let session = arn.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/'));
        here && arn.service == "sts" && session == Some((self.role.as_str(), self.session.as_str()))
    }
}

/// Whom a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The account or cluster as such.
    All,
    /// The role or user of this name.
    Principal(String),
    /// The IAM group of this name.
    IamGroup(String),
    /// Policies or trust that IAM groups may get in by.
    IamGroups,
    /// Groups of the directory.
    Directory,
    /// Permission sets and who is assigned to them.
    IdentityCenter,
}

/// What the policy names, so that what happens to everybody else calls for no pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Roles and users, in lower case: IAM tells names apart by more than their case nowhere.
    names: BTreeSet<String>,
    iam_groups: BTreeSet<String>,
    directory: bool,
    permission_sets: bool,
}

impl Interest {
    /// That of a policy with these principals.
    pub fn of<'p>(principals: impl IntoIterator<Item = &'p Principal>) -> Self {
        let mut interest = Self::default();
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
        for principal in principals {
            match principal {
                Principal::RoleName(name) | Principal::UserName(name) => drop(interest.names.insert(last(name))),
                Principal::RoleArn(arn) | Principal::UserArn(arn) => drop(interest.names.insert(last(&arn.resource))),
                Principal::IamGroup(group) => drop(interest.iam_groups.insert(group.name.to_lowercase())),
                Principal::DirectoryGroup(_) => interest.directory = true,
                Principal::PermissionSet(_) => interest.permission_sets = true,
                Principal::Account(_) => {}
            }
        }
        interest
    }

    /// Whether the policy has to do with it. Any role may be one that an IAM group's members may assume.
    pub(super) fn covers(&self, about: &About) -> bool {
        let groups = !self.iam_groups.is_empty();
        let center = self.permission_sets || self.directory;
        match about {
            About::All => true,
            About::Principal(name) => {
                let reserved = name.starts_with(SSO_PREFIX);
                groups || (reserved && center) || self.names.contains(&name.to_lowercase())
            }
            About::IamGroup(name) => self.iam_groups.contains(&name.to_lowercase()),
            About::IamGroups => groups,
            About::Directory => self.directory,
            About::IdentityCenter => center,
        }
    }
}
