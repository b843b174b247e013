//! Whether a proxy of the environment leads to a server. The kube client ignores the environment, so it is decided here,
//! by the rules that kubectl and every other Go program keep: <https://pkg.go.dev/golang.org/x/net/http/httpproxy>.

use std::net::IpAddr;

/// The variables that name a proxy and its exceptions.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct ProxyEnvironment {
    /// `HTTPS_PROXY` or `https_proxy`.
    pub(super) https: Option<String>,
    /// `NO_PROXY` or `no_proxy`.
    pub(super) except: Option<String>,
}

impl ProxyEnvironment {
    /// What this process was started with; names in capitals win, empty values count as not given.
    pub(super) fn of_process() -> Self {
        let first = |names: [&str; 2]| {
            names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        };
        Self { https: first(["HTTPS_PROXY", "https_proxy"]), except: first(["NO_PROXY", "no_proxy"]) }
    }

    /// The proxy that leads to the `https` server, if one does. `localhost` and loopback addresses are always reached
    /// directly; a proxy without a scheme is an HTTP one.
    pub(super) fn proxy_to(&self, server: &http::Uri) -> Option<String> {
        let proxy = self.https.as_deref()?.trim();
        let host = server.host()?.trim_start_matches('[').trim_end_matches(']').to_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        let port = server.port_u16().unwrap_or(443);
        let excepted =
            self.except.as_deref().unwrap_or_default().split(',').any(|rule| excepts(rule, &host, address, port));
        if local || excepted || server.scheme_str() != Some("https") {
            return None;
        }
        Some(if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") })
    }
}

/// Whether one item of NO_PROXY speaks of the host.
fn excepts(rule: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    let rule = rule.trim().to_lowercase();
    if rule.is_empty() {
        return false;
    }
    if rule == "*" {
        return true;
    }
    if let Some((network, bits)) = rule.split_once('/') {
        return match (network.parse::<IpAddr>(), bits.parse::<u32>(), address) {
            (Ok(network), Ok(bits), Some(address)) => in_network(network, bits, address),
            _ => false,
        };
    }
    if let Ok(only) = rule.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return address == Some(only);
    }
    let (name, only_port) = match rule.rsplit_once(':') {
        Some((name, digits)) => match digits.parse::<u16>() {
            Ok(digits) => (name, Some(digits)),
            Err(_) => return false,
        },
        None => (rule.as_str(), None),
    };
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(only) = name.parse::<IpAddr>() {
        return address == Some(only);
    }
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(network) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(network) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(server: &str, except: &str) -> bool {
        let environment =
            ProxyEnvironment { https: Some("http://proxy:3128".to_owned()), except: Some(except.to_owned()) };
        environment.proxy_to(&server.parse().unwrap()).is_some()
    }

    #[test]
    fn the_proxy_leads_to_every_https_server_but_the_local_one() {
        assert!(led("https://abc.gr7.eu-west-1.eks.amazonaws.com", ""));
        for local in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443", "http://abc.example"] {
            assert!(!led(local, ""), "{local}");
        }
        let server = "https://abc.example".parse().unwrap();
        assert_eq!(ProxyEnvironment::default().proxy_to(&server), None);
        let bare = ProxyEnvironment { https: Some("proxy:3128".to_owned()), except: None };
        assert_eq!(bare.proxy_to(&server).as_deref(), Some("http://proxy:3128"));
    }

    #[test]
    fn exceptions_are_names_domains_addresses_networks_and_ports() {
        let eks = "https://abc.gr7.eu-west-1.eks.amazonaws.com";
        for except in
            ["*", "amazonaws.com", "x, .eks.amazonaws.com", "*.amazonaws.com", "EKS.amazonaws.com:443", eks_host()]
        {
            assert!(!led(eks, except), "{except}");
        }
        for except in
            ["", "azonaws.com", ".abc.gr7.eu-west-1.eks.amazonaws.com", "amazonaws.com:8443", "10.0.0.0/8", ","]
        {
            assert!(led(eks, except), "{except}");
        }
        for except in ["10.0.0.0/8", "10.1.2.3", "10.1.2.3:6443", "0.0.0.0/0"] {
            assert!(!led("https://10.1.2.3:6443", except), "{except}");
        }
        for except in ["10.1.2.0/25", "10.1.2.4", "10.1.2.3:443", "10.0.0.0/33", "::/0"] {
            assert!(led("https://10.1.2.200:6443", except), "{except}");
        }
        assert!(!led("https://[fd00::1]:6443", "fd00::/8") && led("https://[fe00::1]:6443", "fd00::/8"));
    }

    fn eks_host() -> &'static str {
        "abc.gr7.eu-west-1.eks.amazonaws.com"
    }
}
