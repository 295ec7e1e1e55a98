//! Whether the time of an answer reveals who has an account: what a client on the same machine measures of the whole
//! local server, for every kind of login that is answered with the same bytes.
//!
//! `cargo bench --bench enumeration [-- ROUNDS]`; 200 rounds by default. Each round asks once for every kind, in an
//! order of chance, so that whatever else the machine does affects all of them alike.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program of its own, which prints what it measured")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use passgrant::password::Argon2Policy;
use passgrant::password::legacy::{ForeignHash, HashFormat};
use passgrant::random::{OsRandom, Random as _};
use passgrant::store::embedded;
use serde_json::Value;
use url::form_urlencoded;

const PASSWORD: &str = "correct horse battery staple";

/// Hashes that other systems made, of another password: bcrypt with cost 10 by PHP, PBKDF2 with the iterations of Django
/// 5.2, scrypt with Django's cost, SHA-crypt with the usual rounds, and a SHA-1, which is wrapped.
const LEGACY: [(&str, Option<HashFormat>, &str); 5] = [
    ("bcrypt", None, "$2y$10$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u"),
    ("pbkdf2", None, "pbkdf2_sha256$1000000$tTSbNqbLzLILZtJoZtYV70$FHPP5/tqdlrriNH2/PJOGnrApW7F7Cowl9bRpjZ6xMo="),
    (
        "scrypt",
        None,
        "scrypt$16384$saltofdjango$8$5$zkBC4BzJNtq/puX0pO/WjUNEHNh9F2qSg4QIydIVlGpuLra5TbYt5EajISJMsIvMTEc3cDxbGr71esBecOciYw==",
    ),
    (
        "sha-crypt",
        None,
        "$6$a1ozndVPw8PMcBRn$Laaofd4arKHEfZfnzegp9Ax7oQsf5Nx7ZSSAYsCG8OTMmCk0ve5feS14DmdAMNiHbbezOjrsbp5AL.4pQ/odG/",
    ),
    ("wrapped", Some(HashFormat::Sha1), "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"),
];

/// A login: what it is, its username and its password.
type Kind = (&'static str, &'static str, &'static str);

/// Ends its process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _: std::io::Result<()> = self.0.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.0.wait();
    }
}

/// A `passgrant serve`.
struct Server {
    #[expect(dead_code, reason = "it ends when it is dropped")]
    running: Running,
    address: String,
    authorization: String,
    dynamodb: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut command = passgrant(data, &["serve", "--listen", "127.0.0.1:0", "--demo", "--output", "json"]);
        let child = command.env("PASSGRANT_LOG", "error").stdout(Stdio::piped()).spawn().expect("passgrant starts");
        let mut running = Running(child);
        let lines = BufReader::new(running.0.stdout.take().expect("piped")).lines();
        let mut json = String::new();
        for line in lines {
            json += &line.expect("UTF-8");
            if json.ends_with('}') && serde_json::from_str::<Value>(&json).is_ok() {
                break;
            }
        }
        let started: Value = serde_json::from_str(&json).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let demo = &started["demo"];
        let basic = format!("{}:{}", text(&demo["client_id"]), text(&demo["client_secret"]));
        Self {
            running,
            address: text(&started["url"]).trim_start_matches("http://").to_owned(),
            authorization: format!("Basic {}", STANDARD.encode(basic)),
            dynamodb: text(&started["dynamodb_endpoint"]),
        }
    }
}

fn passgrant(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passgrant"));
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

/// Creates a user whose password is hashed with Argon2id under these parameters.
fn create_user(data: &Path, name: &str, memory_kib: &str, passes: &str) {
    let mut command = passgrant(data, &["user", "create", name, "--password-stdin"]);
    command.env("PASSGRANT_ARGON2_MEMORY_KIB", memory_kib).env("PASSGRANT_ARGON2_ITERATIONS", passes);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("passgrant starts");
    child.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "{name}");
}

/// One connection to the server.
struct Connection<'a> {
    server: &'a Server,
    stream: BufReader<TcpStream>,
}

