//! The daemon: its first pass, its schedule, what it reads again, what it tells, and how it ends.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use crate::support::{
    Fleet,
    daemon::{Daemon, Silent, YEARLY},
    eventually,
    fleet::{NODE_ROWS, own_row},
    gate::Gate,
    world,
};

/// A policy that lets these roles into a group.
fn policy(roles: &[&str]) -> String {
    let rows = roles.iter().map(|role| format!("  - {{who: {{role: {role}}}, groups: [operators]}}\n"));
    let rows = rows.collect::<Vec<_>>().concat();
    format!(
        "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\ngroups:\n  - name: operators\n    clusterRoles: [view]\naccess:\n{rows}"
    )
}

fn schedule(cron: &str) -> String {
    format!("schedule: {{cron: \"{cron}\", timezone: Europe/Berlin}}\n")
}

/// A fleet of one cluster and the roles `first` and `second`, with settings for a daemon on this port.
async fn fleet(name: &str, more: &str) -> (Fleet, String, u16) {
    let (fleet, account) = Fleet::of_one(world().await, name).await;
    for role in ["first", "second"] {
        fleet.organization.role(&account, "/", role).await;
    }
    let port = Daemon::port();
    fleet.settings(&format!("{}{more}", Daemon::web(port)));
    fleet.policy(&policy(&["first"]));
    (fleet, account, port)
}

/// Puts a new file in the place of an old one, as editors do.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

async fn map_roles(fleet: &Fleet) -> String {
    fleet.clusters[0].aws_auth().await.unwrap().data.unwrap()["mapRoles"].clone()
}

async fn gets_row(fleet: &Fleet, role: &str) {
    let has = async || map_roles(fleet).await.contains(&format!(":role/{role}\n")).then_some(());
    eventually(&format!("row of {role}"), has).await;
}

