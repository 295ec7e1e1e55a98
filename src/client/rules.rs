//! The rules that a client must satisfy before it is saved. A client that is already stored is read even if it breaks a
//! rule that is newer than it: it is then treated as safely as possible, and the next change to it has to mend it.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use thiserror::Error;

use crate::client::authentication::{ClientAuthentication, NoSecrets};
use crate::client::secret::StoredSecret;
use crate::client::{Capability, Client, Grant, RefreshPolicy};
use crate::clock::{Span, Timestamp};
use crate::scope::{self, ScopeToken};

/// The shortest lifetime.
const MIN_LIFETIME: Duration = Duration::from_secs(1);

/// A time that is set for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The lifetime of its access tokens.
    AccessToken,
    /// After how long without a refresh its sessions end.
    RefreshIdle,
    /// How long after the login its sessions end.
    Refresh,
    /// How long a refresh token that was replaced still works.
    RefreshGrace,
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AccessToken => "access token lifetime",
            Self::RefreshIdle => "refresh idle lifetime",
            Self::Refresh => "refresh lifetime",
            Self::RefreshGrace => "refresh grace",
        })
    }
}

/// Why a client is not saved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefusedClient {
    /// Its name is not valid.
    #[error("a name has 1 to {} characters, and no control characters", Client::MAX_NAME_CHARACTERS)]
    Name,
    /// It has too many scopes.
    #[error("a client has at most {} scopes", scope::MAX_TOKENS)]
    Scopes,
    /// One of its default scopes is not among its scopes.
    #[error("the default scope {} is not one of the client's scopes", .0.as_str())]
    DefaultScope(ScopeToken),
    /// It has too many audiences.
    #[error("a client has at most {} audiences", Client::MAX_AUDIENCES)]
    Audiences,
    /// A time is out of its bounds, or has a fraction of a second.
    #[error("the {setting} must be {} to {}, in whole seconds", Span(*least), Span(*most))]
    Time {
        /// Which time it is.
        setting: Setting,
        /// The shortest that it may be.
        least: Duration,
        /// The longest that it may be.
        most: Duration,
    },
    /// Its sessions would reach the end of their lifetime before they could end for lack of use.
    #[error("the refresh idle lifetime {} is longer than the refresh lifetime {}", Span(*idle), Span(*whole))]
    IdleBeyondWhole {
        /// The idle lifetime.
        idle: Duration,
        /// The lifetime.
        whole: Duration,
    },
    /// Its sessions would end while their access tokens are still valid, and would end these too.
    #[error("the refresh idle lifetime {} is shorter than the access token lifetime {}", Span(*idle), Span(*access))]
    IdleBelowAccessToken {
        /// The idle lifetime.
        idle: Duration,
        /// The lifetime of an access token.
        access: Duration,
    },
    /// It is public, and has a capability that nobody may use without authenticating.
    #[error("a public client, whose method is none, cannot have the capability {0}: anybody could use it")]
    PublicCapability(Capability),
}

/// A client that may be saved. Only this module makes one: from a client that satisfies all rules, or from one that is
/// stored, by a change that breaks none of them.
#[derive(Clone, Debug)]
pub struct CheckedClient(Client);

impl CheckedClient {
    /// The client itself.
    #[must_use]
    pub fn into_inner(self) -> Client {
        self.0
    }
}

impl Deref for CheckedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Client {
    /// The longest name, in characters.
    pub const MAX_NAME_CHARACTERS: usize = 128;
    /// The most audiences: every access token holds them all.
    pub const MAX_AUDIENCES: usize = 16;
    /// The longest lifetime of an access token.
    pub const MAX_ACCESS_TOKEN_LIFETIME: Duration = Duration::from_hours(24);

    /// This client, to be saved.
    ///
    /// # Errors
    /// [`RefusedClient`] for the first rule that it breaks.
    pub fn check(self) -> Result<CheckedClient, RefusedClient> {
        if !self.name.as_deref().is_none_or(is_name) {
            return Err(RefusedClient::Name);
        }
        self.check_scopes()?;
        self.check_times()?;
        if self.audiences.len() > Self::MAX_AUDIENCES {
            return Err(RefusedClient::Audiences);
        }
        match self.capabilities.first() {
            Some(capability) if self.authentication.is_public() => Err(RefusedClient::PublicCapability(*capability)),
            _ => Ok(CheckedClient(self)),
        }
    }

    fn check_scopes(&self) -> Result<(), RefusedClient> {
        if self.scopes.iter().count() > scope::MAX_TOKENS {
            return Err(RefusedClient::Scopes);
        }
        match self.default_scopes.iter().find(|token| !self.scopes.contains(token)) {
            Some(stray) => Err(RefusedClient::DefaultScope(stray.clone())),
            None => Ok(()),
        }
    }

