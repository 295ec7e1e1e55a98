//! Passwords that nobody may set (NIST SP 800-63B-4, section 3.1.1.2): those that attackers try first. The whole password is
//! compared, never a part of it, and nothing is demanded of how it is composed.
//!
//! The list is only in the command line, which is where passwords are set. It is a plain list: an estimator of strength
//! takes the cheapest explanation of a password, and so cannot say whether the password is on a list.

mod file;

use std::path::PathBuf;

use passwords::analyzer::is_common_password;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::password::Password;
pub use crate::password::blocklist::file::NotSearched;

/// The name by which users know every deployment.
const SERVICE: &str = "passgrant";

/// Names that have fewer letters are compared only as a whole: the letters of many a good password are two.
const LEAST_LETTERS: usize = 3;

/// Why a password must not be set. It quotes nothing of the password.
#[derive(Debug, Error)]
pub enum Blocked {
    /// It is on the list of the command line.
    #[error("the password is one of the 100,000 most used ones, which attackers try first: choose another")]
    Common,
    /// It is made of the username.
    #[error("the password is the username with little or nothing added, which attackers try first: choose another")]
    Username,
    /// It is made of the name of the service.
    #[error(
        "the password is the name of the service with little or nothing added, which attackers try first: choose another"
    )]
    Service,
    /// It is on the operator's list.
    #[error(
        "the password is on the list of PASSGRANT_PASSWORD_BLOCKLIST, and attackers may try it first: choose another"
    )]
    Listed,
    /// The operator's list cannot be searched: no password can be set then.
    #[error("PASSGRANT_PASSWORD_BLOCKLIST: {0}")]
    NotSearched(#[from] NotSearched),
}

/// What passwords are compared with when they are set.
#[derive(Clone, Debug)]
pub struct Blocklist {
    service: Vec<String>,
    file: Option<PathBuf>,
}

impl Blocklist {
    /// The list of the command line, together with an operator's `file` if there is one. `host` is the one that users
    /// reach the service by, if it is known: its labels are names of the service too.
    #[must_use]
    pub fn new(host: Option<&str>, file: Option<PathBuf>) -> Self {
        let host = host.map(str::to_lowercase);
        let labels = host.iter().flat_map(|host| host.split('.').map(str::to_owned));
        let service = labels.chain(host.clone()).chain([SERVICE.to_owned()]).collect();
        Self { service, file }
    }

    /// Checks a password that is about to be set for the user with this prepared username. Reading a large file takes
    /// as long as the disk takes.
    ///
    /// # Errors
    /// [`Blocked`] when it must not be set.
    pub fn check(&self, password: &Password, username: &str) -> Result<(), Blocked> {
        let folded = folded(password);
        if is_common_password(&*password.prepared) || is_common_password(&*folded) {
            return Err(Blocked::Common);
        }
        if username_forms(&username.to_lowercase()).any(|name| is_made_of(&folded, name)) {
            return Err(Blocked::Username);
        }
        if self.service.iter().any(|name| is_made_of(&folded, name)) {
            return Err(Blocked::Service);
        }
        match &self.file {
            Some(path) if file::lists(path, password)? => Err(Blocked::Listed),
            _ => Ok(()),
        }
    }
}

/// A password without regard to case.
fn folded(password: &Password) -> Zeroizing<String> {
    Zeroizing::new(password.prepared.to_lowercase())
}

/// A username, and the part before the at sign if it is an address.
fn username_forms(username: &str) -> impl Iterator<Item = &str> {
    [Some(username), username.split_once('@').map(|(local, _)| local)].into_iter().flatten()
}

/// Whether a password is a name, or has no other letters than those of the name, in their order or backwards, once or
/// several times: digits, punctuation and spaces make no difference.
fn is_made_of(password: &str, name: &str) -> bool {
    let letters = |text: &str| Zeroizing::new(text.chars().filter(|c| c.is_alphabetic()).collect::<String>());
    let (of_password, of_name) = (letters(password), letters(name));
    let backwards: String = of_name.chars().rev().collect();
    let repeats = |part: &str| of_password.split(part).all(str::is_empty);
    password == name
        || (of_name.chars().count() >= LEAST_LETTERS
            && !of_password.is_empty()
            && (repeats(&of_name) || repeats(&backwards)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, username: &str) -> Result<(), Blocked> {
        let blocklist = Blocklist::new(Some("login.Example.com"), None);
        blocklist.check(&Password::prepare(password).expect("a password"), username)
    }

    #[test]
    fn a_common_password_is_refused_in_any_case_and_only_as_a_whole() {
        for common in ["password", "PassWord", "12345678", "00000000", "aaaaaaaa", "!QAZ2wsx", "1q2w3e4r", "Trustno1"] {
            assert!(matches!(check(common, "ann"), Err(Blocked::Common)), "{common}");
        }
        for good in ["correct horse battery staple", "password of the lighthouse", "12345678 lanterns", "tr0ub4dor&3x"]
        {
            assert!(check(good, "ann").is_ok(), "{good}");
        }
    }

    #[test]
    fn the_username_is_refused_with_digits_and_punctuation_around_it_backwards_and_repeated() {
        for (username, made) in [
            ("ottokar", "ottokar"),
            ("ottokar", "Ottokar-2026!"),
            ("ottokar", "ottokar.ottokar"),
            ("ottokar", "rakotto1"),
            ("ottokar.weiss@example.com", "OttokarWeiss7"),
            ("ottokar.weiss@example.com", "ottokar.weiss@example.com"),
            ("\u{e4}rger\u{df}x", "\u{c4}rger\u{df}x99"),
            ("4711-0815-77", "4711-0815-77"),
        ] {
            assert!(matches!(check(made, username), Err(Blocked::Username)), "{username} {made}");
        }
        for (username, good) in [
            ("ottokar", "ottokars lantern"),
            ("ottokar", "71625-30519"),
            ("a", "71625-a0519"),
            ("4711", "4711 and more"),
            ("al", "al-71625-30519"),
        ] {
            assert!(check(good, username).is_ok(), "{username} {good}");
        }
    }

    #[test]
    fn the_name_of_the_service_is_refused_in_the_same_way() {
        for made in
            ["Passgrant!", "passgrant-2026", "login.example.com", "Example12345", "loginlogin-77", "example.example"]
        {
            assert!(matches!(check(made, "ann"), Err(Blocked::Service)), "{made}");
        }
        assert!(check("passgrant lantern", "ann").is_ok());
        let unknown_host = Blocklist::new(None, None);
        let password = Password::prepare("Example7!12-345").expect("a password");
        assert!(unknown_host.check(&password, "ann").is_ok());
    }
}
