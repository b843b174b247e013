//! Policy files → [`Policy`]. Everything that is wrong is said at once, each at its place.

use serde_json::Value;

use super::{
    contradictions,
    entry::{
        AccessEntry, AccessPolicy, BindingEntry, Group, NodeEntry, Policy, RoleEntry, Spot, SubjectEntry, Until,
        Username, Who,
    },
    grants,
    input::{
        AccessInput, AccessPolicyInput, NamespaceInput, NodeInput, PolicyInput, RoleInput, SubjectInput, WhoInput,
    },
    names,
    principal::{self, Wrong},
    rules,
};
use crate::{
    model::{IamGroup, Principal, RbacKind, RbacSubject, RoleRef, Rule, Source, SubjectKind},
    source::{self, Diagnostic, Diagnostics, Document, SourceFile, Span, join, selector::selector},
};

/// What a policy may say.
const LISTS: [&str; 5] = ["roles", "groups", "users", "access", "nodes"];

/// Reads policy files and merges them in the order in which they are given. `None` when any of them has an error; all
/// errors of all files are in `diagnostics`.
pub fn parse(files: &[SourceFile], diagnostics: &mut Diagnostics) -> Option<Policy> {
    let mut found = Diagnostics::new();
    let mut policy = Policy::default();
    if files.is_empty() {
        // Nothing read is not an empty policy, which would take away all that an earlier one gave.
        found.error("policy", None, "there is no policy file to read");
    }
    let mut says_something = false;
    for file in files {
        let errors = found.len();
        let Some(mut doc) = Document::parse(file, &mut found) else { continue };
        says_something |= LISTS.iter().any(|key| doc.value().get(key).is_some());
        let Some(input) = source::decode::<PolicyInput>(&mut doc, &mut found) else { continue };
        let whole = found.len() == errors;
        let breaks = file.text.match_indices('\n').map(|(at, _)| at).collect();
        Reader { doc: &doc, whole, breaks, diagnostics: &mut found, policy: &mut policy }.read(input);
    }
    if let Some(file) = files.first().filter(|_| !says_something && !found.has_errors()) {
        // A file that was cut off after its head reads like this.
        let message = "the policy says nothing, by which all that rolecall ever gave would be taken away";
        let help = "write what is to be given, or `access: []` if that is meant";
        found.push(Diagnostic::error(file.name.clone(), None, message).help(help));
    }
    contradictions::check(&policy, &mut found);
    found.extend(grants::check(&policy));
    let good = !found.has_errors();
    diagnostics.extend(found);
    good.then_some(policy)
}

/// The JSON Schema of policy files, for editors.
pub fn schema() -> Value {
    source::schema::<PolicyInput>()
}

struct Reader<'r, 'f> {
    doc: &'r Document<'f>,
    /// Whether nothing was left out of the document for being wrong, so that what lacks in it was not written.
    whole: bool,
    /// Where the file's lines end, so that finding a line takes no walk through the file.
    breaks: Vec<usize>,
    diagnostics: &'r mut Diagnostics,
    policy: &'r mut Policy,
}

impl Reader<'_, '_> {
    fn read(&mut self, input: PolicyInput) {
        for (index, role) in input.roles.into_iter().enumerate() {
            self.role(role, &join("/roles", index));
        }
        for (index, group) in input.groups.into_iter().enumerate() {
            self.subject(SubjectKind::Group, group, &join("/groups", index));
        }
        for (index, user) in input.users.into_iter().enumerate() {
            self.subject(SubjectKind::User, user, &join("/users", index));
        }
        for (index, access) in input.access.into_iter().enumerate() {
            self.access(access, &join("/access", index));
        }
        for (index, node) in input.nodes.into_iter().enumerate() {
            self.node(node, &join("/nodes", index));
        }
    }

    fn spot(&self, pointer: &str) -> Spot {
        let span = self.doc.span(pointer);
        Spot { source: self.source(span), span }
    }

    /// The place of a value that stands for its entry: the line is the one on which its key stands.
    fn entry_spot(&self, pointer: &str) -> Spot {
        let span = self.doc.span(pointer);
        Spot { source: self.source(self.doc.key_span(pointer).or(span)), span }
    }

    fn source(&self, span: Option<Span>) -> Source {
        let line = span.map_or(1, |span| 1 + self.breaks.partition_point(|at| *at < span.start));
        Source { file: self.doc.file().name.clone(), line }
    }

    /// Says what is wrong with the value, with help where there is some; whether it is good.
    fn good(&mut self, pointer: &str, checked: Result<(), String>, help: Option<&str>) -> bool {
        let Err(message) = checked else { return true };
        let error = self.doc.error(pointer, message);
        self.diagnostics.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
        false
    }

