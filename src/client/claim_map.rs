//! Claims beyond the protocol's own: which attribute of a user becomes which claim, client by client.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::client::id::ClientId;
use crate::error::Error;
use crate::json::{Object, Value};
use crate::scope::{Scope, ScopeToken};
use crate::user::User;

/// Claims whose meaning the protocol defines, so that a client's map may not redefine them (RFC 7519, RFC 9068, RFC
/// 7800, RFC 8693, OpenID Connect Core). `sub` is not among them: it may be mapped.
const RESERVED: [&str; 19] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "azp",
    "scope",
    "auth_time",
    "sid",
    "at_hash",
    "c_hash",
    "nonce",
    "acr",
    "cnf",
    "act",
    "may_act",
    "active",
];

/// The claim that names the user.
const SUBJECT: &str = "sub";

/// A claim map that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedClaimMap {
    /// The claim's name is empty, too long, or not printable.
    #[error("a claim's name is 1 to {} printable characters", ClaimMap::MAX_NAME_BYTES)]
    Name,
    /// The claim is the protocol's.
    #[error("the claim {0} is reserved")]
    Reserved(String),
    /// The source is not one of those that exist.
    #[error("a source is username, sub, client_id, scopes, claims.NAME or literal:VALUE")]
    Source,
    /// There are too many claims.
    #[error("a claim map has at most {} claims", ClaimMap::MAX_CLAIMS)]
    TooMany,
    /// `sub` must differ from user to user.
    #[error("sub can be mapped only from username, sub or claims.NAME")]
    Subject,
}

/// Where a claim's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// `username`: the prepared username.
    Username,
    /// `sub`: the user's own identifier.
    Subject,
    /// `client_id`: the client.
    ClientId,
    /// `scopes`: the granted scope, as an array.
    Scopes,
    /// `claims.NAME`: an attribute of the user, as the JSON value it is. Users without it get no such claim.
    Attribute(String),
    /// `literal:VALUE`: a constant; JSON where it is JSON, otherwise a string.
    Literal(String),
}

impl FromStr for ClaimSource {
    type Err = MalformedClaimMap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "username" => Ok(Self::Username),
            "sub" => Ok(Self::Subject),
            "client_id" => Ok(Self::ClientId),
            "scopes" => Ok(Self::Scopes),
            _ => {
                let attribute = text.strip_prefix("claims.").filter(|name| !name.is_empty());
                let literal = || text.strip_prefix("literal:").map(|value| Self::Literal(value.to_owned()));
                attribute.map(|name| Self::Attribute(name.to_owned())).or_else(literal).ok_or(MalformedClaimMap::Source)
            }
        }
    }
}

impl fmt::Display for ClaimSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username => formatter.write_str("username"),
            Self::Subject => formatter.write_str("sub"),
            Self::ClientId => formatter.write_str("client_id"),
            Self::Scopes => formatter.write_str("scopes"),
            Self::Attribute(name) => write!(formatter, "claims.{name}"),
            Self::Literal(value) => write!(formatter, "literal:{value}"),
        }
    }
}

impl ClaimSource {
    fn value(&self, client: &ClientId, user: &User, scope: &Scope) -> Option<Value> {
        match self {
            Self::Username => Some(user.username.as_str().into()),
            Self::Subject => Some(user.subject.as_str().into()),
            Self::ClientId => Some(client.as_str().into()),
            Self::Scopes => Some(scope.iter().map(ScopeToken::as_str).collect()),
            Self::Attribute(name) => user.claims.get(name).cloned(),
            Self::Literal(value) => Some(Value::parse(value).unwrap_or_else(|_| value.as_str().into())),
        }
    }
}

impl From<NoSubject> for Error {
    fn from(error: NoSubject) -> Self {
        Self::server_error().because(error)
    }
}

/// Why a user has no value for a client's `sub`. It names the source, but neither the user nor the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    /// The user has no such attribute.
    #[error("sub is mapped from {0}, which the user does not have")]
    Missing(ClaimSource),
    /// The attribute is of a kind that cannot name a user.
    #[error("sub is mapped from {0}, which is neither text nor a whole number")]
    Kind(ClaimSource),
    /// The attribute is empty, or too long.
    #[error("sub is mapped from {0}, which is not 1 to {max} bytes long", max = ClaimMap::MAX_SUBJECT_BYTES)]
    Length(ClaimSource),
}

/// Which claims a client's tokens have in addition to those of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimMap(BTreeMap<String, ClaimSource>);

impl ClaimMap {
    /// The most claims of a map.
    pub const MAX_CLAIMS: usize = 64;
    /// The longest name of a claim, in bytes.
    pub const MAX_NAME_BYTES: usize = 128;
    /// The longest mapped `sub`, in bytes (OpenID Connect Core, section 2: 255 ASCII characters).
    pub const MAX_SUBJECT_BYTES: usize = 255;

