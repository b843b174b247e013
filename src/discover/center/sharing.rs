//! Who else holds the permission sets by which directory groups get in: they get in too.
//!
//! It decides nothing and holds nothing up: it is asked for beside the walk, kept for an hour, and what is not known when
//! the time is over is told as a number.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    Directory,
    ask::{Holder, Pair},
    directory::HeldSet,
    words,
};
use crate::model::{Account, Finding, FindingCode, Place};

/// How many groups, and users, are named.
const NAMED: usize = 3;

/// The search for others who hold the permission sets of directory groups, in one pass.
#[derive(Debug)]
pub struct Sharing {
    directory: Arc<Directory>,
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    /// When the first of them began.
    began: Option<Instant>,
    asking: JoinSet<Result<Option<Finding>, String>>,
}

impl Sharing {
    /// A search with nothing to look for yet.
    pub fn new(directory: Arc<Directory>) -> Self {
        Self { directory, tasks: Mutex::default() }
    }

    /// Looks, beside everything else, who shares what these groups hold in the account.
    pub async fn look(&self, account: &Account, groups: &BTreeSet<String>) {
        let held = self.directory.held(&account.id, groups).await;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for (arn, set) in held.sets {
            tasks.began.get_or_insert_with(Instant::now);
            let (directory, pair, place) = (Arc::clone(&self.directory), (account.id.clone(), arn), account.place());
            tasks.asking.spawn(async move { shared(&directory, &pair, &set, place).await });
        }
    }

    /// What was found. It waits until so long after the first question at most.
    pub async fn findings(&self, patience: Duration) -> Vec<Finding> {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(began) = tasks.began else { return Vec::new() };
        let (all, mut done, mut found, mut why) = (tasks.asking.len(), 0, Vec::new(), None);
        while let Ok(Some(answer)) = timeout_at(began + patience, tasks.asking.join_next()).await {
            match answer {
                Ok(Ok(finding)) => {
                    done += 1;
                    found.extend(finding);
                }
                Ok(Err(error)) => why = Some(error),
                Err(_) => {}
            }
        }
        if done < all {
            found.push(unlooked(all - done, all, why.as_deref()));
        }
        found
    }
}

/// Whether others than these groups hold the permission set, or several of them do.
async fn shared(directory: &Directory, pair: &Pair, set: &HeldSet, place: Place) -> Result<Option<Finding>, String> {
    let holders = holders(directory, pair).await?;
    let others: Vec<&Holder> =
        holders.iter().filter(|holder| !matches!(holder, Holder::Group(id) if set.groups.contains_key(id))).collect();
    if others.is_empty() && set.groups.len() < 2 {
        return Ok(None);
    }
    let (groups, users): (Vec<&Holder>, Vec<&Holder>) =
        others.into_iter().partition(|holder| matches!(holder, Holder::Group(_)));
    // The counts are worth telling without the names.
    let group_names = names(directory, &groups).await.unwrap_or_default();
    let user_names = names(directory, &users).await.unwrap_or_default();
    let told = [words::counted(groups.len(), "group", &group_names), words::counted(users.len(), "user", &user_names)];
    let told: Vec<String> = told.into_iter().flatten().collect();
    let own: Vec<String> = set.groups.values().cloned().collect();
    let own = match own.as_slice() {
        [only] => format!("directory group {only} gets in"),
        all => format!("directory groups {} get in", words::list(all)),
    };
    let message = match told.as_slice() {
        [] => format!(
            "permission set {}, by which {own}, is one role for all of them: each gets what any of them is given",
            set.name
        ),
        told => format!(
            "permission set {}, by which {own}, is also held by {}: they get in too",
            set.name,
            words::list(told)
        ),
    };
    let finding = Finding::notice(FindingCode::PermissionSetShared, format!("permission set {}", set.name), message)
        .next("give the group a permission set of its own, if the others are not meant");
    Ok(Some(finding.at(place)))
}

async fn holders(directory: &Directory, pair: &Pair) -> Result<Arc<BTreeSet<Holder>>, String> {
    if let Some(known) = directory.known_holders(pair).await {
        return Ok(known);
    }
    let memory = &directory.center.memory.holders;
    if let Some(known) = memory.get(pair) {
        return Ok(known);
    }
    let instance = directory.instance().await?;
    let asked = directory.center.holders(&instance, pair).await.map_err(|error| error.to_string())?;
    let asked = Arc::new(asked);
    memory.put(pair.clone(), Arc::clone(&asked));
    Ok(asked)
}

/// The names of the first few.
async fn names(directory: &Directory, holders: &[&Holder]) -> Result<Vec<String>, String> {
    let named = holders.iter().take(NAMED).map(async |holder| {
        let memory = &directory.center.memory.names;
        let known = if let Some(known) = memory.get(holder) {
            known
        } else {
            let instance = directory.instance().await?;
            let name = directory.center.holder_name(&instance.store, holder).await;
            let name = name.map_err(|error| error.to_string())?;
            memory.put((*holder).clone(), name.clone());
            name
        };
        Ok(known.unwrap_or_else(|| match holder {
            Holder::Group(id) | Holder::User(id) => format!("{id}, deleted"),
        }))
    });
    let mut names = join_all(named).await.into_iter().collect::<Result<Vec<_>, String>>()?;
    names.sort();
    Ok(names)
}

fn unlooked(missed: usize, all: usize, why: Option<&str>) -> Finding {
    let why = why.map_or_else(|| "there was no time for it in this pass".to_owned(), str::to_owned);
    let message = format!(
        "who else holds the permission sets of directory groups was not looked up for {missed} of {all} permission sets \
         in accounts: {why}"
    );
    Finding::notice(FindingCode::PermissionSetShared, "Identity Center", message)
        .next("the next passes go on with it; it holds nothing up")
}
