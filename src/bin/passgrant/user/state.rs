//! What is done to a user who is there: another password, another state, and the end.

use clap::Args;
use passgrant::clock::Clock as _;
use passgrant::store::outcome::{Changed, StoreError};
use passgrant::store::users::Whom;
use passgrant::store::users::change::Revision;
use passgrant::user::{User, Username};

use crate::Context;
use crate::failure::Failure;
use crate::user::view::{Deleted, Unlocked, UserView};
use crate::user::{Named, PasswordSource, found, note_subject, prepared, unknown};

#[derive(Args)]
pub(crate) struct SetPassword {
    #[command(flatten)]
    existing: Existing,
    #[command(flatten)]
    password: PasswordSource,
}

/// A user who must be as somebody has seen it.
#[derive(Args)]
pub(crate) struct Existing {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    expected: Expected,
}

#[derive(Args)]
pub(crate) struct Expected {
    /// Change nothing if anybody has changed the user since this revision, which `user show` tells
    #[arg(long, value_name = "REVISION")]
    if_revision: Option<String>,
}

impl Expected {
    /// Whether anything is expected.
    pub(crate) fn is_given(&self) -> bool {
        self.if_revision.is_some()
    }

    /// # Errors
    /// [`Failure`] if `user` is not as it was expected.
    pub(super) fn check(&self, user: &User) -> Result<(), Failure> {
        let is_met = self.if_revision.as_ref().is_none_or(|revision| Revision::of(user).is(revision));
        if is_met { Ok(()) } else { Err(overtaken(user)) }
    }

    /// The user called `username`, if it has to be as it was seen, and is.
    async fn seen(&self, context: &Context, username: &Username) -> Result<Option<User>, Failure> {
        if self.if_revision.is_none() {
            return Ok(None);
        }
        let user = found(context, username).await?;
        self.check(&user)?;
        Ok(Some(user))
    }

    /// Has `write` write to the user called `username`.
    pub(crate) async fn write(
        &self,
        context: &Context,
        username: &Username,
        write: impl AsyncFnOnce(Whom<'_>) -> Result<Changed, StoreError>,
    ) -> Result<(), Failure> {
        let seen = self.seen(context, username).await?;
        match write(seen.as_ref().map_or(Whom::Named(username), Whom::Seen)).await? {
            Changed::Written => Ok(()),
            Changed::Unmet if seen.is_some() => Err(overtaken(&found(context, username).await?)),
            Changed::Unmet => Err(unknown(username)),
        }
    }
}

fn overtaken(user: &User) -> Failure {
    let (username, revision) = (&user.username, Revision::of(user));
    Failure::overtaken(format!(
        "somebody else has changed user {username}, who is at revision {revision} now: nothing was changed"
    ))
}

impl Existing {
    pub(super) fn named(&self) -> &Named {
        &self.named
    }

    fn username(&self, context: &Context) -> Result<Username, Failure> {
        prepared(context, &self.named.name)
    }
}

impl SetPassword {
    pub(super) fn named(&self) -> &Named {
        self.existing.named()
    }

    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let username = self.existing.username(context)?;
        let hash = self.password.hash(context, "user set-password", &username).await?;
        let (store, now) = (&context.database().await?.store, context.clock.now());
        let set = async |whom: Whom<'_>| store.users.set_password(whom, &hash, now).await;
        self.existing.expected.write(context, &username, set).await?;
        store.attempts.forget(&username).await?;
        tell(context, &username, "password", "has a new password").await
    }
}

pub(super) async fn disable(context: &Context, existing: &Existing) -> Result<(), Failure> {
    let (username, now) = (existing.username(context)?, context.clock.now());
    let users = &context.database().await?.store.users;
    existing.expected.write(context, &username, async |whom: Whom<'_>| users.disable(whom, now).await).await?;
    tell(context, &username, "disabled", "is disabled").await
}

pub(super) async fn enable(context: &Context, existing: &Existing) -> Result<(), Failure> {
    let (username, now) = (existing.username(context)?, context.clock.now());
    let users = &context.database().await?.store.users;
    existing.expected.write(context, &username, async |whom: Whom<'_>| users.enable(whom, now).await).await?;
    tell(context, &username, "disabled", "is enabled").await
}

pub(super) async fn unlock(context: &Context, name: &str) -> Result<(), Failure> {
    let username = prepared(context, name)?;
    note_subject(context, &username).await?;
    context.database().await?.store.attempts.forget(&username).await?;
    let unlocked = Unlocked { username: &username, unlocked: true };
    context.output.print(&unlocked, || format!("The username {username} is unlocked."))
}

pub(super) async fn delete(context: &Context, existing: &Existing) -> Result<(), Failure> {
    let username = existing.username(context)?;
    note_subject(context, &username).await?;
    let store = &context.database().await?.store;
    existing.expected.write(context, &username, async |whom: Whom<'_>| store.users.delete(whom).await).await?;
    store.attempts.clear(&username).await?;
    let deleted = Deleted { username: &username, deleted: true };
    context.output.print(&deleted, || format!("User {username} is deleted."))
}

/// Prints what became of a change of `member`: a sentence for people, the whole user for programs.
async fn tell(context: &Context, username: &Username, member: &str, what: &str) -> Result<(), Failure> {
    context.audit.changed(&[member]);
    let user = found(context, username).await?;
    context.audit.user(&user);
    context.output.print(&UserView::new(&user), || format!("User {username} {what}."))
}
