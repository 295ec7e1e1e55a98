//! `passgrant doctor` on a real server, and on one that is spoilt on the way.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its report has failed")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::command::{passgrant, run, run_with};
use crate::doctor_proxy::{Spoilt, proxy};
use crate::loopback::{Loopback, answer};
use crate::server::{Server, text};

/// The verdicts of an examination, by check, and its exit code.
fn examined(url: &str, arguments: &[&str]) -> (BTreeMap<String, (String, String)>, Option<i32>) {
    let ran = run(passgrant().args(["doctor", url, "--output", "json"]).args(arguments));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no report: {ran:?}"));
    (verdicts(&report), ran.code)
}

/// The verdicts of a report, by check.
pub(crate) fn verdicts(report: &Value) -> BTreeMap<String, (String, String)> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let entry = |finding: &Value| {
        let [check, verdict, detail] = ["check", "verdict", "detail"].map(|member| text(&finding[member]).to_owned());
        (check, (verdict, detail))
    };
    findings.map(entry).collect()
}

/// A server behind a proxy whose URL is its issuer.
fn behind(spoil: Spoilt) -> (Server, Loopback) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let issuer = format!("http://{}", listener.local_addr().expect("an address"));
    let server = Server::in_memory(&["--issuer", &issuer]);
    let proxy = proxy(listener, server.address().to_owned(), spoil);
    (server, proxy)
}

#[test]
fn a_local_server_passes_every_check() {
    let server = Server::in_memory(&[]);
    let url = text(&server.started["url"]);
    let (verdicts, code) = examined(url, &[]);
    assert_eq!(code, Some(0), "{verdicts:?}");
    for (check, (verdict, detail)) in &verdicts {
        let skipped =
            ["tls", "certificate", "plain-http", "execute-api", "login", "deployment"].contains(&check.as_str());
        assert_eq!(verdict, if skipped { "skipped" } else { "ok" }, "{check}: {detail}");
        assert!(!detail.is_empty(), "{check}");
    }
    assert!(verdicts.len() > 20, "{verdicts:?}");
    let printed = run(passgrant().args(["doctor", url])).ok();
    assert_eq!(printed.lines().count(), verdicts.len(), "a verdict a line: {printed}");
    assert!(printed.lines().any(|line| line.starts_with("ok       challenge ")), "{printed}");
}

#[test]
fn a_canary_logs_in_and_uses_and_ends_its_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::on(folder.path(), &[]);
    let on = crate::command::On(folder.path());
    let arguments =
        ["client", "create", "canary", "--scope", "openid profile", "--capability", "introspect", "--output", "json"];
    let secret = on.run(&arguments).json()["client_secret"].as_str().expect("a secret").to_owned();
    on.run_with(&["user", "create", "canary", "--password-stdin"], crate::importing::PASSWORD).ok();
    let flow = ["--client", "canary", "--user", "canary", "--scope", "openid", "--secret-stdin", "--password-stdin"];
    let mut command = passgrant();
    command.args(["doctor", text(&server.started["url"]), "--output", "json"]).args(flow);
    let input = format!("{secret}\n{}\n", crate::importing::PASSWORD);
    let report = run_with(&mut command, input.as_bytes()).json();
    let verdicts = verdicts(&report);
    for check in ["login", "token-signature", "claims", "token-active", "refresh", "revoke"] {
        assert_eq!(verdicts[check].0, "ok", "{check}: {verdicts:?}");
    }
    assert!(!report.to_string().contains(&secret) && !report.to_string().contains(crate::importing::PASSWORD));
    let sessions = on.json(&["session", "list", "--user", "canary"]);
    assert_eq!(sessions, json!([]), "nothing of it stays");

    let mut command = passgrant();
    command.args(["doctor", text(&server.started["url"]), "--output", "json"]).args(flow);
    let wrong = run_with(&mut command, format!("{secret}\nwrong\n").as_bytes());
    assert_eq!(wrong.code, Some(1));
    let (verdict, detail) = verdicts_of(&wrong.stdout, "login");
    assert_eq!(verdict, "failed");
    assert!(detail.contains("invalid_grant"), "{detail}");
}

