//! The option that ends the password grant of a client.

use std::time::UNIX_EPOCH;

use passgrant::client::{Client, GrantEnd};
use passgrant::clock::Timestamp;

use crate::failure::Failure;
use crate::output::rfc3339;

/// When the password grant of a client is to end.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// Never: an announced end is taken back.
    Never,
    /// At once.
    Now,
    /// At a moment that has yet to come.
    Moment(Timestamp),
}

impl Until {
    /// Announces it for `client`. An end that is put off or brought forward is still the one that was announced first.
    pub(super) fn apply(self, client: &mut Client, now: Timestamp) -> Result<(), Failure> {
        let until = match self {
            Self::Never => {
                client.password_grant_end = None;
                return Ok(());
            }
            Self::Now => now,
            Self::Moment(until) if until > now => until,
            Self::Moment(past) => {
                let past = rfc3339(past);
                return Err(Failure::RefusedOption(
                    "password-grant-until",
                    format!(
                        "the end {past} is in the past: give a later one, or 'now' to end the password grant at once"
                    ),
                ));
            }
        };
        let announced_at = client.password_grant_end.map_or(now, |end| end.announced_at.min(now));
        client.password_grant_end = Some(GrantEnd { until, announced_at });
        Ok(())
    }
}

/// Reads a date or a time by UTC (RFC 3339, section 5.6), `now`, or the empty value.
pub(super) fn parse(text: &str) -> Result<Until, String> {
    match text {
        "" => return Ok(Until::Never),
        "now" => return Ok(Until::Now),
        _ => {}
    }
    let is_date = text.len() == "2027-03-31".len();
    let time = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let moment = humantime::parse_rfc3339(&time).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let moment = moment.filter(|moment| moment.subsec_nanos() == 0);
    moment.map(|moment| Until::Moment(Timestamp::from_unix(moment.as_secs()))).ok_or_else(|| {
        "expected a date, as in 2027-03-31, which stands for its first second, a time by UTC in whole seconds, as in \
         2027-03-31T12:00:00Z, 'now', or nothing at all for no end"
            .to_owned()
    })
}
