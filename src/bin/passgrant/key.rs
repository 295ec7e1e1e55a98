//! `passgrant key`: the public keys that tokens are verified with.

use aws_sdk_kms::Client as Kms;
use clap::Subcommand;
use passgrant::aws;
use passgrant::clock::Clock as _;
use passgrant::signing::kms::KmsKey;
use passgrant::signing::{KeyRing, SigningKey};
use serde_json::{Value, json};

use crate::Context;
use crate::data_folder;
use crate::failure::Failure;
use crate::output::listing;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the keys, in order: the first that fits an algorithm signs
    List,
    /// Print the JSON Web Key Set that the service publishes
    Jwks,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let ring = ring(context).await?;
        let keys = ring.published(context.clock.now()).await?;
        let keys = keys.into_iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
        match self {
            Self::List => context
                .output
                .print(&keys, || listing(["KID", "TYPE", "ALGORITHM"], keys.iter().map(row), "There are no keys.")),
            Self::Jwks => {
                let keys = json!({ "keys": keys });
                context.output.print(&keys, || format!("{keys:#}"))
            }
        }
    }
}

fn row(key: &Value) -> [String; 3] {
    let [id, kind, algorithm] = ["kid", "kty", "alg"].map(|member| key[member].as_str());
    let algorithm = algorithm.unwrap_or("any that fits");
    [id.unwrap_or_default().to_owned(), kind.unwrap_or_default().to_owned(), algorithm.to_owned()]
}

/// The keys of the local server, or without one those that the environment names in KMS.
async fn ring(context: &Context) -> Result<KeyRing, Failure> {
    if let Some(folder) = &context.data {
        let keys = data_folder::made_signing_keys(folder)?;
        return Ok(KeyRing::new(keys.into_iter().map(SigningKey::OnDemand).collect()));
    }
    let kms = Kms::new(&aws::sdk_config().await);
    let keys = context.config.required_signing_keys()?.iter();
    Ok(KeyRing::new(keys.map(|listed| SigningKey::Kms(KmsKey::new(kms.clone(), listed.clone()))).collect()))
}
