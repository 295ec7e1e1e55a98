//! Where a request comes from: the network of whoever sent it, as far as that is known.
//!
//! A caller's own headers are never believed. What the front door saw counts, and what proxies in front of it added, as
//! many as the operator says there are; and what a client says about its users, if it is trusted to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A network that one party is taken to send from: an IPv4 address, or the 64-bit prefix of an IPv6 address, within which
/// whoever has one address has as many as they like.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The address.
    V4(Ipv4Addr),
    /// The prefix, as the address that ends in zeros.
    V6(Ipv6Addr),
}

impl Network {
    /// The network of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        }
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self {
            Self::V4(address) => IpAddr::V4(*address),
            Self::V6(prefix) => IpAddr::V6(*prefix),
        }
    }
}

/// An address is personal: it must not get into a log by accident.
impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network(..)")
    }
}

/// What the front door knows about whoever sent it a request. It goes with the request, as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontDoor {
    /// The address it was sent from, if the front door says so by itself.
    pub address: Option<IpAddr>,
    /// Whether the front door appends that address to `X-Forwarded-For`.
    pub appends: bool,
}

/// How many proxies, between the front door and the callers, append the address they were called from to
/// `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustedHops(usize);

impl TrustedHops {
    /// The most that can be trusted.
    pub const MOST: usize = 5;

    /// As many as `hops`; `None` if they are more than [`TrustedHops::MOST`].
    #[must_use]
    pub fn new(hops: usize) -> Option<Self> {
        (hops <= Self::MOST).then_some(Self(hops))
    }

    /// The network of whoever sent a request. `None` if it is not known: where fewer proxies forwarded the request than
    /// are trusted, what is there may have been written by the caller, and nobody is taken for somebody else because of
    /// it.
    #[must_use]
    pub fn network(self, front_door: Option<&FrontDoor>, headers: &HeaderMap) -> Option<Network> {
        let FrontDoor { address, appends } = *front_door?;
        let forwarded = headers.get_all(X_FORWARDED_FOR).iter().rev();
        // Only the part that counts has to be text: a caller must not be able to hide what a proxy added behind theirs.
        let mut forwarded = forwarded.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).peekable();
        let seen = if appends {
            let own = forwarded.next_if(|last| address.is_none() || read_bytes(last) == address);
            address.or_else(|| read_bytes(own?))
        } else {
            address
        };
        let found = match self.0.checked_sub(1) {
            None => seen,
            Some(between) => read_bytes(forwarded.nth(between)?),
        };
        found.map(Network::of)
    }
}

/// The network that a client says its user sent the request from: the `for` of the last element of `Forwarded` (RFC 7239,
/// section 4), which is the one that the client itself added. `None` if it says nothing, or nothing that is an address.
#[must_use]
pub fn forwarded_for(headers: &HeaderMap) -> Option<Network> {
    let value = headers.get_all(FORWARDED).iter().next_back()?.to_str().ok()?;
    let last = unquoted(value, ',').last()?;
    let mut nodes = unquoted(last, ';').filter_map(|pair| {
        let (name, node) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(node.trim())
    });
    let node = nodes.next().filter(|_| nodes.next().is_none())?;
    let node = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
    read_address(node).map(Network::of)
}

/// The parts of a header's value, separated by `separator` outside quoted strings (RFC 9110, section 5.6.4).
fn unquoted(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        !quoted && character == separator
    })
}

fn read_bytes(bytes: &[u8]) -> Option<IpAddr> {
    read_address(str::from_utf8(bytes).ok()?)
}