async fn loses_row(fleet: &Fleet, role: &str) {
    let gone = async || (!map_roles(fleet).await.contains(&format!(":role/{role}\n"))).then_some(());
    eventually(&format!("end of the row of {role}"), gone).await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn the_first_pass_corrects_and_metrics_tell_of_it() {
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let (fleet, account, port) = fleet("at-once", &format!("mode: enforce\n{}", schedule(YEARLY))).await;
    let mut daemon = Daemon::start(&fleet, port, &[], &[]).await;
    assert_eq!(daemon.ready().await, "ready\n");
    gets_row(&fleet, "first").await;
    for (series, value) in [
        ("rolecall_passes_total{result=\"in-sync\"}", 1.0),
        ("rolecall_clusters{status=\"applied\"}", 1.0),
        ("rolecall_clusters{status=\"drifted\"}", 0.0),
        ("rolecall_changes_written_total{surface=\"aws-auth\",action=\"add\"}", 1.0),
        ("rolecall_changes_written_total{surface=\"rbac\",action=\"add\"}", 1.0),
        ("rolecall_missed_ticks_total", 0.0),
        ("rolecall_pass_duration_seconds_count", 1.0),
    ] {
        assert!((daemon.metric(series).await - value).abs() < f64::EPSILON, "{series} is not {value}");
    }
    let ended = daemon.metric("rolecall_last_pass_timestamp_seconds").await;
    assert!(ended > began && ended - began < 120.0, "{began} {ended}");
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(!metrics.contains("arn:") && !metrics.contains(&account), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let log = daemon.log();
    assert!(log.contains("role/first") && log.contains("written"), "what was written is in the log: {log}");
    daemon.stops().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn settings_and_policy_are_read_again_and_only_good_ones_are_taken() {
    let (fleet, account, port) = fleet("read-again", &schedule("*/2 * * * * *")).await;
    let policy_file = fleet.folder.join("policy.yaml");
    let before = map_roles(&fleet).await;
    let mut daemon = Daemon::start(&fleet, port, &[], &[]).await;
    daemon.ready().await;
    daemon.metric_reaches("rolecall_passes_total{result=\"drift\"}", 2.0).await;
    assert_eq!(map_roles(&fleet).await, before, "mode: report touches nothing");

    let settings = fs::read_to_string(fleet.settings_file()).unwrap();
    replace(&fleet.settings_file(), &format!("{settings}mode: enforce\n"));
    gets_row(&fleet, "first").await;
    replace(&policy_file, &policy(&["first", "second"]));
    gets_row(&fleet, "second").await;

    replace(&policy_file, &policy(&["first", "second"]).replace("access:", "acess:"));
    daemon.metric_reaches("rolecall_reloads_total{result=\"rejected\"}", 1.0).await;
    daemon.says("the last good ones stay in force").await;
    assert!(daemon.log().contains("policy.yaml:6:1: error: unknown key `acess`"), "{}", daemon.log());
    let said = daemon.ready().await;
    assert!(said.contains("last good") && said.contains("policy.yaml:6:1"), "{said}");
    let rows = format!("{NODE_ROWS}{}", own_row(&account));
    fleet.clusters[0].write_aws_auth([("mapRoles", &rows)]).await;
    gets_row(&fleet, "second").await;

    let loaded = daemon.metric("rolecall_reloads_total{result=\"loaded\"}").await;
    replace(&policy_file, &policy(&["first", "second"]));
    daemon.metric_reaches("rolecall_reloads_total{result=\"loaded\"}", loaded + 1.0).await;
    assert_eq!(daemon.ready().await, "ready\n");
    daemon.stops().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_mounted_config_map_is_followed() {
    let (fleet, _, port) = fleet("mounted", &format!("mode: enforce\n{}", schedule("*/2 * * * * *"))).await;
    let folder = &fleet.folder;
    // As the kubelet mounts it: the files lead through `..data`, which is swapped as a whole.
    fs::create_dir(folder.join("..one")).unwrap();
    symlink("..one", folder.join("..data")).unwrap();
    for name in ["rolecall.yaml", "policy.yaml"] {
        fs::rename(folder.join(name), folder.join("..one").join(name)).unwrap();
        symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
    }
    let mut daemon = Daemon::start(&fleet, port, &[], &[]).await;
    gets_row(&fleet, "first").await;
    for (version, old, roles) in [("..two", "..one", &["first", "second"][..]), ("..three", "..two", &["second"])] {
        fs::create_dir(folder.join(version)).unwrap();
        fs::copy(folder.join("rolecall.yaml"), folder.join(version).join("rolecall.yaml")).unwrap();
        fs::write(folder.join(version).join("policy.yaml"), policy(roles)).unwrap();
        symlink(version, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
        fs::remove_dir_all(folder.join(old)).unwrap();
        gets_row(&fleet, "second").await;
    }
    loses_row(&fleet, "first").await;
    daemon.stops().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_directory_that_was_replaced_is_watched_on() {
    let (fleet, _, port) = fleet("replaced", &format!("mode: enforce\n{}", schedule("*/2 * * * * *"))).await;
    let (policies, old) = (fleet.folder.join("policies"), fleet.folder.join("old"));
    let make = |folder: &Path, roles: &[&str]| {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("access.yaml"), policy(roles)).unwrap();
    };
    make(&policies, &["first"]);
    let settings = fs::read_to_string(fleet.settings_file()).unwrap();
    fs::write(fleet.settings_file(), settings.replace("[policy.yaml]", "[policies]")).unwrap();
    let mut daemon = Daemon::start(&fleet, port, &[], &[]).await;
    gets_row(&fleet, "first").await;
    make(&fleet.folder.join("new"), &["first", "second"]);
    fs::rename(&policies, old).unwrap();
    fs::rename(fleet.folder.join("new"), &policies).unwrap();
    gets_row(&fleet, "second").await;
    replace(&policies.join("access.yaml"), &policy(&["second"]));
    loses_row(&fleet, "first").await;
    daemon.stops().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn sighup_reads_again_what_no_watch_can_see() {
    let (fleet, _, port) = fleet("hangup", &format!("mode: enforce\n{}", schedule(YEARLY))).await;
    // The policy stands elsewhere, so that nothing happens in the directory that is watched.
    let elsewhere = world().await.new_folder("elsewhere").join("policy.yaml");
    fs::rename(fleet.folder.join("policy.yaml"), &elsewhere).unwrap();
    symlink(&elsewhere, fleet.folder.join("policy.yaml")).unwrap();
    let mut daemon = Daemon::start(&fleet, port, &["--log-format", "json"], &[]).await;
    daemon.ready().await;
    let settings = fs::read_to_string(fleet.settings_file()).unwrap();
    fs::write(&elsewhere, policy(&["second"])).unwrap();
    daemon.signal("HUP");
    daemon.metric_reaches("rolecall_reloads_total{result=\"loaded\"}", 1.0).await;
    let lines = daemon.log_lines();
    assert!(lines.iter().any(|line| line["why"] == "SIGHUP" && line["level"] == "INFO"), "{lines:?}");
    // The schedule is taken from the settings, too: without it, the next pass would come in years.
    replace(&fleet.settings_file(), &settings.replace(YEARLY, "*/2 * * * * *"));
    gets_row(&fleet, "second").await;
    daemon.stops().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_pass_that_hangs_is_not_joined_by_another_and_does_not_keep_the_daemon() {
    let (fleet, _, port) = fleet("hangs", "").await;
    let silent = Silent::start();
    let (server, ca) = (silent.address(), fleet.clusters[0].ca_file.display());
    let rule = format!("    - {{match: {{}}, server: \"https://{server}\", caFile: \"{ca}\", timeout: 300s}}\n");
    let more = format!("{}mode: enforce\n{}", Daemon::web(port), schedule("* * * * * *"));
    fleet.settings_with_connect(&rule, &more);
    let settings = fs::read_to_string(fleet.settings_file()).unwrap();
    fs::write(fleet.settings_file(), settings.replace("timeout: 20s", "timeout: 300s")).unwrap();
    let mut daemon = Daemon::start(&fleet, port, &["-v", "--log-format", "json"], &[]).await;
    assert_eq!(daemon.get("/healthz").await.unwrap().0, 200);
    let (code, said) = daemon.get("/readyz").await.unwrap();
    assert!(code == 503 && said.contains("first pass has not ended"), "{code} {said}");
    daemon.says("\"clusters\":1").await;
    fs::write(fleet.folder.join("notes.txt"), "changed").unwrap();
    daemon.metric_reaches("rolecall_missed_ticks_total", 3.0).await;
    assert_eq!(daemon.get("/readyz").await.unwrap().0, 503);
    assert!(!daemon.log().contains("read again"), "a file beside the settings is none of them: {}", daemon.log());
    let lines = daemon.log_lines();
    let missed = lines.iter().filter(|line| line["message"].as_str().unwrap().contains("left out, not queued"));
    assert!(missed.count() >= 2, "{lines:?}");
    let walked = lines.iter().filter(|line| line["message"] == "region read" && line["clusters"] == 1);
    assert_eq!(walked.count(), 1, "one pass walks the fleet: {lines:?}");
    daemon.stops().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_write_in_flight_ends_before_the_daemon_does() {
    let (fleet, _, port) = fleet("in-flight", &format!("mode: enforce\n{}", schedule(YEARLY))).await;
    let gate = Gate::close(&fleet.clusters[0]).await;
    let mut daemon = Daemon::start(&fleet, port, &[], &[]).await;
    gate.holds_one().await;
    daemon.signal("TERM");
    daemon.says("writes in flight may finish").await;
    assert!(!map_roles(&fleet).await.contains(":role/first\n"));
    gate.open();
    daemon.stops().await;
    assert!(map_roles(&fleet).await.contains(":role/first\n"), "{}", daemon.log());
    assert!(!daemon.log().contains("abandoned"), "{}", daemon.log());
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn an_aws_that_does_not_answer_does_not_keep_the_daemon() {
    let (fleet, _, port) = fleet("no-sts", &schedule(YEARLY)).await;
    let silent = Silent::start();
    let url = format!("http://{}", silent.address());
    let mut daemon = Daemon::start(&fleet, port, &[], &[("AWS_ENDPOINT_URL_STS", &url)]).await;
    assert_eq!(daemon.get("/readyz").await.unwrap().0, 503);
    daemon.stops().await;
    assert!(daemon.log().contains("called off") && !daemon.log().contains("abandoned"), "{}", daemon.log());
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn the_fullest_log_is_json_with_its_spans_and_without_secrets() {
    let (fleet, account, port) = fleet("fullest-log", &format!("mode: enforce\n{}", schedule(YEARLY))).await;
    let settings = fs::read_to_string(fleet.settings_file()).unwrap();
    let settings = settings.replace("  regions:", "  externalId: sesame-4711\n  regions:");
    fs::write(fleet.settings_file(), settings).unwrap();
    let mut daemon = Daemon::start(&fleet, port, &["-vvv", "--log-format", "json"], &[]).await;
    daemon.ready().await;
    daemon.signal("HUP");
    daemon.metric_reaches("rolecall_reloads_total{result=\"loaded\"}", 1.0).await;
    daemon.stops().await;

    let lines = daemon.log_lines();
    let spans = |line: &Value| -> Vec<String> {
        let spans = line["spans"].as_array().into_iter().flatten();
        spans.map(|span| span["name"].as_str().unwrap().to_owned()).collect()
    };
    let inside = lines.iter().find(|line| spans(line).starts_with(&["pass", "account", "cluster"].map(String::from)));
    let cluster = &inside.expect("something is told of the cluster while it is read")["spans"][2];
    assert_eq!((&cluster["account"], &cluster["name"]), (&account.as_str().into(), &"cluster".into()), "{cluster}");
    assert!(lines.iter().any(|line| line["target"].as_str().unwrap().starts_with("hyper")), "libraries speak, too");

    assert!(
        world().await.sts.calls_into(&account).iter().any(|call| call.external_id.as_deref() == Some("sesame-4711"))
    );
    let log = daemon.log();
    let given = world().await.sts.secrets_of(&[&account, &fleet.organization.management]);
    assert!(given.len() >= 4, "the hub's and the member's secret and token");
    for secret in given.iter().map(String::as_str).chain(["sesame-4711", "k8s-aws-v1.", "X-Amz-Signature="]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in {}", line.unwrap());
    }
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_port_in_use_is_an_error_that_names_it() {
    let (fleet, _, port) = fleet("port", "").await;
    let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ended = fleet.run(&["run"]).await.expect(2);
    assert!(ended.stderr.contains(&format!("cannot listen on 127.0.0.1:{port} (`web.listen`)")), "{}", ended.stderr);
    assert_eq!(map_roles(&fleet).await.matches("rolearn").count(), 2, "nothing was begun");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_pass_that_fails_as_a_whole_does_not_wait_for_the_schedule() {
    let (fleet, _, port) = fleet("retry", &schedule(YEARLY)).await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sts = format!("http://{nobody}");
    let mut daemon = Daemon::start(&fleet, port, &[], &[("AWS_ENDPOINT_URL_STS", &sts)]).await;
    daemon.metric_reaches("rolecall_passes_total{result=\"error\"}", 2.0).await;
    assert_eq!(daemon.get("/readyz").await.unwrap().0, 503);
    daemon.stops().await;
}
