//! What settings say, and what people see when they are wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{
    model::{Account, Regions, samples},
    source::{Diagnostics, SourceFile},
};

const EXAMPLE: &str = include_str!("../../config/rolecall.yaml");

const SMALL: &str = "apiVersion: rolecall.dev/v1\nkind: Settings\norganization: {memberRole: m}\npolicy: [p.yaml]\n";

fn read(text: &str) -> (Option<Settings>, Vec<String>) {
    let file = SourceFile::new("rolecall.yaml", text);
    let mut diagnostics = Diagnostics::new();
    let settings = parse(&file, Path::new("/etc/rolecall"), &mut diagnostics);
    (settings, diagnostics.one_lines(&[file]))
}

fn settings(text: &str) -> Settings {
    let (settings, said) = read(text);
    settings.unwrap_or_else(|| panic!("{said:#?}"))
}

fn cluster(name: &str, tags: Option<&[(&str, &str)]>) -> Cluster {
    let tags = tags.map(|tags| tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    let cluster = samples::cluster(name);
    Cluster { account: Account { tags, ou_path: None, ..cluster.account }, ..cluster }
}

#[test]
fn the_example_is_right_and_names_every_key() {
    let (read, said) = read(EXAMPLE);
    assert_eq!(said, Vec::<String>::new());
    let settings = read.unwrap();
    assert_eq!(settings.policy, [Path::new("/etc/rolecall/policy.yaml")]);
    assert_eq!(settings.connect[1].ca_file.as_deref(), Some(Path::new("/etc/rolecall/private-ca.pem")));
    assert_eq!(settings.connect[1].timeout_seconds.map(std::num::NonZeroU64::get), Some(90));
    assert_eq!(settings.scope.member.external_id.as_ref().unwrap().expose(), "change-me-member");
    assert!(!format!("{settings:?}").contains("change-me"));
    assert!(settings.needs_ou_paths() && !settings.needs_account_tags());

    let mut keys = std::collections::BTreeSet::new();
    all_keys(&schema(), &mut keys);
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        assert!(EXAMPLE.contains(&key), "the example does not name {key}");
    }
}

fn all_keys(schema: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(properties) = map.get("properties").and_then(|properties| properties.as_object()) {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| all_keys(value, keys));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| all_keys(value, keys)),
        _ => {}
    }
}

#[test]
fn the_schema_tells_an_editor_everything() {
    let schema = schema();
    let example: serde_json::Value = serde_yaml::from_str(EXAMPLE).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    let text = schema.to_string();
    assert!(!text.contains("\"null\""), "{text}");
    assert!(!validator.is_valid(&serde_json::json!({"apiVersion": "rolecall.dev/v1", "kind": "Settings"})));
    let mut undescribed = Vec::new();
    for (name, section) in schema["$defs"].as_object().unwrap().iter().chain([(&"root".to_owned(), &schema)]) {
        assert_eq!(section["additionalProperties"], false, "{name}");
        let properties = section["properties"].as_object().unwrap();
        undescribed
            .extend(properties.iter().filter(|(_, p)| p.get("description").is_none()).map(|(key, _)| key.clone()));
    }
    assert_eq!(undescribed, Vec::<String>::new());
}

#[test]
fn what_is_left_out_has_its_default() {
    let settings = settings(SMALL);
    assert_eq!(settings.scope.regions, Regions::Enabled);
    assert_eq!(settings.scope.member.session_name, "rolecall");
    assert_eq!((settings.mode, settings.timeout), (Mode::Report, Duration::from_secs(30)));
    assert_eq!(settings.unmanaged_for(&cluster("c", None)), Unmanaged::Report);
    assert_eq!(settings.schedule.cron, "0 */10 * * * *");
    assert_eq!((settings.schedule.timezone.as_str(), settings.schedule.jitter), ("UTC", Duration::ZERO));
    assert_eq!(settings.limits, Limits { clusters: 64, per_account: 4 });
    let safety = Safety { max_removals_per_cluster: 5, max_changed_clusters: Budget::Percent(100) };
    assert_eq!(settings.safety, safety);
    assert_eq!(settings.web, None);
}

#[test]
fn nothing_is_removed_where_a_rule_cannot_be_told() {
    let rules =
        "unmanaged:\n- {match: {accountTags: {env: [prod]}}, then: keep}\n- {match: {clusters: [c]}, then: remove}\n";
    let settings = settings(&format!("{SMALL}{rules}"));
    assert_eq!(settings.unmanaged_for(&cluster("c", Some(&[("env", "prod")]))), Unmanaged::Keep);
    assert_eq!(settings.unmanaged_for(&cluster("c", Some(&[]))), Unmanaged::Remove);
    assert_eq!(settings.unmanaged_for(&cluster("c", None)), Unmanaged::Report);
    assert_eq!(settings.unmanaged_for(&cluster("d", Some(&[]))), Unmanaged::Report);
}

