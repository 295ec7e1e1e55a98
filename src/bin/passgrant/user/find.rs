//! `passgrant user find`: users of whom only a part of the name is known, or the subject.

use clap::{ArgGroup, Args};
use passgrant::store::users::find::By;
use passgrant::user::User;
use serde::Serialize;

use crate::Context;
use crate::failure::Failure;
use crate::output::listing;
use crate::scan::Scan;
use crate::user::prepared;
use crate::user::view::UserView;

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant user find --prefix ann
  passgrant user find --sub 4f3a0c5e-7f7b-4a43-9d54-0b6d3f1f1f0e";

#[derive(Args)]
#[command(group = ArgGroup::new("by").required(true).args(["prefix", "sub"]))]
pub(crate) struct Find {
    /// Users whose name begins with this
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// The user with this subject, as it is in tokens and logs
    #[arg(long, value_name = "SUB")]
    sub: Option<String>,
    /// Stop reading when so many are found
    #[arg(long, value_name = "USERS", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    scan: Scan,
}

/// Who was found. They are the first that were met, in the order of their names.
#[derive(Serialize)]
struct Found<'a> {
    users: Vec<UserView<'a>>,
    /// Whether the whole table was read, so that these are all.
    complete: bool,
}

impl Find {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let prefix = self.prefix.as_deref().map(|text| prepared(context, text)).transpose()?;
        let by = match (&prefix, &self.sub) {
            (Some(prefix), _) => By::Prefix(prefix.as_str()),
            (None, sub) => By::Subject(sub.as_deref().unwrap_or_default()),
        };
        // There is one user of a subject.
        let limit = if matches!(by, By::Subject(_)) { 1 } else { usize::from(self.limit) };
        let users = &context.database().await?.store.users;
        let mut found: Vec<User> = Vec::new();
        let take = |page: Vec<User>| {
            found.extend(page);
            found.len() < limit
        };
        let complete = self.scan.read_while(context, "users", |one, of| users.found(by, one, of), take).await?;
        found.sort_by(|one, other| one.username.as_str().cmp(other.username.as_str()));
        let complete = complete && found.len() <= limit;
        found.truncate(limit);
        let found = Found { users: found.iter().map(UserView::new).collect(), complete };
        context.output.print(&found, || found.text())
    }
}

impl Found<'_> {
    fn text(&self) -> String {
        let users = listing(UserView::HEADINGS, self.users.iter().map(UserView::row), "No user was found.");
        if self.complete { users } else { format!("{users}\nThere may be more: the rest of the table was not read.") }
    }
}
