//! What one verification takes with the pauses of a function that waits for requests: on a share of a processor, a burst after
//! a pause is not slowed down as much as work without pauses. docs/charts/sizing.sh runs it on the shares that Lambda gives.
//!
//! `cargo bench --bench sizing [-- ROUNDS [KERNEL]]`; prints the kernel, and the tenth, the median and the ninetieth percentile in
//! milliseconds.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program of its own, which prints what it measured")]

use std::env;
use std::thread::sleep;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Params, Version};
use passgrant_argon2::{Argon2, Kernel, Memory};

/// The default parameters of the service.
const MEMORY_KIB: u32 = 19456;
const PASSES: u32 = 2;

const PAUSE: Duration = Duration::from_millis(30);

fn main() {
    // Cargo passes `--bench` first.
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let rounds = arguments.next().map_or(60, |rounds| rounds.parse().expect("a number of rounds"));
    let kernel = match arguments.next() {
        Some(name) => Kernel::all().find(|kernel| kernel.name() == name).expect("a kernel of this processor"),
        None => Kernel::choose().kernel.expect("a kernel that computes Argon2"),
    };
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).expect("parameters");
    let mut memory = Memory::new();
    let mut verification = || {
        sleep(PAUSE);
        let began = Instant::now();
        let argon2 = Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[] };
        let mut tag = [0; 32];
        argon2.hash_into(kernel, b"a password", b"sixteen bytes of", &mut memory, &mut tag).expect("a hash");
        memory.wipe();
        began.elapsed().as_secs_f64() * 1000.0
    };
    // The first maps the memory.
    verification();
    let mut times: Vec<f64> = (0..rounds).map(|_| verification()).collect();
    times.sort_by(f64::total_cmp);
    let percentile = |percent: usize| times[times.len() * percent / 100];
    println!("{} {:.1} {:.1} {:.1}", kernel.name(), percentile(10), percentile(50), percentile(90));
}