impl<'a> Connection<'a> {
    fn open(server: &'a Server) -> Self {
        let stream = TcpStream::connect(&server.address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { server, stream: BufReader::new(stream) }
    }

    /// How long the answer takes, which must be the one to a wrong password.
    fn time(&mut self, username: &str, password: &str) -> Duration {
        let started = Instant::now();
        let (head, body) = self.ask(username, password);
        let taken = started.elapsed();
        assert!(head.starts_with("HTTP/1.1 400 ") && !head.contains("retry-after"), "{head}");
        assert!(body.starts_with(br#"{"error":"invalid_grant""#), "{username}");
        taken
    }

    /// Head and body of the answer.
    fn ask(&mut self, username: &str, password: &str) -> (String, Vec<u8>) {
        let form = [("grant_type", "password"), ("username", username), ("password", password)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = format!(
            "POST /oauth2/token HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.server.address,
            self.server.authorization,
            body.len(),
        );
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let before = head.len();
            self.stream.read_line(&mut head).expect("an answer");
            if let Some(value) = head[before..].to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (head, body)
    }
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(200);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    for (name, memory_kib, passes) in [
        ("ann", "19456", "2"),
        ("at-home", "19456", "2"),
        ("disabled", "19456", "2"),
        ("passwordless", "19456", "2"),
        ("one-pass", "19456", "1"),
        ("little-memory", "4096", "3"),
        ("almost-nothing", "64", "1"),
    ] {
        create_user(&data, name, memory_kib, passes);
    }
    assert!(
        passgrant(&data, &["user", "disable", "disabled"]).stdout(Stdio::null()).status().expect("a run").success()
    );
    set_hash(&server.dynamodb, "passwordless", None);
    let live = Argon2Policy::new(19456, 2, 1).expect("the default policy");
    for (name, format, text) in LEGACY {
        create_user(&data, name, "64", "1");
        let hash = ForeignHash::read(text, format).expect("a hash").into_stored(&live, &OsRandom).expect("randomness");
        let hash = serde_json::to_value(hash).expect("a string");
        set_hash(&server.dynamodb, name, hash.as_str());
    }

    let (head, _) = Connection::open(&server).ask("at-home", PASSWORD);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");

    let long: &'static str = "x".repeat(1025).leak();
    // Each password is the same in all rounds: it counts as one attempt.
    let kinds: [Kind; 17] = [
        ("wrong password", "ann", "wrong"),
        ("wrong password, in a familiar place", "at-home", "wrong"),
        ("unknown user", "nobody", "wrong"),
        ("another unknown user", "nobody-either", PASSWORD),
        ("disabled, right password", "disabled", PASSWORD),
        ("without a password", "passwordless", PASSWORD),
        ("over-long password", "ann", long),
        ("over-long password, unknown user", "nobody", long),
        ("an invalid username", "not a name", PASSWORD),
        ("hash of one pass (19456 KiB)", "one-pass", "wrong"),
        ("hash of 4096 KiB, three passes", "little-memory", "wrong"),
        ("hash of 64 KiB, one pass", "almost-nothing", "wrong"),
        ("a SHA-1, wrapped", "wrapped", "wrong"),
        ("bcrypt, cost 10", "bcrypt", "wrong"),
        ("PBKDF2, 1000000 iterations", "pbkdf2", "wrong"),
        ("scrypt, N=16384, r=8, p=5", "scrypt", "wrong"),
        ("SHA-512-crypt, 5000 rounds", "sha-crypt", "wrong"),
    ];
    // What Argon2 makes up for; the others are hashes that other systems made.
    let equal = kinds.len() - 4;
    let mut connection = Connection::open(&server);
    for (_, username, password) in kinds {
        connection.time(username, password);
    }
    let mut times = kinds.map(|_| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        // What comes after a hash that takes long finds the caches cold: nothing must always come after the same one.
        for kind in shuffled(kinds.len()) {
            let (_, username, password) = kinds[kind];
            times[kind].push(connection.time(username, password));
        }
    }

    let figures = times.map(|mut times| {
        times.sort();
        (times[times.len() / 2], times[times.len() * 9 / 10])
    });
    println!("{rounds} rounds, milliseconds\n\n{:<34}{:>10}{:>10}", "", "median", "p90");
    for ((name, ..), (median, p90)) in kinds.iter().zip(figures) {
        println!("{name:<34}{:>10.2}{:>10.2}", milliseconds(median), milliseconds(p90));
    }
    println!("\nlargest gap of medians {}", gap(figures[..equal].iter().map(|(median, _)| *median)));
    println!("largest gap of p90     {}", gap(figures[..equal].iter().map(|(_, p90)| *p90)));
    println!("both without the hashes that other systems made, which cost themselves and an Argon2:");
    println!("largest gap of medians {}, with them", gap(figures.iter().map(|(median, _)| *median)));
}

/// The numbers below `count` in an order of chance.
fn shuffled(count: usize) -> Vec<usize> {
    let key = || {
        let mut key = [0; 8];
        OsRandom.fill(&mut key).expect("randomness");
        key
    };
    let mut keyed: Vec<_> = (0..count).map(|number| (key(), number)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, number)| number).collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn gap(figures: impl Iterator<Item = Duration> + Clone) -> String {
    let (least, most) = (figures.clone().min(), figures.max());
    let (least, most) = (least.expect("one").as_secs_f64(), most.expect("one").as_secs_f64());
    format!("{:.2} ms, {:.1} %", (most - least) * 1e3, (most / least - 1.0) * 1e2)
}

/// Writes a user's hash, or removes it, past the commands: users without a password come from delegated verifiers, and
/// hashes of other systems from an import.
fn set_hash(dynamodb: &str, username: &str, hash: Option<&str>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = aws_sdk_dynamodb::Client::new(&embedded::sdk_config(dynamodb));
    let request = client.update_item().table_name("passgrant-users");
    let request = match hash {
        Some(hash) => {
            let hash = AttributeValue::S(hash.to_owned());
            request.update_expression("SET password_hash = :hash").expression_attribute_values(":hash", hash)
        }
        None => request.update_expression("REMOVE password_hash"),
    };
    let key = AttributeValue::S(username.to_owned());
    runtime.block_on(request.key("username", key).send()).expect("a write");
}
