//! `passgrant user import`: files that are odd, as files from elsewhere are.

use serde_json::json;

use crate::importing::{HASH, Place, counts, plain_lines, rejects};

#[test]
fn byte_order_marks_line_endings_and_empty_lines_make_no_difference() {
    let place = Place::new();
    let jsonl = place.write(
        "odd.jsonl",
        "\u{feff}{\"username\":\"a\"}\r\n\r\n   \n{\"username\":\"b\"}\r\n\n{\"username\":\"c\",\"x\":1}",
    );
    let ran = place.import(&jsonl, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(rejects(&jsonl).iter().map(|(line, column, _)| (*line, *column)).collect::<Vec<_>>(), [(6, Some(21))]);

    let csv =
        "\u{feff}username,claims\r\n\r\nd,\"{\r\n  \"\"name\"\": \"\"D, \"\"\r\n}\"\r\n\r\ne,\r\ne f,\r\n\"g\",\"{}\"";
    let csv = place.write("odd.csv", csv);
    let ran = place.import(&csv, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(rejects(&csv).iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [8]);
    let users = place.exported();
    assert_eq!(users.iter().map(|user| user["username"].clone()).collect::<Vec<_>>(), ["a", "b", "d", "e", "g"]);
    assert_eq!(users[2]["claims"], json!({"name": "D, "}));
}

#[test]
fn of_two_lines_for_one_user_the_first_counts_however_they_are_spelt() {
    let place = Place::new();
    let twice = |who: &str, n: u32| format!("{{\"username\":\"{who}\",\"claims\":{{\"n\":{n}}}}}\n");
    // Next to each other, in the next batch, and far away.
    let content = [
        twice("ann", 1),
        twice("Ann", 2),
        plain_lines(0..60),
        twice(" \u{ff21}NN", 3),
        plain_lines(60..900),
        twice("ANN ", 4),
        twice("bob", 1),
    ];
    let file = place.write("twice.jsonl", content.concat());
    for _ in 0..2 {
        let summary = place.imported(&file, &[]);
        assert_eq!(summary["read"], 905);
        assert_eq!(place.folder().json(&["user", "show", "ann"])["claims"], json!({"n": 1}));
    }
    let summary = place.imported(&file, &["--on-conflict", "update"]);
    assert_eq!(counts(&summary), [905, 0, 3, 902, 0, 0]);
    assert_eq!(place.folder().json(&["user", "show", "ann"])["claims"], json!({"n": 4}), "the last one counts");
}

#[test]
fn a_line_that_is_too_long_or_not_utf_8_is_rejected_and_the_next_one_is_read() {
    let place = Place::new();
    let mut content = b"{\"username\":\"a\"}\n{\"username\":\"".to_vec();
    content.extend(b"x".repeat(3 * 1024 * 1024));
    content.extend(b"\"}\n{\"username\":\"caf\xe9\"}\n{\"username\":\"b\"}\n");
    // It fits into a line, but not into the table.
    let large = json!({"username": "large", "claims": {"x": "y".repeat(420 * 1024)}}).to_string();
    content.extend(large.as_bytes());
    let file = place.write("long.jsonl", content);
    assert_eq!(place.import(&file, &[]).code, Some(1));
    let reasons = [
        (2, None, "longer than 512 KiB: expected one user"),
        (3, Some(17), "expected UTF-8"),
        (5, None, "too large: expected a user who takes less than 400 KiB"),
    ];
    assert_eq!(rejects(&file), reasons.map(|(line, column, reason)| (line, column, reason.to_owned())));
    assert_eq!(place.exported().len(), 2);
}

#[test]
fn a_bad_row_of_csv_is_rejected_and_a_bad_header_or_quote_ends_the_import() {
    let place = Place::new();
    let rows = "username,password_hash,claims,scopes,disabled,sub,hash_format\n\
                a,,,,,,\nb\nc,x,,,,,\nd,,[],,,,\ne,,{,,,,\nf,,,\"a\tb\",,,\ng,,,,maybe,,\nh,,,,,a b,\ni,,,,,,rot13\n,,,,,,x\nz,,,a  b,F,,\n";
    let file = place.write("rows.csv", rows);
    assert_eq!(place.import(&file, &[]).code, Some(1));
    let found = rejects(&file);
    assert_eq!(found.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), (3..=11).collect::<Vec<_>>());
    for ((_, _, found), reason) in found.iter().zip([
        "expected 7 fields, as in the header, but there are 1",
        "the password hash: ",
        "column claims: expected a JSON object",
        "column claims: expected a JSON object, but it is not a JSON value, or one that is nested more than 32 levels deep",
        "column scopes: a scope is 1 to 64 tokens",
        "column disabled: expected true or false",
        "the sub \"a b\" is not valid: ",
        "column hash_format: it is not one of: ",
        "column username: expected a username",
    ]) {
        assert!(found.starts_with(reason), "{found}");
    }
    assert_eq!(place.exported().len(), 2);

    for (content, reason) in [
        ("", "line 1, column 1: the file is empty: expected a header with a column username"),
        ("name\na\n", "line 1, column 1: the header: expected a column named username"),
        ("username,username\n", "line 1, column 1: the header: there are two columns named username"),
        (
            "username,passwrod\n",
            "line 1, column 1: the header: \"passwrod\" is not a column that is known: expected username, sub, password_hash, hash_format, claims, scopes, disabled",
        ),
    ] {
        let file = place.write("bad.csv", content);
        let said = place.import(&file, &["--dry-run"]).refused();
        assert_eq!(said, reason, "{content}");
    }
    let open = place.write("open.csv", "username,sub\nk,\nl,\"never\nclosed,\n");
    let said = place.import(&open, &[]).refused();
    let reason = "line 3, column 1: the file ends inside of quotes that open in this row: expected a closing quote";
    assert_eq!(
        said,
        format!("{reason}; what comes before is done (users: 1), and the same command goes on from there")
    );
    assert_eq!(place.exported().len(), 3, "what was read before is in");
    let endless = place.write("endless.csv", format!("username\nm\n\"{}", "x\n".repeat(2_000_000)));
    let said = place.import(&endless, &["--dry-run"]).refused();
    assert_eq!(said, "line 3, column 1: the row is longer than 512 KiB: expected a closing quote before");
}

#[test]
fn hashes_of_every_user_are_checked_before_they_are_stored() {
    let place = Place::new();
    let file = place.write(
        "users.jsonl",
        [HASH, "plain text", ""]
            .map(|hash| json!({"username": format!("u{}", hash.len()), "password_hash": hash}).to_string())
            .join("\n"),
    );
    assert_eq!(place.import(&file, &[]).code, Some(1));
    assert_eq!(rejects(&file).iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [2, 3]);
}
