//! `passgrant session`: the logins that clients keep alive.

use clap::{ArgGroup, Args, Subcommand};
use passgrant::client::ClientId;
use passgrant::clock::{Clock as _, Timestamp};
use passgrant::scope::ScopeToken;
use passgrant::session::Session;
use passgrant::session::refresh_token::SessionId;
use passgrant::user::Username;
use serde::Serialize;

use crate::Context;
use crate::failure::Failure;
use crate::output::{listing, rfc3339};

const REVOKE_EXAMPLES: &str = "\
Examples:
  passgrant session revoke 2ZKpWhDpmGdlUtePN0ZHyYoXPeXVFQBa7yNgl7oPbmA
  passgrant session revoke --user ann";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the sessions of a user; it reads the whole table of tokens
    List(OfUser),
    /// End a session, or all of a user's
    #[command(after_help = REVOKE_EXAMPLES, group = ArgGroup::new("which").required(true).args(["sid", "user"]))]
    Revoke(Which),
}

#[derive(Args)]
pub(crate) struct OfUser {
    /// The user
    #[arg(long, value_name = "NAME")]
    user: String,
}

#[derive(Args)]
pub(crate) struct Which {
    /// The session, as the sid of its tokens names it
    #[arg(value_name = "SID", allow_hyphen_values = true)]
    sid: Option<String>,
    /// Every session of this user; it reads the whole table of tokens
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
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

/// How many sessions were ended.
#[derive(Serialize)]
struct Revoked {
    revoked: usize,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(OfUser { user }) => list(context, &user).await,
            Self::Revoke(which) => revoke(context, which).await,
        }
    }
}

async fn of_user(context: &Context, user: &str) -> Result<Vec<Session>, Failure> {
    let username = Username::prepare(user, context.config.username_profile)?;
    Ok(Session::of_user(&username, &context.database().await?.store.tokens, context.clock.now()).await?)
}

async fn list(context: &Context, user: &str) -> Result<(), Failure> {
    let mut sessions = of_user(context, user).await?;
    sessions.sort_by_key(Session::auth_time);
    let views: Vec<_> = sessions.iter().map(SessionView::new).collect();
    let nothing = format!("{user} has no sessions.");
    context.output.print(&views, || listing(SessionView::HEADINGS, views.iter().map(SessionView::row), &nothing))
}

async fn revoke(context: &Context, which: Which) -> Result<(), Failure> {
    let tokens = &context.database().await?.store.tokens;
    let sessions = match (which.sid, which.user) {
        (Some(sid), _) => {
            let session = Session::find(&SessionId::from(sid.as_str()), tokens, context.clock.now()).await?;
            vec![session.ok_or_else(|| Failure::refused(format!("there is no session {sid}")))?]
        }
        (None, user) => of_user(context, &user.unwrap_or_default()).await?,
    };
    for session in &sessions {
        session.revoke(tokens).await?;
    }
    let revoked = Revoked { revoked: sessions.len() };
    context.output.print(&revoked, || match revoked.revoked {
        1 => "One session is ended.".to_owned(),
        count => format!("{count} sessions are ended."),
    })
}
