//! `passgrant serve`: from the first start to the last signal.

use std::ffi::OsStr;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io::BufRead as _, io::BufReader};

use serde_json::json;

use crate::command::{On, passgrant, run};
use crate::http::{exchange, get, post_form};
use crate::server::{Server, text};

#[test]
fn the_demos_curl_line_gets_tokens() {
    let mut server = passgrant();
    server.args(["serve", "--demo", "--in-memory", "--listen", "127.0.0.1:0"]);
    let mut child = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("passgrant starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    let curl = lines.into_iter().find(|line| line.starts_with("curl ")).expect("a curl line");
    let pasted = Command::new("sh").args(["-c", &format!("{curl} --silent --fail-with-body")]).output();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let answer = String::from_utf8(pasted.expect("a shell").stdout).expect("UTF-8");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{curl}: {answer}"));
    assert_eq!(
        (&answer["token_type"], &answer["scope"], &answer["expires_in"]),
        (&json!("Bearer"), &json!("profile"), &json!(3600))
    );
    assert!(answer["access_token"].is_string() && answer["refresh_token"].is_string());
}

#[test]
fn the_demo_says_how_to_see_it_in_a_browser() {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("my data");
    let demo = |place: &[&OsStr]| {
        let mut server = passgrant();
        server.args(["serve", "--demo", "--listen", "127.0.0.1:0"]).args(place);
        let mut child = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("passgrant starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
        let said: Vec<_> = lines.into_iter().take_while(|line| line != "Ctrl-C stops it.").collect();
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        said
    };
    let said = demo(&["--data".as_ref(), data.as_os_str()]);
    let line = said.iter().find(|line| line.ends_with(" console")).expect("a line that starts it");
    let programs = Path::new(env!("CARGO_BIN_EXE_passgrant")).parent().expect("a folder");
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let script = format!("{line} --no-open --idle-end 1s");
    let pasted = run(Command::new("sh").args(["-c", &script]).env_clear().env("PATH", path));
    assert!(pasted.code == Some(0) && pasted.stdout.contains("  http://127.0.0.1:"), "{script}: {pasted:?}");

    let said = demo(&["--in-memory".as_ref()]);
    assert!(!said.iter().any(|line| line.contains("console")), "nothing but the server sees its memory: {said:?}");
}

#[test]
fn data_and_keys_survive_a_kill() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    let tokens = server.demo_tokens(&demo).json();
    let keys = get(server.address(), "/oauth2/jwks").json();
    server.kill();
    assert!(data.path().join("dynamodb.json").exists(), "what a killed server leaves behind is harmless");

    let server = Server::on(data.path(), &[]);
    assert_eq!(get(server.address(), "/oauth2/jwks").json(), keys);
    assert_eq!(server.demo_tokens(&demo).status, 200);
    let refreshed = server.demo_refresh(&demo, text(&tokens["refresh_token"]));
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
}

#[test]
fn a_killed_servers_folder_can_be_managed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    server.kill();
    let clients = On(data.path()).json(&["client", "list"]);
    assert_eq!(clients[0]["client_id"], "demo-client");
    assert!(!data.path().join("dynamodb.json").exists());
}

#[test]
fn the_demo_over_an_existing_folder_has_credentials_that_work() {
    let data = tempfile::tempdir().expect("a folder");
    let first = Server::on(data.path(), &["--demo"]);
    let earlier = first.started["demo"].clone();
    On(data.path()).run(&["user", "disable", "demo-user"]).ok();
    On(data.path()).run(&["client", "update", "demo-client", "--auth-method", "none"]).ok();
    first.kill();
    let second = Server::on(data.path(), &["--demo"]);
    assert_eq!(second.demo_tokens(&second.started["demo"]).status, 200);
    assert_eq!(second.demo_tokens(&earlier).status, 401);
}

#[test]
fn a_change_by_command_is_seen_by_the_next_request() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = &server.started["demo"];
    let folder = On(data.path());
    assert_eq!(server.demo_tokens(demo).status, 200);
    folder.run(&["client", "disable", "demo-client"]).ok();
    assert_eq!(server.demo_tokens(demo).status, 401);
    folder.run(&["client", "enable", "demo-client"]).ok();
    folder.run_with(&["user", "set-password", "demo-user", "--password-stdin"], "another password").ok();
    assert_eq!(server.demo_tokens(demo).status, 400);

    let created = folder.json(&["client", "create", "web", "--scope", "orders", "--default-scope", "orders"]);
    folder.run_with(&["user", "create", "Ann", "--password-stdin"], "correct horse").ok();
    let form = [("grant_type", "password"), ("username", "ANN"), ("password", "correct horse")];
    let rotated = folder.json(&["client", "rotate-secret", "web"]);
    for client in [&created, &rotated] {
        let answer = post_form(server.address(), ("web", text(&client["client_secret"])), &form);
        assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("orders")));
    }
    folder.run(&["client", "rotate-secret", "web", "--overlap", "0s"]).ok();
    let answer = post_form(server.address(), ("web", text(&rotated["client_secret"])), &form);
    assert_eq!(answer.status, 401);
}

