//! `passgrant session`: the logins that clients keep alive.

mod report;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{ArgGroup, Args, Subcommand};
use passgrant::audit::{Action, TargetKind};
use passgrant::client::Client;
use passgrant::client::id::ClientId;
use passgrant::clock::{Clock as _, Timestamp};
use passgrant::scope::ScopeToken;
use passgrant::session::refresh_token::SessionId;
use passgrant::session::{Session, Sessions};
use passgrant::store::Store;
use passgrant::store::users::Whom;
use passgrant::user::Username;
use serde::Serialize;

use crate::Context;
use crate::audit::Change;
use crate::failure::Failure;
use crate::output::{listing, rfc3339};
use crate::patience::patiently;
use crate::progress::Progress;
use crate::session::report::Report;
use crate::user::state::Expected;
use crate::user::{note_subject, prepared};

const REVOKE_EXAMPLES: &str = "\
Examples:
  passgrant session revoke 2ZKpWhDpmGdlUtePN0ZHyYoXPeXVFQBa7yNgl7oPbmA
  passgrant session revoke --user ann";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the sessions of a user, which reads the whole tokens table
    List(OfUser),
    /// Count the sessions by client, which reads the whole tokens table
    #[command(after_help = report::EXAMPLES)]
    Report(Report),
    /// End a session, or all sessions of a user
    #[command(after_help = REVOKE_EXAMPLES, group = ArgGroup::new("which").required(true).args(["sid", "user"]))]
    Revoke(Which),
}

#[derive(Args)]
pub(crate) struct OfUser {
    /// The user
    #[arg(long, value_name = "USERNAME")]
    user: String,
}

#[derive(Args)]
pub(crate) struct Which {
    /// The session, by the sid of its tokens
    #[arg(value_name = "SID", allow_hyphen_values = true)]
    sid: Option<String>,
    /// Every session of this user, for good
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    #[command(flatten)]
    expected: Expected,
}

/// A session as it is shown. Times are in seconds since 1970.
#[derive(Serialize)]
struct SessionView<'a> {
    sid: String,
    client_id: &'a ClientId,
    username: &'a Username,
    scopes: Vec<&'a str>,
    auth_time: Timestamp,
    expires_at: Timestamp,
}

impl<'a> SessionView<'a> {
    const HEADINGS: [&'static str; 5] = ["SID", "CLIENT ID", "SCOPES", "SINCE", "UNTIL"];

    fn new(session: &'a Session) -> Self {
        Self {
            sid: session.id().to_string(),
            client_id: session.client_id(),
            username: session.username(),
            scopes: session.scope().iter().map(ScopeToken::as_str).collect(),
            auth_time: session.auth_time(),
            expires_at: session.expires_at(),
        }
    }

    fn row(&self) -> [String; 5] {
        [
            self.sid.clone(),
            self.client_id.to_string(),
            self.scopes.join(" "),
            rfc3339(self.auth_time),
            rfc3339(self.expires_at),
        ]
    }
}

/// What was ended: a session, or all sessions of a user.
#[derive(Serialize)]
#[serde(untagged)]
enum Revoked<'a> {
    Session { sid: &'a str, revoked: bool },
    User { username: &'a Username, revoked: bool },
}

impl Command {
    pub(crate) fn change(&self, context: &Context) -> Option<Change> {
        match self {
            Self::List(_) | Self::Report(_) => None,
            Self::Revoke(Which { sid: Some(sid), .. }) => {
                Some(Change::new(Action::SessionRevoked, TargetKind::Session, sid))
            }
            Self::Revoke(Which { user, .. }) => {
                Some(Change::of_user(context, Action::SessionRevoked, user.as_deref().unwrap_or_default()))
            }
        }
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(OfUser { user }) => list(context, &user).await,
            Self::Report(report) => report.run(context).await,
            Self::Revoke(which) => revoke(context, which).await,
        }
    }
}

/// Lists the sessions of a user that have not ended, whether by themselves or because of a change to the user or the
/// client.
async fn list(context: &Context, user: &str) -> Result<(), Failure> {
    let username = prepared(context, user)?;
    let store = &context.database().await?.store;
    let sessions = sessions(context, store);
    let user = store.users.get(&username).await?;
    let mut listed = Vec::new();
    let mut clients: HashMap<ClientId, Option<Client>> = HashMap::new();
    for session in stored(context, &sessions, &username).await? {
        let client = match clients.entry(session.client_id().clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(store.clients.get(session.client_id()).await?),
        };
        let of_client = client.as_ref().is_some_and(|client| session.check_client(client).is_ok());
        if of_client && session.resume(user.clone()).is_ok() {
            listed.push(session);
        }
    }
    listed.sort_by_key(Session::auth_time);
    let views: Vec<_> = listed.iter().map(SessionView::new).collect();
    let nothing = format!("{username} has no sessions.");
    context.output.print(&views, || listing(SessionView::HEADINGS, views.iter().map(SessionView::row), &nothing))
}

/// The sessions of a user that have not expired.
async fn stored(context: &Context, sessions: &Sessions, username: &Username) -> Result<Vec<Session>, Failure> {
    let (now, mut found) = (context.clock.now(), Vec::new());
    let (mut bar, mut read) = (Progress::of("items", &context.output, None), 0);
    let mut pages = sessions.of_user(username);
    while let Some(page) = patiently(&mut pages).await? {
        read += pages.scanned() as u64;
        bar.add(pages.scanned() as u64, read);
        found.extend(page.into_iter().filter(|session| now < session.expires_at()));
    }
    bar.finish();
    Ok(found)
}

fn sessions(context: &Context, store: &Store) -> Sessions {
    Sessions::new(store.sessions.clone(), store.users.clone(), Arc::new(context.random))
}

async fn revoke(context: &Context, which: Which) -> Result<(), Failure> {
    match (which.sid, which.user) {
        (Some(_), _) if which.expected.is_given() => {
            let message = "the argument '--if-revision' is for '--user': a session stays as it is";
            Err(Failure::usage("session revoke", ErrorKind::ArgumentConflict, message))
        }
        (Some(sid), _) => revoke_one(context, &sid).await,
        (None, user) => revoke_all(context, &user.unwrap_or_default(), &which.expected).await,
    }
}

async fn revoke_one(context: &Context, sid: &str) -> Result<(), Failure> {
    let sessions = sessions(context, &context.database().await?.store);
    let session = sessions.find(SessionId::from(sid), context.clock.now()).await?;
    let session = session.ok_or_else(|| Failure::refused(format!("there is no session {sid}")))?;
    context.audit.sub(session.subject().as_str());
    sessions.revoke(&session).await?;
    context.output.print(&Revoked::Session { sid, revoked: true }, || format!("Session {sid} has been ended."))
}

async fn revoke_all(context: &Context, user: &str, expected: &Expected) -> Result<(), Failure> {
    let (username, now) = (prepared(context, user)?, context.clock.now());
    note_subject(context, &username).await?;
    let users = &context.database().await?.store.users;
    expected.write(context, &username, async |whom: Whom<'_>| users.end_sessions(whom, now).await).await?;
    let revoked = Revoked::User { username: &username, revoked: true };
    context.output.print(&revoked, || format!("Every session of {username} has been ended."))
}
