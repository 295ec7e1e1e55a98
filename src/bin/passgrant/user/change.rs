//! `passgrant user update`: other claims and scopes.

use clap::Args;
use clap::error::ErrorKind;
use passgrant::claims;
use passgrant::clock::Clock as _;
use passgrant::json::Object;
use passgrant::scope::Scope;
use passgrant::store::outcome::Changed;
use passgrant::user::{User, Username};

use crate::Context;
use crate::failure::Failure;
use crate::scope_argument;
use crate::user::claim::{Claims, warn_of_unusual};
use crate::user::state::Expected;
use crate::user::view::UserView;
use crate::user::{Named, found, joined, prepared};

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant user update ann --claim name='Ann Example' --claim-json email_verified=true
  passgrant user update ann --remove-claim nickname --allowed-scope 'profile email'
  passgrant user update ann --any-scope --if-revision \"$REVISION\"   # unless others have changed it";

const COMMAND: &str = "user update";

/// How often a change is tried if others change the user at the same time.
const ATTEMPTS: usize = 5;

#[derive(Args)]
pub(crate) struct Update {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    claims: Claims,
    /// A claim to remove (repeatable)
    #[arg(long, value_name = "NAME")]
    remove_claim: Vec<String>,
    /// A scope the user may grant, separated by spaces or repeated: replaces what was there; an empty value allows none
    #[arg(long, value_name = "SCOPE", value_parser = scope_argument::parse)]
    allowed_scope: Option<Vec<Scope>>,
    /// Let the user grant whatever the client may have
    #[arg(long, conflicts_with = "allowed_scope")]
    any_scope: bool,
    #[command(flatten)]
    expected: Expected,
}

/// What becomes of a user's claims and scopes.
struct Changes {
    claims: Object,
    removed: Vec<String>,
    /// `None`: they stay.
    scopes: Option<Scopes>,
}

/// The scopes that a user may grant.
enum Scopes {
    /// Whatever the client may have.
    Any,
    These(Scope),
}

impl Update {
    pub(super) fn named(&self) -> &Named {
        &self.named
    }

    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let username = prepared(context, &self.named.name)?;
        let (changes, expected) = self.changes()?;
        let user = changed(context, &username, &changes, &expected).await?;
        let view = UserView::new(&user);
        context.output.print(&view, || format!("User {username} is changed."))
    }

    /// The changes, and what they are made to.
    fn changes(self) -> Result<(Changes, Expected), Failure> {
        let Self { named: _, claims, remove_claim: removed, allowed_scope, any_scope, expected } = self;
        if claims.is_empty() && removed.is_empty() && allowed_scope.is_none() && !any_scope {
            let message = "there is nothing to change: give at least one option";
            return Err(Failure::usage(COMMAND, ErrorKind::MissingRequiredArgument, message));
        }
        let claims = claims.given(COMMAND)?;
        if let Some(name) = removed.iter().find(|name| claims.contains_key(*name)) {
            let message = format!("the claim '{name}' is given, and to be removed");
            return Err(Failure::usage(COMMAND, ErrorKind::ArgumentConflict, &message));
        }
        claims::check(&claims)?;
        warn_of_unusual(&claims);
        let scopes = allowed_scope.map(|scopes| Scopes::These(joined(&scopes))).or(any_scope.then_some(Scopes::Any));
        Ok((Changes { claims, removed, scopes }, expected))
    }
}

impl Changes {
    /// The claims and scopes that `user` is to have.
    fn of(&self, user: &User) -> Result<(Object, Option<Scope>), Failure> {
        let mut claims = user.claims.clone();
        for name in &self.removed {
            if claims.remove(name).is_none() {
                return Err(Failure::refused(format!("user {} has no claim '{name}' to remove", user.username)));
            }
        }
        claims.extend(self.claims.clone());
        let scopes = match &self.scopes {
            None => user.allowed_scopes.clone(),
            Some(Scopes::Any) => None,
            Some(Scopes::These(scopes)) => Some(scopes.clone()),
        };
        Ok((claims, scopes))
    }
}

/// Changes a user, starting again if somebody else changes it meanwhile, unless that is to be seen first.
async fn changed(
    context: &Context,
    username: &Username,
    changes: &Changes,
    expected: &Expected,
) -> Result<User, Failure> {
    let users = &context.database().await?.store.users;
    for _ in 0..ATTEMPTS {
        let read = found(context, username).await?;
        context.audit.user(&read);
        expected.check(&read)?;
        let (claims, allowed_scopes) = changes.of(&read)?;
        let now = context.clock.now();
        if users.change(&read, &claims, allowed_scopes.as_ref(), now).await? == Changed::Written {
            note(context, &read, &claims, allowed_scopes.as_ref());
            return found(context, username).await;
        }
    }
    Err(Failure::refused(format!("user {username} is being changed by others: try again")))
}

/// Notes for the audit log in what `read` differs from what was written, and not from what others have written since.
fn note(context: &Context, read: &User, claims: &Object, allowed_scopes: Option<&Scope>) {
    let scopes = (read.allowed_scopes.as_ref() != allowed_scopes).then_some("allowed_scopes");
    let claims = (read.claims != *claims).then_some("claims");
    let names: Vec<&str> = scopes.into_iter().chain(claims).collect();
    context.audit.changed(&names);
}