    /// A map of names to sources.
    ///
    /// # Errors
    /// [`MalformedClaimMap`] when a name is reserved or malformed, a source does not fit, or there are too many.
    pub fn new(claims: impl IntoIterator<Item = (String, ClaimSource)>) -> Result<Self, MalformedClaimMap> {
        let claims: BTreeMap<_, _> = claims.into_iter().collect();
        if claims.len() > Self::MAX_CLAIMS {
            return Err(MalformedClaimMap::TooMany);
        }
        for (name, source) in &claims {
            let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
            if name.is_empty() || name.len() > Self::MAX_NAME_BYTES || !printable {
                return Err(MalformedClaimMap::Name);
            }
            if RESERVED.contains(&name.as_str()) {
                return Err(MalformedClaimMap::Reserved(name.clone()));
            }
            let of_user = matches!(source, ClaimSource::Username | ClaimSource::Subject | ClaimSource::Attribute(_));
            if name == SUBJECT && !of_user {
                return Err(MalformedClaimMap::Subject);
            }
        }
        Ok(Self(claims))
    }

    /// The names and their sources.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClaimSource)> {
        self.0.iter().map(|(name, source)| (name.as_str(), source))
    }

    /// The `sub` of `user`'s tokens: text, or the decimal text of a whole number.
    ///
    /// # Errors
    /// [`NoSubject`] when it is mapped from an attribute that the user lacks, that is of another kind, or whose text is not
    /// of 1 to 255 bytes.
    pub fn subject(&self, client: &ClientId, user: &User) -> Result<String, NoSubject> {
        let Some(source) = self.0.get(SUBJECT) else {
            return Ok(user.subject.as_str().to_owned());
        };
        let subject = match source.value(client, user, &Scope::default()) {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) if number.is_integer() => number.to_string(),
            Some(_) => return Err(NoSubject::Kind(source.clone())),
            None => return Err(NoSubject::Missing(source.clone())),
        };
        if (1..=Self::MAX_SUBJECT_BYTES).contains(&subject.len()) {
            Ok(subject)
        } else {
            Err(NoSubject::Length(source.clone()))
        }
    }

    /// The other claims of `user`'s tokens.
    #[must_use]
    pub fn claims(&self, client: &ClientId, user: &User, scope: &Scope) -> Object {
        let mapped = self.0.iter().filter(|(name, _)| *name != SUBJECT);
        mapped.filter_map(|(name, source)| Some((name.clone(), source.value(client, user, scope)?))).collect()
    }
}

impl Serialize for ClaimMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, source)| (name, source.to_string())))
    }
}

impl<'de> Deserialize<'de> for ClaimMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let claims = BTreeMap::<String, String>::deserialize(deserializer)?;
        let claims = claims.into_iter().map(|(name, source)| Ok((name, source.parse()?)));
        let claims = claims.collect::<Result<Vec<_>, MalformedClaimMap>>().map_err(de::Error::custom)?;
        Self::new(claims).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(claims: &[(&str, &str)]) -> Result<ClaimMap, MalformedClaimMap> {
        let claims = claims.iter().map(|(name, source)| Ok(((*name).to_owned(), source.parse()?)));
        ClaimMap::new(claims.collect::<Result<Vec<_>, _>>()?)
    }

    #[test]
    fn a_reserved_claim_cannot_be_mapped() {
        for name in RESERVED {
            assert_eq!(map(&[(name, "username")]), Err(MalformedClaimMap::Reserved(name.to_owned())));
        }
    }

    #[test]
    fn a_subject_is_mapped_from_what_differs_between_users() {
        assert!(map(&[("sub", "username")]).is_ok() && map(&[("sub", "claims.id")]).is_ok());
        for source in ["client_id", "scopes", "literal:x"] {
            assert_eq!(map(&[("sub", source)]), Err(MalformedClaimMap::Subject));
        }
    }

    #[test]
    fn a_name_or_source_outside_the_grammar_is_refused() {
        for name in ["", "a b", "\u{e9}", &"x".repeat(129)] {
            assert_eq!(map(&[(name, "username")]), Err(MalformedClaimMap::Name));
        }
        for source in ["", "claims.", "claims", "literal", "password", "user"] {
            assert_eq!(map(&[("x", source)]), Err(MalformedClaimMap::Source));
        }
    }

    #[test]
    fn a_source_survives_its_text_form() {
        for source in ["username", "sub", "client_id", "scopes", "claims.a.b", "literal:[\"pwd\"]", "literal:"] {
            assert_eq!(source.parse::<ClaimSource>().expect("well formed").to_string(), source);
        }
    }
}
