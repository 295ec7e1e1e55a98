//! `passgrant client report`: which clients still use the password grant, and when it ends for them.

use std::cmp::Reverse;
use std::fmt;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use passgrant::client::id::ClientId;
use passgrant::client::{Client, Grant, GrantEnd};
use passgrant::clock::{Clock as _, Day, Timestamp};
use passgrant::store::client_uses::ClientUses;
use serde::Serialize;

use crate::Context;
use crate::failure::Failure;
use crate::output::{date, listing, rfc3339};

/// How many clients are looked up at once.
const AT_ONCE: usize = 16;
/// A client that is used once a month is active.
const MOST_DAYS_OF_ACTIVE: u64 = 31;

const HEADINGS: [&str; 5] = ["CLIENT ID", "NAME", "LAST USE", "UNTIL", "STATE"];

/// A client that may use the password grant. Times are in seconds.
#[derive(Serialize)]
struct Line<'a> {
    client_id: &'a ClientId,
    name: Option<&'a str>,
    disabled: bool,
    last_use_day: Option<Day>,
    password_grant_until: Option<Timestamp>,
    password_grant_end_announced_at: Option<Timestamp>,
    #[serde(flatten)]
    state: State,
}

/// Where a client is on its way away from the grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "days", rename_all = "snake_case")]
pub(crate) enum State {
    /// The grant has ended for it.
    Ended,
    /// The grant ends for it in so many whole days.
    Ending(u64),
    /// It was used lately.
    Active,
    /// It was last used so many days ago.
    Idle(u64),
    /// No use was ever noted.
    NeverUsed,
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let store = &context.database().await?.store;
    let mut clients = store.clients.list().all().await?;
    clients.retain(|client| client.may_use(Grant::Password));
    let now = context.clock.now();
    let lines: Vec<_> = clients.iter().map(|client| line(client, &store.client_uses, now)).collect();
    let mut lines: Vec<Line<'_>> = stream::iter(lines).buffered(AT_ONCE).try_collect().await?;
    lines.sort_by_cached_key(|line| line.urgency(now));
    context
        .output
        .print(&lines, || listing(HEADINGS, lines.iter().map(Line::row), "No client may use the password grant."))
}

async fn line<'a>(client: &'a Client, uses: &ClientUses, now: Timestamp) -> Result<Line<'a>, Failure> {
    let last_use_day = uses.last(client).await?;
    Ok(Line {
        client_id: &client.id,
        name: client.name.as_deref(),
        disabled: client.disabled,
        last_use_day,
        password_grant_until: client.password_grant_end.map(|end| end.until),
        password_grant_end_announced_at: client.password_grant_end.map(|end| end.announced_at),
        state: State::of(client.password_grant_end, last_use_day, now),
    })
}

impl State {
    pub(crate) fn of(end: Option<GrantEnd>, last_use: Option<Day>, now: Timestamp) -> Self {
        match (end, last_use) {
            (Some(end), _) if end.has_come(now) => Self::Ended,
            (Some(end), _) => Self::Ending(end.until.since(now).as_secs() / 86_400),
            (None, None) => Self::NeverUsed,
            (None, Some(day)) if is_active(day, now) => Self::Active,
            (None, Some(day)) => Self::Idle(now.day().since(day)),
        }
    }
}

fn is_active(last_use: Day, now: Timestamp) -> bool {
    now.day().since(last_use) <= MOST_DAYS_OF_ACTIVE
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => formatter.write_str("ended"),
            Self::Ending(0) => formatter.write_str("ends in less than a day"),
            Self::Ending(1) => formatter.write_str("ends in 1 day"),
            Self::Ending(days) => write!(formatter, "ends in {days} days"),
            Self::Active => formatter.write_str("active"),
            // Never fewer than two.
            Self::Idle(days) => write!(formatter, "idle for {days} days"),
            Self::NeverUsed => formatter.write_str("never used"),
        }
    }
}

