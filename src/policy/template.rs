//! The `{{…}}` that the authenticator fills in when somebody gets in.

/// The templates that the authenticator knows, to tell people.
///
/// See <https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/v0.7.13/README.md#full-configuration-format>.
pub(super) const KNOWN: [&str; 5] =
    ["{{EC2PrivateDNSName}}", "{{AccountID}}", "{{SessionName}}", "{{SessionNameRaw}}", "{{AccessKeyID}}"];

/// Each `{{…}}` of the text, and each `{{` that is never closed.
fn templates(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let from = &rest[start..];
        let length = from.find("}}").map_or(from.len(), |end| end + 2);
        found.push(&from[..length]);
        rest = &from[length..];
    }
    found
}

/// Whether the text has any template.
pub(super) fn any(text: &str) -> bool {
    text.contains("{{")
}

/// Whether the template may become the name, each of its `{{…}}` standing for any text.
pub(super) fn may_become(template: &str, name: &str) -> bool {
    let mut literals = Vec::new();
    let mut rest = template;
    for known in templates(template) {
        let at = rest.find(known).unwrap_or_default();
        literals.push(&rest[..at]);
        rest = &rest[at + known.len()..];
    }
    let last = rest;
    let Some((first, middle)) = literals.split_first() else { return template == name };
    let Some(mut open) = name.strip_prefix(first) else { return false };
    for literal in middle {
        let Some(at) = open.find(literal) else { return false };
        open = &open[at + literal.len()..];
    }
    open.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator::unknown_templates;

    #[test]
    fn the_authenticator_knows_them() {
        for known in KNOWN {
            assert!(unknown_templates(known).is_empty(), "{known}");
        }
    }

    #[test]
    fn a_template_stands_for_any_text() {
        assert!(may_become("alice", "alice") && !may_become("alice", "bob"));
        assert!(may_become("dev:{{SessionName}}", "dev:alice") && !may_become("dev:{{SessionName}}", "ops:alice"));
        assert!(may_become("{{AccountID}}:{{SessionName}}:x", "1:b:x") && !may_become("{{AccountID}}:x", "1:y"));
        assert!(!may_become("a{{SessionName}}a", "a"), "a literal is not counted twice");
    }
}