    fn check_times(&self) -> Result<(), RefusedClient> {
        let access = self.access_token_lifetime;
        let RefreshPolicy { idle_lifetime: idle, lifetime: whole, grace, needs_offline_access: _ } = self.refresh;
        for (setting, time, least, most) in [
            (Setting::AccessToken, access, MIN_LIFETIME, Self::MAX_ACCESS_TOKEN_LIFETIME),
            (Setting::RefreshIdle, idle, MIN_LIFETIME, RefreshPolicy::MAX_LIFETIME),
            (Setting::Refresh, whole, MIN_LIFETIME, RefreshPolicy::MAX_LIFETIME),
            (Setting::RefreshGrace, grace, Duration::ZERO, RefreshPolicy::MAX_GRACE),
        ] {
            if !(least..=most).contains(&time) || time.subsec_nanos() > 0 {
                return Err(RefusedClient::Time { setting, least, most });
            }
        }
        if idle > whole {
            return Err(RefusedClient::IdleBeyondWhole { idle, whole });
        }
        if idle < access && self.may_use(Grant::RefreshToken) {
            return Err(RefusedClient::IdleBelowAccessToken { idle, access });
        }
        Ok(())
    }

    /// This client with the `change` made at `now`, to be saved in its place.
    ///
    /// # Errors
    /// Those of the change, and [`RefusedClient`] for a rule that the client breaks after the change, even if it broke
    /// it before.
    pub fn update<E: From<RefusedClient>>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<CheckedClient, E> {
        let mut client = self.clone();
        change(&mut client)?;
        client.updated_at = now;
        Ok(client.check()?)
    }

    /// This client, disabled at `now`. A rule that it breaks must not keep it enabled.
    #[must_use]
    pub fn disabled_at(&self, now: Timestamp) -> CheckedClient {
        CheckedClient(Self { disabled: true, updated_at: now, ..self.clone() })
    }

    /// This client with a new secret from `now` on, and the one before it for `overlap`: see
    /// [`Secrets::rotated`](crate::client::secret::Secrets::rotated). A rule that it breaks must not keep a leaked
    /// secret alive.
    ///
    /// # Errors
    /// [`NoSecrets`] when it authenticates by another method.
    pub fn rotated_at(&self, now: Timestamp, new: StoredSecret, overlap: Duration) -> Result<CheckedClient, NoSecrets> {
        let authentication: ClientAuthentication = self.authentication.rotated(new, now, overlap)?;
        Ok(CheckedClient(Self { authentication, updated_at: now, ..self.clone() }))
    }
}

impl RefreshPolicy {
    /// The longest lifetime of a session.
    pub const MAX_LIFETIME: Duration = Duration::from_hours(365 * 24);
    /// The longest time for which a token that was replaced still works.
    pub const MAX_GRACE: Duration = Duration::from_mins(10);
}

