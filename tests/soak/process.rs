//! What this process holds.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Open files and sockets, by what they are.
pub fn open_files() -> usize {
    // The folder that is being read is open itself.
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count().saturating_sub(1))
}

/// Waits until no more files are open than these; connections are closed by tasks of their own. Gives what is open at
/// last.
pub async fn settled(files: usize) -> usize {
    let deadline = Instant::now() + Duration::from_secs(30);
    while open_files() > files && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    open_files()
}

/// Resident memory in bytes; nothing where the system does not tell.
pub fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).map_or(0, |kib| kib << 10)
}

/// By how much memory may grow over so many seeds: allocators give back late, but a lab that is never freed holds
/// megabytes each.
pub fn growth_allowed(seeds: usize) -> usize {
    (48 << 20) + seeds * (192 << 10)
}
