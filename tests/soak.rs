//! The soak: random fleets, random policies and random faults, seed by seed, on the lab; whatever happens, rolecall keeps
//! its promises.
//!
//! - (a) No row that is not rolecall's changes by a byte.
//! - (b) No protected principal is ever without the access that it had, in any version that was ever stored.
//! - (c) Nothing is taken away on partial knowledge.
//! - (d) When the faults stop, the fleet converges within two passes.
//! - (e) The pass after that writes nothing.
//! - (f) Every write is in a pass's report, with before and after.
//! - (g) Memory and open files return to where they were.
//!
//! `ROLECALL_SOAK_SEEDS=500 cargo test --test main soak` runs more seeds, `ROLECALL_SOAK_SEED=123` one alone. The test
//! starts its own binary again as a process of its own, since it counts what a process holds open and how much memory it
//! takes. Seeds that failed once are in `regressions.txt` and run first.

mod calm;
mod client;
mod content;
mod dice;
mod judge;
mod meddler;
mod policy;
mod process;
mod reported;
mod run;
mod scene;
mod texts;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use futures::{StreamExt, stream};

use run::{Broken, Sum, run};

/// How many seeds run by default, here and wherever all tests run: about 90 s on two cores that have nothing else to do.
const SEEDS: u64 = 120;
/// How many run at the same time: they mostly wait.
const AT_ONCE: usize = 10;
/// Set in the process that has the soak for itself.
const ALONE: &str = "ROLECALL_SOAK_ALONE";
/// What the line begins with that sums a run up.
const SUMMARY: &str = "soak: ";

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, not a number")))
}

/// The seeds to run, those that failed once first.
fn seeds() -> Vec<u64> {
    if let Some(seed) = number("ROLECALL_SOAK_SEED") {
        return vec![seed];
    }
    let kept =
        include_str!("soak/regressions.txt").lines().filter_map(|line| line.split('#').next()?.trim().parse().ok());
    let first = number("ROLECALL_SOAK_FIRST").unwrap_or(1);
    kept.chain(first..first + number("ROLECALL_SOAK_SEEDS").unwrap_or(SEEDS)).collect()
}

async fn run_all(seeds: &[u64], sum: &mut Sum) -> Vec<Broken> {
    let mut running = stream::iter(seeds.to_vec()).map(|seed| tokio::spawn(run(seed))).buffer_unordered(AT_ONCE);
    let mut broken = Vec::new();
    while let Some(done) = running.next().await {
        match done.unwrap() {
            Ok(one) => *sum += one,
            Err(one) => {
                println!("{one}");
                broken.push(one);
            }
        }
    }
    broken
}

#[test]
fn every_promise_is_kept() {
    if std::env::var_os(ALONE).is_some() {
        return alone();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "soak::every_promise_is_kept", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    print!("{told}");
    // What passing tests print is not shown, so the sum goes past that to whoever runs them.
    for line in told.lines().filter_map(|line| Some(&line[line.find(SUMMARY)?..])) {
        writeln!(std::io::stderr(), "{line}").unwrap();
    }
    assert!(child.status.success(), "the soak's own process ended with {}, as told above", child.status);
}

/// The soak itself, in a process where nothing else runs.
fn alone() {
    // Tests that wait for real parts go first.
    rustix::process::nice(10).unwrap();
    let seeds = seeds();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let files = process::open_files();
    let mut sum = Sum::default();
    let mut broken = Vec::new();
    let mut memory = Vec::new();
    let quarter = seeds.len().div_ceil(4).max(1);
    for seeds in seeds.chunks(quarter) {
        broken.extend(runtime.block_on(run_all(seeds, &mut sum)));
        memory.push(process::resident_bytes());
    }
    let open = runtime.block_on(process::settled(files));
    drop(runtime);
    let mib: Vec<usize> = memory.iter().map(|bytes| bytes >> 20).collect();
    println!(
        "{SUMMARY}{} seeds: {sum:?}; MiB of memory by quarter: {mib:?}; open files before {files}, after {open}",
        seeds.len()
    );
    let numbers: Vec<u64> = broken.iter().map(|it| it.seed).collect();
    assert!(broken.is_empty(), "{} of {} seeds broke a promise: {numbers:?}", broken.len(), seeds.len());
    assert!(open <= files, "(g) {files} files and sockets were open, and now {open}");
    let (first, last) = (memory[0], memory[memory.len() - 1]);
    let allowed = process::growth_allowed(seeds.len() - quarter.min(seeds.len()));
    assert!(last < first + allowed, "(g) {} MiB of memory became {} MiB", first >> 20, last >> 20);
}
