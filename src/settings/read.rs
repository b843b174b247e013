//! The way from the file to the settings.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::civil::Date;

use super::{
    Budget, Limits, Mode, Onboarding, Pause, Safety, Schedule, Settings, Web,
    checks::Checks,
    connect, events,
    input::{
        BudgetInput, ModeInput, PauseInput, ScheduleInput, SettingsInput, SurfaceInput, UnmanagedInput, UnmanagedWord,
    },
    organization, schedule,
};
use crate::{
    model::{Arn, ArnPattern, OrganizationScope, Selector, SurfaceChoice, Unmanaged},
    source::{Diagnostics, Document, SourceFile, decode, join},
};

/// Keys that are planned for the language and that this version does not know.
const NOT_YET: [&str; 4] = ["/rollout", "/history", "/notify", "/web/tokenFile"];

/// Reads a settings file; `dir` is the directory that its relative paths start from.
///
/// Everything that is wrong goes to `diagnostics`; when there is an error, there are no settings.
pub fn parse(file: &SourceFile, dir: &Path, diagnostics: &mut Diagnostics) -> Option<Settings> {
    parse_for(file, dir, Need::Policy, diagnostics)
}

/// The same for what needs no policy: settings that name none are as good.
pub fn parse_without_policy(file: &SourceFile, dir: &Path, diagnostics: &mut Diagnostics) -> Option<Settings> {
    parse_for(file, dir, Need::NoPolicy, diagnostics)
}

/// Whether the settings have to name a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Policy,
    NoPolicy,
}

fn parse_for(file: &SourceFile, dir: &Path, need: Need, diagnostics: &mut Diagnostics) -> Option<Settings> {
    let mut own = Diagnostics::new();
    let settings = read(file, dir, need, &mut own);
    let sound = !own.has_errors();
    diagnostics.extend(own);
    settings.filter(|_| sound)
}

/// The policy files and directories that a settings file names, even when something else in it is wrong, so that
/// everything that is wrong in every file can be said at once.
pub fn named_policies(file: &SourceFile, dir: &Path) -> Vec<PathBuf> {
    let Some(doc) = Document::parse(file, &mut Diagnostics::new()) else { return Vec::new() };
    let named = doc.value().get("policy").and_then(|policy| policy.as_array()).into_iter().flatten();
    named.filter_map(|path| path.as_str()).filter(|path| !path.is_empty()).map(|path| dir.join(path)).collect()
}

fn read(file: &SourceFile, dir: &Path, need: Need, diagnostics: &mut Diagnostics) -> Option<Settings> {
    let mut doc = Document::parse(file, diagnostics)?;
    if doc.value().get("kind").is_some_and(|kind| kind == "AccessPolicy") {
        let error = doc.error("/kind", "this is a policy, not the settings");
        diagnostics.push(error.help("name it under `policy` in the settings file, and give that one with --settings"));
        return None;
    }
    let not_yet: Vec<&str> = NOT_YET.into_iter().filter(|pointer| doc.key_span(pointer).is_some()).collect();
    for pointer in &not_yet {
        let key = pointer.trim_start_matches('/').replace('/', ".");
        let error = doc.error_at_key(pointer, format!("`{key}` is not supported by this version"));
        diagnostics.push(error.help("take it out"));
    }
    doc.remove(not_yet);
    if need == Need::Policy {
        names_a_policy(&doc, diagnostics);
    }
    let input = decode::<SettingsInput>(&mut doc, diagnostics)?;
    let mut checks = Checks { doc: &doc, diagnostics };
    build(&mut checks, &input, dir)
}

/// Says so when no policy is named at all; what is named wrongly is told by the schema.
fn names_a_policy(doc: &Document<'_>, diagnostics: &mut Diagnostics) {
    let at = match doc.value().get("policy") {
        None => "",
        Some(policy) if policy.as_array().is_some_and(Vec::is_empty) => "/policy",
        Some(_) => return,
    };
    let help = "add `policy: [policy.yaml]`; `rolecall import` writes one that describes what the clusters have now";
    diagnostics.push(doc.error_at_key(at, "the settings name no policy").help(help));
}

