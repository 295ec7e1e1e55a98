//! Passwords that cannot be set.

#![expect(clippy::expect_used, reason = "a stand-in that cannot go on fails the test it serves")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::command::{On, Ran, passgrant, run_with};
use crate::server::{Server, stopped_and_running, used_folder};

const GOOD: &str = "a lantern over the harbour";
/// The SHA-1 digest of [`GOOD`], by another implementation: the five digits that are sent, and the others.
const GOOD_DIGEST: (&str, &str) = ("4B765", "56B563C07233E1E1ED15589D464FBB3C439");

const COMMON: &str = "the password is one of the 100,000 most used ones, which attackers try first: choose another";
const USERNAME: &str =
    "the password is the username with little or nothing added, which attackers try first: choose another";
const SERVICE: &str =
    "the password is the name of the service with little or nothing added, which attackers try first: choose another";
const LISTED: &str =
    "the password is on the list of PASSGRANT_PASSWORD_BLOCKLIST, and attackers may try it first: choose another";
const LEAKED: &str =
    "the password is on the range service's list of leaked passwords, which attackers try first: choose another";
const NOT_ASKED: &str = "warning: the password was not checked against the range service of leaked passwords, only \
                         against the lists on this machine: ";

fn set_password(data: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = passgrant();
    command.envs(variables.iter().copied()).arg("--data").arg(data);
    command.args(["user", "set-password", "ann", "--password-stdin"]);
    command
}

#[test]
fn a_password_that_attackers_try_first_is_not_set() {
    stopped_and_running(|folder| {
        let create = |name: &str, password: &str| {
            folder.run_with(&["user", "create", name, "--password-stdin"], &format!("{password}\n"))
        };
        for (name, password, reason) in [
            ("ann", "password", COMMON),
            ("ann", "PassWord", COMMON),
            ("ann", "hunter22", COMMON),
            ("ottokar@example.com", "Ottokar2026!", USERNAME),
            ("ottokar", "rakottO.1", USERNAME),
            ("ann", "Passgrant2026", SERVICE),
            ("ann", "short", "a password must have at least 8 characters"),
        ] {
            assert_eq!(create(name, password).refused(), reason, "{password}");
        }
        create("ann", GOOD).ok();
        let set = ["user", "set-password", "ann", "--password-stdin"];
        assert_eq!(folder.run_with(&set, "letmein1").refused(), COMMON);
        assert_eq!(folder.run_with(&set, "another lantern").ok(), "User ann has a new password.\n");
    });
}

#[test]
fn the_host_of_the_issuer_is_a_name_of_the_service() {
    let data = used_folder();
    On(data.path()).run_with(&["user", "create", "ann", "--password-stdin"], GOOD).ok();
    let issuer = [("PASSGRANT_ISSUER", "https://login.lanternworks.example")];
    let ran = run_with(&mut set_password(data.path(), &issuer), b"Lanternworks-7");
    assert_eq!(ran.refused(), SERVICE);
    run_with(&mut set_password(data.path(), &[]), b"Lanternworks-7").ok();
}

#[test]
fn a_password_on_the_operators_list_is_not_set_and_a_list_that_cannot_be_read_refuses_all() {
    let data = used_folder();
    On(data.path()).run_with(&["user", "create", "ann", "--password-stdin"], GOOD).ok();
    let (prefix, rest) = GOOD_DIGEST;
    let list = data.path().join("list.txt");
    let path = list.to_str().expect("UTF-8");
    let set = || run_with(&mut set_password(data.path(), &[("PASSGRANT_PASSWORD_BLOCKLIST", path)]), GOOD.as_bytes());
    for content in [
        format!("one\r\n{}\r\nthree\r\n", GOOD.to_uppercase()),
        format!("{prefix}{rest}\n"),
        format!("{}{}:12", prefix.to_lowercase(), rest.to_lowercase()),
    ] {
        fs::write(&list, content).expect("a write");
        assert_eq!(set().refused(), LISTED);
    }
    fs::write(&list, "a lantern\nover the harbour\n").expect("a write");
    set().ok();
    fs::remove_file(&list).expect("a list");
    assert!(set().refused().starts_with("PASSGRANT_PASSWORD_BLOCKLIST: the file cannot be read: "));
}

