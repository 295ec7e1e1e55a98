//! What one verification takes: each kernel of this processor, the reference implementation, and the fastest of the
//! others, with memory that is kept and with memory of its own; on one thread, and on as many as there are processors.
//!
//! `cargo bench --bench argon2 [-- ROUNDS [MEMORY_KIB PASSES]]`; 40 rounds of 19456 KiB in two passes by default. Each
//! round measures all of them, so that whatever else the machine does affects all alike. Every row wipes its memory
//! except those of the reference implementation, which does not.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program of its own, which prints what it measured")]

use std::thread::{self, available_parallelism};
use std::time::Instant;

use argon2::{Algorithm, Block, Params, Version};
use passgrant_argon2::{Argon2, Kernel, Memory};

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: &[u8] = b"sixteen bytes of";

/// The number of verifications in a row. The first is not counted, since it finds in the caches what another row left
/// there.
const REPEATS: u32 = 4;

type Hash = Box<dyn FnMut() -> [u8; 32] + Send>;

fn ours(kernel: Kernel, params: &Params, kept: bool) -> Hash {
    let (params, mut memory) = (params.clone(), Memory::new());
    Box::new(move || {
        if !kept {
            memory = Memory::new();
        }
        let argon2 = Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[] };
        let mut tag = [0; 32];
        argon2.hash_into(kernel, PASSWORD, SALT, &mut memory, &mut tag).expect("a hash");
        memory.wipe();
        tag
    })
}

fn reference(params: &Params, kept: bool) -> Hash {
    let argon2 = argon2::Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut memory = vec![Block::new(); if kept { params.block_count() } else { 0 }];
    Box::new(move || {
        let mut tag = [0; 32];
        let hashed = if kept {
            argon2.hash_password_into_with_memory(PASSWORD, SALT, &mut tag, &mut memory)
        } else {
            argon2.hash_password_into(PASSWORD, SALT, &mut tag)
        };
        hashed.expect("a hash");
        tag
    })
}

fn parameters_of_argon2_rust(params: &Params) -> argon2_rust::Params {
    use argon2_rust::params::{Memory, TagLen};
    let builder = argon2_rust::Params::builder().memory(Memory::kib(params.m_cost().into())).passes(params.t_cost());
    builder.lanes(params.p_cost()).tag_len(TagLen::bytes(32)).build().expect("parameters")
}

fn argon2_rust_kept(params: &Params) -> Hash {
    let (algorithm, version) = (argon2_rust::Algorithm::Argon2id, argon2_rust::Version::V0x13);
    let mut hasher = argon2_rust::Argon2::new(algorithm, version, parameters_of_argon2_rust(params)).hasher();
    Box::new(move || {
        let mut tag = [0; 32];
        hasher.hash_into(PASSWORD, SALT, &mut tag).expect("a hash");
        tag
    })
}

fn argon2_rust_own(backend: argon2_rust::Backend, params: &Params) -> Hash {
    let (algorithm, version) = (argon2_rust::Algorithm::Argon2id, argon2_rust::Version::V0x13);
    let params = parameters_of_argon2_rust(params);
    assert!(backend.is_available());
    Box::new(move || {
        let mut tag = [0; 32];
        #[expect(unsafe_code, reason = "how that implementation is asked for another kernel than the one it chooses")]
        // SAFETY: the backend is one that the processor can run.
        let hashed = unsafe {
            argon2_rust::__internal::hash_with_backend(
                backend,
                algorithm,
                version,
                &params,
                PASSWORD,
                SALT,
                &[],
                &[],
                &mut tag,
            )
        };
        hashed.expect("a hash");
        tag
    })
}

fn rows(params: &Params) -> Vec<(String, Hash)> {
    let mut rows = Vec::new();
    for kernel in Kernel::all() {
        rows.push((format!("here, {}, kept", kernel.name()), ours(kernel, params, true)));
    }
    for kernel in Kernel::all() {
        rows.push((format!("here, {}, its own", kernel.name()), ours(kernel, params, false)));
    }
    rows.push((format!("argon2-rust, {}, kept", argon2_rust::detected_backend()), argon2_rust_kept(params)));
    for &backend in argon2_rust::Backend::ALL.iter().rev().filter(|backend| backend.is_available()) {
        rows.push((format!("argon2-rust, {backend}, its own"), argon2_rust_own(backend, params)));
    }
    rows.push(("argon2 (reference), kept".to_owned(), reference(params, true)));
    rows.push(("argon2 (reference), its own".to_owned(), reference(params, false)));
    rows
}

/// Milliseconds of a verification on each of `threads` threads at once, for each row and round.
fn measure(params: &Params, threads: usize, rounds: usize) -> Vec<(String, Vec<f64>)> {
    let mut of_threads: Vec<_> = (0..threads).map(|_| rows(params)).collect();
    let mut times: Vec<_> = of_threads[0].iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
    // The first round is not counted: it maps memory.
    for round in 0..=rounds {
        for (row, (_, times)) in times.iter_mut().enumerate() {
            let time = thread::scope(|scope| {
                let running: Vec<_> = of_threads
                    .iter_mut()
                    .map(|rows| {
                        scope.spawn(move || {
                            (rows[row].1)();
                            let started = Instant::now();
                            for _ in 1..REPEATS {
                                (rows[row].1)();
                            }
                            started.elapsed().as_secs_f64() * 1e3 / f64::from(REPEATS - 1)
                        })
                    })
                    .collect();
                running.into_iter().map(|thread| thread.join().expect("a time")).fold(0.0, f64::max)
            });
            if round > 0 {
                times.push(time);
            }
        }
    }
    times
}

fn print(title: &str, threads: u32, times: Vec<(String, Vec<f64>)>) {
    let mut rows = Vec::new();
    for (name, mut times) in times {
        times.sort_by(f64::total_cmp);
        rows.push((name, times[times.len() / 4], times[times.len() / 2], times[times.len() * 3 / 4]));
    }
    let fastest = rows.iter().map(|row| row.2).fold(f64::INFINITY, f64::min);
    println!("\n{title:<34}{:>10}{:>10}{:>10}{:>12}{:>10}", "quartile", "median", "quartile", "per second", "ratio");
    for (name, low, median, high) in rows {
        let rate = f64::from(threads) * 1e3 / median;
        println!("{name:<34}{low:>10.2}{median:>10.2}{high:>10.2}{rate:>12.0}{:>10.2}", median / fastest);
    }
}

fn main() {
    let told: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let told = |index: usize, otherwise| told.get(index).copied().unwrap_or(otherwise);
    let (rounds, memory_kib, passes) = (told(0, 40).max(1), told(1, 19456), told(2, 2));
    let params = Params::new(memory_kib, passes, 1, Some(32)).expect("parameters");
    let tags: Vec<_> = rows(&params).into_iter().map(|(_, mut hash)| hash()).collect();
    assert!(tags.windows(2).all(|two| two[0] == two[1]), "they compute the same");

    println!("Argon2id, {memory_kib} KiB, {passes} passes, one lane; {rounds} rounds; milliseconds of a verification");
    if let Ok(pages) = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled") {
        println!("huge pages: {}", pages.trim());
    }
    let processors = available_parallelism().map_or(1, usize::from);
    for threads in if processors > 1 { vec![1, processors] } else { vec![1] } {
        let title = if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads at once") };
        let times = measure(&params, threads, rounds as usize);
        print(&title, u32::try_from(threads).expect("so many"), times);
    }
}
