//! The promises, judged from what the stores saw.

use std::collections::{BTreeMap, BTreeSet};

use rolecall::{
    authenticator::{self, Reading},
    lab::{kube::Written, world::State},
    model::{ClusterId, PassReport},
    plan::OWNED_ROWS,
};
use serde_json::Value;

use super::{content::OWN_BINDING, policy::Wanted, reported, scene::Feature, texts::Chunk};

/// One pass as it was made.
pub struct Made {
    /// What came of it.
    pub report: Result<PassReport, String>,
    /// What the policy wanted in each cluster right before it, and right after.
    pub wanted: [BTreeMap<ClusterId, Wanted>; 2],
    /// How long each cluster's journal was right before it, and right after.
    pub marks: [BTreeMap<ClusterId, usize>; 2],
}

/// What is judged.
pub struct Case<'a> {
    /// The cluster.
    pub id: &'a ClusterId,
    /// What is special about it.
    pub feature: &'a Feature,
    /// aws-auth as it was at the beginning.
    pub first: Option<&'a Value>,
    /// Every write.
    pub journal: &'a [Written],
    /// What is somebody else's.
    pub chunks: &'a BTreeSet<Chunk>,
    /// Whether rows that are not rolecall's may be removed.
    pub removes_unmanaged: bool,
}

/// The data of a ConfigMap.
pub fn data(object: Option<&Value>) -> BTreeMap<String, String> {
    let data = object.and_then(|object| object["data"].as_object());
    let text = |(key, value): (&String, &Value)| (key.clone(), value.as_str().unwrap_or_default().to_owned());
    data.into_iter().flatten().map(text).collect()
}

fn is_aws_auth(written: &Written) -> bool {
    (written.resource, written.namespace.as_str(), written.name.as_str()) == ("configmaps", "kube-system", "aws-auth")
}

fn was_broken(key: &str, text: &str) -> bool {
    use rolecall::{authenticator::SectionReading, model::Section};
    let section = Section::ALL.into_iter().find(|section| section.key() == key);
    section.is_some_and(|section| matches!(authenticator::read_section(section, text), SectionReading::Broken(_)))
}

/// What a principal gets: username and groups.
pub fn access(reading: &Reading, arn: &str) -> Option<(String, BTreeSet<String>)> {
    // An account's row lets everybody in without groups: that is not the access that is asked for here.
    let found = authenticator::resolve(reading, arn, "")?;
    Some((found.username, found.groups.into_iter().collect()))
}

