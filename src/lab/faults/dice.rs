//! Chance that depends on the seed and on what is asked alone.

use fastrand::Rng;

use crate::lab::{Call, Verdict};

/// What a call is told apart by from others.
pub(super) fn name(call: &Call) -> String {
    let mut name = format!("{} {}", call.service, call.operation);
    match (&call.cluster, &call.account) {
        (Some(cluster), _) => name.push_str(&format!(" ({cluster})")),
        (None, Some(account)) => name.push_str(&format!(" ({account})")),
        (None, None) => {}
    }
    name
}

/// Dice for a text: FNV-1a over seed and text, whose bits are then mixed once more (splitmix64), since texts that differ
/// in their last digit alone must not fall alike.
pub(super) fn dice(seed: u64, text: &str) -> Rng {
    let bytes = seed.to_le_bytes();
    let hash = bytes
        .into_iter()
        .chain(text.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Rng::with_seed(mixed ^ (mixed >> 31))
}

/// A verdict in words.
pub(super) fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Serve => "answered".to_owned(),
        Verdict::Refuse(refusal) => {
            let after = refusal.retry_after.map(|seconds| format!(", Retry-After {seconds}")).unwrap_or_default();
            format!("refused with {} {}{after}", refusal.status, refusal.code)
        }
        Verdict::Reset => "connection reset, nothing done".to_owned(),
        Verdict::Hang => "never answered, nothing done".to_owned(),
        Verdict::LoseAnswer => "carried out, the answer lost".to_owned(),
        Verdict::CutAnswer => "carried out, the answer cut off in the middle".to_owned(),
        Verdict::ShortPage(0) => "an empty page with a token".to_owned(),
        Verdict::ShortPage(most) => format!("a page of {most} with a token"),
    }
}