    fn role(&mut self, input: RoleInput, at: &str) {
        let namespaced = input.namespace.is_some();
        if let Some(namespace) = &input.namespace {
            self.good(&join(at, "namespace"), names::namespace(namespace), None);
        }
        let rules: Vec<Rule> = input.rules.unwrap_or_default().into_iter().map(Rule::from).collect();
        for (index, rule) in rules.iter().enumerate() {
            let pointer = join(&join(at, "rules"), index);
            let lacking = if self.whole { rules::lacking(rule) } else { Vec::new() };
            for wrong in lacking.into_iter().chain(rules::wrong(rule, namespaced)) {
                self.diagnostics.push(self.doc.error_at_key(&pointer, wrong));
            }
        }
        let selector = selector(&input.selector, self.doc, &join(at, "where"), self.diagnostics);
        let Some(name) = input.name else { return };
        let pointer = join(at, "name");
        let help = "give it a name of its own; groups can be bound to roles that the cluster has without defining them";
        let good = self.good(&pointer, names::rbac_name(&name), None)
            && self.good(&pointer, names::owned_role(&name, namespaced), Some(help));
        if good {
            let spot = self.spot(&pointer);
            self.policy.roles.push(RoleEntry { spot, namespace: input.namespace, name, rules, selector });
        }
    }

    fn subject(&mut self, kind: SubjectKind, input: SubjectInput, at: &str) {
        let mut bindings =
            self.role_names(RbacKind::ClusterRole, None, &input.cluster_roles, &join(at, "clusterRoles"));
        for (index, namespace) in input.namespaces.iter().enumerate() {
            bindings.extend(self.namespace(namespace, &join(&join(at, "namespaces"), index)));
        }
        if self.whole && input.cluster_roles.is_empty() && input.namespaces.is_empty() {
            let error = self.doc.error_at_key(at, "this entry binds no role");
            self.diagnostics.push(error.help("give `clusterRoles`, or `namespaces` with roles in them"));
        }
        let selector = selector(&input.selector, self.doc, &join(at, "where"), self.diagnostics);
        let Some(name) = input.name else { return };
        let pointer = join(at, "name");
        if self.good(&pointer, names::subject_name(&name), None) {
            let subject = RbacSubject { kind, name, namespace: None };
            self.policy.subjects.push(SubjectEntry { spot: self.spot(&pointer), subject, bindings, selector });
        }
    }

    fn namespace(&mut self, input: &NamespaceInput, at: &str) -> Vec<BindingEntry> {
        if self.whole && input.cluster_roles.is_empty() && input.roles.is_empty() {
            let error = self.doc.error_at_key(at, "this namespace names no role");
            self.diagnostics.push(error.help("give `roles` of the namespace, or `clusterRoles` to hold within it"));
        }
        if let Some(name) = &input.name {
            self.good(&join(at, "name"), names::namespace(name), None);
        }
        let name = input.name.as_deref();
        let mut bindings =
            self.role_names(RbacKind::ClusterRole, name, &input.cluster_roles, &join(at, "clusterRoles"));
        bindings.extend(self.role_names(RbacKind::Role, name, &input.roles, &join(at, "roles")));
        bindings
    }

