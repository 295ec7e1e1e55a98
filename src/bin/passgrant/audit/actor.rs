//! Who runs a command: not what the environment says, which anybody can set, but what the system or AWS knows.

use std::fmt;
use std::path::Path;

use nix::unistd::{Uid, User};
use passgrant::audit::Actor;

use crate::account::Account;
use crate::failure::Failure;

/// Who runs a command.
pub(crate) enum Operator {
    /// A user of this machine, by name, or by number if there is no name.
    Local(String),
    /// A principal of AWS, by its ARN.
    Aws(String),
}

impl Operator {
    pub(super) fn actor(&self) -> Actor<'_> {
        match self {
            Self::Local(name) => Actor::LocalUser(name),
            Self::Aws(arn) => Actor::Aws(arn),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(formatter, "{name}, a user of this machine"),
            Self::Aws(arn) => formatter.write_str(arn),
        }
    }
}

/// Who works on the data folder `data`, which is a user of this machine; or without one in AWS, which is whoever
/// holds the credentials of `account`.
pub(crate) async fn operator(data: Option<&Path>, account: &Account) -> Result<Operator, Failure> {
    match data {
        Some(_) => local(),
        None => account.holder().await.map(Operator::Aws),
    }
}

/// Who runs this process, as the system has it.
pub(super) fn local() -> Result<Operator, Failure> {
    let uid = Uid::current();
    let known =
        User::from_uid(uid).map_err(|error| Failure::refused(format!("the user {uid} of this machine: {error}")))?;
    Ok(Operator::Local(known.map_or_else(|| uid.to_string(), |user| user.name)))
}
