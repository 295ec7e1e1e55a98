//! `passgrant user import`: what becomes of the exports of other systems, whose passwords go on working.

#![expect(clippy::expect_used, reason = "a test without its server has failed")]

use serde_json::{Value, json};

use crate::command::On;
use crate::importing::{PASSWORD, Place, counts, rejects, sample};
use crate::server::Server;

/// A server with the users of the project's sample for `format`.
struct Imported {
    server: Server,
    data: tempfile::TempDir,
    summary: Value,
}

impl Imported {
    #[track_caller]
    fn new(format: &str, file: &str, options: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let server = Server::on(data.path(), &["--demo"]);
        let files = tempfile::tempdir().expect("a folder");
        let copy = files.path().join(file);
        std::fs::copy(sample(file), &copy).expect("a copy");
        let copy = copy.display().to_string();
        let import = ["user", "import", &copy, "--format", format, "--output", "json"];
        let ran = On(data.path()).run(&[&import, options].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let summary = serde_json::from_str(&ran.stdout).expect("JSON");
        Self { server, data, summary }
    }

    fn show(&self, username: &str) -> Value {
        On(self.data.path()).json(&["user", "show", username])
    }

    #[track_caller]
    fn logs_in(&self, username: &str) {
        let mut demo = self.server.started["demo"].clone();
        demo["username"] = username.into();
        assert_eq!(self.server.demo_login(&demo, "wrong").status, 400, "{username}");
        assert_eq!(self.server.demo_login(&demo, PASSWORD).status, 200, "{username}");
    }
}

#[test]
fn the_users_of_a_keycloak_realm_keep_their_passwords_and_their_sub() {
    let imported = Imported::new("keycloak", "keycloak.json", &[]);
    assert_eq!(counts(&imported.summary), [4, 4, 0, 0, 0, 0], "the account of a service is no user");
    let ann = imported.show("ann");
    assert_eq!(ann["sub"], "3e0bb5a5-7f50-4a8f-9d7a-58b0a4a9d6a1");
    let claims = json!({"email": "ann@example.com", "email_verified": true, "given_name": "Ann", "family_name": "Example",
                        "locale": "en", "team": ["red", "blue"]});
    assert_eq!(ann["claims"], claims);
    assert_eq!(imported.show("bob")["disabled"], true);
    for username in ["ann", "zoë", "old"] {
        imported.logs_in(username);
    }
}

#[test]
fn the_users_of_auth0_keep_their_passwords_and_their_sub() {
    let imported = Imported::new("auth0", "auth0.jsonl", &[]);
    assert_eq!(counts(&imported.summary), [4, 4, 0, 0, 0, 0]);
    assert_eq!(imported.show("ann@example.com")["sub"], "auth0|60425dc43519d90068f82973");
    let zoe = imported.show("zoe");
    assert_eq!(zoe["sub"], "auth0|5f7c8ec7c33c6c004bbafe82");
    let claims = json!({"email": "zoe@example.com", "name": "Zoe Example", "user_metadata": {"theme": "dark"}});
    assert_eq!(zoe["claims"], claims);
    assert_eq!(imported.show("bob@example.com")["disabled"], true);
    imported.logs_in("ann@example.com");
    imported.logs_in("zoe");
    imported.logs_in("old@example.com");
}

#[test]
fn the_users_of_cognito_come_without_passwords_and_that_is_said() {
    for file in ["cognito.csv", "cognito.json"] {
        let place = Place::new();
        let ran = place.import(&sample(file), &["--format", "cognito", "--dry-run"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("these users have no password: nobody exports hashes from Cognito"),
            "{}",
            ran.stderr
        );
        let imported = Imported::new("cognito", file, &[]);
        assert_eq!(counts(&imported.summary), [2, 2, 0, 0, 0, 0]);
        let ann = imported.show("ann");
        assert_eq!((&ann["has_password"], &ann["claims"]["email_verified"]), (&json!(false), &json!(true)), "{file}");
        if file == "cognito.json" {
            assert_eq!(
                (&ann["sub"], &ann["claims"]["custom:team"]),
                (&json!("6d1b5c3e-0f0e-4f6e-9c57-0a8e3d0b7d11"), &json!("red"))
            );
            assert_eq!(imported.show("bob")["disabled"], true);
        } else {
            assert_eq!(ann["claims"]["address"], json!({"formatted": "1 Main Street, Springfield"}));
            assert_eq!(ann["claims"]["updated_at"], 1_700_000_000);
        }
    }
}

#[test]
fn the_users_of_django_keep_their_passwords() {
    for file in ["django.json", "django.csv"] {
        let imported = Imported::new("django", file, &[]);
        assert_eq!(counts(&imported.summary), [2, 2, 0, 0, 0, 0], "a group is no user");
        let claims = json!({"email": "ann@example.com", "given_name": "Ann", "family_name": "Example"});
        assert_eq!(imported.show("ann")["claims"], claims);
        let bob = imported.show("bob");
        assert_eq!((&bob["disabled"], &bob["has_password"]), (&json!(true), &json!(false)), "{file}");
        imported.logs_in("ann");
    }
}

#[test]
fn the_users_of_firebase_keep_their_passwords_with_the_parameters_of_the_project() {
    let parameters = sample("firebase-parameters.json");
    let imported = Imported::new("firebase", "firebase.json", &["--firebase-config", &parameters]);
    assert_eq!(counts(&imported.summary), [2, 2, 0, 0, 0, 0]);
    let ann = imported.show("ann@example.com");
    assert_eq!(ann["sub"], "Qf1T2kJ0mXb3");
    let claims = json!({"email": "ann@example.com", "email_verified": true, "name": "Ann Example",
                        "picture": "https://example.com/ann.png", "role": "admin"});
    assert_eq!(ann["claims"], claims);
    assert_eq!(imported.show("+15555550100")["disabled"], true);
    imported.logs_in("ann@example.com");
}

#[test]
fn the_users_of_a_shadow_file_keep_their_passwords_and_who_cannot_log_in_is_disabled() {
    let imported = Imported::new("shadow", "shadow", &[]);
    assert_eq!(counts(&imported.summary), [4, 4, 0, 0, 0, 0]);
    for locked in ["root", "locked"] {
        let user = imported.show(locked);
        assert_eq!((&user["disabled"], &user["has_password"]), (&json!(true), &json!(false)), "{locked}");
    }
    imported.logs_in("ann");
    imported.logs_in("old");
}

#[test]
fn what_another_system_does_not_say_as_expected_is_told_with_its_place() {
    let place = Place::new();
    for (format, content, line, reason) in [
        (
            "keycloak",
            "{\"users\":[\n {\"username\":\"a\",\n  \"credentials\":[{\"type\":\"password\",\"value\":\"secret\"}]}]}",
            (3, Some(18)),
            "\"credentials\": expected a hash: a password that is not hashed is not imported",
        ),
        ("keycloak", "{\"users\":[\n {\"credentials\":[]}]}", (2, Some(2)), "expected a member \"username\""),
        (
            "keycloak",
            "{\"users\":[{\"username\":\"a\",\"attributes\":{\"x\":\"y\"}}]}",
            (1, Some(45)),
            "\"x\": expected an array of texts",
        ),
        ("auth0", "{\"name\":\"a\"}", (1, Some(1)), "expected a member \"username\" or \"email\""),
        (
            "auth0",
            "[{\"email\":\"a\",\"custom_password_hash\":{\"algorithm\":\"hmac\",\"hash\":{\"value\":\"x\"}}}]",
            (1, Some(38)),
            "\"custom_password_hash\": expected argon2, bcrypt, ldap, pbkdf2, md5, sha1, sha256 or sha512 as its algorithm",
        ),
        (
            "cognito",
            "{\"Users\":[{\"Username\":\"a\",\"Attributes\":[{\"Name\":\"email_verified\",\"Value\":\"x\"}]}]}",
            (1, None),
            "email_verified: expected true or false",
        ),
        (
            "django",
            "[{\"model\":\"auth.user\",\"fields\":{}}]",
            (1, Some(2)),
            "expected a member \"username\" in \"fields\"",
        ),
        (
            "firebase",
            "{\"users\":[{\"localId\":\"a\",\"passwordHash\":\"eA==\",\"salt\":\"eA==\"}]}",
            (1, Some(41)),
            "expected --firebase-config FILE with the parameters that this hash was made with",
        ),
        ("shadow", "ann", (1, Some(1)), "expected name:hash:..."),
        (
            "shadow",
            "\nann::1:",
            (2, Some(5)),
            "a user who logs in without a password is not imported: expected a hash, ! or *",
        ),
    ] {
        let file = place.write("users.txt", content);
        let ran = place.import(&file, &["--format", format]);
        assert_eq!(ran.code, Some(1), "{content}: {}", ran.stderr);
        assert_eq!(rejects(&file), [(line.0, line.1, reason.to_owned())], "{content}");
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    }
    let keycloak = place.write("realm.json", "{\"realm\":\"x\"}");
    let reason = "line 1, column 13: expected a member \"users\"";
    assert_eq!(place.import(&keycloak, &["--format", "keycloak", "--dry-run"]).refused(), reason);
    let parameters = place.write("parameters.json", "{\"base64_signer_key\":\"?\"}");
    let ran = place.import(&keycloak, &["--format", "firebase", "--firebase-config", &parameters]);
    assert_eq!(ran.refused(), format!("{parameters}: \"base64_signer_key\": expected base64"));
}

/// The SHA-1 of the salt `Na` and the password.
const DIGEST: &str = "sha1:prefix:Na:6b05eab877d8ed813b2c68289cf580dbf3be8f9d";

#[test]
fn a_digest_is_stored_wrapped_and_a_second_run_changes_nothing_whatever_becomes_of_conflicts() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let folder = On(data.path());
    let lines = |digest: &str| -> String {
        let users =
            (0..70).map(|number| json!({"username": format!("n{number}"), "password_hash": digest}).to_string());
        users.collect::<Vec<_>>().join("\n")
    };
    let export = || {
        let exported = folder.run(&["user", "export", "--with-password-hashes"]);
        let mut lines: Vec<_> = exported.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let import = ["user", "import", "-", "--format", "jsonl", "--on-conflict"];
    let imported =
        |conflict, digest: &str| counts(&folder.json_with(&[&import[..], &[conflict]].concat(), &lines(digest)));
    assert_eq!(imported("skip", DIGEST), [70, 70, 0, 0, 0, 0]);
    let stored = export();
    assert!(stored.iter().filter(|line| line.contains("\"$wrapped$sha1,prefix$")).count() == 70, "{}", stored[0]);
    assert_eq!(imported("skip", DIGEST), [70, 0, 0, 0, 70, 0]);
    assert_eq!(imported("update", DIGEST), [70, 0, 0, 70, 0, 0]);
    assert_eq!(export(), stored);
    let other = DIGEST.replace(":Na:", ":Nb:");
    assert_eq!(imported("update", &other), [70, 0, 70, 0, 0, 0]);
    assert_eq!(imported("update", DIGEST), [70, 0, 70, 0, 0, 0]);

    let again = On(data.path()).run_with(&[&import[..], &["update"]].concat(), &stored.join("\n"));
    assert_eq!(again.code, Some(0), "what was wrapped is imported as it is: {}", again.stderr);
    assert_eq!(export(), stored);
    let mut demo = server.started["demo"].clone();
    demo["username"] = "n7".into();
    assert_eq!(server.demo_login(&demo, "wrong").status, 400);
    assert_eq!(server.demo_login(&demo, PASSWORD).status, 200);
}
