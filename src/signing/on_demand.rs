//! Keys of the local server: one for each algorithm. A key pair is made the first time it is needed; a secret must have
//! been imported by then.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::jose::algorithm::Algorithm;
use crate::signing::error::KeyFileError;
use crate::signing::in_process::InProcessKey;

/// A key that is bound to one algorithm, and is made, or found, the first time it is needed.
pub struct OnDemandKey(Arc<Place>);

/// Where the key is, or will be.
struct Place {
    algorithm: Algorithm,
    file: Option<PathBuf>,
    key: OnceLock<InProcessKey>,
    /// Held while the key is made: a caller that comes meanwhile must not make another.
    making: Mutex<()>,
}

impl OnDemandKey {
    /// The key for `algorithm` in `file`, which is read now if it exists; without a file, a key in memory only.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, or holds no key that fits the algorithm.
    pub fn open(algorithm: Algorithm, file: Option<PathBuf>) -> Result<Self, KeyFileError> {
        let load = |file: &Path| {
            if algorithm.is_of_key_pair() {
                InProcessKey::load(file)
            } else {
                InProcessKey::load_secret(file, algorithm)
            }
        };
        let loaded = match file.as_deref().map(load) {
            None => None,
            Some(Err(KeyFileError::File(error))) if error.kind() == io::ErrorKind::NotFound => None,
            Some(loaded) => Some(loaded?.bound_to(algorithm)?),
        };
        let key = loaded.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self(Arc::new(Place { algorithm, file, key, making: Mutex::default() })))
    }

    /// The algorithm that the key is bound to.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The algorithm that a key can be made for here; `None` for shared secrets, which cannot be made up here.
    #[must_use]
    pub fn makes(&self) -> Option<Algorithm> {
        Some(self.algorithm()).filter(|algorithm| algorithm.is_of_key_pair())
    }

    /// The key, if it has been made.
    #[must_use]
    pub fn made(&self) -> Option<&InProcessKey> {
        self.0.key.get()
    }

    /// Makes the key if it has not been made yet, or looks for a secret that was imported meanwhile. This happens on a
    /// thread of its own, since an RSA key takes time; if the caller is gone when the key is done, the next caller
    /// finds it.
    ///
    /// # Errors
    /// [`KeyFileError`] when the key cannot be made or written; [`KeyFileError::NoPair`] when there is no secret.
    pub async fn make(&self) -> Result<(), KeyFileError> {
        if self.made().is_some() {
            return Ok(());
        }
        let place = Arc::clone(&self.0);
        let made = tokio::task::spawn_blocking(move || place.make()).await;
        made.unwrap_or(Err(KeyFileError::Generate))
    }
}

impl Place {
    fn make(&self) -> Result<(), KeyFileError> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.key.get().is_some() {
            return Ok(());
        }
        let key = match &self.file {
            Some(file) if !self.algorithm.is_of_key_pair() => match InProcessKey::load_secret(file, self.algorithm) {
                Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(KeyFileError::NoPair(self.algorithm));
                }
                loaded => loaded?,
            },
            Some(file) => InProcessKey::load_or_generate(file, self.algorithm)?,
            None => InProcessKey::generate_for(self.algorithm)?,
        };
        // It was empty, and the lock keeps others from filling it.
        let _: Result<(), InProcessKey> = self.key.set(key.bound_to(self.algorithm)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    fn key_id(key: &OnDemandKey) -> Option<&str> {
        key.made().map(|key| key.verification().key_id())
    }

    #[tokio::test]
    async fn a_key_is_made_once_however_many_callers_need_it_and_is_the_same_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        for algorithm in Algorithm::of_key_pairs() {
            let file = folder.path().join(algorithm.as_str());
            let open = || OnDemandKey::open(algorithm, Some(file.clone())).expect("a place");
            let key = open();
            assert_eq!(key_id(&key), None, "{algorithm}");
            for made in join_all((0..4).map(|_| key.make())).await {
                made.expect("a key");
            }
            assert!(key_id(&key).is_some() && key_id(&open()) == key_id(&key), "{algorithm}");
            let mode = fs::metadata(&file).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{algorithm}");
            let fitting: Vec<_> = Algorithm::ALL
                .into_iter()
                .filter(|other| key.made().is_some_and(|key| key.verification().fits(*other)))
                .collect();
            assert_eq!(fitting, [algorithm]);
        }
    }

    #[tokio::test]
    async fn a_key_whose_caller_is_gone_is_there_for_the_next_caller() {
        let key = OnDemandKey::open(Algorithm::Es256, None).expect("a place");
        {
            let _another_makes_it = key.0.making.lock().expect("not poisoned");
            assert!(key.make().now_or_never().is_none(), "given up while it waits");
        }
        key.make().await.expect("a key");
        let first = key_id(&key).map(str::to_owned);
        key.make().await.expect("the key");
        assert_eq!(key_id(&key).map(str::to_owned), first);
    }

    #[test]
    fn a_file_with_a_key_of_another_kind_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key.der");
        InProcessKey::load_or_generate(&file, Algorithm::Es256).expect("a key");
        let bytes = fs::read(&file).expect("a file");
        for algorithm in [Algorithm::Rs256, Algorithm::Es384, Algorithm::EdDsa] {
            let error = OnDemandKey::open(algorithm, Some(file.clone())).err().expect("a misfit").to_string();
            assert_eq!(error, format!("its key does not fit {algorithm}, which it is bound to"));
        }
        assert_eq!(fs::read(&file).expect("a file"), bytes);
    }

    #[tokio::test]
    async fn there_is_no_key_for_an_algorithm_of_shared_secrets() {
        let key = OnDemandKey::open(Algorithm::Hs256, None).expect("a place");
        let error = key.make().await.expect_err("no key").to_string();
        assert_eq!(error, "HS256 needs a secret that both sides share, and this server keeps none");
    }
}
