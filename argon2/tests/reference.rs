//! Compares every kernel of this processor with RFC 9106 and with the reference implementation.

#![expect(clippy::expect_used, reason = "a test that cannot compute something has failed")]

use argon2::{Algorithm, AssociatedData, Error, Params, ParamsBuilder, Version};
use passgrant_argon2::{Argon2, Kernel, Memory};
use proptest::prelude::*;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id];
const VERSIONS: [Version; 2] = [Version::V0x10, Version::V0x13];

fn by_reference(argon2: Argon2<'_>, password: &[u8], salt: &[u8], length: usize) -> Result<Vec<u8>, Error> {
    let mut output = vec![0; length];
    argon2::Argon2::new_with_secret(argon2.secret, argon2.algorithm, argon2.version, argon2.params.clone())?
        .hash_password_into(password, salt, &mut output)?;
    Ok(output)
}

fn by(
    kernel: Kernel,
    argon2: Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    length: usize,
    memory: &mut Memory,
) -> Result<Vec<u8>, Error> {
    let mut output = vec![0; length];
    argon2.hash_into(kernel, password, salt, memory, &mut output)?;
    Ok(output)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// RFC 9106, section 5.
#[test]
fn the_vectors_of_rfc_9106_are_computed_by_every_kernel() {
    let tags = [
        "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb",
        "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
    ];
    let data = AssociatedData::new(&[4; 12]).expect("data");
    let params = ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).output_len(32).data(data).build();
    let params = params.expect("parameters");
    let mut memory = Memory::new();
    for (algorithm, tag) in ALGORITHMS.into_iter().zip(tags) {
        let argon2 = Argon2 { algorithm, version: Version::V0x13, params: &params, secret: &[3; 8] };
        for kernel in Kernel::all() {
            let computed = by(kernel, argon2, &[1; 32], &[2; 16], 32, &mut memory).expect("a hash");
            assert_eq!(hex(&computed), tag, "{algorithm} by {}", kernel.name());
        }
    }
}

#[test]
fn every_kernel_agrees_with_the_reference_on_every_algorithm_and_version_at_the_edges_of_the_layout() {
    let mut memory = Memory::new();
    // Segments of 2 blocks, of 128 and one less and more, and of several blocks of addresses; memory that is not a
    // multiple of four blocks per lane.
    for (memory_kib, passes, lanes) in
        [(8, 1, 1), (11, 2, 1), (508, 2, 1), (512, 1, 1), (516, 2, 1), (1031, 3, 2), (1300, 1, 1), (2100, 2, 3)]
    {
        for (algorithm, version) in
            ALGORITHMS.into_iter().flat_map(|algorithm| VERSIONS.map(|version| (algorithm, version)))
        {
            let params = Params::new(memory_kib, passes, lanes, Some(32)).expect("parameters");
            let argon2 = Argon2 { algorithm, version, params: &params, secret: &[] };
            let expected = by_reference(argon2, b"password", b"somesalt", 32);
            for kernel in Kernel::all() {
                let computed = by(kernel, argon2, b"password", b"somesalt", 32, &mut memory);
                let what = format!("{algorithm} {version:?} m={memory_kib},t={passes},p={lanes} by {}", kernel.name());
                assert_eq!(computed, expected, "{what}");
            }
        }
    }
}

#[test]
fn every_kernel_computes_hashes_with_the_parameters_of_policies_in_use() {
    let mut memory = Memory::new();
    for (memory_kib, passes, lanes) in [(19456, 2, 1), (65536, 1, 4)] {
        let params = Params::new(memory_kib, passes, lanes, Some(32)).expect("parameters");
        let argon2 = Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[] };
        let expected = by_reference(argon2, b"password", b"somesalt", 32);
        for kernel in Kernel::all() {
            assert_eq!(by(kernel, argon2, b"password", b"somesalt", 32, &mut memory), expected, "{}", kernel.name());
        }
    }
}

#[test]
fn what_the_reference_refuses_is_refused_with_its_error() {
    let mut memory = Memory::new();
    for (length, salt, output) in [(Some(32), 7, 32), (Some(32), 8, 31), (Some(32), 8, 33), (None, 8, 3), (None, 8, 4)]
    {
        let params = Params::new(8, 1, 1, length).expect("parameters");
        let argon2 = Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[] };
        let salt = vec![0; salt];
        let expected = by_reference(argon2, b"password", &salt, output);
        assert_eq!(by(Kernel::PORTABLE, argon2, b"password", &salt, output, &mut memory), expected);
    }
}

#[derive(Debug)]
struct Inputs {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: Vec<u8>,
    salt: Vec<u8>,
    secret: Vec<u8>,
    length: usize,
}

prop_compose! {
    fn inputs()(
        algorithm in prop::sample::select(ALGORITHMS.to_vec()),
        version in prop::sample::select(VERSIONS.to_vec()),
        (lanes, memory_kib) in (1..=4_u32).prop_flat_map(|lanes| (Just(lanes), 8 * lanes..=1024)),
        passes in 1..=4_u32,
        length in prop_oneof![4..=64_usize, 65..=300_usize],
        password in prop::collection::vec(any::<u8>(), 0..300),
        salt in prop::collection::vec(any::<u8>(), 8..64),
        secret in prop::collection::vec(any::<u8>(), 0..40),
        data in prop::collection::vec(any::<u8>(), 0..=AssociatedData::MAX_LEN),
    ) -> Inputs {
        let data = AssociatedData::new(&data).expect("data");
        let params = ParamsBuilder::new()
            .m_cost(memory_kib).t_cost(passes).p_cost(lanes).output_len(length).data(data).build()
            .expect("parameters");
        Inputs { algorithm, version, params, password, salt, secret, length }
    }
}

proptest! {
    #[test]
    fn every_kernel_agrees_with_the_reference_on_whatever_is_hashed(
        Inputs { algorithm, version, params, password, salt, secret, length } in inputs(),
    ) {
        let argon2 = Argon2 { algorithm, version, params: &params, secret: &secret };
        let expected = by_reference(argon2, &password, &salt, length);
        let mut memory = Memory::new();
        for kernel in Kernel::all() {
            prop_assert_eq!(&by(kernel, argon2, &password, &salt, length, &mut memory), &expected, "{}", kernel.name());
        }
    }
}