#[test]
fn a_pause_holds_through_its_last_day() {
    let paused = "paused: [{match: {clusters: [c]}, reason: r, until: 2027-01-31}]\n";
    let settings = settings(&format!("{SMALL}{paused}"));
    let day = |text: &str| text.parse::<Date>().unwrap();
    assert!(settings.pause_for(&cluster("c", None), day("2027-01-31")).is_some());
    assert!(settings.pause_for(&cluster("c", None), day("2027-02-01")).is_none());
    assert!(settings.pause_for(&cluster("d", None), day("2027-01-31")).is_none());
}

#[test]
fn a_part_of_the_fleet_is_never_nothing() {
    assert_eq!(Budget::Percent(10).of(3), 1);
    assert_eq!(Budget::Percent(100).of(120), 120);
    assert_eq!(Budget::Count(7).of(3), 7);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = r#"
apiVersion: rolecall.dev/v2
kind: Settings
identityCenter: {region: "eu-*", externalId: abc}
organization:
  hub: {roleArn: "arn:aws:iam::99998888777:role/hub", externalId: "s3cr3t%"}
  memberRole: arn:aws:iam::111122223333:role/ops/member
  sessionName: a
  sourceIdentity: me you
  regions: [eu-west-1, eu-*, eu-west-1]
  include: {organizationalUnits: [Workloads], accountTags: {env: prod}}
  accounts: [012345678901, "12345678901", "111122223333"]
  memberrole: x
clusters:
  timeout: 30
  surface: entries
  connect:
    - {match: {clusters: ["dev-[*"]}, proxy: "socks5://me:s3cr3t@proxy"}
    - {match: {}, server: "http://127.0.0.1:6443", tlsServerName: "a b", timeout: 500ms}
    - {match: {clusters: [a]}}
policy: policy.yaml
mode: enforced
unmanaged: [{match: {}, then: delete}]
protect: [breakglass, "arn:aws:sts::*:assumed-role/a/*"]
paused: [{match: {regions: [EU-WEST-1]}, until: 31.01.2027}]
schedule: {cron: "*/10 * * * *", timezone: Europe/Berln, jitter: -5s}
limits: {clusters: 0, perAccount: "4"}
safety: {maxRemovalsPerCluster: -1, maxChangedClusters: 120%}
web: {listen: "localhost:8080", tokenFile: t}
exclude: {}
"#;
    let file = SourceFile::new("rolecall.yaml", text);
    let mut diagnostics = Diagnostics::new();
    assert_eq!(parse(&file, Path::new("."), &mut diagnostics), None);
    let files = [file];
    let said = diagnostics.one_lines(&files).join("\n");
    assert!(!said.contains("s3cr3t") && !diagnostics.render(&files, true).contains("s3cr3t"));
    insta::assert_snapshot!(said, @r#"
rolecall.yaml:2:13: error: `apiVersion`: expected `rolecall.dev/v1`, found the text `rolecall.dev/v2` (did you mean `rolecall.dev/v1`?)
rolecall.yaml:4:26: error: regions are asked one by one, so that no pattern can stand here
rolecall.yaml:4:46: error: there is no role here that could ask for an external id (name the role under `roleArn`, or take the key out)
rolecall.yaml:6:18: error: "99998888777" in the ARN is not an account id of 12 digits
rolecall.yaml:6:67: error: the external id holds a character that AWS does not allow (letters, digits and _+=,.@:/- are allowed)
rolecall.yaml:7:15: error: the member role is named without account, since it is assumed in every account (write ops/member)
rolecall.yaml:8:16: error: a session name takes 2 to 64 characters, this has 1
rolecall.yaml:9:19: error: a source identity cannot hold ' ', only letters, digits and _+=,.@-
rolecall.yaml:10:24: error: regions are asked one by one, so that no pattern can stand here (name each as eu-west-1, or write `regions: enabled` and choose with `include: {regions: […]}`)
rolecall.yaml:10:30: error: "eu-west-1" is named twice (keep one of them)
rolecall.yaml:11:13: error: `organizationalUnits` cannot be known: with `organization.accounts` no organization is read (select by `accounts`, or take `organization.accounts` out)
rolecall.yaml:11:35: error: "Workloads" is not a glob: a path of organizational units begins with `/`, the organization's root (write /Workloads)
rolecall.yaml:11:66: error: `env`: expected a list, found the text `prod` (write it as a list: [prod])
rolecall.yaml:12:14: error: item 1 of `accounts`: expected a text, found the number `012345678901` (an AWS account id must be quoted, or it loses its leading zero: write "012345678901")
rolecall.yaml:12:28: error: "12345678901" is not an AWS account id: it takes exactly 12 digits, in quotes so that leading zeros stay (if it lost its leading zeros, write "012345678901")
rolecall.yaml:13:3: error: unknown key `memberrole` in `organization` (did you mean `memberRole`? the keys allowed here are: accounts, exclude, externalId, hub, include, memberRole, regions, sessionName, sourceIdentity)
rolecall.yaml:15:12: error: `timeout`: expected a text, found the number `30` (such as 30s)
rolecall.yaml:16:12: error: `surface`: expected `auto`, `aws-auth` or `access-entries`, found the text `entries`
rolecall.yaml:18:27: error: "dev-[*" is not a glob: unclosed character class; missing ']' (`*` is any text, `?` one character, `[a-z]` one of these, `{a,b}` one or the other)
rolecall.yaml:18:46: error: the URL must begin with http:// or https:// (such as http://127.0.0.1:3128)
rolecall.yaml:19:27: error: the URL must begin with https:// (such as https://127.0.0.1:6443)
rolecall.yaml:19:67: error: "a b" is neither a host name nor an IP address
rolecall.yaml:19:83: error: a timeout takes whole seconds, at least one (such as 30s)
rolecall.yaml:20:7: error: this rule changes nothing (give it one of proxy, server, caFile, tlsServerName, timeout)
rolecall.yaml:20:7: warning: this rule never counts: the first that matches does
rolecall.yaml:21:9: error: `policy`: expected a list, found the text `policy.yaml` (write it as a list: [policy.yaml])
rolecall.yaml:22:7: error: `mode`: expected `report` or `enforce`, found the text `enforced` (did you mean `enforce`?)
rolecall.yaml:23:31: error: `then`: expected `keep`, `report` or `remove`, found the text `delete`
rolecall.yaml:24:11: error: "breakglass" matches no ARN, so that this protects nothing (such as arn:aws:iam::*:role/breakglass)
rolecall.yaml:24:23: error: no cluster maps the ARN of a session, so that this protects nothing (protect the role: arn:aws:iam::*:role/NAME)
rolecall.yaml:25:11: error: the key `reason` is missing in item 1 of `paused` (add `reason: …`. Why, for those who wonder.)
rolecall.yaml:25:29: error: "EU-WEST-1" matches no region (regions are written like eu-west-1)
rolecall.yaml:25:49: error: "31.01.2027" is not a date (write year, month and day: 2027-01-31)
rolecall.yaml:26:18: error: six fields are needed: second, minute, hour, day of month, month, day of week; this has five (with the second first: "0 */10 * * * *")
rolecall.yaml:26:44: error: there is no time zone "Europe/Berln" (did you mean Europe/Berlin?)
rolecall.yaml:26:66: error: a duration cannot be negative (write it with its unit, such as 30s or 1m 30s)
rolecall.yaml:27:20: error: `clusters` must be at least 1, not 0
rolecall.yaml:27:35: error: `perAccount`: expected a whole number, found the text `"4"` (write it without quotes: 4)
rolecall.yaml:28:33: error: `maxRemovalsPerCluster` must be at least 0, not -1
rolecall.yaml:28:57: error: "120%" is neither a count nor a percentage from 1% to 100% (write 20 or 20%)
rolecall.yaml:29:15: error: "localhost:8080" is not an address with a port (write 127.0.0.1:8080)
rolecall.yaml:29:33: error: `web.tokenFile` is not supported by this version (take it out)
rolecall.yaml:30:1: error: unknown key `exclude` (`exclude` belongs under `organization`; the keys allowed here are: apiVersion, clusters, events, identityCenter, kind, limits, mode, organization, paused, policy, protect, safety, schedule, unmanaged, web)
"#);
}

#[test]
fn contradictions_between_keys_are_said() {
    let wrong = "apiVersion: rolecall.dev/v1\nkind: Settings\norganization:\n  memberRole: m\n  accounts: [\"111122223333\"]\n  \
                 include: {not: {organizationalUnits: [/a]}}\n  exclude: {}\npolicy: [p, q, p]\n\
                 paused: [{match: {accountTags: {a: [b]}}, reason: r}]\nclusters: {connect: []}\nprotect:\n";
    let (settings, said) = read(wrong);
    assert_eq!(settings, None);
    insta::assert_snapshot!(said.join("\n"), @r#"
rolecall.yaml:6:19: error: `organizationalUnits` cannot be known: with `organization.accounts` no organization is read (select by `accounts`, or take `organization.accounts` out)
rolecall.yaml:7:12: error: `exclude` must not be empty (name at least one, or take the key out)
rolecall.yaml:8:16: error: "p" is named twice (keep one of them)
rolecall.yaml:9:19: error: `accountTags` cannot be known: with `organization.accounts` no organization is read (select by `accounts`, or take `organization.accounts` out)
rolecall.yaml:10:21: error: `connect` must not be empty (name at least one, or take the key out)
rolecall.yaml:11:1: error: `protect` has no value (write a list, or take the key out)
"#);
}

#[test]
fn a_policy_is_not_the_settings() {
    let (settings, said) = read("apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess: []\n");
    assert_eq!(settings, None);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("this is a policy, not the settings"));
}

#[test]
fn a_person_sees_the_line_and_what_to_write() {
    let file = SourceFile::new("rolecall.yaml", format!("{SMALL}mode: enforced\nweb: {{listen: \":8080\"}}\n"));
    let mut diagnostics = Diagnostics::new();
    assert_eq!(parse(&file, Path::new("."), &mut diagnostics), None);
    insta::assert_snapshot!(diagnostics.render(&[file], false), @r#"
error: `mode`: expected `report` or `enforce`, found the text `enforced`
 --> rolecall.yaml:5:7
  |
5 | mode: enforced
  |       ^^^^^^^^
  |
  = help: did you mean `enforce`?

error: ":8080" is not an address with a port
 --> rolecall.yaml:6:15
  |
6 | web: {listen: ":8080"}
  |               ^^^^^^^
  |
  = help: write 0.0.0.0:8080 for every interface, 127.0.0.1:8080 for this machine
"#);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_to_a_good_file_brings_the_reader_down(
        cut in any::<prop::sample::Index>(),
        length in 0..60_usize,
        put in "[-a-z0-9: {}\\[\\]\"'*&%|\n]{0,12}",
    ) {
        let at = cut.index(EXAMPLE.len());
        let end = (at + length).min(EXAMPLE.len());
        let text = format!("{}{put}{}", &EXAMPLE[..at], &EXAMPLE[end..]);
        let file = SourceFile::new("rolecall.yaml", text);
        let mut diagnostics = Diagnostics::new();
        let settings = parse(&file, Path::new("."), &mut diagnostics);
        prop_assert_eq!(settings.is_none(), diagnostics.has_errors());
        for diagnostic in &diagnostics {
            prop_assert!(diagnostic.span.is_none_or(|span| file.text.get(span.start..span.end).is_some()));
        }
    }
}

#[test]
fn the_surface_is_chosen_by_a_word() {
    let read = |clusters: &str| {
        let text = format!(
            "apiVersion: rolecall.dev/v1\nkind: Settings\norganization: {{memberRole: m}}\npolicy: [p.yaml]\n{clusters}"
        );
        parse(&SourceFile::new("rolecall.yaml", text), Path::new("."), &mut Diagnostics::new()).unwrap().surface
    };
    assert_eq!(read(""), SurfaceChoice::Auto);
    assert_eq!(read("clusters: {surface: aws-auth}"), SurfaceChoice::AwsAuth);
    assert_eq!(read("clusters: {surface: access-entries}"), SurfaceChoice::AccessEntries);
}

#[test]
fn events_come_from_a_queue_whose_url_is_checked() {
    assert_eq!(settings(SMALL).events, None);
    let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/events";
    let events = settings(&format!("{SMALL}events: {{queue: \"{url}\"}}\n")).events.unwrap();
    assert_eq!((events.url.as_str(), events.region.as_str(), events.role), (url, "eu-west-1", None));
    let other = "http://127.0.0.1:9324/111122223333/events";
    let events = settings(&format!("{SMALL}events: {{queue: \"{other}\", region: eu-west-1}}\n")).events.unwrap();
    assert_eq!(events.region.as_str(), "eu-west-1");
    for (line, said) in [
        ("events: {}", "`queue` is missing"),
        ("events: {queue: \"arn:aws:sqs:eu-west-1:111122223333:events\"}", "this is the ARN of a queue, not its URL"),
        (
            &format!("events: {{queue: \"{other}\"}}"),
            "the region cannot be told from this URL (add `region: us-east-1`)",
        ),
        (&format!("events: {{queue: \"{url}\", region: eu-west-2}}"), "the queue's URL says eu-west-1"),
        (&format!("events: {{queue: \"{url}\", region: eu-*}}"), "no pattern can stand here"),
        (&format!("events: {{queue: \"{url}\", externalId: sesame}}"), "an external id is given to a role"),
        (
            &format!("events: {{queue: \"{url}\", roleArn: me}}"),
            "such as arn:aws:iam::999988887777:role/rolecall-events",
        ),
    ] {
        let (read, lines) = read(&format!("{SMALL}{line}\n"));
        assert!(read.is_none() && lines.len() == 1 && lines[0].contains(said), "{line}: {lines:?}");
        assert!(lines[0].starts_with("rolecall.yaml:5:") && !lines[0].contains("sesame"), "{lines:?}");
    }
}
