//! The accounts and the tree that they stand in.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::Timestamp;

use super::{DIGITS, LETTERS, text};
use crate::{
    lab::world::{
        State,
        organization::{Account, Organization, Unit},
    },
    model::{AccountId, Region},
};

/// How far the software that runs in an account is from its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Where it is written.
    Dev,
    /// Where it is tried.
    Staging,
    /// Where it is used.
    Prod,
}

impl Stage {
    /// As names and tags spell it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }

    /// The stage in the tags of an account or cluster; those of the platform have none.
    pub(super) fn of(tags: &BTreeMap<String, String>) -> Option<Self> {
        [Self::Dev, Self::Staging, Self::Prod]
            .into_iter()
            .find(|stage| tags.get("stage").is_some_and(|s| s == stage.as_str()))
    }
}

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// It manages the organization.
    Management,
    /// It watches the others.
    Security,
    /// What all others share; its clusters take access entries only.
    Platform,
    /// A product's software.
    Workload(Stage),
    /// Somebody's playground, where nobody made the member role.
    Sandbox,
    /// It was given up.
    Suspended,
}

impl Sort {
    /// Whether there are clusters in it.
    pub(super) fn has_clusters(self) -> bool {
        matches!(self, Self::Platform | Self::Workload(_))
    }
}

/// An account to be.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) name: String,
    pub(super) path: &'static str,
    pub(super) sort: Sort,
}

/// What each account is for.
pub(super) type Units = BTreeMap<AccountId, Sort>;

const PRODUCTS: [&str; 24] = [
    "payments",
    "checkout",
    "search",
    "catalog",
    "orders",
    "shipping",
    "pricing",
    "accounts",
    "fraud",
    "billing",
    "reporting",
    "data-lake",
    "streaming",
    "loyalty",
    "mobile-api",
    "web-shop",
    "partner-api",
    "inventory",
    "support",
    "notifications",
    "recommendations",
    "returns",
    "tax",
    "ml-training",
];

/// Accounts that are not a product's, each with the size of organization from which on there is one.
const OTHERS: [(usize, &str, &str, Sort); 10] = [
    (1, "acme-management", "/", Sort::Management),
    (2, "security-audit", "/Security", Sort::Security),
    (3, "platform-shared", "/Platform", Sort::Platform),
    (6, "sandbox-ada", "/Sandbox", Sort::Sandbox),
    (7, "old-web-shop", "/Suspended", Sort::Suspended),
    (16, "log-archive", "/Security", Sort::Security),
    (20, "platform-build", "/Platform", Sort::Platform),
    (24, "sandbox-grace", "/Sandbox", Sort::Sandbox),
    (30, "platform-observability", "/Platform", Sort::Platform),
    (36, "platform-network", "/Platform", Sort::Platform),
];

/// The accounts of an organization of this size.
pub(super) fn plots(accounts: usize) -> Vec<Plot> {
    let others = OTHERS.iter().filter(|(from, ..)| *from <= accounts);
    let mut plots: Vec<Plot> =
        others.map(|&(_, name, path, sort)| Plot { name: name.to_owned(), path, sort }).collect();
    let stages =
        [(Stage::Prod, "/Workloads/Prod"), (Stage::Staging, "/Workloads/Staging"), (Stage::Dev, "/Workloads/Dev")];
    let products = (0..).flat_map(|n| stages.map(|stage| (n, stage)));
    for (n, (stage, path)) in products.take(accounts.saturating_sub(plots.len())) {
        let product = PRODUCTS[n % PRODUCTS.len()];
        let more = if n < PRODUCTS.len() { String::new() } else { format!("-{}", n / PRODUCTS.len() + 1) };
        // What handles cards is kept apart, in a unit of its own below the others.
        let path = if product == "payments" && stage == Stage::Prod { "/Workloads/Prod/Cards" } else { path };
        plots.push(Plot { name: format!("{product}{more}-{}", stage.as_str()), path, sort: Sort::Workload(stage) });
    }
    plots
}

/// The organization with its accounts, which are empty yet.
pub(super) fn organization(plots: &[Plot], regions: &[Region], founded: Timestamp, rng: &mut Rng) -> (State, Units) {
    let root = format!("r-{}", text(rng, LETTERS, 4));
    let mut units = UnitTree { root: root.clone(), units: BTreeMap::new(), by_path: BTreeMap::new() };
    let mut accounts: BTreeMap<AccountId, Account> = BTreeMap::new();
    let mut sorts = Units::new();
    let mut management = None;
    for plot in plots {
        let id = new_account_id(&accounts, rng);
        let account = account(&id, plot, units.unit(plot.path, rng), regions, founded);
        if plot.sort == Sort::Management {
            management = Some(id.clone());
        }
        sorts.insert(id.clone(), plot.sort);
        accounts.insert(id, account);
    }
    // The first plot is the management account's.
    let management = management.unwrap_or_else(|| new_account_id(&accounts, rng));
    let organization =
        Organization { id: format!("o-{}", text(rng, LETTERS, 10)), management, root, units: units.units };
    let serial = u64::from(rng.u32(..));
    let state = State {
        organization,
        accounts,
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::new(),
        serial,
    };
    (state, sorts)
}

struct UnitTree {
    root: String,
    units: BTreeMap<String, Unit>,
    by_path: BTreeMap<String, String>,
}

impl UnitTree {
    /// The id of the unit at a path, made with those above it.
    fn unit(&mut self, path: &str, rng: &mut Rng) -> String {
        let mut parent = self.root.clone();
        let mut so_far = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            so_far = format!("{so_far}/{name}");
            if let Some(id) = self.by_path.get(&so_far) {
                parent.clone_from(id);
                continue;
            }
            let id = format!("ou-{}-{}", self.root.trim_start_matches("r-"), text(rng, LETTERS, 8));
            self.units.insert(id.clone(), Unit { id: id.clone(), name: name.to_owned(), parent });
            self.by_path.insert(so_far.clone(), id.clone());
            parent = id;
        }
        parent
    }
}

fn new_account_id(taken: &BTreeMap<AccountId, Account>, rng: &mut Rng) -> AccountId {
    loop {
        let first = text(rng, &DIGITS[1..], 1);
        if let Ok(id) = format!("{first}{}", text(rng, DIGITS, 11)).parse()
            && !taken.contains_key(&id)
        {
            return id;
        }
    }
}

fn account(id: &AccountId, plot: &Plot, parent: String, regions: &[Region], founded: Timestamp) -> Account {
    let tags = match plot.sort {
        Sort::Workload(stage) => {
            let team = plot.name.trim_end_matches(stage.as_str()).trim_end_matches('-');
            BTreeMap::from([("team".to_owned(), team.to_owned()), ("stage".to_owned(), stage.as_str().to_owned())])
        }
        _ => BTreeMap::from([("team".to_owned(), "platform".to_owned())]),
    };
    Account {
        id: id.clone(),
        name: plot.name.clone(),
        email: format!("aws+{}@acme.example", plot.name),
        state: if plot.sort == Sort::Suspended { "SUSPENDED" } else { "ACTIVE" }.to_owned(),
        parent,
        joined: founded,
        tags,
        regions: regions.iter().cloned().collect::<BTreeSet<Region>>(),
        iam: crate::lab::world::iam::Iam::default(),
    }
}
