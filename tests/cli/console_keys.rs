//! The keys of a data folder on the page of `passgrant console`.

#![expect(clippy::expect_used, reason = "a page that is not as expected has failed its test")]

use std::fs;
use std::path::Path;

use crate::command::On;
use crate::pages::{Console, FORM, Page};
use crate::server::used_folder;

const CREATE: &str = "/keys/create";
const IMPORT: &str = "/keys/import";
/// 32 bytes.
const SECRET: &str = "walrus-walrus-walrus-walrus-0001";

fn audit(data: &Path) -> String {
    fs::read_to_string(data.join("audit.jsonl")).unwrap_or_default()
}

fn algorithms(folder: On<'_>) -> Vec<String> {
    let keys = folder.json(&["key", "list"]);
    let keys = keys.as_array().expect("a list").iter();
    keys.filter_map(|key| key["alg"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_key_is_made_once_it_is_looked_at_and_a_second_one_is_refused_beside_the_field() {
    let data = used_folder();
    let folder = On(data.path());
    let console = Console::on(data.path(), &[]);
    let form = console.get(CREATE);
    assert_eq!(form.value(CREATE, "alg"), "RS256");
    let es384 = [("alg", "ES384")];
    let asked = console.submit(&form, CREATE, &es384);
    asked.says("key create --alg ES384</code>");
    assert!(!algorithms(folder).contains(&"ES384".to_owned()), "nothing is made before it is confirmed");
    assert_eq!(console.submit(&asked, CREATE, &[("do", "edit")]).value(CREATE, "alg"), "ES384");
    console.submit(&asked, CREATE, &[]).says("The key is made");
    assert!(algorithms(folder).contains(&"ES384".to_owned()));
    console.get("/keys").says("ES384");

    let again = console.confirm(&console.get(CREATE), CREATE, &es384);
    let wrong = again.wrong("alg");
    assert!(wrong.starts_with("There is a key for ES384 already: ") && wrong.ends_with('.'), "{wrong}");
    assert_eq!(again.value(CREATE, "alg"), "ES384", "what was chosen is still there");
    assert!(audit(data.path()).contains("key.created"));
}

#[test]
fn a_secret_is_imported_and_is_in_no_answer_no_log_and_no_other_file_of_text() {
    let data = used_folder();
    let folder = On(data.path());
    let console = Console::on(data.path(), &[]);
    let typed = |encoding: &'static str, secret: &'static str| [("encoding", encoding), ("secret-stdin", secret)];
    let send = |fields: &[(&str, &str)]| console.submit(&console.get(IMPORT), IMPORT, fields);
    let mut pages: Vec<Page> = Vec::new();
    for (encoding, secret, wrong) in [
        ("base64", "walrus!", "The secret is not base64: --encoding says what else it is."),
        ("hex", "walrus", "The secret is not hex: two digits a byte."),
        ("text", "walrus", "A secret for HS256 has 32, 48 or 64 bytes, and this one has 6 bytes."),
        ("text", "", "standard input is empty"),
    ] {
        let refused = send(&typed(encoding, secret));
        if !secret.is_empty() {
            assert_eq!(refused.wrong("secret-stdin"), wrong);
        }
        assert_eq!(refused.value(IMPORT, "encoding"), encoding, "what was chosen is still there");
        assert_eq!(refused.value(IMPORT, "secret-stdin"), "");
        assert!(!algorithms(folder).contains(&"HS256".to_owned()));
        pages.push(refused);
    }
    let imported = send(&typed("text", SECRET));
    imported.says("The secret is imported");
    imported.says("key import --alg HS256 --encoding text --secret-stdin &lt; shared.secret</code>");
    assert!(algorithms(folder).contains(&"HS256".to_owned()));
    let again = send(&typed("text", SECRET));
    assert!(again.wrong("alg").starts_with("There is a key for HS256 already"));
    pages.extend([imported, again, console.get("/keys")]);
    for page in &pages {
        assert!(!page.has("walrus"), "{}", page.body);
    }
    assert!(audit(data.path()).contains("key.imported") && !audit(data.path()).contains("walrus"));
    assert!(console.kept().is_empty());
}

#[test]
fn a_console_that_only_reads_shows_no_form_for_keys_and_takes_none() {
    let data = used_folder();
    let before = algorithms(On(data.path()));
    let (reading, writing) = (Console::on(data.path(), &["--read-only"]), Console::on(data.path(), &[]));
    assert!(!reading.get("/keys").has(CREATE) && !reading.get("/keys").has(IMPORT));
    for (path, fields) in [
        (CREATE, "alg=ES384&confirmed=yes".to_owned()),
        (IMPORT, format!("alg=HS256&encoding=text&secret-stdin={SECRET}")),
    ] {
        let page = reading.get(path);
        page.says("it was started with --read-only");
        assert!(!page.has("<form"), "{}", page.body);
        assert!(writing.get(path).has("<form"));
        let sent = reading.send("POST", path, FORM, fields.as_bytes());
        assert_eq!(sent.status, 403, "it has no token: {}", sent.body);
    }
    assert_eq!(algorithms(On(data.path())), before);
}