impl Case<'_> {
    /// Everything that is wrong with the writes.
    pub fn faults(&self, passes: &[Made]) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, written) in self.journal.iter().enumerate() {
            if written.by_request {
                if is_aws_auth(written) {
                    self.others_bytes(written, number, &mut faults);
                    self.removals(written, number, passes, &mut faults);
                    self.repairs(written, number, passes, &mut faults);
                } else {
                    others_objects(written, &mut faults);
                    self.bindings(written, number, passes, &mut faults);
                }
            }
        }
        self.protected(&mut faults);
        faults.extend(reported::unreported(self.id, self.journal, passes));
        faults.extend(self.held_back(passes));
        faults.into_iter().map(|fault| format!("{}: {fault}", self.id)).collect()
    }

    /// (a) No row that is not rolecall's changed by a byte.
    fn others_bytes(&self, written: &Written, number: usize, faults: &mut Vec<String>) {
        let (Some(before), Some(after)) = (written.before.as_deref(), written.after.as_deref()) else {
            if written.after.is_none() {
                faults.push(format!("write {number}: (a) rolecall deleted aws-auth"));
            }
            return;
        };
        let same = |pointer: &str| before.pointer(pointer) == after.pointer(pointer);
        for pointer in ["/metadata/labels", "/metadata/uid", "/immutable", "/binaryData", "/data/notes"] {
            if !same(pointer) {
                faults.push(format!("write {number}: (a) {pointer} changed"));
            }
        }
        let others = |object: &Value| {
            let mut annotations = object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
            annotations.remove(OWNED_ROWS);
            annotations
        };
        if others(before) != others(after) {
            faults.push(format!("write {number}: (a) annotations of others changed"));
        }
        let (was, is) = (data(Some(before)), data(Some(after)));
        let reading = authenticator::read(&is);
        for (section, text) in &was {
            let now = is.get(section).map_or("", String::as_str);
            for chunk in self.chunks.iter().filter(|chunk| text.contains(&chunk.text)) {
                let gone = chunk.arn.as_deref().is_some_and(|arn| access(&reading, arn).is_none() && !self.keeps(arn));
                // What nobody can read goes with the repair of its section, where the backup has it.
                let repaired =
                    chunk.arn.is_none() && was_broken(section, text) && self.is_backed_up(section, text, number);
                let excused = repaired || (self.removes_unmanaged && gone);
                if !excused && !now.contains(&chunk.text) {
                    let Chunk { text: chunk, .. } = chunk;
                    faults.push(format!("write {number}: (a) {section} lost {chunk:?}:\n{text}\nbecame\n{now}"));
                }
            }
        }
    }

    fn is_backed_up(&self, section: &str, text: &str, number: usize) -> bool {
        let backups = self.journal.iter().take(number).filter(|it| it.name.starts_with("aws-auth-backup-"));
        backups.filter_map(|it| it.after.as_deref()).any(|it| it["data"][section] == text)
    }

    fn keeps(&self, arn: &str) -> bool {
        self.feature.protected.contains(&arn.to_lowercase())
    }

    /// (b) No protected principal is ever without the access that it had.
    fn protected(&self, faults: &mut Vec<String>) {
        if !self.feature.mode.reads_aws_auth() {
            return;
        }
        let first = authenticator::read(&data(self.first));
        for arn in &self.feature.protected {
            let Some(had) = access(&first, arn) else { continue };
            for (number, written) in self.journal.iter().enumerate().filter(|(_, written)| is_aws_auth(written)) {
                let has = access(&authenticator::read(&data(written.after.as_deref())), arn);
                if has.as_ref() != Some(&had) {
                    faults.push(format!("write {number}: (b) {arn} had {had:?} and has {has:?}"));
                }
            }
        }
    }

    /// Nobody goes with the repair of a section without being named, and nobody who is protected goes at all: (b).
    fn repairs(&self, written: &Written, number: usize, passes: &[Made], faults: &mut Vec<String>) {
        let (was, is) = (data(written.before.as_deref()), data(written.after.as_deref()));
        let reading = authenticator::read(&is);
        let repaired = was.iter().filter(|(key, text)| was_broken(key, text) && is.get(*key) != Some(*text));
        for (section, text) in repaired {
            let border = |c: char| c.is_whitespace() || "{}[],\"'".contains(c);
            let arns = text.split(border).filter(|word| word.starts_with("arn:aws"));
            for arn in arns.filter(|arn| access(&reading, arn).is_none()) {
                if self.keeps(arn) {
                    faults.push(format!("write {number}: (b) the repair of {section} lost {arn}:\n{text}"));
                }
                if !self.is_named(arn, number, passes) {
                    faults.push(format!("write {number}: (f) nobody tells that {section} lost {arn}:\n{text}"));
                }
            }
        }
    }

    /// Whether a change that the pass carried out names somebody; where there is no report, [`reported`] says so.
    fn is_named(&self, arn: &str, number: usize, passes: &[Made]) -> bool {
        let pass = passes.iter().find(|pass| (pass.marks[0][self.id]..pass.marks[1][self.id]).contains(&number));
        let Some(Ok(report)) = pass.map(|pass| &pass.report) else { return true };
        let mine = report.clusters.iter().filter(|cluster| cluster.cluster.id == *self.id);
        let plans = mine.flat_map(|cluster| cluster.earlier.iter().map(|(plan, _)| plan).chain(&cluster.plan));
        plans.flat_map(|plan| &plan.changes).any(|change| change.reason.contains(arn))
    }

    /// (c) What the policy wants, by all that is true, is not taken away, whatever of it could not be read.
    fn removals(&self, written: &Written, number: usize, passes: &[Made], faults: &mut Vec<String>) {
        let was = authenticator::read(&data(written.before.as_deref()));
        let is = authenticator::read(&data(written.after.as_deref()));
        let Some([before, after]) = self.wanted(number, passes) else {
            faults.push(format!("write {number}: it was made outside of any pass"));
            return;
        };
        for (arn, (_, groups)) in &before.rows {
            let Some((_, also)) = after.rows.get(arn) else { continue };
            let Some((_, had)) = access(&was, arn) else { continue };
            let has = access(&is, arn).map(|(_, groups)| groups);
            let lost: Vec<&String> =
                had.iter().filter(|group| has.as_ref().is_none_or(|has| !has.contains(*group))).collect();
            if has.is_none() || lost.iter().any(|group| groups.contains(*group) && also.contains(*group)) {
                faults.push(format!("write {number}: (c) {arn} had {had:?}, has {has:?}, and should have {groups:?}"));
            }
        }
    }

    /// (c) for bindings.
    fn bindings(&self, written: &Written, number: usize, passes: &[Made], faults: &mut Vec<String>) {
        if written.after.is_some() || !written.resource.ends_with("bindings") {
            return;
        }
        let Some([before, after]) = self.wanted(number, passes) else { return };
        let Some(object) = written.before.as_deref() else { return };
        let role = object["roleRef"]["name"].as_str().unwrap_or_default().to_owned();
        let namespace = Some(written.namespace.clone()).filter(|namespace| !namespace.is_empty());
        for subject in object["subjects"].as_array().into_iter().flatten() {
            let group = subject["name"].as_str().unwrap_or_default().to_owned();
            let grant = (group, role.clone(), namespace.clone());
            let wanted = before.bindings.contains(&grant) && after.bindings.contains(&grant);
            if wanted && !self.bound_otherwise(written, number, subject) {
                faults.push(format!("write {number}: (c) the binding {grant:?} is wanted and was deleted"));
            }
        }
    }

    /// Whether another binding, as the journal tells, gave the same when this one went.
    fn bound_otherwise(&self, gone: &Written, number: usize, subject: &Value) -> bool {
        let role = gone.before.as_deref().map(|object| &object["roleRef"]);
        let mut there = BTreeSet::new();
        for written in self.journal.iter().take(number).filter(|it| it.resource == gone.resource) {
            let gives = |object: &Value| {
                Some(&object["roleRef"]) == role
                    && object["subjects"].as_array().is_some_and(|subjects| subjects.contains(subject))
            };
            if written.namespace == gone.namespace && written.after.as_deref().is_some_and(gives) {
                there.insert(&written.name);
            } else {
                there.remove(&written.name);
            }
        }
        there.into_iter().any(|name| *name != gone.name)
    }

    /// What was wanted before and after the pass that wrote.
    fn wanted<'p>(&self, number: usize, passes: &'p [Made]) -> Option<[&'p Wanted; 2]> {
        let pass = passes.iter().find(|pass| (pass.marks[0][self.id]..pass.marks[1][self.id]).contains(&number))?;
        Some([&pass.wanted[0][self.id], &pass.wanted[1][self.id]])
    }

    /// (c) A pass that says that it did not know everything took nothing away.
    fn held_back(&self, passes: &[Made]) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, pass) in passes.iter().enumerate() {
            let Ok(report) = &pass.report else { continue };
            let Some(cluster) = report.clusters.iter().find(|cluster| cluster.cluster.id == *self.id) else { continue };
            // A surface that could not be read keeps back what leans on it, and no more.
            let unknown = |finding: &rolecall::model::Finding| {
                use rolecall::model::FindingCode::{PrincipalUnknown, SelectorUnknown};
                finding.incomplete && matches!(finding.code, PrincipalUnknown | SelectorUnknown)
            };
            if !cluster.plan.iter().flat_map(|plan| &plan.findings).any(unknown) {
                continue;
            }
            for written in &self.journal[pass.marks[0][self.id]..pass.marks[1][self.id]] {
                let removed = written.by_request && written.after.is_none();
                let fewer = written.by_request && is_aws_auth(written) && {
                    let was = authenticator::effective(&authenticator::read(&data(written.before.as_deref())));
                    let is = authenticator::read(&data(written.after.as_deref()));
                    was.keys().any(|(_, arn)| {
                        let stray = authenticator::never_matches(rolecall::model::Section::Roles, arn).is_some();
                        !stray && arn.starts_with("arn:") && access(&is, arn).is_none()
                    })
                };
                if removed || fewer {
                    faults.push(format!("pass {number}: (c) it did not know all and removed from {}", written.name));
                }
            }
        }
        faults
    }
}

/// (a) for objects of RBAC and whatever else there is.
fn others_objects(written: &Written, faults: &mut Vec<String>) {
    let Some(before) = written.before.as_deref() else { return };
    let labelled = before["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "rolecall";
    // A ClusterRole that the policy defines is taken over under its name.
    if !labelled && written.resource != "clusterroles" {
        faults.push(format!("(a) rolecall wrote {} {}, which is not its own", written.resource, written.name));
    }
    if written.name == OWN_BINDING || written.name == "soak-foreign" {
        faults.push(format!("(a) rolecall wrote {} {}", written.resource, written.name));
    }
}

/// What the policy wants in every cluster, as things are now.
pub fn wanted(policy: &super::policy::Policy, state: &State) -> BTreeMap<ClusterId, Wanted> {
    state.clusters.iter().map(|(id, cluster)| (id.clone(), policy.wanted(state, cluster))).collect()
}
