//! The pages about users of `passgrant console`, as a browser without scripts uses them.

#![expect(clippy::expect_used, reason = "a page that is not as expected has failed its test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use url::form_urlencoded;

use crate::command::On;
use crate::http::post_form;
use crate::importing::plain_lines;
use crate::pages::{Console, FORM, Page};
use crate::server::{Server, text, used_folder};

const PASSWORD: [(&str, &str); 2] = typed_twice("correct horse");

const fn typed_twice(password: &str) -> [(&str, &str); 2] {
    [("password-stdin", password), ("password-again-stdin", password)]
}

fn claim<'a>(name: &'a str, kind: &'a str, value: &'a str) -> [(&'static str, &'a str); 3] {
    [("claim-name", name), ("claim-kind", kind), ("claim-value", value)]
}

fn served() -> (TempDir, Server, Value) {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    (data, server, demo)
}

fn log_in(server: &Server, demo: &Value, username: &str, password: &str) -> u16 {
    let client = (text(&demo["client_id"]), text(&demo["client_secret"]));
    let form = [("grant_type", "password"), ("username", username), ("password", password)];
    post_form(server.address(), client, &form).status
}

/// Sends a file to be tried, and follows to what came of it.
#[track_caller]
fn upload(console: &Console, name: &str, contents: &str, conflict: &str) -> Page {
    const BOUNDARY: &str = "boundary-of-the-test";
    let form = console.get("/users/import");
    let mut body = String::new();
    let token = form.value("/users/import", "form_token");
    for (field, value) in [("form_token", token.as_str()), ("format", ""), ("on-conflict", conflict)] {
        let disposition = format!("content-disposition: form-data; name=\"{field}\"");
        write!(body, "--{BOUNDARY}\r\n{disposition}\r\n\r\n{value}\r\n").expect("text");
    }
    let disposition = format!("content-disposition: form-data; name=\"file\"; filename=\"{name}\"");
    write!(body, "--{BOUNDARY}\r\n{disposition}\r\n\r\n{contents}\r\n--{BOUNDARY}--\r\n").expect("text");
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let sent = console.send("POST", "/users/import", &content_type, body.as_bytes());
    assert_eq!(sent.status, 303, "{}", sent.body);
    console.get(sent.header("location"))
}

#[test]
fn a_user_who_is_made_on_the_page_logs_in_and_the_page_shows_the_command_without_the_password() {
    let (data, server, demo) = served();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/users/new");
    let claims = [claim("name", "text", "Bob <Builder>"), claim("age", "number", "1.50"), claim("a b", "bool", "true")];
    let claims = [claims.concat(), claim("", "text", "").into(), claim("tags", "json", "[1, \"x\"]").into()].concat();
    let typed = [&[("username", "Bob@Example.com"), ("scopes", "any"), ("allowed-scope", "")][..], &claims].concat();
    let asked = console.submit(&form, "/users/new", &typed);
    asked.says("Create the user Bob@Example.com?");
    asked.says("--password-stdin Bob@Example.com &lt; password.txt");
    let back = console.submit(&asked, "/users/new", &[("do", "edit")]);
    back.says("value=\"Bob@Example.com\"");
    let done = console.submit(&asked, "/users/new", &PASSWORD);
    done.says("User bob@example.com is created");
    done.says("--claim 'name=Bob &lt;Builder&gt;'");
    done.says("--password-stdin Bob@Example.com &lt; password.txt");
    assert!(!done.has("correct horse") && !done.has("--allowed-scope"), "{}", done.body);
    let shown = On(data.path()).json(&["user", "show", "bob@example.com"]);
    assert_eq!(shown["claims"], json!({"name": "Bob <Builder>", "age": 1.5, "a b": true, "tags": [1, "x"]}));
    assert_eq!(shown["allowed_scopes"], Value::Null);
    assert_eq!(log_in(&server, &demo, "bob@example.com", "correct horse"), 200);

    let page = console.get("/users/user?name=BOB%40example.com");
    for text in ["<dt>Subject</dt>", "argon2id m=64,t=1,p=1", "first with the client", "Bob &lt;Builder&gt;", "1.50"] {
        page.says(text);
    }
    assert!(!page.has("$argon2"), "a hash is never shown");
}

