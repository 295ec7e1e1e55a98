//! What is left in the server's memory, and how much of it there is.

#![expect(clippy::expect_used, reason = "a process that cannot be looked into has failed the test")]

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::thread;

use aws_sdk_dynamodb::types::AttributeValue;
use passgrant::password::legacy::ForeignHash;
use passgrant::password::{Argon2Policy, PasswordHash};
use passgrant::random::OsRandom;
use passgrant::store::embedded;

use crate::command::{On, passgrant};
use crate::http::{exchange, post};
use crate::server::Server;

/// Up to 200 bytes before each occurrence of `secret` in the writable memory of a process.
fn before_each(process: u32, secret: &str) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("its maps");
    let mut memory = File::open(format!("/proc/{process}/mem")).expect("its memory");
    let mut found = Vec::new();
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (start, end) = map.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let mut bytes = vec![0; usize::try_from(address(end) - address(start)).expect("a length")];
        memory.seek(SeekFrom::Start(address(start))).expect("an offset");
        // Some of the kernel's own mappings cannot be read.
        if memory.read_exact(&mut bytes).is_ok() {
            let places = bytes.windows(secret.len()).enumerate().filter(|(_, window)| *window == secret.as_bytes());
            found
                .extend(places.map(|(at, _)| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at]).into_owned()));
        }
    }
    found
}

/// The HTTP library's own buffer, which is reused and never wiped, is out of reach: what was received stays in it until
/// another request replaces it.
#[test]
fn after_the_answer_a_password_is_only_in_what_was_received() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::on(folder.path(), &["--demo"]);
    let [right, wrong] = ["A-password-that-is-right-and-nowhere-else", "A-password-that-is-wrong-and-nowhere-else"];
    // Not the demo's user, whose password the server itself has printed.
    On(folder.path()).run_with(&["user", "create", "ann", "--password-stdin"], right).ok();
    let mut demo = server.started["demo"].clone();
    demo["username"] = "ann".into();
    for _ in 0..8 {
        assert_eq!(server.demo_login(&demo, wrong).status, 400);
        assert_eq!(server.demo_login(&demo, right).status, 200);
    }
    for password in [right, wrong] {
        for before in before_each(server.process(), password) {
            assert!(before.contains("\r\n\r\ngrant_type="), "{before:?}");
        }
    }
}

/// Sets a user's hash past the commands.
fn set_hash(dynamodb: &str, username: &str, hash: &PasswordHash) {
    let hash = serde_json::to_value(hash).expect("a string").as_str().expect("a string").to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = aws_sdk_dynamodb::Client::new(&embedded::sdk_config(dynamodb));
    let request =
        client.update_item().table_name("passgrant-users").key("username", AttributeValue::S(username.into()));
    let request = request.update_expression("SET password_hash = :hash");
    runtime.block_on(request.expression_attribute_values(":hash", AttributeValue::S(hash)).send()).expect("a write");
}

/// A space is sent as `+`, so that what was received is not what is looked for.
#[test]
fn no_computation_of_a_legacy_hash_leaves_a_password_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::on(folder.path(), &["--demo"]);
    let dynamodb = server.started["dynamodb_endpoint"].as_str().expect("an address");
    let policy = Argon2Policy::new(64, 1, 1).expect("within bounds");
    let (right, wrong) = ("correct horse battery staple", "a wrong password that is nowhere else");
    let lines = include_str!("../vectors/legacy.tsv").lines().filter(|line| line.starts_with(&format!("\"{right}\"")));
    let hashes = lines.map(|line| {
        let [_, format, text] = line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let foreign = ForeignHash::read(text, format.parse().ok()).expect("a hash");
        foreign.into_stored(&policy, &OsRandom).expect("randomness")
    });
    let mut known = Vec::new();
    for hash in hashes {
        if known.contains(&hash.kind().algorithm().to_owned()) {
            continue;
        }
        let name = format!("user{}", known.len());
        known.push(hash.kind().algorithm().to_owned());
        On(folder.path()).run_with(&["user", "create", &name, "--password-stdin"], "another-password").ok();
        set_hash(dynamodb, &name, &hash);
        let mut demo = server.started["demo"].clone();
        demo["username"] = name.into();
        for (password, status) in [(wrong, 400), (right, 200), (wrong, 400)] {
            assert_eq!(server.demo_login(&demo, password).status, status, "{}", hash.kind());
        }
    }
    assert!(known.len() >= 12, "{known:?}");
    for password in [right, wrong] {
        assert_eq!(before_each(server.process(), password), Vec::<String>::new());
    }
}

/// `VmRSS`, in KiB.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process())).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn ten_thousand_hostile_requests_leave_memory_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody reads its log, and a full pipe would stop it.
    let mut serve = passgrant();
    serve.env("PASSGRANT_LOG", "error").arg("--data").arg(folder.path());
    let server = Server::start(serve.args(["serve", "--demo", "--listen", "127.0.0.1:0"]));
    let demo = server.started["demo"].clone();
    let address = server.address();
    let hostile = |number: usize| {
        let long = "x".repeat(15_000);
        match number % 8 {
            0 => post(address, "", &format!("grant_type=password&{}", "a=%41&".repeat(100))).status,
            1 => post(address, "authorization: Basic !\r\n", &long).status,
            2 => {
                post(address, "", &format!("client_id=c{number}&username=a&password={long}&grant_type=password")).status
            }
            3 => post(address, "", &"x".repeat(20_000)).status,
            4 => exchange(address, b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n").status,
            5 => {
                exchange(address, format!("GET /{long} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
                    .status
            }
            6 => {
                post(address, "", &format!("client_assertion=e30.{long}.x&client_assertion_type=x&grant_type=x")).status
            }
            _ => server.demo_refresh(&demo, &format!("pgr_{number:064}")).status,
        }
    };
    let send = |numbers: std::ops::Range<usize>| {
        thread::scope(|scope| {
            for worker in 0..4 {
                let numbers = numbers.clone();
                scope.spawn(move || {
                    for number in numbers.filter(|number| number % 4 == worker) {
                        assert!((400..500).contains(&hostile(number)), "{number}");
                    }
                });
            }
        });
    };
    send(0..2_000);
    let before = resident(&server);
    send(2_000..12_000);
    let after = resident(&server);
    assert!(after < before + 4 * 1024, "{before} KiB before, {after} KiB after");
    assert_eq!(server.demo_tokens(&demo).status, 200);
}
