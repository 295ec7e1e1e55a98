//! The data folder of a local server: what is in it, and who may use it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::error::KeyFileError;
use passgrant::signing::in_process::InProcessKey;
use passgrant::signing::local_kms::KeyMaterial;
use passgrant::signing::on_demand::OnDemandKey;
use passgrant::signing::secret::SharedSecret;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::failure::Failure;
use crate::terminal::shell_word;

const LOCK: &str = "lock";
const DATABASE: &str = "dynamodb.sqlite";
const ENDPOINT: &str = "dynamodb.json";
const SIGNING_KEY: &str = "signing-key";
const WRAPPING_KEY: &str = "wrapping-key.secret";
pub(crate) const AUDIT: &str = "audit.jsonl";

/// How long a command waits for another one to finish with the folder, or for a server that is just starting.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What `dynamodb.json` holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Published {
    /// Where the server's DynamoDB is.
    pub(crate) endpoint: String,
    /// Where the server itself is; servers of an earlier version do not say.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// What it calls itself in tokens.
    #[serde(default)]
    pub(crate) issuer: Option<String>,
}

/// A data folder, and with it the right to open what is in it. The right ends with the process, however that ends.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// A way to the database of a data folder.
pub(crate) enum Access {
    /// Nobody uses it: it can be opened.
    Own(DataFolder),
    /// A server runs on it, with a DynamoDB at this endpoint.
    Served(String),
}

impl DataFolder {
    /// The folder at `path` for a server, created if it does not exist.
    pub(crate) async fn for_server(path: &Path) -> Result<Self, Failure> {
        let problem = |error: io::Error| unusable(path, &error);
        if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(path) {
            return Err(obstacle(path).unwrap_or_else(|| problem(error)));
        }
        if let Some(stranger) = stranger_in(path).map_err(problem)? {
            return Err(strange(path, &stranger));
        }
        let lock = private(OpenOptions::new().write(true).create(true)).open(path.join(LOCK)).map_err(problem)?;
        match acquire(path, lock).await? {
            Access::Own(folder) => {
                folder.unpublish().map_err(problem)?;
                // SQLite gives its other files the mode of this one.
                private(OpenOptions::new().append(true).create(true)).open(folder.database()).map_err(problem)?;
                Ok(folder)
            }
            Access::Served(_) => {
                Err(Failure::refused(format!("a server is running on the data folder {}", path.display())))
            }
        }
    }