/// What the commands do with AWS, they do with any DynamoDB that the SDK's variables name.
#[test]
fn without_a_folder_commands_follow_the_sdks_variables() {
    let server = Server::in_memory(&[]);
    let on_sdk = |arguments: &[&str]| {
        let mut command = passgrant();
        command
            .env("AWS_ENDPOINT_URL_DYNAMODB", text(&server.started["dynamodb_endpoint"]))
            .env("AWS_REGION", "eu-central-1");
        run(command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x").args(arguments))
    };
    let created = on_sdk(&["client", "create", "web", "--output", "json"]).without_audit_log().json();
    let form = [("grant_type", "password"), ("username", "ann"), ("password", "correct horse")];
    let answer = post_form(server.address(), ("web", text(&created["client_secret"])), &form);
    assert_eq!(answer.json()["error"], "invalid_grant", "the client is known, the user is not");
    assert!(on_sdk(&["user", "list"]).ok().starts_with("There are no users."));
}

#[test]
fn a_folder_has_one_server() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
    let second = run(passgrant().arg("--data").arg(data.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(second.refused(), format!("a server is running on the data folder {}", data.path().display()));
}

#[test]
fn an_address_that_is_taken_is_refused_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    for command in [&["serve"][..], &["console", "--no-open"]] {
        let reason = On(folder.path()).run(&[command, &["--listen", &address]].concat()).refused();
        assert!(reason.contains(&address) && reason.contains("--listen names another one"), "{reason}");
    }
}

#[test]
fn only_its_owner_can_use_the_folder() {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("data");
    let server = Server::on(&data, &["--demo"]);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let published: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("dynamodb.json")).expect("a file")).expect("JSON");
    let started = &server.started;
    let (endpoint, url, issuer) = (&started["dynamodb_endpoint"], &started["url"], &started["issuer"]);
    assert_eq!(published, json!({"endpoint": endpoint, "url": url, "issuer": issuer}));
}

#[test]
fn a_signal_stops_the_server_cleanly() {
    for signal in ["INT", "TERM"] {
        let data = tempfile::tempdir().expect("a folder");
        let server = Server::on(data.path(), &["--demo"]);
        assert_eq!(server.demo_tokens(&server.started["demo"]).status, 200);
        let idle = TcpStream::connect(server.address()).expect("it listens");
        server.signal(signal);
        let (status, log) = server.wait();
        assert!(status.success(), "{signal}: {log}");
        assert!(log.contains("answered") && !log.contains("WARN"), "{log}");
        drop(idle);
        assert!(!data.path().join("dynamodb.json").exists());
        On(data.path()).run(&["client", "show", "demo-client"]).ok();
    }
}

#[test]
fn a_request_under_way_is_finished_before_the_end() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &[]);
    let address = server.address().to_owned();
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n";
    let mut stream = TcpStream::connect(&address).expect("it listens");
    write!(stream, "{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: 3\r\n\r\n")
        .expect("it reads");
    let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines().map(|line| line.expect("UTF-8"));
    assert_eq!(lines.next().as_deref(), Some("HTTP/1.1 100 Continue"), "the request is under way");
    server.signal("TERM");
    write!(stream, "a=b").expect("it reads");
    assert!(lines.any(|line| line == "HTTP/1.1 400 Bad Request"));
    assert!(server.wait().0.success());
}

#[test]
fn the_issuer_is_the_address_unless_another_is_named() {
    let issuer =
        |server: &Server| get(server.address(), "/.well-known/oauth-authorization-server").json()["issuer"].clone();
    let server = Server::in_memory(&[]);
    assert_eq!(issuer(&server), server.started["url"]);
    assert_eq!(server.started["data"], json!(null));

    let server = Server::in_memory(&["--issuer", "https://id.example.com/prod"]);
    assert_eq!(issuer(&server), "https://id.example.com/prod");
    assert_eq!(get(server.address(), "/prod/healthz").status, 200);

    let variable = "https://id.example.org";
    let server = Server::start(passgrant().env("PASSGRANT_ISSUER", variable).args([
        "serve",
        "--in-memory",
        "--listen",
        "localhost:0",
    ]));
    assert_eq!(issuer(&server), variable);
}

#[test]
fn a_server_that_listens_beyond_loopback_warns() {
    let server = Server::start(passgrant().args(["serve", "--in-memory", "--listen", "0.0.0.0:0"]));
    assert_eq!(get(server.address(), "/healthz").status, 200);
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success() && log.starts_with("warning: this server speaks plain HTTP"), "{log}");
}

#[test]
fn a_log_line_names_the_request_and_no_secret() {
    let server = Server::in_memory(&["--demo"]);
    let demo = server.started["demo"].clone();
    let answer = server.demo_tokens(&demo);
    let id = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("a request id").to_owned();
    let tokens = answer.json();
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains(&id), "{log}");
    for secret in [&demo["client_secret"], &demo["password"], &tokens["access_token"], &tokens["refresh_token"]] {
        assert!(!log.contains(text(secret)), "{log}");
    }
}

#[test]
fn get_and_head_are_answered() {
    let server = Server::in_memory(&[]);
    let head = exchange(server.address(), b"HEAD /oauth2/jwks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let got = get(server.address(), "/oauth2/jwks");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let length = |head: &str| head.lines().find(|line| line.starts_with("content-length")).map(str::to_owned);
    assert_eq!((length(&head.head), length(&got.head).is_some()), (length(&got.head), true));
    assert_eq!(get(server.address(), "/nowhere").status, 404);
}