#[test]
fn what_is_wrong_stands_beside_its_field_and_nothing_is_written() {
    let data = used_folder();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/users/new");
    let submit = |typed: &[&[(&str, &str)]]| console.submit(&form, "/users/new", &typed.concat());
    let named = |name| [("username", name), ("scopes", "any")];
    let asked = submit(&[&named("ann")]);
    let short = console.submit(&asked, "/users/new", &typed_twice("short"));
    short.says("id=\"password-stdin-wrong\">A password must have at least 8 characters");
    assert!(!short.has("value=\"short\""));
    let different = [PASSWORD[0], ("password-again-stdin", "correct house")];
    console.submit(&short, "/users/new", &different).says("id=\"password-again-stdin-wrong\">The two passwords differ");
    submit(&[&named("a b")]).says("id=\"username-wrong\">&quot;a b&quot; is not a valid username");
    for (kind, value, reason) in [
        ("number", "forty", "The value is not a number"),
        ("bool", "yes", "The value is neither true nor false."),
        ("json", "{a:1}", "The value is not JSON"),
        ("json", "{\"\":1}", "A claim has no name."),
    ] {
        submit(&[&named("ann"), &claim("x", "text", "y"), &claim("z", kind, value)])
            .says(&format!("<p class=\"wrong\" id=\"claim-wrong-2\">{reason}"));
    }
    submit(&[&named("ann"), &claim("x", "text", "1"), &claim("x", "text", "2")])
        .says("id=\"claim-wrong-2\">The claim 'x' is given twice");
    submit(&[&named("ann"), &claim("x", "text", "1"), &claim("a=b", "text", "2")])
        .says("id=\"claim-wrong-2\">The name of a claim must not contain an equals sign");
    let scopes = [("username", "ann"), ("scopes", "these"), ("allowed-scope", "a\"b")];
    submit(&[&scopes]).says("id=\"allowed-scope-wrong\">");
    assert!(submit(&[&named("ann"), &[("more", "yes")]]).body.matches("name=\"claim-name\"").count() >= 3);
    assert_eq!(On(data.path()).json(&["user", "list"]), json!([]));

    let odd = submit(&[&named("ann"), &claim("email_verified", "text", "true"), &claim("name", "text", "Ann")]);
    odd.says("The claim 'email_verified' is text, and true or false in OpenID Connect");
    assert_eq!(odd.body.matches("many clients refuse it").count(), 1);
    assert_eq!(On(data.path()).json(&["user", "list"]), json!([]), "nobody is made without a password");
    let meanwhile = submit(&[&named("ann")]);
    console.submit(&asked, "/users/new", &PASSWORD).says("User ann is created");
    console.submit(&meanwhile, "/users/new", &PASSWORD).says("id=\"username-wrong\">User ann already exists");
    submit(&[&named("Ann")]).says("id=\"username-wrong\">User ann already exists");
    let missing = console.send("GET", "/users/user?name=nobody", "text/plain", &[]);
    assert_eq!((missing.status, missing.has("/users/new?name=nobody")), (404, true));
}

