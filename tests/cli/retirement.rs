//! `passgrant client report`, and the end of the password grant for a client.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use serde_json::{Value, json};

use crate::command::On;
use crate::http::post_form;
use crate::server::{Server, stopped_and_running, text, used_folder};

const DAY: u64 = 86_400;

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn an_end_is_announced_put_off_brought_forward_and_taken_back() {
    stopped_and_running(|folder| {
        let end = |client: &Value| {
            ["password_grant_until", "password_grant_end_announced_at"].map(|name| client[name].clone())
        };
        let created = folder.json(&["client", "create", "web", "--password-grant-until", "2999-12-31"]);
        let announced_at = created["created_at"].clone();
        assert_eq!(end(&created), [json!(32_503_593_600_u64), announced_at.clone()], "the date's first second");
        let shown = folder.run(&["client", "show", "web"]).ok();
        let line = shown.lines().find(|line| line.starts_with("Password grant")).expect("a line");
        assert!(line.ends_with("until 2999-12-31T00:00:00Z"), "{shown}");
        assert!(shown.contains("Last used") && shown.contains("never noted"), "{shown}");

        for (date, until) in [
            ("2999-12-31T23:59:59Z", 32_503_679_999_u64),
            ("2100-03-01T00:00:00+00:00", 4_107_542_400),
            ("2096-02-29", 3_981_312_000),
        ] {
            let updated = folder.json(&["client", "update", "web", "--password-grant-until", date]);
            assert_eq!(end(&updated), [json!(until), announced_at.clone()], "it was announced before");
        }
        let renamed = folder.json(&["client", "update", "web", "--name", "Web"]);
        assert_eq!(end(&renamed), [json!(3_981_312_000_u64), announced_at], "another change keeps it");

        let now = folder.json(&["client", "update", "web", "--password-grant-until", "now"]);
        assert_eq!(now["password_grant_until"], now["updated_at"]);
        folder.json(&["client", "update", "web", "--name", "an ended one can be changed"]);
        let back = folder.json(&["client", "update", "web", "--password-grant-until", ""]);
        assert_eq!(end(&back), [Value::Null, Value::Null]);
        assert!(folder.run(&["client", "show", "web"]).ok().contains("no end"));
    });
}

#[test]
fn an_end_that_is_no_date_or_in_the_past_is_refused_with_what_was_expected() {
    let data = used_folder();
    let folder = On(data.path());
    folder.run(&["client", "create", "web"]).ok();
    let update = |date| folder.run(&["client", "update", "web", "--password-grant-until", date]);
    for bad in [
        "tomorrow",
        "30d",
        "2999-02-29",
        "2999-13-01",
        "31.12.2999",
        "2999-1-1",
        "2999-12-31T24:00:00Z",
        "2999-12-31T00:00:00",
        "2999-12-31T00:00:00+02:00",
        "2999-12-31T00:00:00.5Z",
        "32503593600",
        "10000-01-01",
        "1969-12-31",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        " ",
    ] {
        let message = update(bad).misused();
        assert!(message.contains("expected a date, as in 2027-03-31"), "{bad}: {message}");
    }
    for past in ["2020-01-01", "1970-01-01T00:00:00Z"] {
        let reason = update(past).refused();
        assert!(reason.contains("is in the past: give a later one, or 'now'"), "{reason}");
    }
    assert_eq!(folder.json(&["client", "show", "web"])["password_grant_until"], Value::Null);
}

/// A folder with a running server on it, the demo's client used, and one client in each other state that needs no past.
fn folder_with_clients() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let folder = On(data.path());
    let create = |id: &str, options: &[&str]| folder.json(&[&["client", "create", id], options].concat());
    create("unused", &["--name", "Never used"]);
    create("going", &["--password-grant-until", "2999-12-31"]);
    create("gone", &["--password-grant-until", "now"]);
    create("off", &["--name", "Off"]);
    create("other", &["--grant", "refresh_token"]);
    folder.run(&["client", "disable", "off"]).ok();
    let demo = server.started["demo"].clone();
    assert_eq!(server.demo_tokens(&demo).status, 200);
    (data, server)
}

/// What the report prints, with every digit as 0.
const TABLE: &str = "\
CLIENT ID    NAME        LAST USE    UNTIL                 STATE
demo-client  Demo        0000-00-00  -                     active
going                    -           0000-00-00T00:00:00Z  ends in 000000 days
unused       Never used  -           -                     never used
gone                     -           0000-00-00T00:00:00Z  ended
off          Off         -           -                     never used, disabled
";