/// Whether `text` can be the name of a client.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=Client::MAX_NAME_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::Audience;
    use crate::client::id::{ClientId, Incarnation};
    use crate::client::secret::{ClientSecret, Secrets};
    use crate::random::OsRandom;
    use crate::scope::Scope;

    const NOW: Timestamp = Timestamp::from_unix(1_000);
    const LATER: Timestamp = Timestamp::from_unix(2_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn secret() -> StoredSecret {
        let secret = ClientSecret::generate(&OsRandom).expect("randomness");
        StoredSecret::new(&secret, NOW, &OsRandom).expect("randomness")
    }

    fn client() -> Client {
        let authentication = ClientAuthentication::SecretBasic(Secrets::from(secret()));
        let incarnation = Incarnation::generate(&OsRandom).expect("randomness");
        Client::new(ClientId::parse("app").expect("a client id"), incarnation, authentication, NOW)
    }

    fn refused(change: impl FnOnce(&mut Client)) -> Option<RefusedClient> {
        let mut client = client();
        change(&mut client);
        client.check().err()
    }

    fn scope(text: &str) -> Scope {
        Scope::parse_or_empty(text).expect("a scope")
    }

    fn time(setting: Setting, least: Duration, most: Duration) -> RefusedClient {
        RefusedClient::Time { setting, least, most }
    }

    #[test]
    fn a_client_as_it_is_made_may_be_saved() {
        assert_eq!(refused(|_| {}), None);
    }

    #[test]
    fn a_name_is_short_and_printable() {
        for good in ["x", "\u{e9}", &"\u{e9}".repeat(128)] {
            assert_eq!(refused(|client| client.name = Some(good.to_owned())), None, "{good}");
        }
        for bad in ["", "a\u{1b}[2J", "a\nb", &"x".repeat(129)] {
            assert_eq!(refused(|client| client.name = Some(bad.to_owned())), Some(RefusedClient::Name), "{bad:?}");
        }
    }

    #[test]
    fn scopes_are_bounded_and_a_default_is_one_of_them() {
        let tokens = |count| (0..count).map(|n| ScopeToken::parse(&format!("s{n}")).expect("a token")).collect();
        assert_eq!(refused(|client| client.scopes = tokens(64)), None);
        assert_eq!(refused(|client| client.scopes = tokens(65)), Some(RefusedClient::Scopes));
        let stray = refused(|client| (client.scopes, client.default_scopes) = (scope("a b"), scope("b c")));
        assert_eq!(stray, Some(RefusedClient::DefaultScope(ScopeToken::parse("c").expect("a token"))));
    }

    #[test]
    fn audiences_are_bounded() {
        let audiences = |count| (0..count).map(|n| Audience::parse(&format!("urn:{n}")).expect("one")).collect();
        assert_eq!(refused(|client| client.audiences = audiences(16)), None);
        assert_eq!(refused(|client| client.audiences = audiences(17)), Some(RefusedClient::Audiences));
    }

    #[test]
    fn times_are_whole_seconds_within_their_bounds() {
        let (day, year) = (Duration::from_hours(24), Duration::from_hours(365 * 24));
        let access = |time| refused(|client| client.access_token_lifetime = time);
        assert_eq!((access(SECOND), access(day)), (None, None));
        for bad in [Duration::ZERO, Duration::from_millis(1_500), day + SECOND, Duration::MAX] {
            assert_eq!(access(bad), Some(time(Setting::AccessToken, SECOND, day)), "{bad:?}");
        }
        let idle = |time| refused(|client| client.refresh.idle_lifetime = time);
        let whole = |time| refused(|client| client.refresh.lifetime = time);
        assert_eq!(whole(year), None);
        for bad in [Duration::ZERO, year + SECOND] {
            assert_eq!(idle(bad), Some(time(Setting::RefreshIdle, SECOND, year)), "{bad:?}");
            assert_eq!(whole(bad), Some(time(Setting::Refresh, SECOND, year)), "{bad:?}");
        }
        let grace = |time| refused(|client| client.refresh.grace = time);
        let most = Duration::from_mins(10);
        assert_eq!((grace(Duration::ZERO), grace(most)), (None, None));
        assert_eq!(grace(most + SECOND), Some(time(Setting::RefreshGrace, Duration::ZERO, most)));
    }

    #[test]
    fn the_idle_lifetime_is_at_most_the_lifetime_and_at_least_that_of_the_access_token() {
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        let beyond = refused(|client| (client.refresh.idle_lifetime, client.refresh.lifetime) = (day, hour));
        assert_eq!(beyond, Some(RefusedClient::IdleBeyondWhole { idle: day, whole: hour }));
        let idle = Duration::from_mins(59);
        let below = |client: &mut Client| (client.access_token_lifetime, client.refresh.idle_lifetime) = (hour, idle);
        assert_eq!(refused(below), Some(RefusedClient::IdleBelowAccessToken { idle, access: hour }));
        let without_sessions = |client: &mut Client| {
            below(client);
            client.grants = vec![Grant::Password];
        };
        assert_eq!(refused(without_sessions), None, "no session is kept alive");
        assert_eq!(refused(|client| client.refresh.idle_lifetime = hour), None);
    }

    #[test]
    fn a_public_client_has_no_capability_whether_it_is_saved_with_one_or_not() {
        for capability in Capability::ALL {
            let mut client = Client { capabilities: vec![capability], ..client() };
            assert!(client.has(capability) && client.clone().check().is_ok());
            client.authentication = ClientAuthentication::None;
            assert!(!client.has(capability));
            assert_eq!(client.check().err(), Some(RefusedClient::PublicCapability(capability)));
        }
    }

    #[test]
    fn a_client_that_breaks_a_newer_rule_is_disabled_and_rotated_but_changed_only_when_mended() {
        let mut old = client();
        old.refresh.idle_lifetime = SECOND;
        let renamed = old.update(LATER, |client| {
            client.name = Some("x".to_owned());
            Ok::<_, RefusedClient>(())
        });
        assert!(matches!(renamed, Err(RefusedClient::IdleBelowAccessToken { .. })));
        let mended = old.update(LATER, |client| {
            client.access_token_lifetime = SECOND;
            Ok::<_, RefusedClient>(())
        });
        assert_eq!(mended.expect("it is mended").updated_at, LATER);

        let disabled = old.disabled_at(LATER);
        assert!(disabled.disabled && disabled.updated_at == LATER && disabled.refresh == old.refresh);
        let rotated = old.rotated_at(LATER, secret(), Duration::ZERO).expect("it has a secret");
        assert_ne!(rotated.authentication.secrets()[0].id(), old.authentication.secrets()[0].id());
        assert_eq!(rotated.updated_at, LATER);
    }
}
