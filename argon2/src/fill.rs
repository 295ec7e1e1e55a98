//! Filling the memory, segment by segment (RFC 9106, sections 3.2 to 3.5), whichever kernel compresses its blocks.

#![expect(
    clippy::inline_always,
    reason = "it is compiled for the same processor as a kernel only when it is inlined into that kernel"
)]

use argon2::{Algorithm, Params, Version};

/// 1024 bytes, which are 128 little-endian words of 64 bits. The order of the words is up to the kernel.
pub(crate) type Block = [u8; 1024];

/// The number of words in a block, and of references in a block of addresses.
pub(crate) const WORDS: usize = 128;

/// The number of segments in a lane, and of slices in a pass.
pub(crate) const SLICES: usize = 4;

/// How far ahead a reference is fetched if references are known before the blocks are.
const AHEAD: usize = 2;

pub(crate) fn word(block: &Block, index: usize) -> u64 {
    u64::from_le_bytes(block.as_chunks().0[index])
}

pub(crate) fn set_word(block: &mut Block, index: usize, word: u64) {
    block.as_chunks_mut().0[index] = word.to_le_bytes();
}

/// What is computed, as the loops need it.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    algorithm: Algorithm,
    version: Version,
    passes: u32,
    lanes: usize,
    segment_length: usize,
}

impl Shape {
    pub(crate) fn new(algorithm: Algorithm, version: Version, params: &Params) -> Self {
        let lanes = params.p_cost() as usize;
        let segment_length = params.block_count() / (lanes * SLICES);
        Self { algorithm, version, passes: params.t_cost(), lanes, segment_length }
    }

    pub(crate) fn lane_length(&self) -> usize {
        self.segment_length * SLICES
    }

    pub(crate) fn block_count(&self) -> usize {
        self.lane_length() * self.lanes
    }

    /// Every segment, in an order in which each refers only to finished ones.
    pub(crate) fn segments(self) -> impl Iterator<Item = Segment> {
        (0..self.passes).flat_map(move |pass| {
            (0..SLICES)
                .flat_map(move |slice| (0..self.lanes).map(move |lane| Segment { shape: self, pass, slice, lane }))
        })
    }
}

/// One compression, by the indices of its blocks: `target` becomes G of `previous` and `reference`, xored with what it
/// was if `accumulate` is set. `target` is neither of the other two.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) previous: usize,
    pub(crate) reference: usize,
    pub(crate) target: usize,
    pub(crate) accumulate: bool,
}

/// Blocks for the making of addresses: zeros, the input, and what is computed from them.
#[repr(align(64))]
pub(crate) struct Scratch(pub(crate) [Block; 4]);

impl Scratch {
    /// The compressions that make a block of addresses, which is the last, from the input, which is the second.
    pub(crate) const STEPS: [Step; 2] = [
        Step { previous: 0, reference: 1, target: 2, accumulate: false },
        Step { previous: 0, reference: 2, target: 3, accumulate: false },
    ];
}

/// The block after the one that is being made: what it refers to is worth fetching as early as possible.
pub(crate) struct Upcoming<'a> {
    segment: &'a Segment,
    index: usize,
    known: Option<usize>,
}

impl Upcoming<'_> {
    /// The index of the block to fetch, given the first word of the block that is being made.
    #[inline(always)]
    pub(crate) fn reference(&self, first_word: u64) -> usize {
        self.known.unwrap_or_else(|| self.segment.reference(first_word, self.index))
    }
}

/// One lane's part of one slice of one pass.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    shape: Shape,
    pass: u32,
    slice: usize,
    lane: usize,
}