/// Checks every section before anything that is missing ends the work.
fn build(checks: &mut Checks<'_, '_>, input: &SettingsInput, dir: &Path) -> Option<Settings> {
    organization::no_selector_needs_an_organization(checks, input);
    let scope = input.organization.as_ref().map(|input| organization::scope(checks, input));
    let center = input.identity_center.as_ref().map(|input| organization::identity_center(checks, input));
    let timeout = checks.timeout(input.clusters.timeout.as_deref(), "/clusters/timeout", Duration::from_secs(30));
    let connect = connect::rules(checks, &input.clusters, dir);
    let policy = policy(checks, input.policy.as_deref().unwrap_or_default(), dir);
    let unmanaged = unmanaged(checks, input.unmanaged.as_ref());
    let protect = protect(checks, &input.protect);
    let paused = input.paused.iter().enumerate();
    let paused = paused.map(|(index, pause)| read_pause(checks, pause, &join("/paused", index))).collect();
    let schedule = read_schedule(checks, &input.schedule);
    let count =
        |given: Option<u32>, default: usize| given.map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let events = input.events.as_ref().map(|input| events::queue(checks, input));
    let safety = Safety {
        max_removals_per_cluster: count(input.safety.max_removals_per_cluster, 5),
        max_changed_clusters: budget(checks, input.safety.max_changed_clusters.as_ref()),
    };
    let web = input.web.as_ref().map(|web| web.listen.as_deref().and_then(|text| listen(checks, text)));
    Some(Settings {
        scope: OrganizationScope { identity_center: given(center)?, ..scope?? },
        timeout,
        connect,
        surface: match input.clusters.surface {
            None | Some(SurfaceInput::Auto) => SurfaceChoice::Auto,
            Some(SurfaceInput::AwsAuth) => SurfaceChoice::AwsAuth,
            Some(SurfaceInput::AccessEntries) => SurfaceChoice::AccessEntries,
        },
        onboarding: Onboarding {
            self_entry: input.clusters.onboarding.self_entry.unwrap_or(true),
            enable_access_entries: input.clusters.onboarding.enable_access_entries.unwrap_or(false),
        },
        policy,
        mode: match input.mode {
            None | Some(ModeInput::Report) => Mode::Report,
            Some(ModeInput::Enforce) => Mode::Enforce,
        },
        unmanaged,
        protect,
        paused,
        schedule,
        events: match events {
            Some(queue) => Some(queue?),
            None => None,
        },
        limits: Limits { clusters: count(input.limits.clusters, 64), per_account: count(input.limits.per_account, 4) },
        safety,
        web: match web {
            Some(listen) => Some(Web { listen: listen? }),
            None => None,
        },
    })
}

/// Nothing where nothing was written; no settings at all where it was wrong.
#[allow(clippy::option_option)]
fn given<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(good) => good.map(Some),
        None => Some(None),
    }
}

fn policy(checks: &mut Checks<'_, '_>, paths: &[String], dir: &Path) -> Vec<PathBuf> {
    checks.no_twins("/policy", paths);
    for (index, _) in paths.iter().enumerate().filter(|(_, path)| path.is_empty()) {
        checks.bad(&join("/policy", index), "the path of a policy cannot be empty", None);
    }
    paths.iter().map(|path| dir.join(path)).collect()
}