#[test]
fn a_change_that_meets_another_ones_is_shown_and_not_written_over_it() {
    let data = used_folder();
    let folder = On(data.path());
    let create =
        ["user", "create", "ann", "--password-stdin", "--claim", "name=Ann\nExample", "--claim-json", "age=42"];
    folder.run_with(&create, "correct horse").ok();
    let console = Console::on(data.path(), &[]);
    let claims = || folder.json(&["user", "show", "ann"])["claims"].clone();
    let edit = || console.get("/users/edit?name=ann");
    let any = [("scopes", "any"), ("allowed-scope", "")];
    let typed =
        |age: &'static str| [&claim("name", "text", "Ann\r\nExample")[..], &claim("age", "number", age), &any].concat();

    let (first, second) = (edit(), edit());
    first.says("Ann\nExample</textarea>");
    let asked = console.submit(&first, "/users/edit", &typed("43"));
    asked.says("user update --claim-json age=43 --if-revision ");
    assert_eq!(claims()["age"], 42, "it is only shown");
    console.submit(&asked, "/users/edit", &[]).says("User ann is changed");
    assert_eq!(claims(), json!({"name": "Ann\nExample", "age": 43}));

    let conflict = console.submit(&second, "/users/edit", &typed("44"));
    conflict.says("Somebody else has changed this user meanwhile. Nothing of yours was written.");
    conflict.says("<span class=\"code\">42</span></td><td><span class=\"code\">43</span></td>");
    conflict.says("<span class=\"code\">43</span></td><td><span class=\"code\">44</span>");
    assert!(!conflict.has("<span class=\"code\">name</span>"), "what is the same does not differ");
    assert_eq!(claims()["age"], 43);
    console.confirm(&conflict, "/users/edit", &typed("44")).says("User ann is changed");
    assert_eq!(claims()["age"], 44);

    // Between the look and the confirmation, too.
    let asked = console.submit(&edit(), "/users/edit", &typed("45"));
    folder.run(&["user", "update", "ann", "--claim", "name=Other", "--allowed-scope", "profile"]).ok();
    let conflict = console.submit(&asked, "/users/edit", &[]);
    conflict.says("Somebody else has changed this user meanwhile.");
    conflict.says("<td>Allowed scopes</td><td>whatever the client may have</td><td><span class=\"tag\">profile</span>");
    assert_eq!(claims(), json!({"name": "Other", "age": 44}));
    conflict.says("Other</textarea>");
    assert!(!conflict.has("Ann\nExample</textarea>"), "what was not touched is what is there now");
    conflict.says("value=\"profile\"");
    conflict.says("45</textarea>");

    folder.run_with(&["user", "set-password", "ann", "--password-stdin"], "another horse").ok();
    let conflict = console.submit(&conflict, "/users/edit", &typed("45"));
    conflict.says("the password or the state was changed");

    let only = [&claim("name", "text", "Other")[..], &[("scopes", "these"), ("allowed-scope", "email")]].concat();
    let asked = console.submit(&edit(), "/users/edit", &only);
    asked.says("user update --remove-claim age --allowed-scope email --if-revision ");
    console.submit(&asked, "/users/edit", &[]).says("User ann is changed");
    console.submit(&edit(), "/users/edit", &only).says("There is nothing to change");
    console.confirm(&edit(), "/users/edit", &[&claim("name", "text", "Other")[..], &any].concat());
    assert_eq!(folder.json(&["user", "show", "ann"])["allowed_scopes"], Value::Null);
}

#[test]
fn what_was_typed_for_a_user_is_not_carried_over_to_another_one_of_the_name() {
    let data = used_folder();
    let folder = On(data.path());
    let create = |email: &str| {
        let claim = format!("email={email}");
        folder.run_with(&["user", "create", "ann", "--password-stdin", "--claim", &claim], "correct horse").ok();
    };
    create("old@example.com");
    let console = Console::on(data.path(), &[]);
    let form = console.get("/users/edit?name=ann");
    let sessions = console.get("/users/sessions?name=ann");
    folder.run(&["user", "delete", "ann"]).ok();
    create("new@example.com");
    let typed = [claim("email", "text", "old@example.com"), claim("role", "text", "admin")].concat();
    let other = console.submit(&form, "/users/edit", &typed);
    other.says("The user that you saw is gone, and another one has the name by now.");
    other.says("new@example.com</textarea>");
    assert!(!other.has("admin</textarea>"), "{}", other.body);
    console.submit(&other, "/users/edit", &[]).says("There is nothing to change.");
    assert!(!sessions.has("End all of them"), "nobody is logged in");
    let revision = form.value("/users/edit", "if-revision");
    let revoke = ["session", "revoke", "--user", "ann", "--if-revision", &revision];
    assert!(folder.run(&revoke).refused().starts_with("somebody else has changed user ann"));
    assert!(folder.run(&["session", "revoke", "sid", "--if-revision", &revision]).misused().contains("--user"));
}

