//! The page of `passgrant console` that logs in as a client does.

#![expect(clippy::expect_used, reason = "a page that is not as expected has failed its test")]

use serde_json::Value;

use crate::command::On;
use crate::pages::{Console, Typed};
use crate::server::{Server, text};

const PASSWORD: &str = "correct horse battery staple";
const API: &str = "https://api.example.com/orders";

/// A server with the user ann and the client web, and that client as it was made.
fn served() -> (tempfile::TempDir, Server, Value) {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &[]);
    let folder = On(data.path());
    folder.run_with(&["user", "create", "ann", "--password-stdin"], PASSWORD).ok();
    let create = ["client", "create", "web", "--audience", API, "--audience", "urn:reports", "--audience", "urn:mail"];
    let web = folder.json(&create);
    (data, server, web)
}

#[test]
fn a_login_on_the_page_takes_every_parameter_of_a_password_request() {
    let (data, _server, web) = served();
    let console = Console::on(data.path(), &[]);
    let secret = text(&web["client_secret"]);
    let log_in = |further: Typed<'_>| {
        let fields = [("client_id", "web"), ("client_secret", secret), ("username", "ann"), ("password", PASSWORD)];
        console.submit(&console.get("/try"), "/try", &[&fields, further].concat())
    };

    let answer = log_in(&[("resource", &format!(" {API}  urn:mail")), ("auth_chain", "directory")]);
    assert!(answer.body.contains("Answered with 200: tokens."), "{}", answer.body);
    for audience in [API, "urn:mail"] {
        assert!(answer.body.contains(&format!("--data-urlencode resource={audience}")), "{}", answer.body);
        assert!(answer.body.contains(&format!("&quot;{audience}&quot;")), "{audience} is in aud: {}", answer.body);
    }
    assert!(!answer.body.contains("urn:reports"), "{}", answer.body);
    assert!(answer.body.contains("--data-urlencode auth_chain=directory"), "{}", answer.body);
    assert!(!answer.body.contains(secret) && !answer.body.contains(PASSWORD), "{}", answer.body);

    let refused = |further| log_in(further).body;
    assert!(refused(&[("resource", "urn:others")]).contains("invalid_target"));
    assert!(refused(&[("auth_chain", "no-such-chain")]).contains("auth_chain is unknown"));
}

#[test]
fn a_private_key_has_no_field_on_the_page_which_says_so() {
    let (data, _server, _) = served();
    let console = Console::on(data.path(), &[]);
    let page = console.get("/try").body;
    let said = "A client that authenticates by <span class=\"code\">private_key_jwt</span> cannot be tried here";
    assert!(page.contains(said), "{page}");
    assert!(!page.contains("<option value=\"private_key_jwt\""), "{page}");
}