    fn role_names(&mut self, kind: RbacKind, namespace: Option<&str>, names: &[String], at: &str) -> Vec<BindingEntry> {
        let mut bindings = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let pointer = join(at, index);
            if self.good(&pointer, names::rbac_name(name), None) {
                let role_ref = RoleRef { kind, name: name.clone() };
                let namespace = namespace.map(str::to_owned);
                bindings.push(BindingEntry { spot: self.spot(&pointer), namespace, role_ref });
            }
        }
        bindings
    }

    fn access(&mut self, input: AccessInput, at: &str) {
        let groups = self.granted_groups(&input.groups, &join(at, "groups"));
        let policies = self.access_policies(&input.access_policies, &join(at, "accessPolicies"));
        let username = input.username.and_then(|text| self.username(text, &join(at, "username")));
        let until = input.until.and_then(|text| self.until(&text, &join(at, "until")));
        let selector = selector(&input.selector, self.doc, &join(at, "where"), self.diagnostics);
        let pointer = join(at, "who");
        let Some(who) = input.who.and_then(|who| self.who(&who, &pointer)) else { return };
        if matches!(who.principal, Principal::Account(_)) {
            let help = "take the key out, or name single roles or users of the account";
            for key in ["groups", "accessPolicies", "username"] {
                let key_at = join(at, key);
                if self.doc.span(&key_at).is_some() {
                    let message = format!(
                        "`{key}` is not possible for an account: aws-auth lets its principals in \
                                           under their own ARNs and without groups"
                    );
                    self.diagnostics.push(self.doc.error_at_key(&key_at, message).help(help));
                }
            }
        }
        let spot = self.entry_spot(&pointer);
        self.policy.access.push(AccessEntry { spot, who, groups, policies, username, selector, until });
    }

    fn granted_groups(&mut self, names: &[String], at: &str) -> Vec<Group> {
        let mut groups = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let pointer = join(at, index);
            let help = "give the role that nodes run as under `nodes`; people get a group that `groups` binds";
            if self.good(&pointer, names::subject_name(name), None)
                && self.good(&pointer, names::granted_group(name), Some(help))
            {
                groups.push(Group { name: name.clone(), spot: self.spot(&pointer) });
            }
        }
        groups
    }

    fn access_policies(&mut self, given: &[AccessPolicyInput], at: &str) -> Vec<AccessPolicy> {
        let help = "give its name, such as AmazonEKSViewPolicy, or its ARN; `aws eks list-access-policies` lists them";
        let mut policies = Vec::new();
        for (index, given) in given.iter().enumerate() {
            let at = join(at, index);
            let (name, name_at, namespaces) = match given {
                AccessPolicyInput::Name(name) => (Some(name), at.clone(), None),
                AccessPolicyInput::Scoped(scoped) => {
                    (scoped.policy.as_ref(), join(&at, "policy"), scoped.namespaces.as_deref())
                }
            };
            for (index, namespace) in namespaces.into_iter().flatten().enumerate() {
                self.good(&join(&join(&at, "namespaces"), index), grants::namespace(namespace), None);
            }
            match name.map(|name| grants::name(name)) {
                Some(Ok(name)) => {
                    policies.push(AccessPolicy { name, scope: grants::scope(namespaces), spot: self.spot(&name_at) });
                }
                Some(Err(message)) => {
                    self.good(&name_at, Err(message), Some(help));
                }
                None => {}
            }
        }
        policies
    }

    fn username(&mut self, text: String, at: &str) -> Option<Username> {
        let help = "write another name, such as \"dev:{{SessionName}}\", or take the key out for the name EKS gives";
        self.good(at, names::username(&text), Some(help)).then(|| Username { text, spot: self.spot(at) })
    }

    fn until(&mut self, text: &str, at: &str) -> Option<Until> {
        let help = "write the last day of the grant as YYYY-MM-DD, such as 2027-03-31";
        match names::date(text) {
            Ok(date) => Some(Until { date, spot: self.spot(at) }),
            Err(message) => {
                self.good(at, Err(message), Some(help));
                None
            }
        }
    }

    fn who(&mut self, input: &WhoInput, at: &str) -> Option<Who> {
        let (key, who) = match input {
            WhoInput::Role { role } => ("role", principal::role(role)),
            WhoInput::User { user } => ("user", principal::user(user)),
            WhoInput::PermissionSet { permission_set } => ("permissionSet", principal::permission_set(permission_set)),
            WhoInput::DirectoryGroup { directory_group } => {
                ("directoryGroup", principal::directory_group(directory_group))
            }
            WhoInput::Account { account } => ("account", principal::account(account)),
            WhoInput::IamGroup { iam_group, via, members } => {
                return self.iam_group(iam_group, via.as_deref(), *members, at);
            }
        };
        self.principal(who, &join(at, key))
    }

    fn iam_group(&mut self, name: &str, via: Option<&str>, members: Option<bool>, at: &str) -> Option<Who> {
        let name = self.principal(principal::iam_group(name), &join(at, "iamGroup"));
        let role = via.map(|role| self.principal(principal::via(role), &join(at, "via")));
        if via.is_some() && members.is_some() {
            let message = "`via` and `members` do not go together: users that are mapped one by one need no role";
            let help =
                "keep `via` for a role that the group's members assume, or `members: true` for the users themselves";
            let error = self.doc.error_at_key(&join(at, "members"), message).help(help);
            self.diagnostics.push(error);
            return None;
        }
        let via = match role {
            Some(role) => Some(role?),
            None => None,
        };
        let group = IamGroup { name: name?, via, members: members == Some(true) };
        Some(Who { principal: Principal::IamGroup(group), path: None })
    }

    fn principal<T>(&mut self, who: Result<T, Wrong>, at: &str) -> Option<T> {
        match who {
            Ok(who) => Some(who),
            Err(Wrong { message, help }) => {
                self.good(at, Err(message), help.as_deref());
                None
            }
        }
    }

    fn node(&mut self, input: NodeInput, at: &str) {
        let selector = selector(&input.selector, self.doc, &join(at, "where"), self.diagnostics);
        let pointer = join(at, "role");
        let Some(who) = input.role.and_then(|role| self.principal(principal::role(&role), &pointer)) else { return };
        self.policy.nodes.push(NodeEntry { spot: self.spot(&pointer), who, selector });
    }
}
