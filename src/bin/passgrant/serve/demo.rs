//! `serve --demo`: a client and a user to try the service with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::client::Client;
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::secret::{ClientSecret, StoredSecret};
use passgrant::clock::Clock;
use passgrant::config::Config;
use passgrant::issuer::path;
use passgrant::password::Password;
use passgrant::random::Random;
use passgrant::scope::Scope;
use passgrant::store::Store;
use passgrant::store::outcome::{Changed, Created};
use passgrant::user::{Subject, User, Username};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::failure::Failure;

const CLIENT: &str = "demo-client";
const USER: &str = "demo-user";

/// The demo's credentials. They are stored nowhere else: each start of the demo sets new ones.
#[derive(Serialize)]
pub(super) struct Demo {
    client_id: &'static str,
    #[serde(serialize_with = "exposed")]
    client_secret: ClientSecret,
    username: &'static str,
    #[serde(serialize_with = "readable")]
    password: Zeroizing<String>,
    #[serde(skip)]
    renewed: bool,
}

fn exposed<S: Serializer>(secret: &ClientSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn readable<S: Serializer>(password: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(password)
}

impl Demo {
    /// Creates the client and the user, or gives existing ones new credentials.
    pub(super) async fn prepare(
        store: &Store,
        config: &Config,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self, Failure> {
        let client_secret = ClientSecret::generate(random)?;
        let renewed_client = prepare_client(store, &client_secret, clock, random).await?;
        let password = generate_password(config.password_min_length, random)?;
        let renewed_user = prepare_user(store, config, &password, clock, random).await?;
        let renewed = renewed_client || renewed_user;
        Ok(Self { client_id: CLIENT, client_secret, username: USER, password, renewed })
    }

    /// The curl line, and what to know about it. `url` is where the server listens.
    pub(super) fn text(&self, url: &str) -> String {
        let Self { client_id, client_secret, username, password, renewed } = self;
        let (secret, password) = (client_secret.expose(), password.as_str());
        let renewed =
            if *renewed { " They have new credentials: the earlier ones, and their sessions, are over." } else { "" };
        format!(
            "{client_id} and {username} are there to try it.{renewed} Get tokens:\n\n\
             curl -u '{client_id}:{secret}' -d grant_type=password -d username={username} \
             --data-urlencode 'password={password}' {url}{path}\n\n",
            path = path::TOKEN,
        )
    }
}

/// Returns whether the client existed before.
async fn prepare_client(
    store: &Store,
    secret: &ClientSecret,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<bool, Failure> {
    let now = clock.now();
    let authentication = ClientAuthentication::SecretBasic(StoredSecret::new(secret, now, random)?.into());
    let demo = Client {
        name: Some("Demo".to_owned()),
        scopes: Scope::parse("openid profile email")?,
        default_scopes: Scope::parse("profile")?,
        ..Client::new(ClientId::parse(CLIENT)?, Incarnation::generate(random)?, authentication, now)
    };
    let client = demo.clone().check()?;
    if store.clients.create(&client).await? == Created::Written {
        return Ok(false);
    }
    let Some(read) = store.clients.get_revision(&client.id).await? else {
        return Err(Failure::refused(format!("client {CLIENT} was deleted meanwhile")));
    };
    let client = Client { created_at: read.client.created_at, ..demo }.check()?;
    match store.clients.replace(&read, &client).await? {
        Changed::Written => Ok(true),
        Changed::Unmet => Err(Failure::refused(format!("client {CLIENT} was changed meanwhile"))),
    }
}

/// Returns whether the user existed before.
async fn prepare_user(
    store: &Store,
    config: &Config,
    password: &str,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<bool, Failure> {
    let now = clock.now();
    let hash = config.argon2.hash(&Password::prepare(password)?, random)?;
    let username = Username::prepare(USER, config.username_profile)?;
    let user = User { password_hash: Some(hash.clone()), ..User::new(username, Subject::generate(random)?, now) };
    if store.users.create(&user).await? == Created::Written {
        return Ok(false);
    }
    store.users.set_password(&user.username, &hash, now).await?;
    store.users.enable(&user.username, now).await?;
    Ok(true)
}

/// A password of 96 random bits or more, in characters that neither a shell nor a form changes.
fn generate_password(min_length: usize, random: &dyn Random) -> Result<Zeroizing<String>, Failure> {
    const USUAL_LENGTH: usize = 16;
    let mut password = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random.bytes::<48>()?));
    password.truncate(min_length.max(USUAL_LENGTH));
    Ok(password)
}
