//! The memory of a computation: mapped in huge pages if the operating system has them, kept for the next computation,
//! and wiped.

use memmap2::MmapMut;
use zeroize::optimization_barrier;

use crate::fill::Block;

const BLOCK: usize = size_of::<Block>();
/// The size of huge pages on x86-64 and arm64: memory can only consist of them if it begins at a multiple of it.
const HUGE_PAGE: usize = 2 << 20;

/// Memory for Argon2, kept between computations. It is mapped when it is first needed, and holds nothing of a
/// computation once that is over, however it ended.
#[derive(Default)]
pub struct Memory(Option<Mapping>);

enum Mapping {
    Pages(MmapMut),
    /// For when the operating system does not map any.
    Heap(Vec<u8>),
}

impl Memory {
    /// Memory that is not mapped yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// How much is mapped, in KiB. Pages that were never written cost nothing.
    #[must_use]
    pub fn mapped_kib(&self) -> usize {
        self.0.as_ref().map_or(0, |mapping| mapping.bytes().len() / BLOCK)
    }

    /// Gives the memory back to the operating system if it is more than computations over `kib` KiB need.
    pub fn shrink_to(&mut self, kib: usize) {
        if self.mapped_kib() > kib + HUGE_PAGE / BLOCK {
            self.0 = None;
        }
    }

    /// Maps what computations over `kib` KiB need, and writes to every page, which is what takes time.
    pub fn prepare(&mut self, kib: usize) {
        drop(self.lend(kib));
    }

    /// Whether every byte of it is zero.
    #[must_use]
    pub fn is_wiped(&self) -> bool {
        self.0.as_ref().is_none_or(|mapping| mapping.bytes().iter().all(|&byte| byte == 0))
    }

    /// Lends `count` blocks, which are wiped when they are given back.
    pub(crate) fn lend(&mut self, count: usize) -> Lent<'_> {
        let length = count * BLOCK + HUGE_PAGE;
        if self.0.as_ref().is_none_or(|mapping| mapping.bytes().len() < length) {
            // The old mapping goes first: there is never more than one.
            self.0 = None;
        }
        let bytes = self.0.get_or_insert_with(|| Mapping::new(length)).bytes_mut();
        let misaligned = bytes.as_ptr().addr() % HUGE_PAGE;
        let start = (HUGE_PAGE - misaligned) % HUGE_PAGE;
        Lent(bytes[start..][..count * BLOCK].as_chunks_mut().0)
    }
}

impl Mapping {
    fn new(length: usize) -> Self {
        let Ok(pages) = MmapMut::map_anon(length) else { return Self::Heap(vec![0; length]) };
        #[cfg(target_os = "linux")]
        if length >= 2 * HUGE_PAGE {
            // Without huge pages it is slower, and nothing else.
            let _: std::io::Result<()> = pages.advise(memmap2::Advice::HugePage);
        }
        Self::Pages(pages)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Pages(pages) => pages,
            Self::Heap(bytes) => bytes,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Pages(pages) => pages,
            Self::Heap(bytes) => bytes,
        }
    }
}

/// Blocks of a [`Memory`], for one computation.
pub(crate) struct Lent<'a>(pub(crate) &'a mut [Block]);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.as_flattened_mut().fill(0);
        // Otherwise the compiler might leave out the zeros, since nobody reads them.
        optimization_barrier(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_when_it_is_given_back() {
        let mut memory = Memory::new();
        assert!(memory.is_wiped() && memory.mapped_kib() == 0);
        for count in [8, 5000, 64] {
            let lent = memory.lend(count);
            assert_eq!((lent.0.len(), lent.0.as_ptr().addr() % HUGE_PAGE), (count, 0));
            assert!(lent.0.iter().all(|block| *block == [0; BLOCK]));
            lent.0.fill([0xA5; BLOCK]);
            drop(lent);
            assert!(memory.is_wiped());
        }
        assert!(memory.mapped_kib() >= 5000, "it is kept");
    }

    #[test]
    fn memory_that_was_prepared_is_not_mapped_again() {
        let mut memory = Memory::new();
        memory.prepare(5000);
        let start = memory.0.as_ref().map(|mapping| mapping.bytes().as_ptr());
        assert!(memory.mapped_kib() >= 5000 && memory.is_wiped());
        drop(memory.lend(5000));
        assert!(memory.0.as_ref().map(|mapping| mapping.bytes().as_ptr()) == start);
    }

    #[test]
    fn memory_beyond_what_is_kept_goes_back_to_the_operating_system() {
        let mut memory = Memory::new();
        drop(memory.lend(64));
        memory.shrink_to(64);
        assert!(memory.mapped_kib() >= 64);
        drop(memory.lend(65536));
        memory.shrink_to(64);
        assert_eq!(memory.mapped_kib(), 0);
    }

    #[test]
    fn memory_is_wiped_when_a_computation_panics() {
        let mut memory = Memory::new();
        let computation = std::panic::AssertUnwindSafe(|| {
            let lent = memory.lend(64);
            lent.0.fill([0xA5; BLOCK]);
            panic!("a computation that fails");
        });
        assert!(std::panic::catch_unwind(computation).is_err());
        assert!(memory.is_wiped());
    }
}
