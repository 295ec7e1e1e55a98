//! Client secrets that somebody chose, and their rotation.

use std::time::Duration;

use passgrant::client::Client;
use passgrant::client::secret::{ClientSecret, StoredSecret};
use passgrant::clock::Timestamp;

use crate::failure::Failure;
use crate::output::warn;
use crate::secret_input;

const MIN_CHARACTERS: usize = 8;
/// 128 bits, where every character holds six.
const GOOD_CHARACTERS: usize = 22;

/// The secret on standard input.
pub(super) fn chosen_secret() -> Result<ClientSecret, Failure> {
    let secret = secret_input::line("secret")?;
    // RFC 6749, appendix A.2.
    if !secret.bytes().all(|byte| matches!(byte, 0x20..=0x7E)) {
        return Err(Failure::refused("a secret holds printable ASCII characters alone"));
    }
    if !(MIN_CHARACTERS..=ClientSecret::MAX_BYTES).contains(&secret.len()) {
        return Err(Failure::refused(format!(
            "a secret has {MIN_CHARACTERS} to {} characters",
            ClientSecret::MAX_BYTES
        )));
    }
    if secret.len() < GOOD_CHARACTERS {
        warn(&format!("a secret of fewer than {GOOD_CHARACTERS} characters may be guessed"));
    }
    Ok(ClientSecret::chosen(secret))
}

/// The secrets of a client that gets `new`: the last live one stays beside it for `overlap`, or as long as it would
/// have stayed anyway where that is less.
pub(super) fn rotated(
    secrets: &[StoredSecret],
    new: StoredSecret,
    now: Timestamp,
    overlap: Duration,
) -> Vec<StoredSecret> {
    let mut kept = Vec::with_capacity(Client::MAX_SECRETS);
    if !overlap.is_zero() {
        kept.extend(secrets.iter().rfind(|secret| secret.is_live(now)).cloned().map(|mut old| {
            let end = now + overlap;
            old.not_after = Some(old.not_after.map_or(end, |planned| planned.min(end)));
            old
        }));
    }
    kept.push(new);
    kept
}

#[cfg(test)]
mod tests {
    use passgrant::random::OsRandom;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);
    const MINUTE: Duration = Duration::from_mins(1);

    fn secret(not_after: Option<u64>) -> StoredSecret {
        let chosen = ClientSecret::generate(&OsRandom).expect("randomness");
        let mut stored = StoredSecret::new(&chosen, Timestamp::from_unix(0), &OsRandom).expect("randomness");
        stored.not_after = not_after.map(Timestamp::from_unix);
        stored
    }

    fn ends(secrets: &[StoredSecret]) -> Vec<(String, Option<u64>)> {
        secrets.iter().map(|secret| (secret.id().to_owned(), secret.not_after.map(Timestamp::as_unix))).collect()
    }

    #[test]
    fn the_secret_before_ends_after_the_overlap_and_the_one_before_that_at_once() {
        let (oldest, old, new) = (secret(Some(1_030)), secret(None), secret(None));
        let (old_id, new_id) = (old.id().to_owned(), new.id().to_owned());
        let rotated = rotated(&[oldest, old], new, NOW, MINUTE);
        assert_eq!(ends(&rotated), [(old_id, Some(1_060)), (new_id, None)]);
    }

    #[test]
    fn an_overlap_never_lengthens_a_secrets_life() {
        let rotated = rotated(&[secret(Some(1_030))], secret(None), NOW, MINUTE);
        assert_eq!(rotated[0].not_after, Some(Timestamp::from_unix(1_030)));
    }

    #[test]
    fn without_an_overlap_or_a_live_secret_only_the_new_one_stays() {
        assert_eq!(rotated(&[secret(None)], secret(None), NOW, Duration::ZERO).len(), 1);
        assert_eq!(rotated(&[secret(Some(1_000))], secret(None), NOW, MINUTE).len(), 1);
    }
}