    /// A way to the database of the folder at `path`, which must exist.
    pub(crate) async fn access(path: &Path) -> Result<Access, Failure> {
        let lock = match OpenOptions::new().write(true).open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) => return Err(not_usable_yet(path, &error)),
        };
        match acquire(path, lock).await? {
            Access::Own(folder) if !folder.database().is_file() => {
                Err(not_usable_yet(path, &io::ErrorKind::NotFound.into()))
            }
            Access::Own(folder) => {
                folder.unpublish()?;
                Ok(Access::Own(folder))
            }
            served @ Access::Served(_) => Ok(served),
        }
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The signing keys.
    pub(crate) fn signing_keys(&self) -> Result<Vec<OnDemandKey>, Failure> {
        signing_keys(&self.path)
    }

    /// The key with which the folder's KMS wraps, made if there is none yet.
    pub(crate) fn wrapping_key(&self) -> Result<KeyMaterial, Failure> {
        let file = self.path.join(WRAPPING_KEY);
        let problem = |error| Failure::refused(format!("{}: {error}", file.display()));
        KeyMaterial::load_or_generate_wrapping_key(&file).map_err(problem)
    }

    /// Tells commands on this folder where its server and its DynamoDB are.
    pub(crate) fn publish(&self, published: &Published) -> io::Result<()> {
        let unfinished = self.path.join("dynamodb.new");
        let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&unfinished)?;
        serde_json::to_writer(&mut file, published)?;
        file.write_all(b"\n")?;
        fs::rename(&unfinished, self.path.join(ENDPOINT))
    }

    /// Takes back what [`DataFolder::publish`] told, whether this process told it or a killed one.
    pub(crate) fn unpublish(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join(ENDPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The signing keys of the folder at `path`: one for each algorithm, of which only those exist that have been needed or
/// imported.
pub(crate) fn signing_keys(path: &Path) -> Result<Vec<OnDemandKey>, Failure> {
    let open = |algorithm| {
        let file = path.join(signing_key(algorithm));
        let problem = |error| Failure::refused(format!("{}: {error}", file.display()));
        OnDemandKey::open(algorithm, Some(file.clone())).map_err(problem)
    };
    Algorithm::ALL.into_iter().map(open).collect()
}

/// The signing keys of the folder at `path`, of which at least one must exist.
pub(crate) fn made_signing_keys(path: &Path) -> Result<Vec<OnDemandKey>, Failure> {
    fs::read_dir(path).map_err(|error| not_usable_yet(path, &error))?;
    let keys = signing_keys(path)?;
    if keys.iter().all(|key| key.made().is_none()) {
        return Err(not_usable_yet(path, &io::ErrorKind::NotFound.into()));
    }
    Ok(keys)
}

/// Makes the key for `algorithm` in the folder at `path`, whether or not a server runs on it: a server that needs the key
/// later finds this one.
pub(crate) fn create_key(path: &Path, algorithm: Algorithm) -> Result<InProcessKey, Failure> {
    let key = InProcessKey::generate_for(algorithm)?;
    write_key(path, algorithm, &key)?;
    Ok(key)
}

/// Puts a secret into the folder at `path`. A server that runs on it finds it when it first needs it.
pub(crate) fn import_key(path: &Path, secret: SharedSecret) -> Result<InProcessKey, Failure> {
    let algorithm = secret.algorithm();
    let key = InProcessKey::of_secret(secret);
    write_key(path, algorithm, &key)?;
    Ok(key)
}

/// The file of the audit log in the folder at `path`.
pub(crate) fn audit_file(path: &Path) -> Result<PathBuf, Failure> {
    is_made(path)?;
    Ok(path.join(AUDIT))
}

/// Nothing is written but into a folder that a server has made.
fn is_made(path: &Path) -> Result<(), Failure> {
    fs::metadata(path.join(LOCK)).map(drop).map_err(|error| not_usable_yet(path, &error))
}

fn write_key(path: &Path, algorithm: Algorithm, key: &InProcessKey) -> Result<(), Failure> {
    is_made(path)?;
    let file = path.join(signing_key(algorithm));
    key.write_new(&file).map_err(|error| match error {
        KeyFileError::File(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Failure::RefusedOption("alg", format!("there is a key for {algorithm} already: {}", file.display()))
        }
        error => Failure::refused(format!("{}: {error}", file.display())),
    })
}

/// The file of the key for `algorithm`. The one for RS256 still has the name from when it was the only one.
fn signing_key(algorithm: Algorithm) -> String {
    let name = algorithm.as_str().to_ascii_lowercase();
    match algorithm {
        Algorithm::Rs256 => format!("{SIGNING_KEY}.der"),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => format!("{SIGNING_KEY}-{name}.secret"),
        _ => format!("{SIGNING_KEY}-{name}.der"),
    }
}

/// Why the folder at `path` is of no use to a command, which met `error` when it tried to use it. A command does not
/// create a folder, but says how to.
fn not_usable_yet(path: &Path, error: &io::Error) -> Failure {
    if let Some(failure) = obstacle(path) {
        return failure;
    }
    if error.kind() != io::ErrorKind::NotFound {
        return unusable(path, error);
    }
    let shown = path.display();
    let making = format!("`passgrant serve --data {}`", shell_word(&shown.to_string()));
    match fs::metadata(path).and_then(|_| stranger_in(path)) {
        Ok(Some(stranger)) => strange(path, &stranger),
        Ok(None) => Failure::refused(format!("{shown} is not a Passgrant data folder yet: {making} makes it one")),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            Failure::refused(format!("there is no data folder {shown}: {making} creates it"))
        }
        Err(error) => unusable(path, &error),
    }
}

/// What is in the way at `path`, where a folder should be or should be created.
fn obstacle(path: &Path) -> Option<Failure> {
    let shown = path.display();
    let reason = match fs::metadata(path) {
        Ok(found) if !found.is_dir() => format!("{shown} is a file, not a folder"),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            format!("{shown} cannot be a folder: it is below a file")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            format!("{shown} is a link to something that does not exist")
        }
        Ok(_) | Err(_) => return None,
    };
    Some(Failure::refused(reason))
}

fn strange(path: &Path, stranger: &Path) -> Failure {
    let (path, stranger) = (path.display(), stranger.display());
    Failure::refused(format!("{path} is not a Passgrant data folder and not empty: it contains {stranger}"))
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::refused(format!("the data folder {}: {error}", path.display()))
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Something in the folder at `path` that no server put there, if the folder has no database.
fn stranger_in(path: &Path) -> io::Result<Option<PathBuf>> {
    if path.join(DATABASE).exists() {
        return Ok(None);
    }
    for entry in fs::read_dir(path)? {
        let name = PathBuf::from(entry?.file_name());
        let keys = Algorithm::ALL.into_iter().map(signing_key);
        let mut own = keys.chain([LOCK, ENDPOINT, WRAPPING_KEY, AUDIT].map(str::to_owned));
        if !own.any(|own| Path::new(&own).file_stem() == name.file_stem()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Takes the lock, or finds the server that holds it. Any other holder is another command, which will be done soon, or
/// a server that is starting or stopping.
async fn acquire(path: &Path, lock: File) -> Result<Access, Failure> {
    let start = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => {
                return Ok(Access::Own(DataFolder { path: path.to_owned(), _lock: lock }));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(Failure::refused(format!("the data folder {} cannot be locked: {error}", path.display())));
            }
        }
        if let Some(published) = served(path) {
            return Ok(Access::Served(published.endpoint));
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure::refused(format!("the data folder {} is in use by another command", path.display())));
        }
        sleep(PAUSE).await;
    }
}

/// What a server published, if it answers there. A killed server's file outlives it; for a moment, the
/// kernel even accepts connections to it.
pub(crate) fn served(path: &Path) -> Option<Published> {
    let published: Published = serde_json::from_slice(&fs::read(path.join(ENDPOINT)).ok()?).ok()?;
    let address: SocketAddr = published.endpoint.strip_prefix("http://")?.parse().ok()?;
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT)).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").ok()?;
    stream.read_exact(&mut [0]).ok()?;
    Some(published)
}