#[test]
fn text_that_a_browser_would_change_is_shown_as_json_and_stays_as_it_is() {
    let data = used_folder();
    let folder = On(data.path());
    let claims = json!({"a": "one\rtwo", "b": "\u{0}", "c": "one\r\ntwo", "d": "one\ntwo"});
    let line = json!({"username": "ann", "claims": claims}).to_string();
    folder.run_with(&["user", "import", "-", "--format", "jsonl"], &line).ok();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/users/edit?name=ann");
    form.says("&quot;one\\rtwo&quot;</textarea>");
    let mut rows = vec![
        claim("a", "json", "\"one\\rtwo\""),
        claim("b", "json", "\"\\u0000\""),
        claim("c", "json", "\"one\\r\\ntwo\""),
        claim("d", "text", "one\r\ntwo"),
    ];
    console.submit(&form, "/users/edit", &rows.concat()).says("There is nothing to change.");
    rows.push(claim("e", "text", "new"));
    console.confirm(&form, "/users/edit", &rows.concat()).says("User ann is changed");
    let mut expected = claims;
    expected["e"] = json!("new");
    assert_eq!(folder.json(&["user", "show", "ann"])["claims"], expected);
}

#[test]
fn claims_with_unusual_names_stay_as_they_are_when_others_are_changed() {
    let data = used_folder();
    let folder = On(data.path());
    let line = json!({"username": "ann", "claims": {" spaced ": "1", "a=b": "2", "name": "Ann"}}).to_string();
    folder.run_with(&["user", "import", "-", "--format", "jsonl"], &line).ok();
    let console = Console::on(data.path(), &[]);
    let edit = |name, odd| {
        let claims = [claim(" spaced ", "text", "1"), claim("a=b", "text", odd), claim("name", "text", name)].concat();
        let typed = [&claims[..], &[("scopes", "any"), ("allowed-scope", "")]].concat();
        console.submit(&console.get("/users/edit?name=ann"), "/users/edit", &typed)
    };
    edit("Ann", "3").says("The name of a claim must not contain an equals sign.");
    let asked = edit("Bob", "2");
    asked.says("user update --claim name=Bob --if-revision ");
    console.submit(&asked, "/users/edit", &[]).says("User ann is changed");
    let claims = &folder.json(&["user", "show", "ann"])["claims"];
    assert_eq!(*claims, json!({" spaced ": "1", "a=b": "2", "name": "Bob"}));
}

#[test]
fn a_password_is_set_and_a_user_is_disabled_enabled_and_deleted_each_after_a_look() {
    let (data, server, demo) = served();
    let folder = On(data.path());
    folder.run_with(&["user", "create", "ann", "--password-stdin"], "correct horse").ok();
    let console = Console::on(data.path(), &[]);
    let form = console.get("/users/password?name=ann");
    form.says("It ends every session of the user, and a lock if there is one.");
    form.says("--password-stdin ann &lt; password.txt");
    let set = |password: &str| console.submit(&form, "/users/password", &typed_twice(password));
    set("ann").says("id=\"password-stdin-wrong\">");
    assert_eq!(log_in(&server, &demo, "ann", "correct horse"), 200);
    set("another horse").says("User ann has a new password");
    assert_eq!(log_in(&server, &demo, "ann", "correct horse"), 400);
    assert_eq!(log_in(&server, &demo, "ann", "another horse"), 200);

    let page = console.get("/users/user?name=ann");
    console.submit(&page, "/users/disable", &[]).says("Disable ann, and end all of their sessions for good?");
    assert_eq!(folder.json(&["user", "show", "ann"])["disabled"], false);
    console.confirm(&page, "/users/disable", &[]).says("User ann is disabled");
    assert_eq!(log_in(&server, &demo, "ann", "another horse"), 400);
    let page = console.get("/users/user?name=ann");
    console.confirm(&page, "/users/enable", &[]).says("User ann is enabled");
    assert_eq!(log_in(&server, &demo, "ann", "another horse"), 200);

    // Somebody else was quicker.
    for path in ["/users/enable", "/users/delete"] {
        let overtaken = console.confirm(&page, path, &[]);
        overtaken.says("Somebody else has changed user ann, who is at revision");
        overtaken.says("This is the user as it is now.");
    }
    set("third horse").says("Somebody else has changed user ann, who is at revision");
    assert_eq!(log_in(&server, &demo, "ann", "another horse"), 200);
    let page = console.get("/users/user?name=ann");
    console.confirm(&page, "/users/delete", &[]).says("User ann is deleted");
    assert_eq!(folder.run(&["user", "show", "ann"]).refused(), "there is no user ann");
    let gone = console.confirm(&page, "/users/disable", &[]);
    assert_eq!((gone.status, gone.has("There is no user ann.")), (404, true));
}

