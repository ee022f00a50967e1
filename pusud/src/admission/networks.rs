//! Networks: a list of address ranges as an operator writes them, such as those of trusted proxies.
//!
//! An IPv4 address in an IPv6 one (`::ffff:192.0.2.1`) counts as the IPv4 address, in networks and in what is looked for.

use anyhow::{Context, Result, bail, ensure};
use ipnet::{IpNet, Ipv4Net};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Some networks; by default none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks (`10.0.0.0/8`) and single addresses (`192.0.2.1`, `::1`).
    ///
    /// # Errors
    /// A text that is neither: what it is instead, and what may have been meant.
    pub fn parse(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let parse = |text: &str| network(text).with_context(|| format!("\"{text}\" is no network"));
        texts.into_iter().map(|text| parse(text.as_ref().trim())).collect::<Result<_>>().map(Self)
    }

    /// Whether one of them has this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As they may be written, with commas between.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, network) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match network.prefix_len() == network.max_prefix_len() {
                true => write!(f, "{comma}{}", network.addr())?,
                false => write!(f, "{comma}{network}")?,
            }
        }
        Ok(())
    }
}

fn network(text: &str) -> Result<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(ip) = address.parse::<IpAddr>() else { bail!(no_address(text, address)) };
    let whole = IpNet::from(ip);
    let Some(prefix) = prefix else { return Ok(canonical(whole)) };
    let bits_max = whole.max_prefix_len();
    if let Ok(mask) = prefix.parse::<IpAddr>() {
        match ipnet::ip_mask_to_prefix(mask) {
            Ok(bits) if mask.is_ipv4() == ip.is_ipv4() => bail!("write the number of its bits: {ip}/{bits}"),
            _ => bail!("what follows the slash must be the number of its bits, 0 to {bits_max}"),
        }
    }
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let bits = prefix.parse().ok().filter(|&bits: &u8| is_number && bits <= bits_max);
    let bits =
        bits.with_context(|| format!("what follows the slash must be the number of its bits, 0 to {bits_max}"))?;
    let network = IpNet::new(ip, bits).expect("the number of bits is in range");
    let meant = network.trunc();
    ensure!(
        meant == network,
        "bits of {ip} behind the first {bits} are set; write {meant} for the network, or {ip} for this address alone"
    );
    Ok(canonical(network))
}

/// Why a text has no address, as far as that can be told.
fn no_address(text: &str, address: &str) -> String {
    let without_brackets = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if text.is_empty() {
        "it is empty; write an address or a network such as 10.0.0.0/8".to_owned()
    } else if let Some(ip) = without_brackets.filter(|inner| inner.parse::<IpAddr>().is_ok()) {
        format!("write {ip}, without brackets")
    } else if let Ok(socket) = address.parse::<SocketAddr>() {
        format!("it has a port; write {}", socket.ip())
    } else if address.contains('%') {
        "it has a zone; write the address without it".to_owned()
    } else if text.starts_with("unix") || text.starts_with('/') {
        "a Unix socket has no IP address, and does not belong here".to_owned()
    } else {
        "expected an address (192.0.2.1, ::1) or a network (10.0.0.0/8); names are not looked up".to_owned()
    }
}

/// A network of IPv4 addresses written as IPv6 ones, as what it is.
fn canonical(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(v4), Some(bits)) if network.max_prefix_len() == 128 => {
            Ipv4Net::new(v4, bits).expect("at most 32 bits remain").into()
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Networks {
        Networks::parse(texts).unwrap()
    }

    #[test]
    fn addresses_are_found_in_their_networks() {
        let networks = parse(&["10.0.0.0/8", " 192.0.2.1 ", "::1", "2001:db8::/32", "::ffff:198.51.100.0/120"]);
        let cases = [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.2", false),
            ("::1", true),
            ("::2", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("198.51.100.200", true),
            ("198.51.101.0", false),
        ];
        for (address, expected) in cases {
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{address}");
        }
        assert_eq!(networks.to_string(), "10.0.0.0/8, 192.0.2.1, ::1, 2001:db8::/32, 198.51.100.0/24");
        assert!(!networks.is_empty());
    }

    #[test]
    fn everything_takes_one_network_for_each_family() {
        let [v4, v6] = ["192.0.2.1", "2001:db8::1"].map(|address| address.parse::<IpAddr>().unwrap());
        assert!(parse(&["0.0.0.0/0"]).contains(v4) && !parse(&["0.0.0.0/0"]).contains(v6));
        assert!(parse(&["::/0"]).contains(v6) && !parse(&["::/0"]).contains(v4));
        assert!(Networks::default().is_empty() && !Networks::default().contains(v4));
    }

    #[test]
    fn errors_say_what_was_meant() {
        let cases = [
            ("10.0.0.1/8", "write 10.0.0.0/8 for the network, or 10.0.0.1 for this address alone"),
            ("2001:db8::1/64", "write 2001:db8::/64 for the network"),
            ("::ffff:10.0.0.1/104", "write ::ffff:10.0.0.0/104 for the network"),
            ("10.0.0.0/33", "the number of its bits, 0 to 32"),
            ("::/129", "0 to 128"),
            ("10.0.0.0/+8", "0 to 32"),
            ("10.0.0.0/", "0 to 32"),
            ("10.0.0.0/8/8", "0 to 32"),
            ("10.0.0.0/255.0.0.0", "write the number of its bits: 10.0.0.0/8"),
            ("10.0.0.0/255.0.255.0", "0 to 32"),
            ("192.0.2.1:80", "it has a port; write 192.0.2.1"),
            ("[::1]:80", "it has a port; write ::1"),
            ("[::1]", "write ::1, without brackets"),
            ("fe80::1%eth0", "it has a zone"),
            ("unix", "a Unix socket has no IP address"),
            ("unix:/run/pusud.socket", "a Unix socket has no IP address"),
            ("/run/pusud.socket", "a Unix socket has no IP address"),
            ("localhost", "names are not looked up"),
            ("010.0.0.1", "expected an address"),
            ("10.0.0", "expected an address"),
            ("", "it is empty"),
        ];
        for (text, expected) in cases {
            let error = format!("{:#}", Networks::parse(["::1", text]).unwrap_err());
            assert!(error.starts_with(&format!("\"{text}\" is no network: ")) && error.contains(expected), "{error}");
        }
    }
}
