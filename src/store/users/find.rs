//! Looking for users: for the command line only.

use crate::store::item::string;
use crate::store::outcome::StoreError;
use crate::store::pages::Pages;
use crate::store::users::Users;
use crate::user::{User, Username};

/// Some users, in the order of the table, which is not that of their names.
pub struct Part {
    /// The users.
    pub users: Vec<User>,
    /// After whom the table goes on, if it does.
    pub next: Option<Username>,
}

/// What users are looked for by.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// The beginning of their prepared usernames.
    Prefix(&'a str),
    /// Their subject.
    Subject(&'a str),
}

impl Users {
    /// At most `count` users: the first ones of the table, or those that come `after` a user, who need not be there any
    /// more. One request, however large the table is.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer, or an item cannot be read.
    pub async fn part(&self, after: Option<&Username>, count: u16) -> Result<Part, StoreError> {
        let request = self.table.scan().limit(count.into());
        let request = match after {
            Some(last) => request.exclusive_start_key("username", string(last.as_str())),
            None => request,
        };
        let answer = request.send().await.map_err(StoreError::from_sdk)?;
        let goes_on = answer.last_evaluated_key.is_some();
        let items = answer.items.unwrap_or_default().into_iter();
        let users: Vec<User> =
            items.map(|item| self.read(&self.table.key_of(&item), item)).collect::<Result<_, _>>()?;
        let next = users.last().filter(|_| goes_on).map(|last| last.username.clone());
        Ok(Part { users, next })
    }

    /// The users who are looked for, in one of `segments` parts of the table, as [`Users::segment`] reads it.
    #[must_use]
    pub fn found(&self, by: By<'_>, segment: u32, segments: u32) -> Pages<'_, User> {
        let request = self.table.scan_of(segment, segments);
        let request = match by {
            By::Prefix(prefix) => request
                .filter_expression("begins_with(username, :sought)")
                .expression_attribute_values(":sought", string(prefix)),
            By::Subject(sub) => request
                .filter_expression("#sub = :sought")
                .expression_attribute_names("#sub", "sub")
                .expression_attribute_values(":sought", string(sub)),
        };
        Pages::new(request, |item| self.read(&self.table.key_of(&item), item))
    }
}
