//! The memory of a computation: mapped in huge pages if the operating system has them, kept for the next computation,
//! and wiped.

use memmap2::MmapMut;
use zeroize::optimization_barrier;

use crate::fill::Block;

const BLOCK: usize = size_of::<Block>();
/// The size of huge pages on x86-64 and arm64: memory can only consist of them if it begins at a multiple of it.
const HUGE_PAGE: usize = 2 << 20;

/// Memory for Argon2, kept between computations. It is mapped when it is first needed, and wiped when it is given back to
/// the operating system; between computations, [`Memory::wipe`] wipes it.
#[derive(Default)]
pub struct Memory {
    mapping: Option<Mapping>,
    /// How much of it, from the beginning of what is lent, may not be zero.
    written: usize,
}

enum Mapping {
    Pages(MmapMut),
    /// For when the operating system does not map any.
    Heap(Vec<u8>),
}

impl Memory {
    /// Memory that is not mapped yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { mapping: None, written: 0 }
    }

    /// How much is mapped, in KiB. Pages that were never written cost nothing.
    #[must_use]
    pub fn mapped_kib(&self) -> usize {
        self.mapping.as_ref().map_or(0, |mapping| mapping.bytes().len() / BLOCK)
    }

    /// Gives the memory back to the operating system if it is more than computations over `kib` KiB need.
    pub fn shrink_to(&mut self, kib: usize) {
        if self.mapped_kib() > kib + HUGE_PAGE / BLOCK {
            self.give_back();
        }
    }

    /// Maps what computations over `kib` KiB need, and writes to every page, which is what takes time.
    pub fn prepare(&mut self, kib: usize) {
        self.lend(kib);
        self.wipe();
    }

    /// Overwrites with zeros what computations have left. A computation that follows at once overwrites as much of it as
    /// it uses, so between two of them this can be left out.
    pub fn wipe(&mut self) {
        if let Some(mapping) = &mut self.mapping {
            // What comes before is never lent: writing to it would map up to a huge page of memory to no end.
            let written = &mut mapping.aligned()[..self.written];
            written.fill(0);
            // Otherwise the compiler might leave out the zeros, since nobody reads them.
            optimization_barrier(written);
        }
        self.written = 0;
    }

    /// Whether every byte of it is zero.
    #[must_use]
    pub fn is_wiped(&self) -> bool {
        self.mapping.as_ref().is_none_or(|mapping| mapping.bytes().iter().all(|&byte| byte == 0))
    }

    /// Lends `count` blocks, with whatever the last computation left in them.
    pub(crate) fn lend(&mut self, count: usize) -> &mut [Block] {
        let length = count * BLOCK + HUGE_PAGE;
        if self.mapping.as_ref().is_none_or(|mapping| mapping.bytes().len() < length) {
            // The old mapping goes first: there is never more than one.
            self.give_back();
        }
        let aligned = self.mapping.get_or_insert_with(|| Mapping::new(length)).aligned();
        let size = count * BLOCK;
        self.written = self.written.max(size);
        aligned[..size].as_chunks_mut().0
    }

    fn give_back(&mut self) {
        self.wipe();
        self.mapping = None;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Mapping {
    fn new(length: usize) -> Self {
        let Ok(pages) = MmapMut::map_anon(length) else { return Self::Heap(vec![0; length]) };
        #[cfg(target_os = "linux")]
        if length >= 2 * HUGE_PAGE {
            // As many as are filled: one more would take 2 MiB for what is left. Without huge pages it is slower, and nothing else.
            let filled = (length / HUGE_PAGE - 1) * HUGE_PAGE;
            let _: std::io::Result<()> = pages.advise_range(memmap2::Advice::HugePage, before_aligned(&pages), filled);
        }
        Self::Pages(pages)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Pages(pages) => pages,
            Self::Heap(bytes) => bytes,
        }
    }

    /// What begins where a huge page can.
    fn aligned(&mut self) -> &mut [u8] {
        let bytes: &mut [u8] = match self {
            Self::Pages(pages) => pages,
            Self::Heap(bytes) => bytes,
        };
        let before = before_aligned(bytes);
        &mut bytes[before..]
    }
}

/// How many of `bytes` come before what is [`Mapping::aligned`].
fn before_aligned(bytes: &[u8]) -> usize {
    let misaligned = bytes.as_ptr().addr() % HUGE_PAGE;
    (HUGE_PAGE - misaligned) % HUGE_PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_written_is_zero_once_it_is_wiped() {
        let mut memory = Memory::new();
        assert!(memory.is_wiped() && memory.mapped_kib() == 0);
        for counts in [&[8, 5000, 64][..], &[4, 64]] {
            for &count in counts {
                let lent = memory.lend(count);
                assert_eq!((lent.len(), lent.as_ptr().addr() % HUGE_PAGE), (count, 0));
                lent.fill([0xA5; BLOCK]);
            }
            assert!(!memory.is_wiped());
            memory.wipe();
            assert!(memory.is_wiped());
        }
        assert!(memory.mapped_kib() >= 5000, "it is kept");
    }

    #[test]
    fn only_what_was_lent_is_wiped() {
        let mut memory = Memory::new();
        memory.lend(16);
        assert_eq!(memory.written, 16 * BLOCK, "what is before it need not be mapped");
    }

    #[test]
    fn memory_that_was_prepared_is_not_mapped_again() {
        let mut memory = Memory::new();
        memory.prepare(5000);
        assert!(memory.mapped_kib() >= 5000 && memory.is_wiped());
        let start = memory.mapping.as_ref().map(|mapping| mapping.bytes().as_ptr());
        memory.lend(5000);
        assert!(memory.mapping.as_ref().map(|mapping| mapping.bytes().as_ptr()) == start);
    }

    #[test]
    fn memory_beyond_what_is_kept_goes_back_to_the_operating_system() {
        let mut memory = Memory::new();
        memory.lend(64);
        memory.shrink_to(64);
        assert!(memory.mapped_kib() >= 64);
        memory.lend(65536);
        memory.shrink_to(64);
        assert_eq!((memory.mapped_kib(), memory.written), (0, 0));
    }
}