#[test]
fn the_report_has_every_client_with_the_grant_and_what_needs_attention_comes_first() {
    let (data, server) = folder_with_clients();
    let folder = On(data.path());
    let check = |folder: On<'_>| {
        let report = folder.json(&["client", "report"]);
        let today = number(&report[0]["last_use_day"]);
        assert_eq!(today % DAY, 0);
        let going = folder.json(&["client", "show", "going"]);
        let gone = folder.json(&["client", "show", "gone"]);
        let line = |id: &str, name: Option<&str>, state: &str| {
            json!({
                "client_id": id, "name": name, "disabled": false, "last_use_day": null, "state": state,
                "password_grant_until": null, "password_grant_end_announced_at": null,
            })
        };
        let mut expected = [
            line("demo-client", None, "active"),
            line("going", None, "ending"),
            line("unused", Some("Never used"), "never_used"),
            line("gone", None, "ended"),
            line("off", Some("Off"), "never_used"),
        ];
        expected[0]["last_use_day"] = json!(today);
        expected[0]["name"] = report[0]["name"].clone();
        expected[1]["days"] = report[1]["days"].clone();
        expected[4]["disabled"] = json!(true);
        for (line, client) in [(1, going), (3, gone)] {
            for member in ["password_grant_until", "password_grant_end_announced_at"] {
                expected[line][member] = client[member].clone();
            }
        }
        assert_eq!(report, json!(expected));
        assert!(number(&report[1]["days"]) > 350_000);

        let table = folder.run(&["client", "report"]).ok();
        // Digits depend on the day.
        let shape: String = table.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, TABLE, "{table}");
    };
    check(folder);
    server.signal("TERM");
    assert!(server.wait().0.success());
    check(folder);
}

#[test]
fn a_login_shows_in_the_client_and_in_the_user_and_a_deleted_client_is_forgotten() {
    let (data, server) = folder_with_clients();
    let folder = On(data.path());
    let day = folder.json(&["client", "show", "demo-client"])["last_use_day"].clone();
    assert_eq!(folder.json(&["user", "show", "demo-user"])["last_login_day"], day);
    let last_word = |shown: String, name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name)).expect("a line").to_owned();
        line.split_whitespace().last().expect("a date").to_owned()
    };
    let of_client = last_word(folder.run(&["client", "show", "demo-client"]).ok(), "Last used");
    let of_user = last_word(folder.run(&["user", "show", "demo-user"]).ok(), "Last login");
    assert_eq!((&of_client, of_client.len()), (&of_user, "2027-03-31".len()));

    folder.run(&["client", "delete", "demo-client"]).ok();
    folder.run(&["client", "create", "demo-client"]).ok();
    assert_eq!(folder.json(&["client", "show", "demo-client"])["last_use_day"], Value::Null);
    drop(server);
}

#[test]
fn a_running_server_sees_the_end_at_once_and_goes_on_with_the_sessions() {
    let (data, server) = folder_with_clients();
    let demo = server.started["demo"].clone();
    let login = || server.demo_tokens(&demo);
    let tokens = login().json();
    On(data.path()).run(&["client", "update", "demo-client", "--password-grant-until", "2999-12-31"]).ok();
    let announcing = login();
    assert!(announcing.head.contains("\r\nsunset: tue, 31 dec 2999 00:00:00 gmt\r\n"), "{announcing:?}");
    assert!(announcing.head.contains("\r\ndeprecation: @"), "{announcing:?}");
    On(data.path()).run(&["client", "update", "demo-client", "--password-grant-until", "now"]).ok();
    assert_eq!(login().status, 400);
    let credentials = (text(&demo["client_id"]), text(&demo["client_secret"]));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens["refresh_token"]))];
    assert_eq!(post_form(server.address(), credentials, &refresh).status, 200);
}

#[test]
fn a_report_of_nobody_says_so() {
    let data = used_folder();
    let folder = On(data.path());
    assert_eq!(folder.json(&["client", "report"]), json!([]));
    folder.run(&["client", "create", "other", "--grant", "refresh_token"]).ok();
    assert_eq!(folder.run(&["client", "report"]).ok(), "No client may use the password grant.\n");
}
