//! What counts against guessing, as it is shown.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use passgrant::authenticate::lockout::policy::AttemptPolicy;
use passgrant::authenticate::lockout::standing::Count;
use passgrant::clock::{Span, Timestamp};
use passgrant::source::Network;
use passgrant::store::attempts::{Budget, StoredAttempts};
use passgrant::store::sources::{SourceKey, StoredSource};
use passgrant::user::{Subject, Username};
use serde::Serialize;

use crate::output::{listing, rfc3339};

/// What counts for one username. Times are in seconds since 1970.
#[derive(Serialize)]
pub(crate) struct AttemptsView {
    /// How many sources the username has lately been logged in from.
    familiar_sources: usize,
    /// What counts from any other; `None` if nothing does.
    strangers: Option<BudgetView>,
    /// What counts from them; `None` if nothing does.
    familiar: Option<BudgetView>,
}

/// What counts in one budget.
#[derive(Serialize)]
struct BudgetView {
    counted: usize,
    state: State,
    /// The seconds in which one attempt is looked at, if it is slowed.
    interval: Option<u64>,
    /// Until when no attempt is looked at; `None` if the next one is.
    until: Option<Timestamp>,
    forgotten_at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Locked,
    Slowed,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Slowed => "slowed",
        }
    }
}

impl AttemptsView {
    /// What counts at `now` by `policy`, of what is stored.
    pub(crate) fn new(stored: Option<&StoredAttempts>, policy: AttemptPolicy, now: Timestamp) -> Self {
        let budget = |budget| {
            let count = Count::of(stored.and_then(|stored| stored.budget(budget)), policy, now);
            count.filter(|count| count.attempts > 0).map(BudgetView::new)
        };
        let sources = stored.map(|stored| stored.familiar_sources.values().filter(|until| **until > now).count());
        Self {
            familiar_sources: sources.unwrap_or_default(),
            strangers: budget(Budget::Strange),
            familiar: budget(Budget::Familiar),
        }
    }

    /// Whether anything counts.
    pub(crate) fn counts(&self) -> bool {
        self.budgets().next().is_some()
    }

    /// Whether it is locked, or slowed down, for somebody.
    pub(crate) fn is_held_up(&self) -> bool {
        self.budgets().any(|(_, budget)| budget.state != State::Open)
    }

    /// Two rows about a user.
    pub(crate) fn rows(&self) -> [(&'static str, String); 2] {
        let text = |budget: &Option<BudgetView>| budget.as_ref().map_or("none count".to_owned(), BudgetView::text);
        let sources = match self.familiar_sources {
            0 => "there are no familiar sources".to_owned(),
            1 => format!("{}, from 1 source", text(&self.familiar)),
            many => format!("{}, from {many} sources", text(&self.familiar)),
        };
        [("Attempts by strangers", text(&self.strangers)), ("Familiar attempts", sources)]
    }

    fn budgets(&self) -> impl Iterator<Item = (&'static str, &BudgetView)> {
        let strangers = self.strangers.iter().map(|budget| ("strangers", budget));
        strangers.chain(self.familiar.iter().map(|budget| ("familiar", budget)))
    }
}

impl BudgetView {
    fn new(count: Count) -> Self {
        let state = match (count.interval, count.wait_until) {
            (Some(_), _) => State::Slowed,
            (None, Some(_)) => State::Locked,
            (None, None) => State::Open,
        };
        Self {
            counted: count.attempts,
            state,
            interval: count.interval.map(|interval| interval.as_secs()),
            until: count.wait_until,
            forgotten_at: count.forgotten_at,
        }
    }

    fn text(&self) -> String {
        let forgotten = format!("forgotten on {}", rfc3339(self.forgotten_at));
        let state = match self.state {
            State::Open => return format!("{} count, {forgotten}", self.counted),
            State::Locked => format!("locked until {}", self.until()),
            State::Slowed => format!("one every {}, the next {}", self.interval(), self.until()),
        };
        format!("{} count: {state}, {forgotten}", self.counted)
    }

