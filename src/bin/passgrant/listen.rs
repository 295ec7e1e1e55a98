//! The address that a server of the command line listens on, as an argument.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::failure::Failure;

/// An IP address, or `localhost`, with a port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("{}:{port}", Ipv4Addr::LOCALHOST));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| "an IP address and a port, as in 127.0.0.1:8080; 127.0.0.1:0 takes a free port".to_owned())
}

/// The same, which only this machine reaches.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = address(text)?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("only a loopback address, as in 127.0.0.1:0: who reaches the page may do what you may".to_owned())
    }
}

/// Listens on `address`, which the option `--listen` names.
///
/// # Errors
/// [`Failure`], with what to do if something else listens there.
pub(crate) async fn on(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => "; --listen names another one",
            _ => "",
        };
        Failure::refused(format!("cannot listen on {address}: {error}{hint}"))
    })
}
