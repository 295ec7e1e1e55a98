//! The log of `passgrant serve`.

use crate::http::get;
use crate::server::Server;

#[test]
fn a_log_that_no_terminal_shows_has_no_escape_codes() {
    let server = Server::in_memory(&[]);
    assert_eq!(get(server.address(), "/healthz").status, 200);
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains("endpoint=\"health\""), "{log}");
    assert!(!log.contains('\u{1b}'), "{log:?}");
}
