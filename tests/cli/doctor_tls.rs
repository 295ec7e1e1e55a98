//! `passgrant doctor` and certificates: one that has ended, one that ends soon, and one that nobody trusts.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its server has failed")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use passgrant::clock::{Clock as _, SystemClock};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream};

use crate::command::{passgrant, run};
use crate::doctor::verdicts;

/// A server whose certificate ends `days` from now; its port, and its certificate in `folder`.
fn ending_in(days: i64, folder: &Path) -> u16 {
    begun_and_ending(90, days, folder)
}

/// The same, of a certificate that began so many days ago.
fn begun_and_ending(begun: u64, days: i64, folder: &Path) -> u16 {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(SystemClock.now().as_unix());
    let days_long = |days: i64| Duration::from_hours(24 * days.unsigned_abs());
    params.not_before = now - Duration::from_hours(24 * begun);
    params.not_after = if days < 0 { now - days_long(days) } else { now + days_long(days) + Duration::from_hours(1) };
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(folder.join("roots.pem"), certificate.pem()).expect("a file");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let private = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = config.with_single_cert(vec![certificate.der().clone()], private.into()).expect("a pair");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || serve(&listener, &Arc::new(config)));
    port
}

fn serve(listener: &TcpListener, config: &Arc<ServerConfig>) {
    for mut stream in listener.incoming().flatten() {
        let mut connection = ServerConnection::new(Arc::clone(config)).expect("a connection");
        let mut tls = Stream::new(&mut connection, &mut stream);
        // A client that does not trust the certificate sends nothing.
        if tls.read(&mut [0; 4096]).is_ok() {
            let said = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            let _: std::io::Result<()> = tls.write_all(said);
        }
    }
}

fn examined(port: u16, roots: &Path) -> BTreeMap<String, (String, String)> {
    let url = format!("https://localhost:{port}");
    let ran = run(passgrant().env("SSL_CERT_FILE", roots).args(["doctor", &url, "--output", "json"]));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no report: {ran:?}"));
    verdicts(&report)
}

#[test]
fn a_certificate_that_lives_for_days_or_weeks_ends_soon_when_a_quarter_of_its_time_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    for (begun, days, verdict) in
        [(4, 3, "ok"), (6, 1, "warning"), (60, 29, "ok"), (70, 20, "warning"), (300, 31, "ok"), (300, 29, "warning")]
    {
        let found = examined(begun_and_ending(begun, days, folder.path()), &folder.path().join("roots.pem"));
        assert_eq!(found["certificate"].0, verdict, "{days} days after {begun}: {found:?}");
    }
}

#[test]
fn a_certificate_is_good_or_ends_soon_or_has_ended_or_is_not_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let roots = folder.path().join("roots.pem");
    for (days, verdict, words) in [(300, "ok", "ends in 300 days"), (10, "warning", "should have been renewed")] {
        let found = examined(ending_in(days, folder.path()), &roots);
        assert_eq!(found["certificate"].0, verdict, "{found:?}");
        assert!(found["certificate"].1.contains(words), "{found:?}");
        assert_eq!(found["tls"], ("ok".to_owned(), "TLS 1.3".to_owned()));
    }
    let ended = examined(ending_in(-1, folder.path()), &roots);
    assert_eq!(ended["reachable"].0, "failed");
    assert!(ended["reachable"].1.contains("no TLS") && ended["reachable"].1.contains("expired"), "{ended:?}");

    let port = ending_in(300, folder.path());
    let other = tempfile::tempdir().expect("a folder");
    ending_in(300, other.path());
    let unknown = examined(port, &other.path().join("roots.pem"));
    assert_eq!(unknown["reachable"].0, "failed");
    assert!(unknown["reachable"].1.contains("no TLS: invalid peer certificate"), "{unknown:?}");
}