#[test]
fn a_name_that_is_locked_is_found_and_unlocked() {
    let (data, server, demo) = served();
    On(data.path()).run_with(&["user", "create", "ann", "--password-stdin"], "correct horse").ok();
    let console = Console::on(data.path(), &[]);
    console.get("/attempts").says("No username is locked or slowed down.");
    for number in 0..10 {
        for name in ["ann", "nobody"] {
            assert_eq!(log_in(&server, &demo, name, &format!("wrong {number}")), 400);
        }
    }
    assert_eq!(log_in(&server, &demo, "ann", "correct horse"), 400);
    console.get("/users/user?name=ann").says("kept out");
    let attempts = console.get("/attempts");
    attempts.says("<a href=\"/users/user?name=ann\">ann</a>");
    assert_eq!(attempts.body.matches("action=\"/users/unlock\"").count(), 1, "nobody's is not anybody's to unlock");
    console.confirm(&attempts, "/users/unlock", &[]).says("The username ann is unlocked");
    assert_eq!(log_in(&server, &demo, "ann", "correct horse"), 200);
    let nobody = console.send("GET", "/users/user?name=nobody", "text/plain", &[]);
    nobody.says("Passwords have been tried for this name all the same.");
    console.confirm(&nobody, "/users/unlock", &[]).says("The username nobody is unlocked");
    console.get("/attempts").says("No username is locked or slowed down.");
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_and_all() {
    let (data, server, demo) = served();
    for _ in 0..3 {
        assert_eq!(server.demo_tokens(&demo).status, 200);
    }
    let console = Console::on(data.path(), &[]);
    let page = || console.get("/users/sessions?name=demo-user");
    let count = |page: &Page| page.body.matches("action=\"/users/sessions/end\"").count();
    let listed = page();
    assert_eq!(count(&listed), 3);
    listed.says("session list --user demo-user");
    let ended = console.confirm(&listed, "/users/sessions/end", &[]);
    ended.says("The session has been ended");
    assert_eq!(count(&page()), 2);
    console.confirm(&page(), "/users/sessions/end-all", &[]).says("Every session of demo-user has been ended");
    page().says("There are none: nobody is logged in as demo-user.");
}

#[test]
fn a_file_is_tried_then_imported_and_gone_and_its_rejected_are_listed_and_saved() {
    let data = used_folder();
    let folder = On(data.path());
    let console = Console::on(data.path(), &[]);
    let users = "{\"username\":\"ann\",\"claims\":{\"name\":\"Ann\"}}\nrubbish\n{\"username\":\"a b\"}\n{\"username\":\"bob\"}\n";
    let checked = upload(&console, "all users.jsonl", users, "skip");
    checked.says("2 of 4 users were rejected: all_users.jsonl.dry-run.rejects.jsonl says why");
    checked.says("Nothing was written yet.");
    checked.says("<td>2, column 1</td>");
    checked.says("Import 2 users");
    checked.says("user import --on-conflict skip all_users.jsonl");
    assert!(!checked.has(console.temporary.path().to_str().expect("UTF-8")), "where it is kept is of no use");
    assert_eq!(folder.json(&["user", "list"]), json!([]));
    assert_eq!(console.kept(), ["all_users.jsonl", "all_users.jsonl.dry-run.rejects.jsonl"]);

    let imported = console.submit(&checked, "/users/import/run", &[]);
    imported.says("2 of 4 users were rejected: all_users.jsonl.rejects.jsonl says why");
    assert_eq!(folder.json(&["user", "list"]).as_array().map(Vec::len), Some(2));
    assert!(!console.kept().contains(&"all_users.jsonl".to_owned()), "the file is removed");
    let saved = imported.between("href=\"/users/import/rejects?", "\"")[0].replace("&amp;", "&");
    let saved = console.get(&format!("/users/import/rejects?{saved}"));
    assert_eq!(saved.header("content-disposition"), "attachment; filename=\"all_users.jsonl.rejects.jsonl\"");
    assert_eq!((saved.body.lines().count(), saved.has("\"line\":3")), (2, true), "{}", saved.body);
    let again = console.submit(&checked, "/users/import/run", &[]);
    assert_eq!((again.status, again.has("The file is not here any more")), (404, true));

    // Without anything to import it is gone at once. What cannot be read takes its place, and is kept until there is another one.
    let nothing = upload(&console, "users.csv", "username\nann\n", "update");
    nothing.says("There is nothing to import. The file has been removed from this machine");
    assert!(!nothing.has("Import 0 users") && !console.get("/users/import").has("is still here"));
    assert_eq!(console.kept(), Vec::<String>::new());
    upload(&console, "empty.csv", "", "skip").says("the file is empty");
    assert_eq!(console.kept(), ["empty.csv"]);
    upload(&console, "users", "", "skip").says("The name of the file does not tell its format");
    let stopped = upload(&console, "users.jsonl", "{\"username\":\"zoe\"}\n{\"username\":\"ann\"}\n", "fail");
    stopped.says("Line 2: the user ann exists already");
    assert_eq!(console.kept(), ["users.jsonl"]);
    let again = console.get("/users/import");
    let again = again.between("href=\"/users/import/check?", "\"")[0];
    console.get(&format!("/users/import/check?{again}")).says("Line 2: the user ann exists already");
    assert_eq!(console.kept(), ["users.jsonl"], "looking at it again removes nothing");
    let foreign = console.send("POST", "/users/import", "multipart/form-data; boundary=x", b"--x--\r\n");
    assert_eq!((foreign.status, foreign.has("none of this page")), (403, true));
}

#[test]
fn an_import_whose_page_is_left_stops_with_an_event_and_goes_on_later_and_is_not_run_twice_at_a_time() {
    const USERS: u32 = 40_000;
    let data = used_folder();
    let console = Console::on(data.path(), &[]);
    let checked = upload(&console, "users.jsonl", &plain_lines(0..USERS), "skip");
    checked.says("Import 40000 users");
    let mut body = form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(checked.form("/users/import/run")).finish();
    let head = console.head("POST", "/users/import/run", FORM, body.len());
    let mut running = TcpStream::connect(&console.address).expect("the console listens");
    running.write_all((head + &body).as_bytes()).expect("the console reads");
    let (mut seen, mut part) = (String::new(), [0; 4096]);
    while !seen.contains("0 users so far</p>") || seen.matches(" users so far").count() < 3 {
        let read = running.read(&mut part).expect("the console answers");
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&part[..read]));
    }

    let check = console.get("/users/import");
    let check = format!("/users/import/check?{}", check.between("href=\"/users/import/check?", "\"")[0]);
    let second = console.send("GET", &check, "text/plain", &[]);
    assert_eq!((second.status, second.has("This file is being read already")), (409, true), "{}", second.body);
    drop(running);

    let log = || fs::read_to_string(data.path().join("audit.jsonl")).unwrap_or_default();
    let start = Instant::now();
    while log().lines().count() < 2 {
        assert!(start.elapsed() < Duration::from_mins(1), "it has no end: {}", log());
        thread::sleep(Duration::from_millis(20));
    }
    let end: Value = serde_json::from_str(log().lines().nth(1).expect("an event")).expect("JSON");
    assert_eq!((text(&end["action"]), text(&end["outcome"])), ("user.imported", "failed"));
    let done = end["counts"]["created"].as_u64().expect("a number");
    assert!((1..u64::from(USERS)).contains(&done), "{end}");
    let reason = text(&end["reason"]);
    let says =
        format!("the import was stopped; what comes before is done (users: {done}), and the same command goes on");
    assert!(reason.starts_with(&says), "{reason}");
    assert_eq!(console.kept(), ["users.jsonl", "users.jsonl.checkpoint"]);

    let kept = console.get("/users/import");
    kept.says("users.jsonl is still here");
    console.submit(&kept, "/users/import/run", &[]).says("The import is done.");
    assert_eq!(console.kept(), Vec::<String>::new());
    assert_eq!(On(data.path()).json(&["user", "list"]).as_array().map(Vec::len), Some(USERS as usize));
}

