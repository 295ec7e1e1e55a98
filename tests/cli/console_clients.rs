//! The pages of clients of `passgrant console`, as a browser without scripts uses them.

#![expect(clippy::expect_used, reason = "a page that is not as expected has failed its test")]

use serde_json::{Value, json};

use crate::command::On;
use crate::http::{Answer, post_form};
use crate::pages::{Console, Typed};
use crate::server::{Server, text, used_folder};

const NEW: &str = "/clients/new";
const CHANGE: &str = "/clients/change";
const SECRET: &str = "/clients/secret";
const PASSWORD: &str = "correct horse battery staple";

/// A folder with the user ann, and a server on it.
fn served() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &[]);
    let create = ["user", "create", "ann", "--password-stdin"];
    On(data.path()).run_with(&create, PASSWORD).ok();
    (data, server)
}

fn log_in(server: &Server, credentials: (&str, &str)) -> Answer {
    let form = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    post_form(server.address(), credentials, &form)
}

#[test]
fn a_client_that_is_made_on_the_page_gets_a_token_with_what_is_shown_once() {
    let (data, server) = served();
    let console = Console::on(data.path(), &[]);
    let typed = [("id", "web"), ("name", "The Web"), ("scope", "openid  profile"), ("do", "save")];
    let asked = console.submit(&console.get(NEW), NEW, &typed);
    let command = asked.copied("The same at the command line");
    let folder = data.path().display();
    assert_eq!(
        command,
        format!("passgrant --data {folder} client create --name 'The Web' --scope 'openid profile' web"),
        "only what differs from the defaults"
    );
    assert_eq!(On(data.path()).json(&["client", "list"]), json!([]), "it has not been confirmed");

    let made = console.submit(&asked, NEW, &[]);
    let secret = made.copied("The secret");
    assert_eq!(log_in(&server, ("web", &secret)).status, 200);
    let curl = made.copied("curl");
    assert!(curl.contains(&format!("-u web:{secret}")), "{curl}");
    assert!(curl.contains("'scope=openid profile'"), "{curl}");
    assert!(curl.ends_with(&format!("http://{}/oauth2/token", server.address())), "{curl}");
    for library in ["JavaScript, oauth4webapi", "Python, Authlib", "Rust, oauth2"] {
        let text = made.copied(library);
        assert!(text.contains("CLIENT_SECRET") && !text.contains(&secret), "{text}");
    }
    let shown = console.get("/clients/one?id=web");
    assert!(!shown.has(&secret), "it is shown once");
    shown.says("The Web");
}

#[test]
fn a_secret_that_somebody_chose_is_asked_for_last_and_is_in_no_page() {
    let (data, server) = served();
    let console = Console::on(data.path(), &[]);
    let chosen = "a secret of somebody's own choice";
    let typed = [("id", "own"), ("secret", "chosen"), ("do", "save")];
    let asked = console.submit(&console.get(NEW), NEW, &typed);
    assert!(asked.copied("The same at the command line").ends_with(" --secret-stdin own < secret.txt"));

    let refused = console.submit(&asked, NEW, &[("secret-stdin", "too short")]);
    assert!(refused.wrong("secret-stdin").starts_with("A secret of fewer than 22 characters may be guessed"));
    assert!(!refused.has("too short"), "it is not sent back");
    let made = console.submit(&refused, NEW, &[("secret-stdin", chosen)]);
    made.says("The client own is registered");
    assert!(!made.has(chosen) && !made.has("The secret, shown only this once"));
    assert_eq!(log_in(&server, ("own", chosen)).status, 200);
}