/// What stands in for a range service: it answers everything in one way, and remembers the heads of the requests.
struct Ranges {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Ranges {
    /// `answer` is the whole answer; without one, the connection stays open. It stops with the tests.
    fn start(answer: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&asked);
        thread::spawn(move || {
            let mut open: Vec<TcpStream> = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("a request");
                    head.extend(byte);
                }
                remembered.lock().expect("not poisoned").push(String::from_utf8(head).expect("ASCII"));
                match &answer {
                    // Who has heard enough may have gone.
                    Some(answer) => drop(stream.write_all(answer)),
                    None => open.push(stream),
                }
            }
        });
        Self { address, asked }
    }

    fn answering(status: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        Self::start(Some([head.as_bytes(), body.as_bytes()].concat()))
    }

    fn set_good(&self, data: &Path) -> Ran {
        let url = format!("http://{}/range/", self.address);
        run_with(&mut set_password(data, &[("PASSGRANT_PASSWORD_RANGE_URL", &url)]), GOOD.as_bytes())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

#[test]
fn a_range_service_gets_five_digits_of_the_digest_and_a_password_that_it_lists_is_not_set() {
    let data = used_folder();
    On(data.path()).run_with(&["user", "create", "ann", "--password-stdin"], GOOD).ok();
    let (prefix, rest) = GOOD_DIGEST;
    let other = "0018A45C4D1DEF81644B54AB7F969B88D65";

    let listing = Ranges::answering("200 OK", &format!("{other}:3\r\n{rest}:42\r\n"));
    assert_eq!(listing.set_good(data.path()).refused(), LEAKED);
    let [head] = listing.asked().try_into().expect("one request");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with(&format!("get /range/{} http/1.1\r\n", prefix.to_lowercase())), "{head}");
    assert!(head.contains("\r\nadd-padding: true\r\n"), "{head}");
    for more in [&rest[..6], &rest[rest.len() - 6..], "lantern", "ann"] {
        assert!(!head.contains(&more.to_lowercase()), "{head}");
    }

    for body in [String::new(), format!("{other}:3"), format!("{other}:3\r\n{rest}:0\r\n")] {
        let ranges = Ranges::answering("200 OK", &body);
        ranges.set_good(data.path()).ok();
        assert_eq!(ranges.asked().len(), 1, "a count of zero is padding");
    }
    // What the lists on this machine have is not sent anywhere.
    let ranges = Ranges::answering("200 OK", "");
    let url = format!("http://{}/range/", ranges.address);
    let ran = run_with(&mut set_password(data.path(), &[("PASSGRANT_PASSWORD_RANGE_URL", &url)]), b"password");
    assert_eq!(ran.refused(), COMMON);
    assert!(ranges.asked().is_empty());
}

#[test]
fn a_range_service_that_does_not_answer_gets_a_warning_and_the_password_is_set() {
    let data = used_folder();
    On(data.path()).run_with(&["user", "create", "ann", "--password-stdin"], GOOD).ok();
    let (prefix, rest) = GOOD_DIGEST;
    let listing = Ranges::answering("200 OK", &format!("{rest}:1"));
    let elsewhere = format!("302 Found\r\nlocation: http://{}/range/{prefix}", listing.address);
    let huge = format!("{rest}:1\r\n").repeat(300 * 1024 / (rest.len() + 4));
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{rest}:1\r\n").into_bytes();
    for (ranges, problem) in [
        (Ranges::answering("500 Internal Server Error", ""), "it answered with status 500 Internal Server Error"),
        (Ranges::answering(&elsewhere, ""), "it answered with status 302 Found"),
        (Ranges::answering("200 OK", "<html></html>"), "its answer is not a list of digests and counts"),
        (Ranges::answering("200 OK", &format!("{rest}:1\nX")), "its answer is not a list of digests and counts"),
        (
            Ranges::answering("200 OK\r\ncontent-encoding: br", &format!("{rest}:1")),
            "its answer is not a list of digests and counts",
        ),
        (Ranges::answering("200 OK", &huge), "its answer is larger than 262144 bytes"),
        (Ranges::start(Some(cut)), "its answer broke off"),
        (Ranges::start(None), "it gave no complete answer within 5 seconds"),
    ] {
        let ran = ranges.set_good(data.path());
        let stderr = ran.stderr.clone();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "User ann has a new password.\n"), "{stderr}");
        assert_eq!(stderr, format!("{NOT_ASKED}{problem}\n"));
    }
    assert!(listing.asked().is_empty(), "a redirect is not followed");
    let unused = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let ran = Ranges { address: unused, asked: Arc::default() }.set_good(data.path());
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.starts_with(&format!("{NOT_ASKED}it was not reached: ")), "{}", ran.stderr);
}

#[test]
fn a_password_that_leaked_is_shown_with_its_user_and_refused_until_another_is_set() {
    let ranges = Ranges::answering("200 OK", &format!("{}:42", GOOD_DIGEST.1));
    let data = tempfile::tempdir().expect("a folder");
    let mut serve = passgrant();
    serve.env("PASSGRANT_PASSWORD_RANGE_URL", format!("http://{}/range/", ranges.address));
    serve.env("PASSGRANT_PASSWORD_RANGE_AT_LOGIN", "refuse").arg("--data").arg(data.path());
    let server = Server::start(serve.args(["serve", "--listen", "127.0.0.1:0", "--demo"]));
    let demo = server.started["demo"].clone();
    let folder = On(data.path());
    let set =
        |password: &str| folder.run_with(&["user", "set-password", "demo-user", "--password-stdin"], password).ok();
    let leaked = || folder.json(&["user", "show", "demo-user"])["password_leaked"] == true;

    set(GOOD);
    assert!(!leaked());
    assert_eq!(server.demo_login(&demo, GOOD).status, 200);
    assert!((0..1000).any(|_| leaked()), "the check did not end");
    assert!(folder.run(&["user", "show", "demo-user"]).ok().contains(", on a list of leaked ones"));
    assert_eq!(server.demo_login(&demo, GOOD).status, 400);

    set("another lantern");
    assert!(!leaked());
    assert_eq!(server.demo_login(&demo, "another lantern").status, 200);
}