impl Line<'_> {
    /// What a list is sorted by: first the clients in use, of which those that are about to be cut off come before those
    /// that have not been told; then those that could be retired at once; and last those for which nothing is to be done.
    fn urgency(&self, now: Timestamp) -> (u8, Option<Timestamp>, Reverse<Option<Day>>, String) {
        let in_use = self.last_use_day.is_some_and(|day| is_active(day, now));
        let rank = match self.state {
            _ if self.disabled => 6,
            State::Ending(_) if in_use => 0,
            State::Active => 1,
            State::Ending(_) => 2,
            State::Idle(_) => 3,
            State::NeverUsed => 4,
            State::Ended => 5,
        };
        (rank, self.password_grant_until, Reverse(self.last_use_day), self.client_id.to_string())
    }

    fn row(&self) -> [String; 5] {
        [
            self.client_id.to_string(),
            self.name.unwrap_or_default().to_owned(),
            self.last_use_day.map_or("-".to_owned(), date),
            self.password_grant_until.map_or("-".to_owned(), rfc3339),
            format!("{}{}", self.state, if self.disabled { ", disabled" } else { "" }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: u64 = 86_400;
    const NOW: Timestamp = Timestamp::from_unix(1_767_225_600 + 3_600);

    fn ends_after(seconds: i64) -> GrantEnd {
        let until = Timestamp::from_unix(NOW.as_unix().saturating_add_signed(seconds));
        GrantEnd { until, announced_at: Timestamp::from_unix(0) }
    }

    fn used_before(days: u64) -> Day {
        Timestamp::from_unix(NOW.as_unix() - days * DAY).day()
    }

    #[test]
    fn a_state_is_told_in_days() {
        for (end, last_use, text) in [
            (None, None, "never used"),
            (None, Some(used_before(0)), "active"),
            (None, Some(used_before(31)), "active"),
            (None, Some(used_before(32)), "idle for 32 days"),
            (None, Some((NOW + Duration::from_hours(48)).day()), "active"),
            (Some(ends_after(1)), None, "ends in less than a day"),
            (Some(ends_after(86_399)), Some(used_before(0)), "ends in less than a day"),
            (Some(ends_after(86_400)), Some(used_before(99)), "ends in 1 day"),
            (Some(ends_after(30 * 86_400)), None, "ends in 30 days"),
            (Some(ends_after(0)), Some(used_before(0)), "ended"),
            (Some(ends_after(-1)), None, "ended"),
        ] {
            assert_eq!(State::of(end, last_use, NOW).to_string(), text, "{end:?} {last_use:?}");
        }
    }

    #[test]
    fn what_needs_attention_comes_first() {
        let line = |id: &str, last_use_day, end: Option<GrantEnd>, disabled| {
            let id = Box::leak(Box::new(ClientId::parse(id).expect("an id")));
            Line {
                client_id: id,
                name: None,
                disabled,
                last_use_day,
                password_grant_until: end.map(|end| end.until),
                password_grant_end_announced_at: None,
                state: State::of(end, last_use_day, NOW),
            }
        };
        let sorted = [
            line("used, ends tomorrow", Some(used_before(3)), Some(ends_after(86_400)), false),
            line("used, ends later", Some(used_before(0)), Some(ends_after(9 * 86_400)), false),
            line("used today", Some(used_before(0)), None, false),
            line("used lately", Some(used_before(9)), None, false),
            line("not used, ends tomorrow", Some(used_before(99)), Some(ends_after(86_400)), false),
            line("a never used, ends later", None, Some(ends_after(9 * 86_400)), false),
            line("idle", Some(used_before(40)), None, false),
            line("idle for longer", Some(used_before(400)), None, false),
            line("never used", None, None, false),
            line("ended", Some(used_before(0)), Some(ends_after(-1)), false),
            line("disabled", Some(used_before(0)), Some(ends_after(1)), true),
        ];
        assert!(sorted.is_sorted_by_key(|line| line.urgency(NOW)));
    }
}
