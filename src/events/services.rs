//! Which events of which services matter, and what they are about.

use serde_json::Value;

use super::{
    Ignored, Target,
    interest::About,
    record::{Record, account, cluster_name, region},
};
use crate::model::{Arn, ClusterId};

/// What an event is about.
pub(super) struct Found {
    pub(super) target: Target,
    pub(super) about: About,
}

impl Found {
    fn new(target: Target, about: About) -> Self {
        Self { target, about }
    }
}

/// What to look at after this event.
pub(super) fn target(record: &Record) -> Result<Found, Ignored> {
    if !record.is_from_cloudtrail() {
        return Err(Ignored::Unrelated);
    }
    match record.source() {
        "aws.eks" => eks(record),
        "aws.organizations" => organizations(record),
        "aws.iam" => iam(record),
        "aws.sso" => identity_center(record),
        "aws.identitystore" | "aws.sso-directory" => directory(record),
        _ => Err(Ignored::Unrelated),
    }
}

/// Clusters and their access entries. EKS tells nobody of a cluster that becomes ACTIVE: there is only the call by which
/// it was asked for, or by which its configuration is changed, which takes minutes as well.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/logging-using-cloudtrail.html>.
fn eks(record: &Record) -> Result<Found, Ignored> {
    let until_active = match record.name() {
        "CreateCluster" | "UpdateClusterConfig" => true,
        "DeleteCluster"
        | "CreateAccessEntry"
        | "UpdateAccessEntry"
        | "DeleteAccessEntry"
        | "AssociateAccessPolicy"
        | "DisassociateAccessPolicy" => false,
        "TagResource" | "UntagResource" => return tagged(record),
        _ => return Err(Ignored::Unrelated),
    };
    let name = record
        .parameter(&["name", "clusterName"])
        .or_else(|| record.text("/detail/responseElements/cluster/name"))
        .or_else(|| record.text("/detail/responseElements/cluster/clusterName"))
        .ok_or(Ignored::Malformed)?;
    Ok(Found::new(Target::Cluster { id: record.cluster(name)?, until_active }, About::All))
}

/// Tags of a cluster, by which selectors may choose it; other things of EKS have tags too.
fn tagged(record: &Record) -> Result<Found, Ignored> {
    let arn = record.parameter(&["resourceArn"]).ok_or(Ignored::Malformed)?;
    // CloudTrail tells what stood in a path as it stood there.
    let arn = arn.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/");
    let arn: Arn = arn.parse().map_err(|_| Ignored::Malformed)?;
    let name = arn.resource.strip_prefix("cluster/").ok_or(Ignored::Unrelated)?;
    let id = ClusterId {
        account: arn.account_id().ok_or(Ignored::Malformed)?,
        region: region(&arn.region)?,
        name: cluster_name(name)?.to_owned(),
    };
    Ok(Found::new(Target::Cluster { id, until_active: false }, About::All))
}

/// Accounts that come, go and move, and their tags. An invitation changes nothing before it is accepted.
///
/// See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html>.
fn organizations(record: &Record) -> Result<Found, Ignored> {
    let details = |name: &str| record.text(&format!("/detail/serviceEventDetails/{name}"));
    let told = match record.name() {
        "CreateAccountResult" => {
            if details("createAccountStatus/state").is_some_and(|state| state != "SUCCEEDED") {
                return Err(Ignored::FailedCall);
            }
            details("createAccountStatus/accountId")
        }
        "AccountJoinedOrganization" => details("accountId"),
        "AcceptHandshake" => {
            let kind = |party: &&Value| party.get("type").and_then(Value::as_str) == Some("ACCOUNT");
            let parties = record.list("/detail/responseElements/handshake/parties");
            parties.iter().find(kind).and_then(|party| party.get("id")).and_then(Value::as_str)
        }
        "MoveAccount" => record.parameter(&["accountId"]),
        // Units, policies and the root have tags too, which no selector speaks of.
        "TagResource" | "UntagResource" => {
            let id = record.parameter(&["resourceId"]).ok_or(Ignored::Malformed)?;
            return Ok(Found::new(Target::Account(account(id).map_err(|_| Ignored::Unrelated)?), About::All));
        }
        // The paths of all accounts below it.
        "UpdateOrganizationalUnit" => None,
        _ => return Err(Ignored::Unrelated),
    };
    let target = match told {
        Some(id) => Target::Account(account(id)?),
        None => Target::Fleet,
    };
    Ok(Found::new(target, About::All))
}

/// Roles and users that come and go, and what IAM groups may assume.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html>.
fn iam(record: &Record) -> Result<Found, Ignored> {
    let named = |name: &str| record.parameter(&[name]).map(str::to_owned).ok_or(Ignored::Malformed);
    let about = match record.name() {
        "CreateRole" | "DeleteRole" => About::Principal(named("roleName")?),
        "CreateUser" | "DeleteUser" | "UpdateUser" => About::Principal(named("userName")?),
        "AddUserToGroup"
        | "RemoveUserFromGroup"
        | "PutGroupPolicy"
        | "DeleteGroupPolicy"
        | "AttachGroupPolicy"
        | "DetachGroupPolicy"
        | "CreateGroup"
        | "DeleteGroup"
        | "UpdateGroup" => About::IamGroup(named("groupName")?),
        "UpdateAssumeRolePolicy" | "CreatePolicyVersion" | "SetDefaultPolicyVersion" => About::IamGroups,
        _ => return Err(Ignored::Unrelated),
    };
    Ok(Found::new(Target::Account(record.account()?), about))
}

/// Assignments, and permission sets that are provisioned. What is asked for is done later, which is told once more by a
/// service event, and by IAM in the account.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/sso-info-in-cloudtrail.html>.
fn identity_center(record: &Record) -> Result<Found, Ignored> {
    if !["CreateAccountAssignment", "DeleteAccountAssignment", "ProvisionPermissionSet"].contains(&record.name()) {
        return Err(Ignored::Unrelated);
    }
    let target = record
        .parameter(&["targetId"])
        .or_else(|| record.text("/detail/serviceEventDetails/targetId"))
        .or_else(|| record.text("/detail/serviceEventDetails/accountId"));
    let target = match target {
        Some(id) => Target::Account(account(id)?),
        None => Target::Fleet,
    };
    Ok(Found::new(target, About::IdentityCenter))
}

/// Groups that come, go and change their name. Who is in one is Identity Center's matter: no cluster knows of it.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/logging-using-cloudtrail.html>.
fn directory(record: &Record) -> Result<Found, Ignored> {
    match record.name() {
        "CreateGroup" | "DeleteGroup" | "UpdateGroup" => Ok(Found::new(Target::Fleet, About::Directory)),
        _ => Err(Ignored::Unrelated),
    }
}
