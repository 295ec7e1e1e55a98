//! Password hashes that other systems made, as they are imported: each logs its user in, and is Argon2id from then on.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use passgrant::password::PasswordHash;
use passgrant::password::legacy::{ForeignHash, HashFormat};

use crate::rig::app::TestApp;
use crate::rig::user::username;

/// What the table has that the vectors are frozen in: a password, the format if it has to be stated, and a hash.
fn vectors() -> impl Iterator<Item = (String, Option<HashFormat>, &'static str)> {
    let lines = include_str!("../vectors/legacy.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let [password, format, text] = line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let password = serde_json::from_str(password).expect("a JSON string");
        (password, (format != "-").then(|| format.parse().expect("a format")), text)
    })
}

/// One hash of each algorithm, as it is stored.
fn one_of_each(app: &TestApp) -> Vec<(String, PasswordHash)> {
    let mut hashes: Vec<(String, PasswordHash)> = Vec::new();
    for (password, format, text) in vectors() {
        let foreign = ForeignHash::read(text, format).expect("a hash");
        let hash = foreign.into_stored(&app.config.argon2, &app.random).expect("randomness");
        let known = hashes.iter().any(|(_, known)| known.kind().algorithm() == hash.kind().algorithm());
        if !known && password.len() < 72 {
            hashes.push((password, hash));
        }
    }
    hashes
}

#[tokio::test]
async fn a_user_with_a_hash_of_another_system_logs_in_with_it_once_and_then_with_argon2id() {
    let app = TestApp::start().await;
    let hashes = one_of_each(&app);
    assert!(hashes.len() >= 18, "{:?}", hashes.iter().map(|(_, hash)| hash.kind()).collect::<Vec<_>>());
    for (number, (password, hash)) in hashes.into_iter().enumerate() {
        let name = format!("user{number}");
        let kind = hash.kind();
        let given = hash.clone();
        app.create_user_with(&name, |user| user.password_hash = Some(hash)).await;
        let stored = async || {
            let user = app.store.users.get(&username(&name)).await.expect("a read").expect("a user");
            (user.password_hash.expect("a hash"), user.password_generation)
        };
        let login =
            |password: &str| [("grant_type", "password"), ("username", &name), ("password", password)].map(owned);
        let (right, wrong) = (login(&password), login("wrong"));
        app.token(&borrowed(&wrong)).await.failed(400, "invalid_grant");
        assert_eq!(stored().await, (given.clone(), 1), "{kind}: a wrong password changes nothing");
        let token = app.token(&borrowed(&right)).await.succeeded().text("refresh_token");
        let (renewed, generation) = stored().await;
        assert_eq!((renewed.kind().algorithm(), generation), ("argon2id", 1), "{kind}");
        assert_ne!(renewed, given, "{kind}");
        app.token(&borrowed(&wrong)).await.failed(400, "invalid_grant");
        app.token(&borrowed(&right)).await.succeeded();
        assert_eq!(stored().await.0, renewed, "{kind}: once");
        app.refresh(&token).await.succeeded();
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn borrowed(form: &[(String, String); 3]) -> [(&str, &str); 3] {
    [0, 1, 2].map(|at| (form[at].0.as_str(), form[at].1.as_str()))
}

/// As every other refusal: `every_refused_login_is_answered_with_the_same_bytes`.
#[tokio::test]
async fn a_wrong_password_for_a_legacy_hash_is_answered_with_the_bytes_of_an_unknown_user() {
    let app = TestApp::start().await;
    let login = |name: &str, password: &str| {
        [("grant_type", "password"), ("username", name), ("password", password)].map(owned)
    };
    let unknown = app.token(&borrowed(&login("nobody", "wrong"))).await.failed(400, "invalid_grant").whole();
    for (number, (password, hash)) in one_of_each(&app).into_iter().enumerate() {
        let (name, disabled) = (format!("user{number}"), format!("disabled{number}"));
        app.create_user_with(&name, |user| user.password_hash = Some(hash.clone())).await;
        app.create_user_with(&disabled, |user| (user.password_hash, user.disabled) = (Some(hash), true)).await;
        for form in [login(&name, "wrong"), login(&name, &"x".repeat(1025)), login(&disabled, &password)] {
            let answer = app.token(&borrowed(&form)).await.failed(400, "invalid_grant").whole();
            assert_eq!(answer, unknown);
        }
    }
}

#[tokio::test]
async fn a_password_that_bcrypt_read_only_in_part_logs_in_and_its_hash_stays_as_it_is() {
    let app = TestApp::start().await;
    let (password, _, text) = vectors().find(|(password, ..)| password.len() == 100).expect("a long password");
    let hash = ForeignHash::read(text, None).expect("bcrypt").into_stored(&app.config.argon2, &app.random);
    let hash = hash.expect("randomness");
    let given = hash.clone();
    app.create_user_with("bob", |user| user.password_hash = Some(hash)).await;
    // What comes after 72 bytes was never verified, so no mistake in it may become the user's password.
    for sent in [format!("{}?", &password[..99]), password] {
        app.token(&[("grant_type", "password"), ("username", "bob"), ("password", &sent)]).await.succeeded();
        let user = app.store.users.get(&username("bob")).await.expect("a read").expect("a user");
        assert_eq!(user.password_hash.as_ref(), Some(&given));
    }
}

/// Of the version before: anything that is not Argon2id was refused as damaged, and so is what is beyond a bound.
#[tokio::test]
async fn a_legacy_hash_beyond_its_bound_in_the_table_is_a_server_error() {
    let app = TestApp::start().await;
    let costly = "$2b$31$E9a/I0aBHlm40L1S64zVtuvBCRsHgDigvIAvm7GwbC3IAMo232gbC";
    let hash: PasswordHash = serde_json::from_value(costly.into()).expect("a string");
    app.create_user_with("bob", |user| user.password_hash = Some(hash)).await;
    let login = [("grant_type", "password"), ("username", "bob"), ("password", "wrong")];
    app.token(&login).await.failed(500, "server_error");
}