#[test]
fn what_could_not_be_fetched_is_not_blamed_on_what_depends_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = crate::command::On(folder.path());
    let server = Server::on(folder.path(), &[]);
    let arguments = ["client", "create", "canary", "--capability", "introspect", "--output", "json"];
    let secret = on.run(&arguments).json()["client_secret"].as_str().expect("a secret").to_owned();
    on.run_with(&["user", "create", "canary", "--password-stdin"], crate::importing::PASSWORD).ok();
    drop(server);
    let input = format!("{secret}\n{}\n", crate::importing::PASSWORD);
    for (spoil, expected) in [
        (
            Spoilt::NoMetadata,
            [
                ("metadata", "failed", "not JSON"),
                ("key-algorithms", "skipped", "no metadata"),
                ("token-signature", "ok", "by the published key"),
            ],
        ),
        (
            Spoilt::KeysUnavailable,
            [
                ("keys", "failed", "the gateway answered by itself"),
                ("key-algorithms", "skipped", "not known"),
                ("token-signature", "skipped", "not known: `keys` says why"),
            ],
        ),
        (
            Spoilt::ForeignKeys,
            [
                ("keys", "failed", "thumbprint"),
                ("key-algorithms", "skipped", "not known"),
                ("token-signature", "skipped", "not known: `keys` says why"),
            ],
        ),
        (
            Spoilt::IntrospectionElsewhere,
            [
                ("token-active", "failed", "the body is not JSON"),
                ("token-signature", "ok", "by the published key"),
                ("revoke", "ok", "has ended"),
            ],
        ),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Server::on(folder.path(), &["--issuer", &issuer]);
        let proxy = proxy(listener, server.address().to_owned(), spoil);
        let mut command = passgrant();
        command.args(["doctor", &proxy.url(), "--output", "json", "--client", "canary", "--user", "canary"]);
        let ran = run_with(command.args(["--secret-stdin", "--password-stdin"]), input.as_bytes());
        for (check, verdict, words) in expected {
            let (found, detail) = verdicts_of(&ran.stdout, check);
            assert_eq!(found, verdict, "{spoil:?}: {check}: {detail}");
            assert!(detail.contains(words), "{spoil:?}: {check}: {detail}");
        }
    }
}

fn verdicts_of(stdout: &str, check: &str) -> (String, String) {
    verdicts(&serde_json::from_str(stdout).expect("JSON"))[check].clone()
}

#[test]
fn what_a_gateway_spoils_is_found_and_named() {
    for (spoil, check, words) in [
        (Spoilt::RenamedHeaders, "headers", "x-amzn-remapped-www-authenticate"),
        (Spoilt::RenamedHeaders, "challenge", "WWW-Authenticate"),
        (Spoilt::Stored, "no-store", "Cache-Control"),
        (Spoilt::Cached, "fresh", "cache"),
        (Spoilt::Encoded, "error-body", "base64"),
        (Spoilt::BodiesNotDecoded, "body-encoding", "unsupported_grant_type"),
        (Spoilt::OwnErrors, "unknown-path", "the gateway answered by itself"),
        (Spoilt::PlainText, "error-body", "not JSON"),
        (Spoilt::SkewedDate, "clock", "verifiers"),
        (Spoilt::WrongIssuer, "metadata", "byte for byte"),
        (Spoilt::ForeignKeys, "keys", "thumbprint"),
        (Spoilt::NoKeys, "key-algorithms", "RS256"),
        (Spoilt::Redirected, "health", "a redirect to https://elsewhere.example/"),
        (Spoilt::AnyMethod, "method-of-token", "405"),
        (Spoilt::Huge, "metadata", "larger than"),
    ] {
        let (_server, proxy) = behind(spoil);
        let (verdicts, code) = examined(&proxy.url(), &[]);
        let (verdict, detail) = &verdicts[check];
        assert_eq!((verdict.as_str(), code), ("failed", Some(1)), "{spoil:?}: {verdicts:?}");
        assert!(detail.contains(words), "{spoil:?}: {detail}");
    }
    let (_server, proxy) = behind(Spoilt::Nothing);
    assert_eq!(examined(&proxy.url(), &[]).1, Some(0), "the proxy itself spoils nothing");
}

#[test]
fn what_does_not_answer_or_speak_http_is_said_within_a_bounded_time() {
    let silent = Loopback::start(|_| None);
    let garbage = Loopback::start(|_| Some(b"220 mail.example.com ESMTP\r\n".to_vec()));
    for (url, words) in [
        (silent.url(), "no complete answer within 10 seconds"),
        (garbage.url(), "not HTTP"),
        ("http://127.0.0.1:1".to_owned(), "no connection"),
        (format!("https://{}", garbage.address()), "no TLS"),
    ] {
        let (verdicts, code) = examined(&url, &[]);
        assert_eq!((verdicts["reachable"].0.as_str(), code), ("failed", Some(1)), "{url}");
        assert!(verdicts["reachable"].1.contains(words), "{url}: {verdicts:?}");
        assert_eq!(verdicts["endpoint"].0, "skipped");
    }
}

#[test]
fn an_api_that_answers_beside_its_domain_is_a_warning() {
    let server = Server::in_memory(&[]);
    let url = text(&server.started["url"]);
    let beside = url.replace("127.0.0.1", "localhost");
    let (verdicts, code) = examined(url, &["--execute-api", &beside]);
    assert_eq!((verdicts["execute-api"].0.as_str(), code), ("warning", Some(0)), "{verdicts:?}");
    let closed = Loopback::start(|_| Some(answer(403, "application/json", "{\"message\":\"Forbidden\"}")));
    let (verdicts, _) = examined(url, &["--execute-api", &closed.url().replace("127.0.0.1", "localhost")]);
    assert_eq!(verdicts["execute-api"].0, "ok", "{verdicts:?}");
}

#[test]
fn a_doctor_without_a_patient_or_a_way_to_ask_is_used_wrongly() {
    for arguments in [
        &["doctor"][..],
        &["doctor", "http://example.com"],
        &["doctor", "https://id.example.com", "--client", "canary"],
        &["doctor", "https://id.example.com", "--client", "canary", "--user", "canary"],
        &["doctor", "https://id.example.com", "--secret-stdin"],
    ] {
        run(passgrant().args(arguments)).misused();
    }
}