fn unmanaged(checks: &mut Checks<'_, '_>, input: Option<&UnmanagedInput>) -> Vec<(Selector, Unmanaged)> {
    let plain = |word: UnmanagedWord| match word {
        UnmanagedWord::Keep => Unmanaged::Keep,
        UnmanagedWord::Report => Unmanaged::Report,
        UnmanagedWord::Remove => Unmanaged::Remove,
    };
    match input {
        None => Vec::new(),
        Some(UnmanagedInput::Word(word)) => vec![(Selector::default(), plain(*word))],
        Some(UnmanagedInput::Rules(rules)) => {
            checks.nothing_after_a_catch_all("/unmanaged", rules.iter().map(|rule| &rule.r#match));
            let mut read = Vec::new();
            for (index, rule) in rules.iter().enumerate() {
                let pointer = join(&join("/unmanaged", index), "match");
                let selector = rule.r#match.as_ref().map(|input| checks.selector(input, &pointer));
                if let (Some(selector), Some(then)) = (selector, rule.then) {
                    read.push((selector, plain(then)));
                }
            }
            read
        }
    }
}

fn protect(checks: &mut Checks<'_, '_>, patterns: &[String]) -> Vec<ArnPattern> {
    checks.no_twins("/protect", patterns);
    for (index, pattern) in patterns.iter().enumerate() {
        let pointer = join("/protect", index);
        let wild = pattern.starts_with('*') || pattern.starts_with("arn:*");
        match pattern.parse::<Arn>() {
            _ if wild => {}
            Ok(arn) if arn.service == "sts" => {
                let message = "no cluster maps the ARN of a session, so that this protects nothing";
                checks.bad(&pointer, message, Some("protect the role: arn:aws:iam::*:role/NAME".to_owned()));
            }
            Ok(_) => {}
            Err(_) => {
                let message = format!("{pattern:?} matches no ARN, so that this protects nothing");
                checks.bad(&pointer, message, Some("such as arn:aws:iam::*:role/breakglass".to_owned()));
            }
        }
    }
    patterns.iter().map(ArnPattern::new).collect()
}

fn read_pause(checks: &mut Checks<'_, '_>, input: &PauseInput, pointer: &str) -> Pause {
    let until = input.until.as_ref().and_then(|text| {
        let date = text.parse::<Date>().ok().filter(|_| text.len() == "2027-01-31".len());
        if date.is_none() {
            let help = "write year, month and day: 2027-01-31".to_owned();
            checks.bad(&join(pointer, "until"), format!("{text:?} is not a date"), Some(help));
        }
        date
    });
    let matches = input.r#match.as_ref().map(|input| checks.selector(input, &join(pointer, "match")));
    Pause {
        matches: matches.unwrap_or_default(),
        reason: input.reason.clone().unwrap_or_default(),
        owner: input.owner.clone(),
        until,
    }
}

fn read_schedule(checks: &mut Checks<'_, '_>, input: &ScheduleInput) -> Schedule {
    let cron = input.cron.clone().unwrap_or_else(|| "0 */10 * * * *".to_owned());
    if let Some((fault, help)) = schedule::cron_fault(&cron) {
        checks.bad("/schedule/cron", fault, Some(help));
    }
    let timezone = input.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
    if let Some(help) = schedule::timezone_help(&timezone) {
        checks.bad("/schedule/timezone", format!("there is no time zone {timezone:?}"), Some(help));
    }
    let jitter = checks.duration(input.jitter.as_deref(), "/schedule/jitter", Duration::ZERO);
    Schedule { cron, timezone, jitter }
}

fn budget(checks: &mut Checks<'_, '_>, input: Option<&BudgetInput>) -> Budget {
    match input {
        None => Budget::Percent(100),
        Some(BudgetInput::Count(count)) => Budget::Count(usize::try_from(*count).unwrap_or(usize::MAX)),
        Some(BudgetInput::Percent(text)) => {
            let percent = text.strip_suffix('%').and_then(|number| number.parse::<u8>().ok());
            if let Some(percent) = percent.filter(|percent| (1..=100).contains(percent)) {
                return Budget::Percent(percent);
            }
            let message = format!("{text:?} is neither a count nor a percentage from 1% to 100%");
            checks.bad("/safety/maxChangedClusters", message, Some("write 20 or 20%".to_owned()));
            Budget::Percent(100)
        }
    }
}

fn listen(checks: &mut Checks<'_, '_>, text: &str) -> Option<SocketAddr> {
    let address = text.parse::<SocketAddr>().ok();
    if address.is_none() {
        let help = match text.rsplit_once(':') {
            Some(("", port)) => format!("write 0.0.0.0:{port} for every interface, 127.0.0.1:{port} for this machine"),
            Some(("localhost", port)) => format!("write 127.0.0.1:{port}"),
            _ => "such as 127.0.0.1:8080 or [::]:8080".to_owned(),
        };
        checks.bad("/web/listen", format!("{text:?} is not an address with a port"), Some(help));
    }
    address
}
