//! The keys that are listed, in AWS or in a data folder, as far as they are not secret.

use aws_sdk_kms::Client as Kms;
use passgrant::clock::Clock as _;
use passgrant::issuer::Issuer;
use passgrant::signing::envelope::{self, Envelopes};
use passgrant::signing::kms::KmsKey;
use passgrant::signing::listed::ListedKey;
use passgrant::signing::{KeyRing, SigningError, SigningKey};
use passgrant::store::signing_keys::KeyName;
use serde_json::{Value, json};

use crate::Context;
use crate::data_folder;
use crate::failure::Failure;
use crate::key::view::StoredKey;
use crate::output::{listing, warn};

/// Prints the keys, in order.
pub(super) async fn list(context: &Context) -> Result<(), Failure> {
    let keys = keys(context).await?;
    context.output.print(&keys, || listing(["KID", "TYPE", "ALGORITHM"], keys.iter().map(row), "There are no keys."))
}

fn row(key: &Value) -> [String; 3] {
    let [id, kind, algorithm] = ["kid", "kty", "alg"].map(|member| key[member].as_str());
    let algorithm = algorithm.unwrap_or("any that fits");
    [id.unwrap_or_default().to_owned(), kind.unwrap_or_default().to_owned(), algorithm.to_owned()]
}

/// Prints the public keys.
pub(super) async fn jwks(context: &Context) -> Result<(), Failure> {
    let keys: Vec<_> = keys(context).await?.into_iter().filter(|key| key["kty"] != "oct").collect();
    let keys = json!({ "keys": keys });
    context.output.print(&keys, || format!("{keys:#}"))
}

/// Prints the wrapped keys of the clients table.
pub(super) async fn list_stored(context: &Context) -> Result<(), Failure> {
    let mut keys = context.database().await?.store.signing_keys.list().all().await?;
    keys.sort_by(|one, other| (one.created_at, one.name.as_str()).cmp(&(other.created_at, other.name.as_str())));
    let listed_as = |name: &KeyName| {
        let listed = context.config.signing_keys.iter().find(|listed| listed.envelope().as_ref() == Some(name));
        listed.cloned().unwrap_or_else(|| ListedKey::of_envelope(name, None))
    };
    let views: Vec<_> = keys.iter().map(|key| StoredKey::new(key, &listed_as(&key.name))).collect();
    let table = || listing(StoredKey::HEADINGS, views.iter().map(StoredKey::row), "There are no wrapped keys.");
    context.output.print(&views, table)
}

/// The keys that tokens are verified with, each once and in order: a JWK, which for a secret is one without the secret.
async fn keys(context: &Context) -> Result<Vec<Value>, Failure> {
    if let Some(folder) = &context.data {
        let keys = data_folder::made_signing_keys(folder)?;
        let ring = KeyRing::new(keys.into_iter().map(SigningKey::OnDemand).collect());
        return shown(&ring, context).await.map_err(Failure::from);
    }
    let kms = Kms::new(context.account.config().await);
    let (mut keys, mut left_out) = (Vec::<Value>::new(), None);
    for listed in context.config.required_signing_keys()? {
        let found = match listed.envelope() {
            Some(name) => stored(context, listed, &name).await?,
            None => {
                shown(&KeyRing::new(vec![SigningKey::Kms(KmsKey::new(kms.clone(), listed.clone()))]), context).await
            }
        };
        match found {
            Ok(found) => {
                let fresh = |key: &Value| keys.iter().all(|known| known["kid"] != key["kid"]);
                let fresh: Vec<_> = found.into_iter().filter(fresh).collect();
                keys.extend(fresh);
            }
            // As in the function, a key that cannot be used is left out while there is another.
            Err(error) if !error.is_transient() => left_out = left_out.or(Some(error)),
            Err(error) => return Err(error.into()),
        }
    }
    match left_out {
        Some(error) if keys.is_empty() => Err(error.into()),
        _ => Ok(keys),
    }
}

async fn shown(ring: &KeyRing, context: &Context) -> Result<Vec<Value>, SigningError> {
    let keys = ring.verification_keys(context.clock.now()).await?;
    Ok(keys.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
}

/// What the clients table says about a wrapped key: only the function can have it unwrapped.
async fn stored(
    context: &Context,
    listed: &ListedKey,
    name: &KeyName,
) -> Result<Result<Vec<Value>, SigningError>, Failure> {
    let keys = &context.database().await?.store.signing_keys;
    let Some(wrapped) = keys.get(name).await? else {
        warn(&format!("there is no key {name} in the clients table"));
        return Ok(Ok(Vec::new()));
    };
    let key = envelope::as_stored(&wrapped, listed);
    Ok(key.and_then(|key| Ok(vec![serde_json::to_value(key)?])))
}

/// The envelopes of `issuer`, in AWS.
pub(super) async fn envelopes(
    context: &Context,
    issuer: Issuer,
    wrapping_key: Option<String>,
) -> Result<Envelopes, Failure> {
    let keys = context.database().await?.store.signing_keys.clone();
    Ok(Envelopes::new(Kms::new(context.account.config().await), keys, issuer, wrapping_key))
}
