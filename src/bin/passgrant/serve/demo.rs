//! `serve --demo`: a client and a user to try the service with.

use std::ffi::OsStr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::audit::{Action, Origin, TargetKind};
use passgrant::client::Client;
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::secret::{ClientSecret, StoredSecret, WeakSecrets};
use passgrant::clock::Clock;
use passgrant::config::Config;
use passgrant::issuer::path;
use passgrant::password::Password;
use passgrant::random::Random;
use passgrant::scope::Scope;
use passgrant::store::Store;
use passgrant::store::outcome::{Changed, Created, StoreError};
use passgrant::user::{Subject, User, Username};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::audit::{AtStart, Audit, Change};
use crate::client::view::ClientView;
use crate::failure::Failure;
use crate::terminal::shell_word;

const CLIENT: &str = "demo-client";
const USER: &str = "demo-user";

/// What the events of `events/` log in with, which everybody knows.
const PUBLIC_SECRET: &str = "demo-secret-for-sam-local-invoke";
const PUBLIC_PASSWORD: &str = "correct-horse-battery-staple";

/// The demo's client and user, and their credentials. These are stored nowhere else: each start of the demo sets new ones.
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
    pub(super) async fn prepare(stage: &Stage<'_>) -> Result<Self, Failure> {
        let client_secret = ClientSecret::generate(stage.random)?;
        let password = generate_password(stage.config.password_min_length, stage.random)?;
        Self::on(stage, client_secret, password).await
    }

    /// Creates the client and the user that the events of `events/` log in with, or gives existing ones their credentials.
    pub(super) async fn prepare_for_events(stage: &Stage<'_>) -> Result<Self, Failure> {
        let password = Zeroizing::new(PUBLIC_PASSWORD.to_owned());
        let secret = Zeroizing::new(PUBLIC_SECRET.to_owned());
        let secret = ClientSecret::chosen(secret, WeakSecrets::Refused)?;
        Self::on(stage, secret, password).await
    }

    async fn on(stage: &Stage<'_>, client_secret: ClientSecret, password: Zeroizing<String>) -> Result<Self, Failure> {
        let renewed_client = stage.prepare_client(&client_secret).await?;
        let renewed_user = stage.prepare_user(&password).await?;
        let renewed = renewed_client || renewed_user;
        Ok(Self { client_id: CLIENT, client_secret, username: USER, password, renewed })
    }

    /// The curl line, and what to know about it. `url` is where the server listens, and `data` its folder.
    pub(super) fn text(&self, url: &str, data: Option<&Path>) -> String {
        let Self { client_id, client_secret, username, password, renewed } = self;
        let (secret, password) = (client_secret.expose(), password.as_str());
        let renewed =
            if *renewed { " They have new credentials: the earlier ones, and their sessions, are over." } else { "" };
        // What is in memory only, nothing but the server can open.
        let console = data.map(|data| {
            let folder = shell_word(&data.display().to_string());
            format!("See and change it all in a browser:\n\npassgrant --data {folder} console\n\n")
        });
        format!(
            "{client_id} and {username} are there to try it.{renewed} Get tokens:\n\n\
             curl -u '{client_id}:{secret}' -d grant_type=password -d username={username} \
             --data-urlencode 'password={password}' {url}{path}\n\n{console}",
            console = console.unwrap_or_default(),
            path = path::TOKEN,
        )
    }
}

/// Where the client and the user are prepared: the tables of a server that does not serve yet.
pub(super) struct Stage<'a> {
    pub(super) store: &'a Store,
    pub(super) config: &'a Config,
    pub(super) clock: &'a dyn Clock,
    pub(super) random: &'a dyn Random,
    /// The file of the audit log, if one is named.
    pub(super) audit_log: Option<&'a OsStr>,
    /// The data folder, if the tables are kept.
    pub(super) folder: Option<&'a Path>,
}