impl Segment {
    /// Fills the segment.
    ///
    /// `compress` does a step, and returns what [`Upcoming::reference`] returned. `address` does the steps of
    /// [`Scratch`]. `place` says at which index a block of this kernel has a word of the RFC's; the first word is
    /// always first.
    ///
    /// It is inlined into the kernel, so that all of it is compiled for the processor that the kernel is for, and
    /// `compress` is called in only one place, so that it is inlined here.
    #[inline(always)]
    pub(crate) fn fill(
        &self,
        memory: &mut [Block],
        place: impl Fn(usize) -> usize,
        address: impl Fn(&mut Scratch),
        compress: impl Fn(&mut [Block], Step, &Upcoming<'_>) -> usize,
    ) {
        let lane_length = self.shape.lane_length();
        let lane_start = self.lane * lane_length;
        let start = lane_start + self.slice * self.shape.segment_length;
        let accumulate = self.pass > 0 && self.shape.version == Version::V0x13;
        // The first two blocks of a lane are made from the inputs.
        let first = if self.pass == 0 && self.slice == 0 { 2 } else { 0 };
        let mut previous = if start + first == lane_start { lane_start + lane_length } else { start + first } - 1;

        let independent = self.is_data_independent();
        let mut scratch = Scratch([[0; 1024]; 4]);
        let mut known = [0; WORDS];
        let mut reference = 0;
        if independent {
            self.describe(&mut scratch.0[1], &place);
        } else {
            reference = self.reference(word(&memory[previous], 0), first);
        }
        for index in first..self.shape.segment_length {
            let at = index % WORDS;
            if independent {
                if at == 0 || index == first {
                    let counter = place(6);
                    let count = word(&scratch.0[1], counter) + 1;
                    set_word(&mut scratch.0[1], counter, count);
                    address(&mut scratch);
                    for (at, known) in known.iter_mut().enumerate().skip(at) {
                        *known = self.reference(word(&scratch.0[3], place(at)), index / WORDS * WORDS + at);
                    }
                }
                reference = known[at];
            }
            let upcoming = Upcoming {
                segment: self,
                index: index + 1,
                known: independent.then(|| known[(at + AHEAD).min(WORDS - 1)]),
            };
            let target = start + index;
            reference = compress(memory, Step { previous, reference, target, accumulate }, &upcoming);
            previous = target;
        }
    }

    fn is_data_independent(&self) -> bool {
        match self.shape.algorithm {
            Algorithm::Argon2d => false,
            Algorithm::Argon2i => true,
            Algorithm::Argon2id => self.pass == 0 && self.slice < SLICES / 2,
        }
    }

    /// The input from which addresses are made (RFC 9106, section 3.4.1.2), without its counter.
    fn describe(&self, input: &mut Block, place: impl Fn(usize) -> usize) {
        let words = [
            u64::from(self.pass),
            self.lane as u64,
            self.slice as u64,
            self.shape.block_count() as u64,
            u64::from(self.shape.passes),
            self.shape.algorithm as u64,
        ];
        for (index, word) in words.into_iter().enumerate() {
            set_word(input, place(index), word);
        }
    }

    /// The index of the block that block `index` of the segment refers to by `random` (RFC 9106, sections 3.4.1.3 and
    /// 3.4.2). The index may be as large as the segment's length, or larger for references that nothing uses: even
    /// then, the result is the index of a block of the memory.
    #[inline(always)]
    fn reference(&self, random: u64, index: usize) -> usize {
        let Shape { segment_length, lanes, .. } = self.shape;
        let lane_length = self.shape.lane_length();
        let index = index.min(segment_length);
        let finished = if self.pass == 0 { self.slice * segment_length } else { lane_length - segment_length };
        // Division is slow, and one lane is usual.
        let lane = if lanes == 1 || (self.pass == 0 && self.slice == 0) {
            self.lane
        } else {
            ((random >> 32) % lanes as u64) as usize
        };
        let area = if lane == self.lane { finished + index - 1 } else { finished - usize::from(index == 0) };
        let low = random & 0xFFFF_FFFF;
        let nearness = (low * low) >> 32;
        let distance = ((area as u64 * nearness) >> 32) as usize;
        let oldest = if self.pass == 0 || self.slice == SLICES - 1 { 0 } else { (self.slice + 1) * segment_length };
        let position = oldest + area - 1 - distance;
        let wrapped = if position >= lane_length { position - lane_length } else { position };
        lane * lane_length + wrapped
    }
}
