//! The resource servers that a request is granted access to (RFC 8707).

use thiserror::Error;

use crate::audience::Audience;
use crate::error::Error;

/// A resource that is malformed, or that the client or the session may not request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the resource may not be requested")]
pub struct InvalidTarget;

impl From<InvalidTarget> for Error {
    fn from(_: InvalidTarget) -> Self {
        const { Self::invalid_target("The resource is malformed, or not one of the client's.") }
    }
}

/// Those of the audiences `granted` before that are still `registered`, each written as it is registered now; `None`
/// when there were some and none is left. An empty list, which stands for the issuer itself, has nothing to lose.
#[must_use]
pub fn still_held(granted: &[Audience], registered: &[Audience]) -> Option<Vec<Audience>> {
    let held: Vec<Audience> = granted.iter().filter_map(|audience| audience.as_in(registered)).cloned().collect();
    (granted.is_empty() || !held.is_empty()).then_some(held)
}

/// The audiences that a request ends up with: all that are `configured`, or only the `requested` ones among them. Each
/// is written as it is configured and not as it was requested, because a resource server compares its own byte for
/// byte.
///
/// # Errors
/// [`InvalidTarget`] when a requested resource is malformed or not configured.
pub fn granted(requested: &[&str], configured: &[Audience]) -> Result<Vec<Audience>, InvalidTarget> {
    if requested.is_empty() {
        return Ok(configured.to_vec());
    }
    let mut audiences = Vec::with_capacity(requested.len());
    for resource in requested {
        let resource = Audience::parse(resource).map_err(|_| InvalidTarget)?;
        let audience = resource.as_in(configured).ok_or(InvalidTarget)?;
        if !audiences.contains(audience) {
            audiences.push(audience.clone());
        }
    }
    Ok(audiences)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(text: &str) -> Audience {
        Audience::parse(text).expect(text)
    }

    #[test]
    fn what_is_granted_is_written_as_it_is_configured() {
        let configured = ["https://host/", "https://other", "urn:api"].map(audience);
        for (requested, expected) in [
            (&["https://host"][..], &["https://host/"][..]),
            (&["https://host/"], &["https://host/"]),
            (&["https://other/", "https://host", "https://other"], &["https://other", "https://host/"]),
            (&[], &["https://host/", "https://other", "urn:api"]),
        ] {
            let audiences = granted(requested, &configured).expect("the client's");
            assert_eq!(audiences.iter().map(Audience::as_str).collect::<Vec<_>>(), expected, "{requested:?}");
        }
        assert_eq!(granted(&["https://host//"], &configured), Err(InvalidTarget));
        let both = ["https://host/", "https://host"].map(audience);
        let audiences = granted(&["https://host"], &both).expect("the client's");
        assert_eq!(audiences.iter().map(Audience::as_str).collect::<Vec<_>>(), ["https://host"]);
    }
}