impl Stage<'_> {
    fn audit(&self) -> Audit {
        Audit::new(Origin::CommandLine, self.audit_log)
    }

    /// Does the `work` that changes the client or the user, of which `audit` has the notes.
    async fn kept(
        &self,
        audit: &Audit,
        (action, kind, target): (Action, TargetKind, &str),
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let Self { clock, random, folder, .. } = *self;
        AtStart { audit, folder, clock, random }.kept(&Change::new(action, kind, target), work).await
    }

    /// Returns whether the client existed before.
    async fn prepare_client(&self, secret: &ClientSecret) -> Result<bool, Failure> {
        let (audit, clients, now) = (self.audit(), &self.store.clients, self.clock.now());
        let authentication = ClientAuthentication::SecretBasic(StoredSecret::new(secret, now, self.random)?.into());
        let demo = Client {
            name: Some("Demo".to_owned()),
            scopes: Scope::parse("openid profile email")?,
            default_scopes: Scope::parse("profile")?,
            ..Client::new(ClientId::parse(CLIENT)?, Incarnation::generate(self.random)?, authentication, now)
        };
        let Some(read) = clients.get_revision(&demo.id).await? else {
            let client = demo.check()?;
            let created = async {
                match clients.create(&client).await? {
                    Created::Written => Ok(()),
                    Created::AlreadyThere => Err(meanwhile("client", CLIENT, "created")),
                }
            };
            self.kept(&audit, (Action::ClientCreated, TargetKind::Client, CLIENT), Box::pin(created)).await?;
            return Ok(false);
        };
        let client = Client { created_at: read.client.created_at, ..demo }.check()?;
        let changed = async {
            audit.changed_between(&ClientView::new(&read.client), &ClientView::new(&client))?;
            match clients.replace(&read, &client).await? {
                Changed::Written => Ok(()),
                Changed::Unmet => Err(meanwhile("client", CLIENT, "changed")),
            }
        };
        self.kept(&audit, (Action::ClientChanged, TargetKind::Client, CLIENT), Box::pin(changed)).await?;
        Ok(true)
    }

    /// Returns whether the user existed before.
    async fn prepare_user(&self, password: &str) -> Result<bool, Failure> {
        let (users, now) = (&self.store.users, self.clock.now());
        let hash = self.config.argon2.hash(&Password::prepare(password)?, self.random)?;
        let username = Username::prepare(USER, self.config.username_profile)?;
        let Some(user) = users.get(&username).await? else {
            let subject = Subject::generate(self.random)?;
            let user = User { password_hash: Some(hash), ..User::new(username, subject, now) };
            let audit = self.audit();
            let created = async {
                audit.user(&user);
                match users.create(&user).await? {
                    Created::Written => Ok(()),
                    Created::AlreadyThere => Err(meanwhile("user", USER, "created")),
                }
            };
            self.kept(&audit, (Action::UserCreated, TargetKind::User, USER), Box::pin(created)).await?;
            return Ok(false);
        };
        let set = Box::pin(users.set_password(&username, &hash, now));
        self.kept_of_user(&user, (Action::UserPasswordSet, "password"), set).await?;
        if user.disabled {
            let enabled = Box::pin(users.enable(&username, now));
            self.kept_of_user(&user, (Action::UserEnabled, "disabled"), enabled).await?;
        }
        Ok(true)
    }

    /// Makes a change of a `user` who is there: does `action`, which changes `member`.
    async fn kept_of_user(
        &self,
        user: &User,
        (action, member): (Action, &str),
        change: impl Future<Output = Result<Changed, StoreError>>,
    ) -> Result<(), Failure> {
        let audit = self.audit();
        audit.user(user);
        let changed = async {
            audit.changed(&[member]);
            match change.await? {
                Changed::Written => Ok(()),
                Changed::Unmet => Err(meanwhile("user", USER, "deleted")),
            }
        };
        self.kept(&audit, (action, TargetKind::User, USER), Box::pin(changed)).await
    }
}

fn meanwhile(what: &str, name: &str, happened: &str) -> Failure {
    Failure::refused(format!("{what} {name} was {happened} meanwhile"))
}

/// A password of 96 random bits or more, in characters that neither a shell nor a form changes.
fn generate_password(min_length: usize, random: &dyn Random) -> Result<Zeroizing<String>, Failure> {
    const USUAL_LENGTH: usize = 16;
    let mut password = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random.bytes::<48>()?));
    password.truncate(min_length.max(USUAL_LENGTH));
    Ok(password)
}
