//! `passgrant session report`: how many sessions each client keeps alive.

use std::collections::BTreeMap;

use clap::Args;
use passgrant::client::id::ClientId;
use passgrant::clock::{Clock as _, Timestamp};
use passgrant::session::Session;
use serde::Serialize;

use crate::Context;
use crate::failure::Failure;
use crate::output::{listing, rfc3339};
use crate::scan::Scan;
use crate::session::sessions;

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant session report
  passgrant session report --rate 1000 --output json";

const HEADINGS: [&str; 4] = ["CLIENT ID", "SESSIONS", "LAST LOGIN", "LAST END"];

#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    scan: Scan,
}

/// What is counted of a client. Times are in seconds since 1970.
#[derive(Serialize)]
struct Line {
    client_id: ClientId,
    sessions: u64,
    /// When the youngest of them began.
    last_login: Timestamp,
    /// When the last of them ends, unless it is refreshed.
    last_end: Timestamp,
}

impl Report {
    /// Counts what is stored and has not expired. A change to a user or a client ends sessions without touching them: such
    /// ones still count.
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let sessions = sessions(context, &context.database().await?.store);
        let now = context.clock.now();
        let mut lines: BTreeMap<String, Line> = BTreeMap::new();
        let pages = |segment, segments| sessions.segment(segment, segments);
        let count = |page: Vec<Session>| {
            for session in page.iter().filter(|session| now < session.expires_at()) {
                let line = lines.entry(session.client_id().to_string());
                line.and_modify(|line| line.add(session)).or_insert_with(|| Line::of(session));
            }
        };
        self.scan.read(context, "items", pages, count).await?;
        let mut lines: Vec<Line> = lines.into_values().collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.sessions));
        context.output.print(&lines, || listing(HEADINGS, lines.iter().map(Line::row), "There are no sessions."))
    }
}

impl Line {
    fn of(session: &Session) -> Self {
        let (client_id, sessions) = (session.client_id().clone(), 1);
        Self { client_id, sessions, last_login: session.auth_time(), last_end: session.expires_at() }
    }

    fn add(&mut self, session: &Session) {
        self.sessions += 1;
        self.last_login = self.last_login.max(session.auth_time());
        self.last_end = self.last_end.max(session.expires_at());
    }

    fn row(&self) -> [String; 4] {
        let sessions = self.sessions.to_string();
        [self.client_id.to_string(), sessions, rfc3339(self.last_login), rfc3339(self.last_end)]
    }
}
