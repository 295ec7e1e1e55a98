//! `passgrant key`: the keys that sign tokens, and the public halves that verify them.

mod listed;
mod secret;
mod view;

use clap::error::ErrorKind;
use clap::{Args, Subcommand, ValueEnum};
use passgrant::audit::{Action, TargetKind};
use passgrant::clock::Clock as _;
use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::envelope::Envelopes;
use passgrant::signing::listed::ListedKey;
use passgrant::signing::secret::SharedSecret;
use passgrant::store::outcome::Changed;
use passgrant::store::signing_keys::{KeyKind, KeyName};

use crate::Context;
use crate::audit::Change;
use crate::data_folder;
use crate::failure::Failure;
use crate::key::secret::Encoding;
use crate::key::view::{Deleted, KeptKey, StoredKey};

const CREATE_EXAMPLES: &str = "\
Examples:
  passgrant key create main-2027 --alg ES256          # in AWS: made and wrapped by KMS
  passgrant key create main-2027 --alg RS256 --rsa-bits 3072
  passgrant --data .passgrant key create --alg ES256  # a file of the local server";

const IMPORT_EXAMPLES: &str = "\
Examples:
  openssl rand -base64 32 | passgrant key import reports --alg HS256 --secret-stdin
  passgrant key import reports --alg HS512 --secret-stdin --encoding hex < secret.hex
  openssl rand -base64 32 | passgrant --data .passgrant key import --alg HS256 --secret-stdin";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the keys, in order: the first that fits an algorithm signs
    List(List),
    /// Print the JSON Web Key Set that the service publishes
    Jwks,
    /// Make a key pair, which signs in the process of the service
    ///
    /// In AWS, KMS makes the pair and wraps its private half, which nobody but the function can have unwrapped; it is stored in
    /// the clients table. It signs once it is among the signing keys of the function. With --data, the pair is a file of the
    /// data folder, and is what the local server would make when it first needs it.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// Take a secret that an API shares, to sign with HS256, HS384 or HS512
    ///
    /// It has 32, 48 or 64 bytes, and not fewer than the hash of its algorithm (RFC 7518, section 3.2). In AWS it is wrapped by
    /// KMS and stored in the clients table. With --data it is a file of the data folder, which a running server finds too.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// Delete a wrapped key for good; its tokens are refused once no instance has it any more
    Delete(Delete),
}

#[derive(Args)]
pub(crate) struct List {
    #[arg(long, help = "List the wrapped keys that are stored, whether PASSGRANT_SIGNING_KEYS lists them or not")]
    stored: bool,
}

/// Where a private key is.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Wrapped by KMS, in DynamoDB
    Envelope,
    /// In a file of the data folder
    File,
}

#[derive(Args)]
struct Place {
    /// What it is called, in AWS: 1 to 64 of a-z, 0-9 and -
    #[arg(value_name = "NAME")]
    name: Option<KeyName>,
    #[arg(long, help = "Where it is kept [default: envelope; with --data: file]", value_name = "MODE")]
    mode: Option<Mode>,
    #[arg(long, help = "The symmetric KMS key that wraps it [default: PASSGRANT_WRAPPING_KEY]", value_name = "KEY")]
    wrapping_key: Option<String>,
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    place: Place,
    #[arg(long, help = "The algorithm that it is for [default: PASSGRANT_SIGNING_ALGORITHM]", value_name = "ALGORITHM", value_parser = str::parse::<Algorithm>)]
    alg: Option<Algorithm>,
    /// How long an RSA key is, in AWS: 2048, 3072 or 4096 bits [default: 2048]
    #[arg(long, value_name = "BITS", value_parser = ["2048", "3072", "4096"], hide_possible_values = true)]
    rsa_bits: Option<String>,
}

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    place: Place,
    /// The algorithm that the secret is for: HS256, HS384 or HS512
    #[arg(long, value_name = "ALGORITHM", value_parser = str::parse::<Algorithm>)]
    alg: Algorithm,
    /// Take the secret from standard input, one line
    #[arg(long)]
    secret_stdin: bool,
    #[arg(
        long,
        help = "How it is written: base64 (either alphabet), hex, text [default: base64]",
        value_name = "ENCODING",
        hide_possible_values = true
    )]
    encoding: Option<Encoding>,
}

#[derive(Args)]
pub(crate) struct Delete {
    /// What it is called
    #[arg(value_name = "NAME")]
    name: KeyName,
    /// Delete it only if this is its key ID, which `key list --stored` tells
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    if_kid: Option<String>,
}

impl Command {
    pub(crate) fn change(&self, context: &Context) -> Option<Change> {
        let named = |name: Option<&KeyName>, algorithm: Algorithm| {
            name.map_or_else(|| algorithm.as_str().to_owned(), ToString::to_string)
        };
        let (action, key) = match self {
            Self::Create(Create { place, alg, .. }) => {
                let algorithm = alg.unwrap_or(context.config.signing_algorithm);
                (Action::KeyCreated, named(place.name.as_ref(), algorithm))
            }
            Self::Import(Import { place, alg, .. }) => (Action::KeyImported, named(place.name.as_ref(), *alg)),
            Self::Delete(Delete { name, .. }) => (Action::KeyDeleted, name.to_string()),
            Self::List(_) | Self::Jwks => return None,
        };
        Some(Change::new(action, TargetKind::Key, key))
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(List { stored: false }) => listed::list(context).await,
            Self::List(List { stored: true }) => listed::list_stored(context).await,
            Self::Jwks => listed::jwks(context).await,
            Self::Create(create) => create.run(context).await,
            Self::Import(import) => import.run(context).await,
            Self::Delete(delete) => delete.run(context).await,
        }
    }
}

