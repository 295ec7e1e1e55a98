//! Which code computes Argon2: it is chosen at run time, once it has shown that it does.

use argon2::{Algorithm, Params, Version};

use crate::fill::{Block, Segment};
use crate::{Argon2, Memory, portable};

#[cfg(target_arch = "x86_64")]
use crate::x86::Isa;

/// Code that computes Argon2 on this processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Code);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Portable,
    #[cfg(target_arch = "x86_64")]
    X86(Isa),
}

/// What [`Kernel::choose`] found.
pub struct Choice {
    /// The fastest kernel that computes Argon2; `None` if there is none, so that the reference implementation has to.
    pub kernel: Option<Kernel>,
    /// The names of faster kernels that computed something else.
    pub wrong: Vec<&'static str>,
}

impl Kernel {
    /// The kernel that runs on any processor.
    pub const PORTABLE: Self = Self(Code::Portable);

    /// The kernels that this processor can run, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = Isa::all().map(|isa| Self(Code::X86(isa)));
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = std::iter::empty();
        vectors.chain([Self::PORTABLE])
    }

    /// The fastest kernel that passes its self-test, which takes about ten microseconds. The choice does not change
    /// while a process runs.
    #[must_use]
    pub fn choose() -> Choice {
        Self::first_right(Self::all(), Self::is_right)
    }

    fn first_right(kernels: impl Iterator<Item = Self>, is_right: impl Fn(Self) -> bool) -> Choice {
        let mut wrong = Vec::new();
        for kernel in kernels {
            if is_right(kernel) {
                return Choice { kernel: Some(kernel), wrong };
            }
            wrong.push(kernel.name());
        }
        Choice { kernel: None, wrong }
    }

    /// The name of the instructions that it uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Code::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Code::X86(isa) => isa.name(),
        }
    }

    /// Whether it computes the tag of [`SelfTest`], which covers both kinds of addresses, two lanes, and both ways of
    /// writing a block.
    fn is_right(self) -> bool {
        let Ok(params) =
            Params::new(SelfTest::MEMORY_KIB, SelfTest::PASSES, SelfTest::LANES, Some(SelfTest::TAG.len()))
        else {
            return false;
        };
        let argon2 = Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: &params, secret: &[] };
        let mut tag = [0; SelfTest::TAG.len()];
        let computed = argon2.hash_into(self, SelfTest::PASSWORD, SelfTest::SALT, &mut Memory::new(), &mut tag);
        computed.is_ok() && tag == SelfTest::TAG
    }

    pub(crate) fn place(self, word: usize) -> usize {
        match self.0 {
            Code::Portable => word,
            #[cfg(target_arch = "x86_64")]
            Code::X86(isa) => isa.place(word),
        }
    }

    pub(crate) fn fill(self, segment: &Segment, memory: &mut [Block]) {
        match self.0 {
            Code::Portable => portable::fill(segment, memory),
            #[cfg(target_arch = "x86_64")]
            Code::X86(isa) => isa.fill(segment, memory),
        }
    }
}

/// A hash that the reference implementation made.
struct SelfTest;

impl SelfTest {
    const MEMORY_KIB: u32 = 16;
    const PASSES: u32 = 2;
    const LANES: u32 = 2;
    const PASSWORD: &[u8] = b"a password for the self-test";
    const SALT: &[u8] = b"and a salt";
    const TAG: [u8; 16] = [121, 113, 97, 28, 233, 70, 232, 86, 140, 218, 44, 77, 38, 51, 160, 188];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_the_self_test_is_that_of_the_reference_implementation() {
        let params = Params::new(SelfTest::MEMORY_KIB, SelfTest::PASSES, SelfTest::LANES, Some(SelfTest::TAG.len()));
        let reference = argon2::Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("parameters"));
        let mut tag = [0; SelfTest::TAG.len()];
        reference.hash_password_into(SelfTest::PASSWORD, SelfTest::SALT, &mut tag).expect("a hash");
        assert_eq!(tag, SelfTest::TAG);
    }

    #[test]
    fn every_kernel_of_this_processor_passes_its_self_test() {
        for kernel in Kernel::all() {
            assert!(kernel.is_right(), "{}", kernel.name());
        }
        let choice = Kernel::choose();
        assert!(choice.kernel == Kernel::all().next() && choice.wrong.is_empty());
    }

    #[test]
    fn a_kernel_that_is_wrong_gives_way_to_the_next_and_the_last_to_the_reference() {
        let all: Vec<_> = Kernel::all().collect();
        let choice = Kernel::first_right(all.iter().copied(), |kernel| kernel == Kernel::PORTABLE);
        assert!(choice.kernel == Some(Kernel::PORTABLE));
        assert_eq!(choice.wrong.len(), all.len() - 1);
        let choice = Kernel::first_right(all.iter().copied(), |_| false);
        assert!(choice.kernel.is_none());
        assert_eq!(choice.wrong.len(), all.len());
    }
}
