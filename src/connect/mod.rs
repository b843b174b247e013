//! Getting into a cluster: the token, the client, and what its errors mean.
//!
//! [`target`] tells where a cluster's API server is and how it is reached, [`client`] makes a client that signs itself in
//! with tokens of [`token`], and [`unreadable`] is the one place where errors get their kind and their words. [`Eks`] is the
//! way to what EKS itself keeps for the cluster.

mod chain;
mod client;
mod eks;
mod entry;
mod line;
mod proxy;
mod target;
pub mod token;
mod words;

pub use client::client;
pub use eks::{Eks, EksError, EksFault, Pace, moment, policy_grant};
pub use target::{ConnectTarget, target};
pub use words::{server_error, unreadable, with_principal};

/// An object's name as one segment of a URL's path: the client puts names into paths as they are, and RBAC allows names
/// with `?`, `#` or spaces.
pub fn path_segment(name: &str) -> String {
    use std::fmt::Write as _;

    name.bytes().fold(String::with_capacity(name.len()), |mut segment, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
        segment
    })
}

#[cfg(test)]
mod entry_tests;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;
