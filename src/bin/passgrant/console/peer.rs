//! Who has connected: only programs of the user who started the console are answered, where the system tells whose they are.
//!
//! The cookie goes to every port of the address, since browsers do not keep cookies apart by port: a server of another user
//! of the machine may learn it. It is of no use to that user.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// Linux's tables of connections, of IPv4 and IPv6.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

const ESTABLISHED: &str = "01";
const LISTENING: &str = "0A";

const ROOT: u32 = 0;

/// The user who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u32);

impl Owner {
    /// Who listens on `address`; `None` where the system does not tell.
    pub(super) fn of(address: SocketAddr) -> Option<Self> {
        Self::among(&tables(), address)
    }

    /// Whether the connection from `peer` to `address` is of a program of this user, or of root, who can do everything.
    pub(super) fn has(self, peer: SocketAddr, address: SocketAddr) -> bool {
        self.has_among(&tables(), peer, address)
    }

    fn among(tables: &str, address: SocketAddr) -> Option<Self> {
        let is_listener = |row: &Row<'_>| row.state == LISTENING && is_written(row.local, address);
        rows(tables).find(is_listener).map(|row| Self(row.user))
    }

    /// A connection that its program has closed has lost its owner, and seems to be root's: only an established one counts.
    fn has_among(self, tables: &str, peer: SocketAddr, address: SocketAddr) -> bool {
        let is_peer =
            |row: &Row<'_>| row.state == ESTABLISHED && is_written(row.local, peer) && is_written(row.remote, address);
        rows(tables).find(is_peer).is_some_and(|row| row.user == self.0 || row.user == ROOT)
    }
}

/// One connection.
struct Row<'a> {
    local: &'a str,
    remote: &'a str,
    state: &'a str,
    user: u32,
}

fn tables() -> String {
    TABLES.map(|table| fs::read_to_string(table).unwrap_or_default()).concat()
}

fn rows(tables: &str) -> impl Iterator<Item = Row<'_>> {
    tables.lines().filter_map(|line| {
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        let [_, local, remote, state, _, _, _, user, ..] = columns[..] else { return None };
        Some(Row { local, remote, state, user: user.parse().ok()? })
    })
}

/// Whether a table has `address` as `text`. A program may reach an IPv4 address by an IPv6 socket.
fn is_written(text: &str, address: SocketAddr) -> bool {
    let written = |octets: &[u8]| {
        let words = octets.as_chunks::<4>().0.iter().map(|&word| format!("{:08X}", u32::from_ne_bytes(word)));
        format!("{}:{:04X}", words.collect::<Vec<_>>().concat(), address.port())
    };
    match address.ip() {
        IpAddr::V4(ip) => text == written(&ip.octets()) || text == written(&ip.to_ipv6_mapped().octets()),
        IpAddr::V6(ip) => text == written(&ip.octets()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    /// A row, as an x86 writes it.
    fn row(local: &str, remote: &str, state: &str, user: u32) -> String {
        format!("   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  {user}        0 1 1 0 20 4\n")
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn only_connections_of_the_same_user_and_of_root_are_answered() {
        let address: SocketAddr = "127.0.0.1:8090".parse().expect("an address");
        let peer: SocketAddr = "127.0.0.1:40000".parse().expect("an address");
        let (here, there) = ("0100007F:1F9A", "0100007F:9C40");
        let mapped = ("0000000000000000FFFF00000100007F:1F9A", "0000000000000000FFFF00000100007F:9C40");
        let owner = Owner::among(&format!("{HEAD}{}", row(here, "00000000:0000", "0A", 1000)), address);
        assert_eq!(owner, Some(Owner(1000)));
        let has = |rows: &str| Owner(1000).has_among(&format!("{HEAD}{rows}"), peer, address);
        assert!(has(&row(there, here, "01", 1000)) && has(&row(there, here, "01", 0)));
        assert!(has(&row(mapped.1, mapped.0, "01", 1000)));
        assert!(!has(&row(there, here, "01", 1001)) && !has(&row(mapped.1, mapped.0, "01", 1001)));
        assert!(!has(""), "what is not known is refused");
        assert!(!has(&row(here, there, "01", 1000)), "this is the end that was accepted");
        assert!(!has(&row(there, here, "04", 0)), "closed, and therefore nobody's");
        assert_eq!(Owner::among(&row(there, here, "01", 1000), address), None, "nobody listens");
    }

    #[test]
    fn the_system_tells_who_has_connected_here() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let address = listener.local_addr().expect("an address");
            let Some(owner) = Owner::of(address) else { return };
            let connected = TcpStream::connect(address).expect("it listens");
            let (accepted, peer) = listener.accept().expect("a connection");
            assert!(owner.has(peer, address));
            assert!(!owner.has(address, address), "nobody has connected from there");
            drop((connected, accepted));
        }
    }
}