impl Create {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let algorithm = self.alg.unwrap_or(context.config.signing_algorithm);
        if !algorithm.is_of_key_pair() {
            let message = format!("{algorithm} needs a secret that others have too: `key import` takes one");
            return Err(Failure::usage("key create", ErrorKind::InvalidValue, &message));
        }
        let kind = match (KeyKind::of(algorithm), self.rsa_bits.as_deref()) {
            (kind, None) => kind,
            (KeyKind::Rsa2048, Some("4096")) => KeyKind::Rsa4096,
            (KeyKind::Rsa2048, Some("3072")) => KeyKind::Rsa3072,
            (KeyKind::Rsa2048, Some(_)) => KeyKind::Rsa2048,
            (_, Some(_)) => return Err(conflict("key create", "--rsa-bits <BITS>", &format!("--alg {algorithm}"))),
        };
        if let Some(folder) = &context.data {
            if self.rsa_bits.is_some() {
                return Err(conflict("key create", "--rsa-bits <BITS>", "--data <DIR>"));
            }
            self.place.is_folder("key create")?;
            let key = data_folder::create_key(folder, algorithm)?;
            return KeptKey::new(&key, algorithm).print(context);
        }
        let name = self.place.name("key create")?;
        let key = self.place.envelopes(context).await?.create(&name, kind, context.clock.now()).await?;
        StoredKey::new(&key, &ListedKey::of_envelope(&name, Some(algorithm))).print(context)
    }
}

impl Import {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        match &context.data {
            Some(_) => self.place.is_folder("key import")?,
            None => self.place.name("key import").map(drop)?,
        }
        let secret = SharedSecret::new(self.alg, secret::read(&context.secrets, self.secret_stdin, self.encoding)?)?;
        if let Some(folder) = &context.data {
            let key = data_folder::import_key(folder, secret)?;
            return KeptKey::new(&key, self.alg).print(context);
        }
        let name = self.place.name("key import")?;
        let key = self.place.envelopes(context).await?.import(&name, secret, context.clock.now()).await?;
        StoredKey::new(&key, &ListedKey::of_envelope(&name, None)).print(context)
    }
}

impl Place {
    /// A data folder has one key for each algorithm, and nothing to wrap it with.
    fn is_folder(&self, command: &str) -> Result<(), Failure> {
        let given = [
            (self.name.is_some(), "[NAME]"),
            (self.mode == Some(Mode::Envelope), "--mode envelope"),
            (self.wrapping_key.is_some(), "--wrapping-key <KEY>"),
        ];
        match given.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, argument)) => Err(conflict(command, argument, "--data <DIR>")),
            None => Ok(()),
        }
    }

    /// The name, which a key has in AWS.
    fn name(&self, command: &str) -> Result<KeyName, Failure> {
        if self.mode == Some(Mode::File) {
            let message = "a file needs a data folder: give '--data <DIR>'";
            return Err(Failure::usage(command, ErrorKind::MissingRequiredArgument, message));
        }
        self.name.clone().ok_or_else(|| {
            let message = "a wrapped key needs a name: give [NAME], or '--data <DIR>' for a key of the local server";
            Failure::usage(command, ErrorKind::MissingRequiredArgument, message)
        })
    }

    async fn envelopes(&self, context: &Context) -> Result<Envelopes, Failure> {
        let issuer = context.config.required_issuer()?;
        let wrapping_key = self.wrapping_key.clone().or_else(|| context.config.wrapping_key.clone());
        if wrapping_key.is_none() {
            return Err(Failure::refused(
                "no wrapping key is named: give --wrapping-key, or set PASSGRANT_WRAPPING_KEY",
            ));
        }
        listed::envelopes(context, issuer, wrapping_key).await
    }
}

impl Delete {
    /// A key that is still listed is not deleted: instances would start without it.
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let (name, kid) = (&self.name, self.if_kid.as_deref());
        if context.data.is_some() {
            return Err(conflict("key delete", "<NAME>", "--data <DIR>"));
        }
        if context.config.signing_keys.iter().any(|listed| listed.envelope().as_ref() == Some(name)) {
            return Err(Failure::refused(format!(
                "PASSGRANT_SIGNING_KEYS lists envelope:{name}: take it off the list first"
            )));
        }
        match context.database().await?.store.signing_keys.delete(name, kid).await? {
            Changed::Unmet if kid.is_some() => Err(Failure::RefusedOption(
                "if-kid",
                format!("there is no key {name} with that key ID: look at the stored keys again"),
            )),
            Changed::Unmet => Err(Failure::refused(format!("there is no key {name}"))),
            Changed::Written => {
                let deleted = Deleted { name, deleted: true };
                context.output.print(&deleted, || format!("Key {name} is deleted."))
            }
        }
    }
}

fn conflict(command: &str, one: &str, other: &str) -> Failure {
    let message = format!("the argument '{one}' cannot be used with '{other}'");
    Failure::usage(command, ErrorKind::ArgumentConflict, &message)
}
