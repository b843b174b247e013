//! What usernames and groups mean to EKS: templates, and the groups of nodes.

/// The templates that the authenticator fills in: `renderTemplate` in aws-iam-authenticator's `pkg/server/server.go`.
const TEMPLATES: [&str; 5] =
    ["{{EC2PrivateDNSName}}", "{{AccountID}}", "{{SessionName}}", "{{SessionNameRaw}}", "{{AccessKeyID}}"];

/// The `{{…}}` in a username or group that the authenticator does not know and leaves as they are.
///
/// Names are taken in this case only, and without spaces. A `{{` that is never closed is returned to the end of the text.
pub fn unknown_templates(text: &str) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let template = rest[start..].find("}}").map_or(&rest[start..], |end| &rest[start..start + end + 2]);
        rest = &rest[start + template.len()..];
        if !TEMPLATES.contains(&template) {
            unknown.push(template.to_owned());
        }
    }
    unknown
}

/// Whether a row's groups are those of nodes, Fargate profiles or hybrid nodes, or others that EKS itself hands out.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html> and
/// <https://docs.aws.amazon.com/eks/latest/userguide/default-roles-users.html>.
pub fn is_node_row(groups: &[String]) -> bool {
    groups.iter().any(|group| {
        matches!(group.as_str(), "system:bootstrappers" | "system:nodes" | "system:node-proxier")
            || group.starts_with("eks:")
    })
}
