//! Asking on somebody else's behalf.
//!
//! See <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation>.

use super::{
    ask::{Ask, Resource},
    rbac::{self, Attributes, On},
    status::Status,
    store::Inner,
    user::User,
};

/// The user that a request is made for: the one it names, when the caller may do so, or else the caller.
pub(super) fn user(inner: &Inner, caller: User, ask: &Ask<'_>) -> Result<User, Status> {
    let names = ask.headers("impersonate-user");
    let mut groups = ask.headers("impersonate-group");
    let Some(name) = names.into_iter().next() else {
        return if groups.is_empty() {
            Ok(caller)
        } else {
            Err(Status::new(500, "InternalError", "requested groups without impersonating a user"))
        };
    };
    may(inner, &caller, "users", &name)?;
    for group in &groups {
        may(inner, &caller, "groups", group)?;
    }
    let everybody = if name == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" };
    if !groups.iter().any(|group| group == everybody) {
        groups.push(everybody.to_owned());
    }
    Ok(User { name, groups, ..User::default() })
}

fn may(inner: &Inner, caller: &User, plural: &str, name: &str) -> Result<(), Status> {
    let on = Resource { plural: plural.to_owned(), name: name.to_owned(), ..Resource::default() };
    rbac::authorize(inner, caller, Attributes { verb: "impersonate", on: On::Resource(&on) })
}
