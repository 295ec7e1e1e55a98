//! Where containers reach this machine.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use if_addrs::{Interface, get_if_addrs};

use crate::failure::Failure;

/// The bridges that container engines make for containers that name no network: Docker's, Finch's and Podman's.
const USUAL: [&str; 3] = ["docker0", "nerdctl0", "podman0"];
/// The host, in containers of an engine that runs in a virtual machine, where it reaches the host's loopback addresses.
const HOST_OF_A_VIRTUAL_MACHINE: &str = "host.docker.internal";

/// The network interface between this machine and its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bridge {
    /// The one that the container engine usually makes.
    Usual,
    /// The one with this name.
    Named(String),
    /// The one with this address.
    At(IpAddr),
}

impl FromStr for Bridge {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(address) => Self::At(address),
            Err(_) if text.is_empty() => Self::Usual,
            Err(_) => Self::Named(text.to_owned()),
        })
    }
}

impl Bridge {
    /// Its address.
    ///
    /// # Errors
    /// [`Failure`] when there is no such interface on this machine.
    pub(super) fn address(&self) -> Result<IpAddr, Failure> {
        // Elsewhere, engines run in a virtual machine.
        if *self == Self::Usual && !cfg!(target_os = "linux") {
            return Ok(IpAddr::from([127, 0, 0, 1]));
        }
        self.address_among(&get_if_addrs()?).map_err(Failure::refused)
    }

    fn address_among(&self, interfaces: &[Interface]) -> Result<IpAddr, String> {
        let called = |name: &str| {
            let own = interfaces.iter().filter(|interface| interface.name == name).map(Interface::ip);
            // IPv4 first, which every engine gives to its containers.
            own.min_by_key(IpAddr::is_ipv6)
        };
        let names = || {
            let mut names: Vec<_> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        };
        match self {
            Self::Usual => USUAL.into_iter().find_map(called).ok_or_else(|| {
                format!(
                    "there is no container bridge on this machine ({} or {}), only {}: start the container engine, or \
                     name the bridge or its address, as in --sam=br0 or --sam=172.17.0.1; an engine that runs in a \
                     virtual machine, as Docker Desktop does, needs --sam=127.0.0.1",
                    USUAL[..USUAL.len() - 1].join(", "),
                    USUAL[USUAL.len() - 1],
                    names(),
                )
            }),
            Self::Named(name) => called(name)
                .ok_or_else(|| format!("there is no network interface {name} with an address, only {}", names())),
            Self::At(address) if address.is_unspecified() => {
                Err(format!("{address} is every address of this machine: name that of the container bridge alone"))
            }
            Self::At(address) if interfaces.iter().any(|interface| interface.ip() == *address) => Ok(*address),
            Self::At(address) => Err(format!("{address} is not an address of this machine")),
        }
    }
}

/// The URL at which a container reaches a listener on `address`.
pub(super) fn seen_from_a_container(address: SocketAddr) -> String {
    if address.ip().is_loopback() {
        return format!("http://{HOST_OF_A_VIRTUAL_MACHINE}:{}", address.port());
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr};

    use super::*;

    fn interfaces(addresses: &[(&str, [u8; 4])]) -> Vec<Interface> {
        let interface = |(name, ip): &(&str, [u8; 4])| Interface {
            name: (*name).to_owned(),
            addr: IfAddr::V4(Ifv4Addr {
                ip: (*ip).into(),
                netmask: [255, 255, 0, 0].into(),
                prefixlen: 16,
                broadcast: None,
            }),
            index: None,
            oper_status: IfOperStatus::Up,
            is_p2p: false,
        };
        addresses.iter().map(interface).collect()
    }

    fn found(text: &str, addresses: &[(&str, [u8; 4])]) -> Result<String, String> {
        let bridge: Bridge = text.parse().unwrap();
        bridge.address_among(&interfaces(addresses)).map(|address| address.to_string())
    }

    const LO: (&str, [u8; 4]) = ("lo", [127, 0, 0, 1]);

    #[test]
    fn the_bridge_is_found_among_the_interfaces_or_named_by_its_name_or_address() {
        let docker = [LO, ("eth0", [192, 0, 2, 2]), ("docker0", [172, 17, 0, 1])];
        for text in ["", "docker0", "172.17.0.1"] {
            assert_eq!(found(text, &docker).as_deref(), Ok("172.17.0.1"), "{text}");
        }
        assert_eq!(found("", &[LO, ("podman0", [10, 88, 0, 1])]).as_deref(), Ok("10.88.0.1"));
        assert_eq!(found("127.0.0.1", &[LO]).as_deref(), Ok("127.0.0.1"));
    }

    #[test]
    fn without_a_bridge_nothing_is_listened_on_and_never_on_every_address() {
        let reason = found("", &[LO, ("eth0", [192, 0, 2, 2])]).expect_err("no bridge");
        assert!(reason.contains("no container bridge") && reason.contains("only eth0, lo:"), "{reason}");
        let reason = found("br0", &[LO]).expect_err("no such interface");
        assert_eq!(reason, "there is no network interface br0 with an address, only lo");
        for every in ["0.0.0.0", "::"] {
            assert!(found(every, &[LO]).expect_err("every address").contains("every address"), "{every}");
        }
        assert_eq!(found("172.17.0.1", &[LO]).expect_err("elsewhere"), "172.17.0.1 is not an address of this machine");
    }

    #[test]
    fn a_container_reaches_a_loopback_address_of_the_host_by_the_hosts_name() {
        let seen = |address: &str| seen_from_a_container(address.parse().unwrap());
        assert_eq!(seen("127.0.0.1:8000"), "http://host.docker.internal:8000");
        assert_eq!(seen("172.17.0.1:8000"), "http://172.17.0.1:8000");
        assert_eq!(seen("[fd00::1]:8000"), "http://[fd00::1]:8000");
    }
}