/// An address as proxies write it: alone or with a port, an IPv6 address with brackets or without.
fn read_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip())).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).expect("a header"))).collect()
    }

    fn text(network: Option<Network>) -> Option<String> {
        network.map(|network| network.address().to_string())
    }

    #[test]
    fn an_ipv4_address_is_a_network_and_so_are_the_first_64_bits_of_an_ipv6_address() {
        for (address, network) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(Network::of(address.parse().expect("an address")).address().to_string(), network);
        }
    }

    #[test]
    fn what_a_caller_forwards_is_believed_only_as_far_as_proxies_are_trusted() {
        let edge = Some("198.51.100.7".parse().expect("an address"));
        let gateway = FrontDoor { address: edge, appends: true };
        let balancer = FrontDoor { address: None, appends: true };
        let local = FrontDoor { address: edge, appends: false };
        for (front_door, forwarded, hops, network) in [
            (gateway, &["192.0.2.1, 198.51.100.7"] as &[_], 0, Some("198.51.100.7")),
            (gateway, &["192.0.2.1, 198.51.100.7"], 1, Some("192.0.2.1")),
            (gateway, &["192.0.2.1, 198.51.100.7"], 2, None),
            (gateway, &["10.0.0.1, 192.0.2.1, 198.51.100.7"], 1, Some("192.0.2.1")),
            (gateway, &["10.0.0.1", "192.0.2.1", "198.51.100.7"], 1, Some("192.0.2.1")),
            (gateway, &["192.0.2.1"], 1, Some("192.0.2.1")),
            (gateway, &["198.51.100.7"], 1, None),
            (gateway, &["nonsense, 198.51.100.7"], 1, None),
            (gateway, &["\u{e4}, 192.0.2.1, 198.51.100.7"], 1, Some("192.0.2.1")),
            (balancer, &["\u{e4}, 198.51.100.7"], 0, Some("198.51.100.7")),
            (gateway, &[",198.51.100.7"], 1, None),
            (gateway, &[], 0, Some("198.51.100.7")),
            (gateway, &[], 1, None),
            (balancer, &["192.0.2.1, 198.51.100.7"], 0, Some("198.51.100.7")),
            (balancer, &["192.0.2.1, 198.51.100.7:4711"], 0, Some("198.51.100.7")),
            (balancer, &["192.0.2.1, 198.51.100.7"], 1, Some("192.0.2.1")),
            (balancer, &[], 0, None),
            (balancer, &["unknown"], 0, None),
            (local, &["192.0.2.1"], 0, Some("198.51.100.7")),
            (local, &["192.0.2.1"], 1, Some("192.0.2.1")),
            (local, &["192.0.2.1, 198.51.100.7"], 2, Some("192.0.2.1")),
        ] {
            let headers = headers(&X_FORWARDED_FOR, forwarded);
            let found = TrustedHops::new(hops).expect("few").network(Some(&front_door), &headers);
            assert_eq!(text(found).as_deref(), network, "{front_door:?} {forwarded:?} {hops}");
            assert_eq!(TrustedHops::new(hops).expect("few").network(None, &headers), None);
        }
        assert_eq!(TrustedHops::new(6), None);
    }

    #[test]
    fn the_last_element_of_forwarded_says_where_the_user_is() {
        for (values, network) in [
            (&["for=192.0.2.1"] as &[_], Some("192.0.2.1")),
            (&["For=\"192.0.2.1:47011\";proto=https;by=203.0.113.43"], Some("192.0.2.1")),
            (&["proto=https; for=\"[2001:db8:1:2:3::4]:4711\""], Some("2001:db8:1:2::")),
            (&["for=\"[2001:db8:1:2:3::4]\""], Some("2001:db8:1:2::")),
            (&["for=10.0.0.1, for=192.0.2.1"], Some("192.0.2.1")),
            (&["for=10.0.0.1", "for=192.0.2.1"], Some("192.0.2.1")),
            (&["by=\"a,b;for=10.0.0.1\";for=192.0.2.1"], Some("192.0.2.1")),
            (&["by=\"a\\\",for=10.0.0.1\";for=192.0.2.1"], Some("192.0.2.1")),
            (&["for=192.0.2.1;for=10.0.0.1"], None),
            (&["for=unknown"], None),
            (&["for=_hidden"], None),
            (&["for=192.0.2.1,"], None),
            (&["for"], None),
            (&["for=\""], None),
            (&["\u{e4}"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(text(forwarded_for(&headers(&FORWARDED, values))).as_deref(), network, "{values:?}");
        }
    }
}
