//! The compression function (RFC 9106, sections 3.5 and 3.6) for any processor.

#![expect(clippy::inline_always, reason = "it keeps the words in registers")]
#![expect(clippy::many_single_char_names, reason = "they are the names in the RFC")]

use crate::fill::{Block, Scratch, Segment, Step, WORDS, word};

pub(crate) fn fill(segment: &Segment, memory: &mut [Block]) {
    segment.fill(
        memory,
        |word| word,
        address,
        |memory, step, upcoming| {
            compress(memory, step);
            upcoming.reference(word(&memory[step.target], 0))
        },
    );
}

#[inline(never)]
fn address(scratch: &mut Scratch) {
    for step in Scratch::STEPS {
        compress(&mut scratch.0, step);
    }
}

#[inline(always)]
fn compress(memory: &mut [Block], step: Step) {
    let mut r = [0; WORDS];
    let (previous, reference) = (memory[step.previous].as_chunks().0, memory[step.reference].as_chunks().0);
    for ((r, x), y) in r.iter_mut().zip(previous).zip(reference) {
        *r = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
    }
    let mut z = r;
    for row in z.as_chunks_mut().0 {
        permute(row);
    }
    for column in 0..8 {
        let place = |index: usize| 16 * (index / 2) + 2 * column + index % 2;
        let mut v = std::array::from_fn(|index| z[place(index)]);
        permute(&mut v);
        for (index, word) in v.into_iter().enumerate() {
            z[place(index)] = word;
        }
    }
    let target = memory[step.target].as_chunks_mut().0;
    if step.accumulate {
        for (r, target) in r.iter_mut().zip(&*target) {
            *r ^= u64::from_le_bytes(*target);
        }
    }
    for ((target, r), z) in target.iter_mut().zip(&r).zip(&z) {
        *target = (r ^ z).to_le_bytes();
    }
}

/// The permutation P.
#[inline(always)]
fn permute(v: &mut [u64; 16]) {
    for i in 0..4 {
        quarter(v, [i, i + 4, i + 8, i + 12]);
    }
    for i in 0..4 {
        quarter(v, [i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12]);
    }
}

#[inline(always)]
fn quarter(v: &mut [u64; 16], [a, b, c, d]: [usize; 4]) {
    for (first, second) in [(32, 24), (16, 63)] {
        v[a] = multiply_add(v[a], v[b]);
        v[d] = (v[d] ^ v[a]).rotate_right(first);
        v[c] = multiply_add(v[c], v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(second);
    }
}

#[inline(always)]
fn multiply_add(x: u64, y: u64) -> u64 {
    let product = (x & 0xFFFF_FFFF).wrapping_mul(y & 0xFFFF_FFFF);
    x.wrapping_add(y).wrapping_add(product.wrapping_mul(2))
}