#[test]
fn what_is_wrong_stands_beside_its_field_in_the_words_of_the_command_line() {
    let data = used_folder();
    On(data.path()).run(&["client", "create", "web"]).ok();
    let console = Console::on(data.path(), &[]);
    let form = console.get(NEW);
    let bad: [(Typed<'_>, &str, &str); 12] = [
        (&[("id", "")], "id", "a client id is 1 to 128 printable ASCII characters"),
        (&[("id", "web")], "id", "Client web already exists"),
        (&[("scope", "a"), ("default-scope", "b")], "default-scope", "The default scope b is not one of the client's"),
        (&[("scope", "\"")], "scope", "a scope is 1 to 64 tokens"),
        (&[("audience", "no-uri")], "audience", "an audience is an absolute URI"),
        (&[("access-token-lifetime", "soon")], "access-token-lifetime", "expected a time in whole seconds"),
        (&[("refresh-lifetime", "1h")], "refresh-idle-lifetime", "The refresh idle lifetime 14d is longer than"),
        (&[("map", "iss=username")], "map", "The claim iss is reserved"),
        (&[("password-grant-until", "2001-01-01")], "password-grant-until", "is in the past"),
        (&[("auth-method", "none"), ("capability", "revoke")], "capability", "A public client"),
        (&[("auth-method", "private_key_jwt")], "jwks-file", "The method private_key_jwt needs --jwks-file"),
        (&[("auth-method", "private_key_jwt"), ("jwks-file", "{}")], "jwks-file", "Standard input: "),
    ];
    for (typed, field, reason) in bad {
        let typed = [&[("id", "new"), ("name", "Kept"), ("do", "save")][..], typed].concat();
        // Of a field that is typed twice, the last counts.
        let mut last: Vec<(&str, &str)> = Vec::new();
        for (name, value) in typed {
            last.retain(|(other, _)| *other != name);
            last.push((name, value));
        }
        let page = console.submit(&form, NEW, &last);
        let wrong = page.wrong(field);
        assert!(wrong.contains(reason), "{field}: {wrong}");
        assert_eq!(page.value(NEW, "name"), "Kept");
    }
    assert_eq!(On(data.path()).json(&["client", "list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_public_key_set_is_pasted_and_kept_until_it_is_confirmed() {
    let data = used_folder();
    let console = Console::on(data.path(), &[]);
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let keys = json!({"keys": [key]}).to_string();
    let typed = [("id", "job"), ("auth-method", "private_key_jwt"), ("jwks-file", keys.as_str()), ("do", "save")];
    let asked = console.submit(&console.get(NEW), NEW, &typed);
    let command = asked.copied("The same at the command line");
    assert!(command.ends_with(" --jwks-file=- job < jwks.json"), "{command}");
    console.submit(&asked, NEW, &[]).says("The client job is registered");
    assert!(text(&On(data.path()).json(&["client", "show", "job"])["keys"][0]).contains("one"));
}

#[test]
fn the_tokens_of_a_user_are_shown_before_anything_is_saved() {
    let (data, _server) = served();
    let folder = On(data.path());
    let bob = ["user", "create", "bob", "--password-stdin", "--claim", "role=clerk", "--allowed-scope", "profile"];
    folder.run_with(&bob, PASSWORD).ok();
    let console = Console::on(data.path(), &[]);
    let typed = [("id", "web"), ("scope", "openid profile orders"), ("map", "role=claims.role"), ("do", "look")];
    let look = |more: Typed<'_>| console.submit(&console.get(NEW), NEW, &[&typed[..], more].concat());

    let page = look(&[("preview-scope", "openid")]);
    let shown = page.copied("The access token");
    let claims: Value =
        shown.split_once("\n.\n").and_then(|(_, claims)| serde_json::from_str(claims).ok()).expect("JSON");
    assert_eq!((&claims["client_id"], &claims["scope"]), (&json!("web"), &json!("openid")));
    assert_eq!(claims["role"], "the user's role", "a made-up user has every claim");
    assert!(page.copied("The ID token").contains("\"typ\": \"JWT\""));
    assert_eq!((page.value(NEW, "id"), page.value(NEW, "preview-scope")), ("web".to_owned(), "openid".to_owned()));

    let page = look(&[("preview-user", "bob"), ("preview-scope", "profile")]);
    assert!(page.copied("The access token").contains("\"role\": \"clerk\""));
    page.says("There is no ID token");
    look(&[("preview-scope", "admin")]).says("None: the client may not have the scope admin");
    let beyond = look(&[("preview-user", "bob"), ("preview-scope", "orders")]);
    beyond.says("None: the user may not grant the scope orders");
    assert_eq!(look(&[("preview-user", "eve")]).wrong("preview-user"), "There is no user eve.");
    assert!(look(&[("preview-scope", "\"")]).wrong("preview-scope").starts_with("A scope is"));
    folder.run(&["user", "disable", "bob"]).ok();
    look(&[("preview-user", "bob")]).says("None: the user is disabled");
    assert_eq!(folder.json(&["client", "list"]), json!([]));

    // One that is there is looked at too, also without a change.
    folder.run(&["client", "create", "old", "--access-token-format", "opaque"]).ok();
    let page = console.submit(&console.get("/clients/change?id=old"), CHANGE, &[("do", "look")]);
    assert!(page.copied("The claims of the access token").contains("\"client_id\": \"old\""));
}

#[test]
fn a_change_says_only_what_is_different_and_needs_a_difference() {
    let data = used_folder();
    let folder = On(data.path());
    let create = ["client", "create", "web", "--scope", "a b", "--audience", "urn:a", "--map", "role=claims.role"];
    folder.run(&create).ok();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/clients/change?id=web");
    console.submit(&form, CHANGE, &[("do", "save")]).says("there is nothing to save");
    let typed = [
        ("scope", "a b c"),
        ("audience", ""),
        ("map", "role=claims.role\r\nidp=literal:local"),
        ("grant", "password"),
        ("do", "save"),
    ];
    let asked = console.submit(&form, CHANGE, &typed);
    let command = asked.copied("The same at the command line");
    let expected = "client update --grant password --scope 'a b c' --audience '' --map role=claims.role --map \
                    idp=literal:local --if-revision 1.";
    assert!(command.contains(expected), "{command}");
    console.submit(&asked, CHANGE, &[]).says("The client web is changed");
    let client = folder.json(&["client", "show", "web"]);
    let parts = ["scopes", "audiences", "grants"].map(|part| client[part].clone());
    assert_eq!(parts, [json!(["a", "b", "c"]), json!([]), json!(["password"])]);
    assert!(text(&client["revision"]).starts_with("2."), "{client}");
}

#[test]
fn of_two_operators_the_second_sees_what_the_first_has_done_and_keeps_the_fields() {
    let data = used_folder();
    let folder = On(data.path());
    folder.run(&["client", "create", "web", "--scope", "a", "--name", "Web"]).ok();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/clients/change?id=web");
    let asked = console.submit(&form, CHANGE, &[("name", "Mine"), ("do", "save")]);
    folder.run(&["client", "update", "web", "--scope", "a theirs"]).ok();

    // Before the question, and after it.
    for page in [&form, &asked] {
        let stale = console.submit(page, CHANGE, &[("name", "Mine"), ("do", "save")]);
        stale.says("Somebody else has changed this client meanwhile");
        let fields = (stale.value(CHANGE, "name"), stale.value(CHANGE, "scope"));
        assert_eq!(fields, ("Mine".to_owned(), "a theirs".to_owned()), "what was not touched is what is there now");
        stale.says("<td><span class=\"code words\">a</span></td><td><span class=\"code words\">a theirs</span></td>");
        assert_eq!(folder.json(&["client", "show", "web"])["name"], "Web", "nothing is overwritten");
        let done = console.confirm(&stale, CHANGE, &[("do", "save")]);
        done.says("The client web is changed");
        let client = folder.json(&["client", "show", "web"]);
        assert_eq!((&client["name"], &client["scopes"]), (&json!("Mine"), &json!(["a", "theirs"])));
        folder.run(&["client", "update", "web", "--name", "Web"]).ok();
    }

    let form = console.get("/clients/change?id=web");
    folder.run(&["client", "update", "web", "--name", "Theirs"]).ok();
    let stale = console.submit(&form, CHANGE, &[("name", "Mine"), ("do", "save")]);
    assert_eq!(stale.value(CHANGE, "name"), "Mine", "what both have changed is as it was typed, beside the other");
    stale.says("<td><span class=\"code words\">Theirs</span></td><td><span class=\"code words\">Mine</span></td>");
    folder.run(&["client", "rotate-secret", "web"]).ok();
    let stale = console.submit(&stale, CHANGE, &[("do", "save")]);
    stale.says("its state, its secret or its keys were changed");

    let shown = console.get("/clients/one?id=web");
    folder.run(&["client", "update", "web", "--name", "Other"]).ok();
    for path in ["/clients/disable", "/clients/delete"] {
        let refused = console.confirm(&shown, path, &[]);
        refused.says("Somebody else has changed client web meanwhile");
        refused.says("This is the client as it is now");
    }
    let client = folder.json(&["client", "show", "web"]);
    assert_eq!(client["disabled"], false);
}

#[test]
fn what_was_typed_for_a_client_is_not_carried_over_to_another_one_under_its_id() {
    let data = used_folder();
    let folder = On(data.path());
    folder.run(&["client", "create", "web", "--name", "Old"]).ok();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/clients/change?id=web");
    folder.run(&["client", "delete", "web"]).ok();
    folder.run(&["client", "create", "web", "--name", "New"]).ok();
    let other = console.submit(&form, CHANGE, &[("scope", "admin"), ("do", "save")]);
    other.says("The client that you saw is gone, and another one is registered under its ID by now.");
    assert_eq!((other.value(CHANGE, "name"), other.value(CHANGE, "scope")), ("New".to_owned(), String::new()));
}

#[test]
fn a_client_gets_a_new_secret_is_disabled_enabled_and_deleted() {
    let (data, server) = served();
    let folder = On(data.path());
    let old = folder.json(&["client", "create", "web"]);
    let old = text(&old["client_secret"]);
    let console = Console::on(data.path(), &[]);
    let form = console.get("/clients/secret?id=web");
    let wrong = console.submit(&form, SECRET, &[("overlap", "for ever")]);
    assert!(wrong.wrong("overlap").contains("expected a time in whole seconds"));
    let rotated = console.confirm(&wrong, SECRET, &[("overlap", "1h")]);
    let new = rotated.copied("The secret");
    assert_eq!([old, &new].map(|secret| log_in(&server, ("web", secret)).status), [200, 200]);

    let form = console.get("/clients/secret?id=web");
    let asked = console.submit(&form, SECRET, &[("overlap", "0s"), ("secret", "chosen")]);
    let chosen = "a secret of somebody's own choice";
    console.submit(&asked, SECRET, &[("secret-stdin", chosen)]).says("The client web has a new secret");
    assert_eq!([&new, chosen].map(|secret| log_in(&server, ("web", secret)).status), [401, 200]);

    console.confirm(&console.get("/clients/one?id=web"), "/clients/disable", &[]).says("The client web is disabled");
    assert_eq!(folder.json(&["client", "show", "web"])["disabled"], true);
    console.confirm(&console.get("/clients/one?id=web"), "/clients/enable", &[]).says("The client web is enabled");
    assert_eq!(folder.json(&["client", "show", "web"])["disabled"], false);
    console.confirm(&console.get("/clients/one?id=web"), "/clients/delete", &[]).says("The client web is deleted");
    assert_eq!(folder.json(&["client", "list"]), json!([]));
}

#[test]
fn clients_are_found_by_identifier_or_name_whatever_their_identifiers_are() {
    let (data, server) = served();
    let folder = On(data.path());
    let odd = "a/b?c=d&e+f <g>";
    for (id, name) in [("web", "Shop"), ("batch", "Nightly"), (odd, "Odd")] {
        folder.run(&["client", "create", id, "--name", name, "--auth-method", "client_secret_post"]).ok();
    }
    let used = folder.json(&["client", "create", "used", "--password-grant-until", "2099-01-01"]);
    assert_eq!(log_in(&server, ("used", text(&used["client_secret"]))).status, 200);
    let console = Console::on(data.path(), &[]);
    let all = console.get("/clients");
    for part in ["4 in all", ">web<", ">batch<", "never used", "2099-01-01T00:00:00Z", "ends in "] {
        all.says(part);
    }
    let found = console.get("/clients?q=SHOP");
    assert!(found.has("1 of 4") && found.has(">web<") && !found.has(">batch<"), "{}", found.body);
    console.get("/clients?q=nobody").says("No client has");
    let link = console.get("/clients?q=odd");
    let address = link.body.split("href=\"/clients/one?").nth(1).and_then(|rest| rest.split('"').next());
    let shown = console.get(&format!("/clients/one?{}", address.expect("a link")));
    shown.says("Client a/b?c=d&amp;e+f &lt;g&gt;");
    console.confirm(&shown, "/clients/delete", &[]).says("is deleted");
    assert_eq!(folder.json(&["client", "list"]).as_array().map(Vec::len), Some(3));
}

#[test]
fn a_console_that_only_reads_shows_clients_and_changes_none() {
    let data = used_folder();
    let folder = On(data.path());
    folder.run(&["client", "create", "web"]).ok();
    let console = Console::on(data.path(), &["--read-only"]);
    assert!(!console.get("/clients").has("New client"));
    let shown = console.get("/clients/one?id=web");
    for path in ["/clients/disable", "/clients/delete", CHANGE, "/clients/secret"] {
        assert!(!shown.has(path), "{path}");
    }
    let asked = console.submit(&console.get(NEW), NEW, &[("id", "new"), ("do", "save")]);
    console.submit(&asked, NEW, &[]).says("This console changes nothing");
    let secret = console.get("/clients/secret?id=web");
    secret.says("This console changes nothing");
    assert!(!secret.has("<form"), "{}", secret.body);
    assert_eq!(folder.json(&["client", "list"]).as_array().map(Vec::len), Some(1));
}
