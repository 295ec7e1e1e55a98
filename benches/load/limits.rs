//! The limits that Argon2 sets: one verification under the default policy, by this repository's implementation, by the fastest
//! of the others, and by the `argon2` crate, with memory that is reused. The second wipes it each time, the others do not.

use std::thread::available_parallelism;
use std::time::Instant;

use argon2::{Algorithm, Block, Params, Version};
use passgrant_argon2::{Argon2, Kernel, Memory};

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: &[u8] = b"sixteen bytes of";
const ROUNDS: usize = 30;

/// Milliseconds of a verification on one thread.
pub(crate) struct Limits {
    ours: Vec<f64>,
    fastest_other: Vec<f64>,
    reference: Vec<f64>,
    kernel: &'static str,
}

impl Limits {
    /// Measures them in turns, so that other load on the machine affects all alike.
    pub(crate) fn measure() -> Self {
        let params = Params::new(19456, 2, 1, Some(32)).expect("parameters");
        let kernel = Kernel::choose().kernel.unwrap_or(Kernel::PORTABLE);
        let ours = Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[] };
        let mut fastest_other = fastest_other(&params);
        let reference = argon2::Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let (mut memory, mut blocks) = (Memory::new(), vec![Block::new(); params.block_count()]);
        let mut limits =
            Self { ours: Vec::new(), fastest_other: Vec::new(), reference: Vec::new(), kernel: kernel.name() };
        let mut tags = [[0; 32]; 3];
        for _ in 0..ROUNDS {
            let timed = |verify: &mut dyn FnMut()| {
                // The first run finds the caches as the other implementation left them.
                verify();
                let started = Instant::now();
                verify();
                verify();
                started.elapsed().as_secs_f64() * 1e3 / 2.0
            };
            limits.ours.push(timed(&mut || {
                ours.hash_into(kernel, PASSWORD, SALT, &mut memory, &mut tags[0]).expect("a hash");
            }));
            limits.fastest_other.push(timed(&mut || {
                fastest_other.hash_into(PASSWORD, SALT, &mut tags[1]).expect("a hash");
            }));
            limits.reference.push(timed(&mut || {
                reference.hash_password_into_with_memory(PASSWORD, SALT, &mut tags[2], &mut blocks).expect("a hash");
            }));
        }
        assert_eq!([tags[0]; 2], tags[1..], "they compute the same");
        limits
    }

    /// Adds the times of another measurement.
    pub(crate) fn join(&mut self, other: &Self) {
        self.ours.extend(&other.ours);
        self.fastest_other.extend(&other.fastest_other);
        self.reference.extend(&other.reference);
    }

    /// Verifications per second on all processors, of which no more can be used than there are requests `in_flight`.
    pub(crate) fn rate(&self, in_flight: usize) -> f64 {
        processors(in_flight) * 1e3 / median(&self.ours)
    }

    /// The same with the fastest of the other implementations.
    pub(crate) fn rate_of_fastest_other(&self, in_flight: usize) -> f64 {
        processors(in_flight) * 1e3 / median(&self.fastest_other)
    }

    pub(crate) fn print(&self) {
        for (name, times) in [
            (format!("passgrant-argon2, {}", self.kernel), &self.ours),
            (format!("argon2-rust, {}", argon2_rust::detected_backend()), &self.fastest_other),
            ("argon2 (reference)".to_owned(), &self.reference),
        ] {
            let median = median(times);
            println!("one verification, {name}: {median:.2} ms, {:.1} a second", processors(usize::MAX) * 1e3 / median);
        }
    }
}

fn fastest_other(params: &Params) -> argon2_rust::Hasher {
    use argon2_rust::params::{Memory, TagLen};
    let builder = argon2_rust::Params::builder().memory(Memory::kib(params.m_cost().into())).passes(params.t_cost());
    let params = builder.lanes(params.p_cost()).tag_len(TagLen::bytes(32)).build().expect("parameters");
    argon2_rust::Argon2::new(argon2_rust::Algorithm::Argon2id, argon2_rust::Version::V0x13, params).hasher()
}

fn processors(at_most: usize) -> f64 {
    let processors = available_parallelism().map_or(1, usize::from).min(at_most);
    f64::from(u32::try_from(processors).expect("so many"))
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
