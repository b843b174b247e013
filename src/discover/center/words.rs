//! Names as people read them.

/// How alike two names must be to suggest one for the other, from 0 to 1.
const ALIKE: f64 = 0.85;
/// How many names are told at most.
const NAMED: usize = 3;

/// Up to three names that are much like this one. A group that is synced from Active Directory is called
/// `group@domain`, which is the first thing to forget.
pub(super) fn near(name: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let plain = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    let wanted = plain(name);
    let alike = known.map(|known| (strsim::jaro_winkler(&wanted, &plain(&known)), known));
    let mut alike: Vec<(f64, String)> = alike.filter(|(alike, _)| *alike >= ALIKE).collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    alike.into_iter().take(NAMED).map(|(_, name)| name).collect()
}

/// `A`, `A and B`, `A, B and C`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `2 groups (Ops, Contractors)`, `1 user (ana)`, `12 users (ana, ben, cem and others)`; nothing where there are none.
pub(super) fn counted(count: usize, one: &str, names: &[String]) -> Option<String> {
    let kind = match count {
        0 => return None,
        1 => one.to_owned(),
        _ => format!("{one}s"),
    };
    let more = if names.is_empty() || names.len() >= count { "" } else { " and others" };
    let names = if names.is_empty() { String::new() } else { format!(" ({}{more})", names.join(", ")) };
    Some(format!("{count} {kind}{names}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_its_domain_or_with_a_slip_is_found() {
        let known = ["K8s-Developers@corp.example.com", "k8s-developer", "Ops", "Contractors"].map(str::to_owned);
        let near = |name| near(name, known.clone().into_iter());
        assert_eq!(near("K8s-Developers"), ["K8s-Developers@corp.example.com", "k8s-developer"]);
        assert_eq!(near("Contractor@corp"), ["Contractors"]);
        assert_eq!(near("Payments"), <[&str; 0]>::default());
    }

    #[test]
    fn counts_come_with_the_first_names() {
        let names = ["Ops".to_owned(), "Contractors".to_owned()];
        assert_eq!(counted(2, "group", &names).unwrap(), "2 groups (Ops, Contractors)");
        assert_eq!(counted(5, "group", &names).unwrap(), "5 groups (Ops, Contractors and others)");
        assert_eq!(counted(1, "user", &[]).unwrap(), "1 user");
        assert_eq!(counted(0, "user", &[]), None);
        assert_eq!(list(&names), "Ops and Contractors");
    }
}
