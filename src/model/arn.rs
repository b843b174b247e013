//! Amazon Resource Names and the partitions they live in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{AccountId, Region};

/// An AWS partition: a set of regions with its own ARNs, host names and organizations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(String);

impl Partition {
    /// The partition named in an ARN, such as `aws`, `aws-cn` or `aws-us-gov`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The partition that a region belongs to, by the prefixes in the AWS SDKs' `partitions.json`.
    pub fn of_region(region: &Region) -> Self {
        let code = region.as_str();
        let table = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-iso-", "aws-iso"),
            ("eusc-", "aws-eusc"),
        ];
        let name = table.iter().find(|(prefix, _)| code.starts_with(prefix)).map_or("aws", |(_, name)| name);
        Self(name.to_owned())
    }

    /// The partition's name as it stands in ARNs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain under which the partition's services answer.
    pub fn dns_suffix(&self) -> &'static str {
        match self.0.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            "aws-iso" => "c2s.ic.gov",
            "aws-iso-b" => "sc2s.sgov.gov",
            "aws-iso-e" => "cloud.adc-e.uk",
            "aws-iso-f" => "csp.hci.ic.gov",
            "aws-eusc" => "amazonaws.eu",
            _ => "amazonaws.com",
        }
    }

    /// The region in which AWS Organizations answers for the partition.
    ///
    /// See <https://docs.aws.amazon.com/general/latest/gr/ao.html>.
    pub fn organizations_region(&self) -> Region {
        Region::new(match self.0.as_str() {
            "aws-cn" => "cn-northwest-1",
            "aws-us-gov" => "us-gov-west-1",
            "aws-iso" => "us-iso-east-1",
            "aws-iso-b" => "us-isob-east-1",
            "aws-iso-e" => "eu-isoe-west-1",
            "aws-iso-f" => "us-isof-south-1",
            "aws-eusc" => "eusc-de-east-1",
            _ => "us-east-1",
        })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An ARN split at its colons: `arn:partition:service:region:account:resource`.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn {
    /// The partition.
    pub partition: Partition,
    /// The service, such as `iam`.
    pub service: String,
    /// The region, empty for global services.
    pub region: String,
    /// The account id, possibly empty.
    pub account: String,
    /// What comes after the fifth colon.
    pub resource: String,
}

/// The text is not an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ARN: it takes the form arn:partition:service:region:account:resource")]
pub struct ArnError(String);

impl Arn {
    /// The ARN of an IAM role; `path_and_name` is `name` or `path/to/name`.
    pub fn iam_role(partition: &Partition, account: &AccountId, path_and_name: &str) -> Self {
        Self {
            partition: partition.clone(),
            service: "iam".to_owned(),
            region: String::new(),
            account: account.to_string(),
            resource: format!("role/{}", path_and_name.trim_start_matches('/')),
        }
    }

    /// The account as an id, when it is one.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.parse().ok()
    }

    /// The IAM role's name without its path, when this is the ARN of an IAM role.
    pub fn role_name(&self) -> Option<&str> {
        self.iam_name("role/")
    }

    /// The IAM user's name without its path, when this is the ARN of an IAM user.
    pub fn user_name(&self) -> Option<&str> {
        self.iam_name("user/")
    }

    fn iam_name(&self, prefix: &str) -> Option<&str> {
        if self.service != "iam" {
            return None;
        }
        self.resource.strip_prefix(prefix)?.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The ARN of the same IAM role without its path, as aws-auth needs it; other ARNs come back as they are.
    ///
    /// See <https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting-iam.html> ("aws-auth ConfigMap does not grant
    /// access to the cluster").
    #[must_use]
    pub fn without_role_path(&self) -> Self {
        match self.role_name() {
            Some(name) => Self { resource: format!("role/{name}"), ..self.clone() },
            None => self.clone(),
        }
    }

    /// The username that EKS gives an access entry by default: of a role its session, of a user its ARN.
    ///
    /// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.
    pub fn default_username(&self) -> String {
        match self.role_name() {
            Some(name) => {
                format!("arn:{}:sts::{}:assumed-role/{name}/{{{{SessionName}}}}", self.partition, self.account)
            }
            None => self.to_string(),
        }
    }
}

/// The prefix of the IAM roles that Identity Center makes for permission sets.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>.
pub const SSO_PREFIX: &str = "AWSReservedSSO_";

/// The permission set in the name of its role, `AWSReservedSSO_<set>_<16 hex digits>`.
pub fn permission_set_of(role_name: &str) -> Option<&str> {
    let (set, suffix) = role_name.strip_prefix(SSO_PREFIX)?.rsplit_once('_')?;
    (suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(set)
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ArnError(text.to_owned());
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(bad);
        if next()? != "arn" {
            return Err(bad());
        }
        let arn = Self {
            partition: Partition::new(next()?),
            service: next()?.to_owned(),
            region: next()?.to_owned(),
            account: next()?.to_owned(),
            resource: next()?.to_owned(),
        };
        if arn.partition.as_str().is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(bad());
        }
        Ok(arn)
    }
}

impl TryFrom<String> for Arn {
    type Error = ArnError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> Self {
        arn.to_string()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:{}:{}:{}:{}", self.partition, self.service, self.region, self.account, self.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_loses_its_path_and_a_user_keeps_it() {
        let role: Arn = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_A_0123"
            .parse()
            .unwrap();
        assert_eq!(role.role_name(), Some("AWSReservedSSO_A_0123"));
        assert_eq!(role.without_role_path().to_string(), "arn:aws:iam::111122223333:role/AWSReservedSSO_A_0123");
        let user = "arn:aws:iam::111122223333:user/ops/breakglass";
        assert_eq!(user.parse::<Arn>().unwrap().without_role_path().to_string(), user);
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
        for bad in ["", "arn", "arn:aws:iam::1", "arn::iam::1:role/a", "arn:aws::::x", "x:aws:iam::1:role/a"] {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_know_their_partition() {
        assert_eq!(Partition::of_region(&Region::new("cn-north-1")).dns_suffix(), "amazonaws.com.cn");
        assert_eq!(Partition::of_region(&Region::new("us-isob-east-1")).as_str(), "aws-iso-b");
        assert_eq!(Partition::of_region(&Region::new("eu-west-1")).as_str(), "aws");
    }
}
