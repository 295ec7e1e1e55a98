//! `serve --sam`: DynamoDB and KMS for the Lambda binary in a container, as `sam local` runs it.

mod bridge;
mod environment;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::local_kms::{KeyMaterial, KeySpec, LocalKms, listener};
use passgrant::signing::on_demand::OnDemandKey;
use passgrant::store::TableNames;
use passgrant::store::embedded::EmbeddedDynamoDb;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::data_folder::DataFolder;
use crate::failure::Failure;
use crate::output::warn;
pub(super) use crate::serve::sam::bridge::Bridge;
use crate::serve::sam::environment::{Environment, EnvironmentFile, FILE};

/// The algorithms whose keys are in the KMS, whatever else is: one for each kind of key pair. The first signs with every
/// algorithm of RSA.
const KINDS: [Algorithm; 5] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];

/// The addresses that containers will use, before anything listens there, and the file that tells them.
pub(super) struct Places {
    file: EnvironmentFile,
    dynamodb: TcpListener,
    kms: TcpListener,
}

impl Places {
    /// # Errors
    /// [`Failure`] when there is no such bridge, or it cannot be listened on, or another server has written the file.
    pub(super) async fn take(bridge: &Bridge) -> Result<Self, Failure> {
        let address = bridge.address()?;
        let refused = |error| Failure::refused(format!("cannot listen on {address}: {error}"));
        let take = || TcpListener::bind(SocketAddr::new(address, 0));
        let (dynamodb, kms) = (take().await.map_err(refused)?, take().await.map_err(refused)?);
        let places = Self { file: EnvironmentFile::take()?, dynamodb, kms };
        if !address.is_loopback() {
            warn(&format!(
                "whatever reaches {address} can use the database and the keys: containers, and perhaps other machines"
            ));
        }
        Ok(places)
    }
}

/// What `sam local` is given; taken back when it is stopped.
#[derive(Serialize)]
pub(super) struct Sam {
    env_vars: &'static str,
    dynamodb_endpoint: String,
    kms_endpoint: String,
    #[serde(skip)]
    file: EnvironmentFile,
    #[serde(skip)]
    kms: JoinHandle<Infallible>,
}

impl Sam {
    /// Listens at `places`, and tells `sam local` so.
    pub(super) async fn start(
        places: Places,
        dynamodb: &mut EmbeddedDynamoDb,
        keys: &[OnDemandKey],
        folder: Option<&DataFolder>,
        tables: &TableNames,
    ) -> Result<Self, Failure> {
        let (at_dynamodb, at_kms) = (places.dynamodb.local_addr()?, places.kms.local_addr()?);
        let kms = LocalKms::new();
        let signing_keys = add_signing_keys(&kms, keys).await?;
        let wrapping_key = kms.add_lasting_key(match folder {
            Some(folder) => folder.wrapping_key()?,
            None => KeyMaterial::generate(KeySpec::SymmetricDefault)?,
        })?;
        let environment = Environment {
            tables,
            signing_keys: &signing_keys,
            wrapping_key: &wrapping_key,
            dynamodb: &bridge::seen_from_a_container(at_dynamodb),
            kms: &bridge::seen_from_a_container(at_kms),
        };
        places.file.write(&environment).map_err(|error| Failure::refused(format!("{FILE}: {error}")))?;
        dynamodb.also_listen(places.dynamodb);
        Ok(Self {
            env_vars: FILE,
            file: places.file,
            dynamodb_endpoint: format!("http://{at_dynamodb}"),
            kms_endpoint: format!("http://{at_kms}"),
            kms: tokio::spawn(listener::serve(places.kms, Arc::new(kms))),
        })
    }

    /// What to type next.
    pub(super) fn text(&self) -> String {
        let Self { env_vars, .. } = self;
        format!(
            "DynamoDB and KMS are there for containers, with the client and the user of events/. After `sam build`:\n\n\
             sam local invoke PassgrantFunction --env-vars {env_vars} -e events/http-api.json\n\
             sam local start-api --env-vars {env_vars}\n\n"
        )
    }

    /// Takes back what containers were told.
    pub(super) fn stop(self) -> io::Result<()> {
        self.kms.abort();
        self.file.remove()
    }
}

/// Puts a key of each kind into the KMS, and the secrets that the folder has; returns them as a function lists them.
async fn add_signing_keys(kms: &LocalKms, keys: &[OnDemandKey]) -> Result<String, Failure> {
    let mut listed = Vec::new();
    for key in keys {
        if KINDS.contains(&key.algorithm()) {
            key.make().await?;
        }
        let is_listed = KINDS.contains(&key.algorithm()) || key.makes().is_none();
        if let Some(material) = key.made().filter(|_| is_listed).and_then(KeyMaterial::of_key) {
            listed.push(kms.add_lasting_key(material)?);
        }
    }
    Ok(listed.join(","))
}