    fn until(&self) -> String {
        self.until.map_or("now".to_owned(), rfc3339)
    }

    fn interval(&self) -> String {
        self.interval.map(|seconds| Span(Duration::from_secs(seconds)).to_string()).unwrap_or_default()
    }
}

/// What counts for a username that has been found.
#[derive(Serialize)]
pub(super) struct NameView {
    key: String,
    /// Whose it is; `None` if it is nobody's.
    username: Option<Username>,
    sub: Option<Subject>,
    #[serde(flatten)]
    attempts: AttemptsView,
}

/// The usernames of one source, or a share of them. The fields are in the order that sources are listed in.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct SourceView {
    /// Its address, if it is one of those that were asked for.
    network: Option<String>,
    key: String,
    usernames: usize,
    exhausted: bool,
    until: Timestamp,
}

impl SourceView {
    const HEADINGS: [&'static str; 4] = ["SOURCE", "USERNAMES", "STATE", "UNTIL"];

    pub(super) fn new(key: &SourceKey, network: Option<&Network>, stored: &StoredSource, exhausted: bool) -> Self {
        let shown = |network: &Network| match network {
            Network::V4(address) => address.to_string(),
            Network::V6(prefix) => format!("{prefix}/64"),
        };
        Self {
            network: network.map(shown),
            key: key.as_str().to_owned(),
            usernames: stored.usernames.len(),
            exhausted,
            until: stored.window_until,
        }
    }

    fn row(&self) -> [String; 4] {
        let source = self.network.as_ref().unwrap_or(&self.key).clone();
        let state = if self.exhausted { "exhausted" } else { "open" };
        [source, self.usernames.to_string(), state.to_owned(), rfc3339(self.until)]
    }
}

/// Everything that is listed.
#[derive(Serialize)]
pub(super) struct Listed {
    names: Vec<NameView>,
    sources: Vec<SourceView>,
}

impl Listed {
    const HEADINGS: [&'static str; 6] = ["USERNAME", "SUB", "FROM", "COUNTED", "STATE", "UNTIL"];

    pub(super) fn new(
        names: BTreeMap<String, AttemptsView>,
        mut known: HashMap<String, (Username, Subject)>,
        mut sources: Vec<SourceView>,
    ) -> Self {
        let mut names: Vec<_> = names
            .into_iter()
            .map(|(key, attempts)| {
                let (username, sub) = known.remove(&key).unzip();
                NameView { key, username, sub, attempts }
            })
            .collect();
        // Those of users first.
        names.sort_by(|one, other| one.order().cmp(&other.order()));
        sources.sort();
        Self { names, sources }
    }

    pub(super) fn text(&self) -> String {
        let names = self.names.iter().flat_map(NameView::rows);
        let names = listing(Self::HEADINGS, names, "No username is locked or slowed down.");
        let sources = self.sources.iter().map(SourceView::row);
        let sources = listing(SourceView::HEADINGS, sources, "No source is exhausted.");
        format!("{names}\n\n{sources}")
    }
}

impl NameView {
    fn order(&self) -> (bool, &str) {
        match &self.username {
            Some(username) => (false, username.as_str()),
            None => (true, &self.key),
        }
    }

    fn rows(&self) -> impl Iterator<Item = [String; 6]> {
        let name = self.username.as_ref().map_or(self.key.clone(), ToString::to_string);
        let sub = self.sub.as_ref().map_or("nobody's", Subject::as_str).to_owned();
        self.attempts.budgets().map(move |(from, budget)| {
            let state = match budget.state {
                State::Slowed => format!("one every {}", budget.interval()),
                other => other.as_str().to_owned(),
            };
            let until = budget.until.map(rfc3339).unwrap_or_default();
            [name.clone(), sub.clone(), from.to_owned(), budget.counted.to_string(), state, until]
        })
    }
}
