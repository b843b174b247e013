//! Who is let in, and as whom: the part of aws-iam-authenticator, and of EKS around it.
//!
//! The rules are `Verify` in aws-iam-authenticator's `pkg/token/token.go`, `doMapping` and `renderTemplate` in its
//! `pkg/server/server.go`, and for access entries
//! <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;

use super::user::{AccessPolicy, MASTERS, User};
use crate::{
    authenticator::{self, Reading, canonical_arn},
    lab::{
        sigv4,
        world::{
            State,
            eks::{AccessEntry, EksCluster},
            keys::Caller,
        },
    },
    model::{AuthenticationMode, ClusterId},
};

const PREFIX: &str = "k8s-aws-v1.";
const MAX_LENGTH: usize = 4096;
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// The parameters that a token may have, in lower case.
const PARAMETERS: [&str; 9] = [
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// The caller as the authenticator knows it.
struct Identity<'a> {
    caller: &'a Caller,
    canonical: String,
    user_id: &'a str,
    session: &'a str,
}

/// Whom a bearer token stands for; `None` when it is not let in. `aws_auth` reads the ConfigMap when it is needed.
pub(super) fn authenticate(
    state: &State,
    id: &ClusterId,
    token: &str,
    now: Timestamp,
    aws_auth: impl FnOnce() -> std::sync::Arc<Reading>,
) -> Option<User> {
    let cluster = state.clusters.get(id)?;
    let caller = verify(state, id, token, now)?;
    let canonical = canonical_arn(&caller.arn).ok()?;
    let (user_id, session) =
        if caller.arn.contains(":assumed-role/") { caller.user_id.split_once(':')? } else { (&*caller.user_id, "") };
    let identity = Identity { caller: &caller, canonical, user_id, session };
    let mode = cluster.mode.unwrap_or(AuthenticationMode::ConfigMap);
    let mut user = (mode != AuthenticationMode::ConfigMap).then(|| identity.by_entry(cluster)).flatten();
    if user.is_none() && mode.reads_aws_auth() {
        user = match mode {
            AuthenticationMode::ConfigMap if identity.is_creator(cluster) => Some(creator()),
            _ => identity.by_row(&aws_auth()),
        };
    }
    let mut user = user?;
    user.groups.push("system:authenticated".to_owned());
    user.uid = format!("aws-iam-authenticator:{}:{user_id}", caller.account);
    user.extra = identity.extra();
    Some(user)
}

/// The caller that signed a token for this cluster.
fn verify(state: &State, id: &ClusterId, token: &str, now: Timestamp) -> Option<Caller> {
    let encoded = token.strip_prefix(PREFIX).filter(|_| token.len() <= MAX_LENGTH)?;
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let (host, rest) = url.strip_prefix("https://")?.split_once('/')?;
    let query = rest.strip_prefix('?')?;
    if !is_sts(host, id) {
        return None;
    }
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=')?;
        let name = name.to_ascii_lowercase();
        let value = percent_decode_str(value).decode_utf8().ok()?.into_owned();
        if !PARAMETERS.contains(&name.as_str()) || parameters.insert(name, value).is_some() {
            return None;
        }
    }
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);
    let signs_cluster = get("x-amz-signedheaders").split(';').any(|name| name.eq_ignore_ascii_case(CLUSTER_HEADER));
    let expires: i64 = get("x-amz-expires").parse().ok()?;
    if get("action") != "GetCallerIdentity" || !signs_cluster || !(0..=900).contains(&expires) {
        return None;
    }
    let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", get("x-amz-date")).ok()?;
    let signed_at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    if now.duration_since(signed_at) > LIFETIME {
        return None;
    }
    sigv4::verify_presigned(state, host, query, &[(CLUSTER_HEADER, &id.name)], now).ok()
}

/// Whether it is STS of the partition, global or of a region; the account of the cluster tells nothing of that.
fn is_sts(host: &str, id: &ClusterId) -> bool {
    let domain = if id.region.as_str().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match host.strip_prefix("sts.") {
        Some(rest) if rest == domain => true,
        Some(rest) => rest.split_once('.').is_some_and(|(region, rest)| !region.is_empty() && rest == domain),
        None => false,
    }
}

/// The cluster's creator, who has no row.
fn creator() -> User {
    User { name: "kubernetes-admin".into(), groups: vec![MASTERS.into()], ..User::default() }
}

impl Identity<'_> {
    fn is_creator(&self, cluster: &EksCluster) -> bool {
        // The creator is known by its full ARN, the caller without the path of its role.
        self.is_principal(&cluster.creator)
    }

    /// Whether an IAM principal's full ARN is the caller's: roles call without their path.
    fn is_principal(&self, arn: &str) -> bool {
        if let (Some((prefix, rest)), true) = (arn.split_once(":role/"), self.canonical.contains(":role/")) {
            let name = rest.rsplit('/').next().unwrap_or(rest);
            return format!("{prefix}:role/{name}").eq_ignore_ascii_case(&self.canonical);
        }
        arn.eq_ignore_ascii_case(&self.canonical)
    }

    /// As whom an access entry lets the caller in. It must have been made for this very principal: one that was made
    /// anew under the same ARN has another unique id.
    fn by_entry(&self, cluster: &EksCluster) -> Option<User> {
        let entry = cluster.entries.values().find(|entry| {
            entry.kind == "STANDARD" && entry.principal_id == self.user_id && self.is_principal(&entry.principal)
        })?;
        Some(User {
            name: self.rendered(&entry.username)?,
            groups: entry.groups.clone(),
            policies: policies(entry),
            ..User::default()
        })
    }

    fn by_row(&self, reading: &Reading) -> Option<User> {
        let resolved = authenticator::resolve(reading, &self.canonical, self.caller.account.as_str())?;
        let name = self.rendered(&resolved.username)?;
        let groups = resolved.groups.iter().map(|group| self.rendered(group)).collect::<Option<_>>()?;
        Some(User { name, groups, ..User::default() })
    }

    /// Templates filled in. Nodes are unknown to the lab, so nobody gets in by the name of an instance.
    fn rendered(&self, template: &str) -> Option<String> {
        if template.contains("{{EC2PrivateDNSName}}") {
            return None;
        }
        let text = template.replace("{{AccountID}}", self.caller.account.as_str());
        let text = text.replace("{{SessionName}}", &self.session.replace('@', "-"));
        let text = text.replace("{{SessionNameRaw}}", self.session);
        Some(text.replace("{{AccessKeyID}}", &self.caller.access_key))
    }

    fn extra(&self) -> BTreeMap<String, Vec<String>> {
        let texts = [
            ("accessKeyId", self.caller.access_key.as_str()),
            ("arn", &self.caller.arn),
            ("canonicalArn", &self.canonical),
            ("principalId", self.user_id),
            ("sessionName", self.session),
            ("sigs.k8s.io/aws-iam-authenticator/principalId", self.user_id),
        ];
        texts.into_iter().map(|(name, text)| (name.to_owned(), vec![text.to_owned()])).collect()
    }
}

fn policies(entry: &AccessEntry) -> Vec<AccessPolicy> {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let of = |(arn, association): (&String, &crate::lab::world::eks::Association)| AccessPolicy {
        name: name(arn),
        namespaces: association.namespaces.clone(),
    };
    entry.policies.iter().map(of).collect()
}
