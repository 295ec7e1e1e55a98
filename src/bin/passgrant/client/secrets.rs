//! The options by which a client gets a secret: a generated one, or one that somebody chose.

use clap::Args;
use passgrant::client::secret::{ClientSecret, RefusedSecret, WeakSecrets};

use crate::Context;
use crate::failure::Failure;
use crate::output::warn;

#[derive(Args)]
pub(super) struct SecretOptions {
    /// Take the secret from standard input, one line of 22 to 512 characters, instead of generating it
    #[arg(long)]
    secret_stdin: bool,
    /// Accept a secret of 8 characters or more, although one of fewer than 22 may be guessed
    #[arg(long, requires = "secret_stdin")]
    allow_weak_secret: bool,
}

impl SecretOptions {
    /// Whether the secret is on standard input.
    pub(super) fn is_chosen(&self) -> bool {
        self.secret_stdin
    }

    /// The secret on standard input, or a fresh one.
    pub(super) fn secret(&self, context: &Context) -> Result<ClientSecret, Failure> {
        if self.is_chosen() { self.chosen(context) } else { Ok(ClientSecret::generate(&context.random)?) }
    }

    /// The secret on standard input.
    pub(super) fn chosen(&self, context: &Context) -> Result<ClientSecret, Failure> {
        let weak = if self.allow_weak_secret { WeakSecrets::Allowed } else { WeakSecrets::Refused };
        let unfit = |reason: String| Failure::RefusedOption("secret-stdin", reason);
        let line = context.secrets.line("secret").map_err(|failure| unfit(failure.reason()))?;
        let secret = ClientSecret::chosen(line, weak).map_err(|refused| match refused {
            RefusedSecret::Weak => unfit(format!("{refused}: --allow-weak-secret accepts it all the same")),
            _ => unfit(refused.to_string()),
        })?;
        if secret.is_weak() {
            warn(&RefusedSecret::Weak.to_string());
        }
        Ok(secret)
    }
}
