//! The computation of Argon2: by the fastest code for this processor that passes its self-test, or else by the
//! reference implementation.

use std::sync::LazyLock;

use argon2::{Algorithm, Block, Error, Params, Version};
use passgrant_argon2::{Argon2, Choice, Kernel};
use zeroize::Zeroizing;

pub(super) use passgrant_argon2::Memory;

static KERNEL: LazyLock<Option<Kernel>> = LazyLock::new(|| chosen(&Kernel::choose()));

/// Chooses the code that computes, if that has not been done yet: it takes less than a tenth of a millisecond, which no
/// login should pay for.
pub(super) fn prepare() {
    LazyLock::force(&KERNEL);
}

fn chosen(choice: &Choice) -> Option<Kernel> {
    if !choice.wrong.is_empty() {
        let instead = choice.kernel.map_or("the reference implementation", Kernel::name);
        tracing::error!(wrong = ?choice.wrong, instead, "Argon2's self-test failed: slower code is used instead");
    }
    choice.kernel
}

/// Hashes a password into `output`. What is left in `memory` stays there until it is overwritten or wiped.
///
/// # Errors
/// The error of the reference implementation for lengths that Argon2 does not allow.
pub(super) fn hash_into(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Memory,
    output: &mut [u8],
) -> Result<(), Error> {
    match *KERNEL {
        Some(kernel) => {
            let argon2 = Argon2 { algorithm, version, params, secret: &[] };
            argon2.hash_into(kernel, password, salt, memory, output)
        }
        None => by_reference(algorithm, version, params, password, salt, output),
    }
}

fn by_reference(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), Error> {
    let mut memory = Zeroizing::new(vec![Block::new(); params.block_count()]);
    let argon2 = argon2::Argon2::new(algorithm, version, params.clone());
    argon2.hash_password_into_with_memory(password, salt, output, memory.as_mut_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_computes_and_the_reference_implementation_agree_on_both_versions() {
        let versions = [Version::V0x10, Version::V0x13];
        let algorithms = [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id];
        for (algorithm, version) in
            algorithms.into_iter().flat_map(|algorithm| versions.map(|version| (algorithm, version)))
        {
            let params = Params::new(64, 3, 2, Some(24)).expect("parameters");
            let [mut computed, mut reference] = [[0; 24]; 2];
            let (password, salt) = (b"correct horse", b"battery staple");
            hash_into(algorithm, version, &params, password, salt, &mut Memory::new(), &mut computed).expect("a hash");
            by_reference(algorithm, version, &params, password, salt, &mut reference).expect("a hash");
            assert_eq!(computed, reference);
        }
    }

    #[test]
    fn a_self_test_that_failed_is_an_error_in_the_log_that_names_what_failed() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let writer = std::sync::Mutex::new(log.reopen().expect("a file"));
        let chosen = tracing::subscriber::with_default(tracing_subscriber::fmt().with_writer(writer).finish(), || {
            chosen(&Choice { kernel: Some(Kernel::PORTABLE), wrong: vec!["AVX-512", "AVX2"] })
        });
        assert!(chosen == Some(Kernel::PORTABLE));
        let log = std::fs::read_to_string(log.path()).expect("a log");
        for part in ["ERROR", "AVX-512", "AVX2", "portable"] {
            assert!(log.contains(part), "{log}");
        }
    }
}
