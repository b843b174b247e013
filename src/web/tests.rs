//! The server over a real socket.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::*;
use crate::model::{Finding, FindingCode, PassKind, PassReport};

/// Sends one GET over a socket of its own and gives the answer as it came.
async fn get_path(address: SocketAddr, path: &'static str) -> String {
    let request = move || {
        let mut socket = TcpStream::connect(address).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: rolecall\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    };
    tokio::task::spawn_blocking(request).await.unwrap()
}

fn pass(findings: Vec<Finding>) -> PassReport {
    PassReport {
        kind: PassKind::Sync,
        organization: None,
        started: "2026-11-22T03:00:00Z".parse().unwrap(),
        finished: "2026-11-22T03:00:04Z".parse().unwrap(),
        accounts: 1,
        regions: 1,
        clusters: Vec::new(),
        findings,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_and_ends_when_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (state, cancel) = (Arc::new(State::new()), CancellationToken::new());
    let server = tokio::spawn(serve(listener, Arc::clone(&state), cancel.clone()));

    assert!(get_path(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    let answer = get_path(address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("has not ended"), "{answer}");
    state.pass_failed("no credentials");
    assert!(get_path(address, "/readyz").await.contains("no credentials"));
    state.record_pass(&pass(Vec::new()));
    assert!(get_path(address, "/readyz").await.starts_with("HTTP/1.1 200"));
    let answer = get_path(address, "/metrics").await;
    assert!(answer.contains("content-type: application/openmetrics-text"), "{answer}");
    assert!(answer.contains("rolecall_passes_total{result=\"in-sync\"} 1\n"), "{answer}");
    assert!(get_path(address, "/other").await.starts_with("HTTP/1.1 404"));

    cancel.cancel();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_keep_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let cancel = CancellationToken::new();
    let server = tokio::spawn(serve(listener, Arc::new(State::new()), cancel.clone()));
    let _idle = TcpStream::connect(address).unwrap();
    assert!(get_path(address, "/healthz").await.contains("alive"));
    cancel.cancel();
    server.await.unwrap().unwrap();
}

#[test]
fn passes_are_counted_under_the_documented_names() {
    let state = State::new();
    let gap = Finding::gap(FindingCode::AccountUnreadable, "x", "denied");
    state.record_pass(&pass(vec![gap.clone(), gap]));
    state.pass_failed("no credentials");
    state.reloaded(Err("not valid".to_owned()));
    state.missed_tick();
    let text = state.metrics.encode().unwrap();
    for line in [
        "rolecall_pass_duration_seconds_sum 4.0",
        "rolecall_pass_duration_seconds_count 1",
        "rolecall_passes_total{result=\"incomplete\"} 1",
        "rolecall_passes_total{result=\"error\"} 1",
        "rolecall_passes_total{result=\"drift\"} 0",
        "rolecall_last_pass_timestamp_seconds 1795316404.0",
        "rolecall_clusters{status=\"access-denied\"} 0",
        "rolecall_changes_written_total{surface=\"aws-auth\",action=\"add\"} 0",
        "rolecall_findings{code=\"account-unreadable\"} 2",
        "rolecall_reloads_total{result=\"rejected\"} 1",
        "rolecall_missed_ticks_total 1",
        concat!("rolecall_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    state.record_pass(&pass(Vec::new()));
    assert!(state.metrics.encode().unwrap().contains("rolecall_findings{code=\"account-unreadable\"} 0\n"));
}