#[test]
fn a_thousand_users_are_browsed_by_pages_and_found_by_a_part_of_their_names() {
    let data = used_folder();
    let folder = On(data.path());
    let line =
        |number: u32| format!("{}\n", json!({"username": format!("u/{number:04}?&"), "sub": format!("s{number}")}));
    let file = data.path().join("users.jsonl");
    fs::write(&file, (0..1000).map(line).collect::<String>()).expect("a file");
    folder.run(&["user", "import", file.to_str().expect("UTF-8")]).ok();
    let console = Console::on(data.path(), &[]);
    let (mut seen, mut pages, mut path) = (BTreeSet::new(), 0, "/users".to_owned());
    loop {
        let page = console.get(&path);
        let names = page.between("<a href=\"/users/user?name=", "\"");
        assert!(names.len() <= 50);
        seen.extend(names.into_iter().map(str::to_owned));
        pages += 1;
        assert_eq!(page.has("First page"), pages > 1);
        match page.between("href=\"/users?after=", "\"").first() {
            Some(after) => path = format!("/users?after={after}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages <= 21), (1000, true));
    let one = seen.first().expect("a user");
    console.get(&format!("/users/user?name={one}")).says("<h1>u/0000?&amp;</h1>");

    let found = console.get("/users/find?by=prefix&text=U%2F099");
    assert_eq!(found.between("<a href=\"/users/user?name=", "\"").len(), 10);
    found.says("user find --prefix U/099");
    assert!(!found.has("There may be more"));
    assert_eq!(console.get("/users/find?by=sub&text=s7").between("<a href=\"/users/user?name=", "\"").len(), 1);
    console.get("/users/find?by=prefix&text=u").says("There may be more");
    console.get("/users/find?by=prefix&text=zoe").says("No user was found.");
    let report = console.get("/users/report");
    report.says("<td><span class=\"moment\">no password</span></td><td>1000</td><td>100 %</td>");
    report.says("<td><span class=\"moment\">never noted</span></td><td>1000</td>");
}

#[test]
fn a_console_that_only_reads_offers_no_change_of_users_and_makes_none() {
    let (data, server, demo) = served();
    assert_eq!(server.demo_tokens(&demo).status, 200);
    let console = Console::on(data.path(), &["--read-only"]);
    for path in [
        "/users",
        "/users/user?name=demo-user",
        "/users/sessions?name=demo-user",
        "/attempts",
        "/users/report",
        "/users/new",
        "/users/import",
        "/users/edit?name=demo-user",
        "/users/password?name=demo-user",
    ] {
        let page = console.get(path);
        assert!(!page.has("method=\"post\""), "{path}: {}", page.body);
    }
    let foreign = console.send("POST", "/users/disable", "application/x-www-form-urlencoded", b"name=demo-user");
    assert_eq!(foreign.status, 403);
    let sent = console.send("POST", "/users/import", "multipart/form-data; boundary=x", b"--x--\r\n");
    assert_eq!((sent.status, sent.has("--read-only")), (403, true));
    assert_eq!(server.demo_tokens(&demo).status, 200);
}
