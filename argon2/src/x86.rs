//! The compression function (RFC 9106, sections 3.5 and 3.6) for x86-64 processors with SSSE3, AVX2 or AVX-512.
//!
//! The only code in this repository that is `unsafe`, in two ways and no others:
//!
//! * [`Isa::fill`] calls functions that are compiled for processors with a feature. Only [`Isa::all`] makes an [`Isa`],
//!   after asking the processor for that feature.
//! * `load` and `store` of each kernel move a vector from and to an array of the vector's size. They take references to
//!   that array: there is no pointer whose validity, lifetime or aliasing would have to be proved. They need no
//!   alignment. Every index is checked, or known to the compiler.
//!
//! What the intrinsics do to the vectors themselves is safe code. Wrong code here computes wrong hashes: the tests
//! compare each kernel with the reference implementation.

#![expect(unsafe_code, reason = "vectors are loaded and stored through pointers, and kernels are chosen at run time")]

use std::arch::is_x86_feature_detected;

use crate::fill::{Block, Segment};

/// A set of instructions that this processor has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Isa(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ssse3,
    Avx2,
    Avx512,
}

impl Isa {
    /// Those that this processor has, the fastest first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let kinds = [
            is_x86_feature_detected!("avx512f").then_some(Kind::Avx512),
            is_x86_feature_detected!("avx2").then_some(Kind::Avx2),
            is_x86_feature_detected!("ssse3").then_some(Kind::Ssse3),
        ];
        kinds.into_iter().flatten().map(Self)
    }

    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Kind::Ssse3 => "SSSE3",
            Kind::Avx2 => "AVX2",
            Kind::Avx512 => "AVX-512",
        }
    }

    /// At which index a block of this kernel has a word of the RFC's.
    pub(crate) fn place(self, word: usize) -> usize {
        match self.0 {
            Kind::Ssse3 | Kind::Avx2 => word,
            Kind::Avx512 => avx512::place(word),
        }
    }

    pub(crate) fn fill(self, segment: &Segment, memory: &mut [Block]) {
        match self.0 {
            // SAFETY: `Isa::all` found that the processor has SSSE3.
            Kind::Ssse3 => unsafe { ssse3::fill(segment, memory) },
            // SAFETY: `Isa::all` found that the processor has AVX2.
            Kind::Avx2 => unsafe { avx2::fill(segment, memory) },
            // SAFETY: `Isa::all` found that the processor has AVX-512F.
            Kind::Avx512 => unsafe { avx512::fill(segment, memory) },
        }
    }
}

/// The half of a round of `BLAKE2b` that needs no word to move, on all vectors in `$range` at once.
macro_rules! quarters {
    ($a:ident, $b:ident, $c:ident, $d:ident, $range:expr) => {
        quarters!(@ $a, $b, $d, rotate_32, $range);
        quarters!(@ $c, $d, $b, rotate_24, $range);
        quarters!(@ $a, $b, $d, rotate_16, $range);
        quarters!(@ $c, $d, $b, rotate_63, $range);
    };
    (@ $x:ident, $y:ident, $z:ident, $rotate:ident, $range:expr) => {
        for i in $range {
            $x[i] = multiply_add($x[i], $y[i]);
            $z[i] = $rotate(xor($z[i], $x[i]));
        }
    };
}

/// The functions that a kernel has in addition to its arithmetic and its `compress!`, which is a macro because a
/// function with a target feature cannot be forced to be inlined.
macro_rules! kernel {
    ($feature:literal, $vector:ty, $bytes:literal, $load:ident, $store:ident, $place:expr) => {
        #[target_feature(enable = $feature)]
        pub(super) fn fill(segment: &Segment, memory: &mut [Block]) {
            segment.fill(
                memory,
                $place,
                |scratch| address(scratch),
                |memory, step, upcoming| {
                    let mut next = 0;
                    compress!(memory, step, |memory: &[Block], first_word| {
                        next = upcoming.reference(first_word);
                        for line in memory[next].as_chunks::<64>().0 {
                            _mm_prefetch(line.as_ptr().cast(), _MM_HINT_T0);
                        }
                    });
                    next
                },
            );
        }

        #[target_feature(enable = $feature)]
        #[inline(never)]
        fn address(scratch: &mut Scratch) {
            let blocks = &mut scratch.0[..];
            for step in Scratch::STEPS {
                compress!(blocks, step, |_: &[Block], _| ());
            }
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn load(bytes: &[u8; $bytes]) -> $vector {
            // SAFETY: it reads the bytes of the array that is borrowed, and needs no alignment.
            unsafe { $load(bytes.as_ptr().cast()) }
        }

        #[target_feature(enable = $feature)]
        #[inline]
        fn store(bytes: &mut [u8; $bytes], vector: $vector) {
            // SAFETY: it writes the bytes of the array that is borrowed mutably, and needs no alignment.
            unsafe { $store(bytes.as_mut_ptr().cast(), vector) }
        }
    };
}

mod avx512 {
    use std::arch::x86_64::{
        __m512i, _MM_HINT_T0, _mm_cvtsi128_si64, _mm_prefetch, _mm512_add_epi64, _mm512_castsi512_si128,
        _mm512_loadu_si512, _mm512_mul_epu32, _mm512_permutex_epi64, _mm512_permutexvar_epi64, _mm512_ror_epi64,
        _mm512_storeu_si512, _mm512_xor_si512 as xor,
    };

    use crate::fill::{Block, Scratch, Segment};

    /// A vector has four words of each of two consecutive rows, so that no word moves before the first round or between
    /// the rounds over rows and those over columns: the two pairs of words that a vector has of a row belong to two
    /// columns, and the words that meet in a column's round are in the same place in different vectors.
    pub(super) const fn place(word: usize) -> usize {
        let (row, column) = (word / 16, word % 16);
        row / 2 * 32 + column / 4 * 8 + row % 2 * 4 + column % 4
    }

    /// The round over rows leaves the words of its second, third and fourth vectors rotated by one, two and three
    /// places within their four. They stay so during the round over columns: this is where vector `k` has word `word`
    /// of a row's four.
    const fn lane(row: usize, word: usize, k: usize) -> usize {
        4 * row + (word + 4 - k) % 4
    }

    /// Where each word of vector `k` comes from when it is rotated by `by` words within each of its two columns.
    const fn rotated(k: usize, by: usize) -> [u8; 64] {
        let mut from = [0; 64];
        let mut to = 0;
        while to < 8 {
            let word = (to + k) % 4;
            let rotated = (to / 4 * 2 + word % 2 + by) % 4;
            from[8 * to] = lane(rotated / 2, word / 2 * 2 + rotated % 2, k).to_le_bytes()[0];
            to += 1;
        }
        from
    }

    /// Where each word of vector `k` comes from when its rotations, by columns and by rows, are undone.
    const fn restored(k: usize, by: usize) -> [u8; 64] {
        let mut from = [0; 64];
        let mut to = 0;
        while to < 8 {
            let word = to % 4;
            let rotated = (to / 4 * 2 + word % 2 + 4 - by) % 4;
            from[8 * to] = lane(rotated / 2, word / 2 * 2 + rotated % 2, k).to_le_bytes()[0];
            to += 1;
        }
        from
    }

    macro_rules! of_each_vector {
        ($places:ident) => {{
            let mut table = [[[0; 64]; 4]; 4];
            let mut at = 0;
            while at < 16 {
                table[at / 4][at % 4] = $places(at / 4, at % 4);
                at += 1;
            }
            table
        }};
    }

    static ROTATED: [[[u8; 64]; 4]; 4] = of_each_vector!(rotated);
    static RESTORED: [[[u8; 64]; 4]; 4] = of_each_vector!(restored);

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn multiply_add(x: __m512i, y: __m512i) -> __m512i {
        let product = _mm512_mul_epu32(x, y);
        _mm512_add_epi64(_mm512_add_epi64(x, y), _mm512_add_epi64(product, product))
    }

    macro_rules! columns {
        ($a:ident, $b:ident, $c:ident, $d:ident, $range:expr) => {
            quarters!($a, $b, $c, $d, $range);
            for k in $range {
                $b[k] = _mm512_permutexvar_epi64(load(&ROTATED[k][1]), $b[k]);
                $c[k] = _mm512_permutexvar_epi64(load(&ROTATED[k][2]), $c[k]);
                $d[k] = _mm512_permutexvar_epi64(load(&ROTATED[k][3]), $d[k]);
            }
            quarters!($a, $b, $c, $d, $range);
        };
    }

    macro_rules! compress {
        ($memory:expr, $step:expr, $upcoming:expr) => {{
            let (previous, reference) = (&$memory[$step.previous], &$memory[$step.reference]);
            let r: [__m512i; 16] = std::array::from_fn(|index| {
                xor(load(&previous.as_chunks().0[index]), load(&reference.as_chunks().0[index]))
            });
            let [mut a, mut b, mut c, mut d]: [[__m512i; 4]; 4] =
                std::array::from_fn(|k| std::array::from_fn(|rows| r[4 * rows + k]));
            quarters!(a, b, c, d, 0..4);
            for rows in 0..4 {
                b[rows] = _mm512_permutex_epi64::<0b00_11_10_01>(b[rows]);
                c[rows] = _mm512_permutex_epi64::<0b01_00_11_10>(c[rows]);
                d[rows] = _mm512_permutex_epi64::<0b10_01_00_11>(d[rows]);
            }
            quarters!(a, b, c, d, 0..4);

            let mut z: [[__m512i; 4]; 4] = std::array::from_fn(|rows| [a[rows], b[rows], c[rows], d[rows]]);
            let [a, b, c, d] = &mut z;
            columns!(a, b, c, d, 0..2);
            // The first word is finished before the other half of the columns is begun: the block that it refers to is
            // fetched meanwhile.
            let mut first = xor(a[0], r[0]);
            if $step.accumulate {
                first = xor(first, load(&$memory[$step.target].as_chunks().0[0]));
            }
            ($upcoming)(&*$memory, _mm_cvtsi128_si64(_mm512_castsi512_si128(first)).cast_unsigned());
            columns!(a, b, c, d, 2..4);

            let target = $memory[$step.target].as_chunks_mut().0;
            for rows in 0..4 {
                for k in 0..4 {
                    let target = &mut target[4 * rows + k];
                    let mut made = _mm512_permutexvar_epi64(load(&RESTORED[k][rows]), z[rows][k]);
                    made = xor(made, r[4 * rows + k]);
                    if $step.accumulate {
                        made = xor(made, load(target));
                    }
                    store(target, made);
                }
            }
        }};
    }

    macro_rules! rotation {
        ($name:ident, $by:literal) => {
            #[target_feature(enable = "avx512f")]
            #[inline]
            fn $name(x: __m512i) -> __m512i {
                _mm512_ror_epi64::<$by>(x)
            }
        };
    }
    rotation!(rotate_32, 32);
    rotation!(rotate_24, 24);
    rotation!(rotate_16, 16);
    rotation!(rotate_63, 63);

    kernel!("avx512f", __m512i, 64, _mm512_loadu_si512, _mm512_storeu_si512, place);
}

/// Kernels whose vectors hold words of one row, in the order of the RFC.
macro_rules! narrow_compress {
    ($vector:ty, $vectors:literal, $round_over_rows:ident, $align:ident) => {
        macro_rules! compress {
            ($memory:expr, $step:expr, $upcoming:expr) => {{
                let (previous, reference) = (&$memory[$step.previous], &$memory[$step.reference]);
                let r: [$vector; $vectors] = std::array::from_fn(|index| {
                    xor(load(&previous.as_chunks().0[index]), load(&reference.as_chunks().0[index]))
                });
                let mut z = r;
                for rows in z.as_chunks_mut().0 {
                    $round_over_rows!(rows);
                }
                for column in 0..$vectors / 8 {
                    if column == 1 {
                        // The first word is finished: what it refers to is fetched during the other columns.
                        let first = crate::fill::word(&$memory[$step.target], 0);
                        ($upcoming)(&*$memory, first);
                    }
                    let of = |row: usize| z[$vectors / 8 * row + column];
                    let (mut a, mut b, mut c, mut d) = ([of(0), of(1)], [of(2), of(3)], [of(4), of(5)], [of(6), of(7)]);
                    round_of_pairs!(a, b, c, d, $align);
                    let target = $memory[$step.target].as_chunks_mut().0;
                    for (row, made) in [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]].into_iter().enumerate() {
                        let index = $vectors / 8 * row + column;
                        let mut made = xor(made, r[index]);
                        if $step.accumulate {
                            made = xor(made, load(&target[index]));
                        }
                        store(&mut target[index], made);
                    }
                }
            }};
        }
    };
}

/// A round on vectors that have words 0 and 1, words 2 and 3, and so on, of what is permuted.
macro_rules! round_of_pairs {
    ($a:ident, $b:ident, $c:ident, $d:ident, $align:ident) => {
        quarters!($a, $b, $c, $d, 0..2);
        $b = [$align::<8>($b[1], $b[0]), $align::<8>($b[0], $b[1])];
        $c = [$c[1], $c[0]];
        $d = [$align::<8>($d[0], $d[1]), $align::<8>($d[1], $d[0])];
        quarters!($a, $b, $c, $d, 0..2);
        $b = [$align::<8>($b[0], $b[1]), $align::<8>($b[1], $b[0])];
        $c = [$c[1], $c[0]];
        $d = [$align::<8>($d[1], $d[0]), $align::<8>($d[0], $d[1])];
    };
}

mod avx2 {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi64, _mm256_alignr_epi8, _mm256_loadu_si256, _mm256_mul_epu32,
        _mm256_permute4x64_epi64, _mm256_set_epi64x, _mm256_shuffle_epi8, _mm256_shuffle_epi32, _mm256_srli_epi64,
        _mm256_storeu_si256, _mm256_xor_si256 as xor,
    };

    use crate::fill::{Block, Scratch, Segment};

    #[target_feature(enable = "avx2")]
    #[inline]
    fn multiply_add(x: __m256i, y: __m256i) -> __m256i {
        let product = _mm256_mul_epu32(x, y);
        _mm256_add_epi64(_mm256_add_epi64(x, y), _mm256_add_epi64(product, product))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate_32(x: __m256i) -> __m256i {
        _mm256_shuffle_epi32::<0b10_11_00_01>(x)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate_24(x: __m256i) -> __m256i {
        let [high, low] = [0x0A09_080F_0E0D_0C0B, 0x0201_0007_0605_0403];
        _mm256_shuffle_epi8(x, _mm256_set_epi64x(high, low, high, low))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate_16(x: __m256i) -> __m256i {
        let [high, low] = [0x0908_0F0E_0D0C_0B0A, 0x0100_0706_0504_0302];
        _mm256_shuffle_epi8(x, _mm256_set_epi64x(high, low, high, low))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate_63(x: __m256i) -> __m256i {
        xor(_mm256_srli_epi64::<63>(x), _mm256_add_epi64(x, x))
    }

    /// The round over two rows.
    macro_rules! rows {
        ($rows:ident) => {
            let [a0, b0, c0, d0, a1, b1, c1, d1] = *$rows;
            let (mut a, mut b, mut c, mut d) = ([a0, a1], [b0, b1], [c0, c1], [d0, d1]);
            quarters!(a, b, c, d, 0..2);
            for row in 0..2 {
                b[row] = _mm256_permute4x64_epi64::<0b00_11_10_01>(b[row]);
                c[row] = _mm256_permute4x64_epi64::<0b01_00_11_10>(c[row]);
                d[row] = _mm256_permute4x64_epi64::<0b10_01_00_11>(d[row]);
            }
            quarters!(a, b, c, d, 0..2);
            for row in 0..2 {
                b[row] = _mm256_permute4x64_epi64::<0b10_01_00_11>(b[row]);
                c[row] = _mm256_permute4x64_epi64::<0b01_00_11_10>(c[row]);
                d[row] = _mm256_permute4x64_epi64::<0b00_11_10_01>(d[row]);
            }
            *$rows = [a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1]];
        };
    }

    narrow_compress!(__m256i, 32, rows, _mm256_alignr_epi8);
    kernel!("avx2", __m256i, 32, _mm256_loadu_si256, _mm256_storeu_si256, std::convert::identity);
}

mod ssse3 {
    use std::arch::x86_64::{
        __m128i, _MM_HINT_T0, _mm_add_epi64, _mm_alignr_epi8, _mm_loadu_si128, _mm_mul_epu32, _mm_prefetch,
        _mm_set_epi64x, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_srli_epi64, _mm_storeu_si128, _mm_xor_si128 as xor,
    };

    use crate::fill::{Block, Scratch, Segment};

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn multiply_add(x: __m128i, y: __m128i) -> __m128i {
        let product = _mm_mul_epu32(x, y);
        _mm_add_epi64(_mm_add_epi64(x, y), _mm_add_epi64(product, product))
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn rotate_32(x: __m128i) -> __m128i {
        _mm_shuffle_epi32::<0b10_11_00_01>(x)
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn rotate_24(x: __m128i) -> __m128i {
        _mm_shuffle_epi8(x, _mm_set_epi64x(0x0A09_080F_0E0D_0C0B, 0x0201_0007_0605_0403))
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn rotate_16(x: __m128i) -> __m128i {
        _mm_shuffle_epi8(x, _mm_set_epi64x(0x0908_0F0E_0D0C_0B0A, 0x0100_0706_0504_0302))
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn rotate_63(x: __m128i) -> __m128i {
        xor(_mm_srli_epi64::<63>(x), _mm_add_epi64(x, x))
    }

    /// The round over a row.
    macro_rules! rows {
        ($row:ident) => {
            let [a0, a1, b0, b1, c0, c1, d0, d1] = *$row;
            let (mut a, mut b, mut c, mut d) = ([a0, a1], [b0, b1], [c0, c1], [d0, d1]);
            round_of_pairs!(a, b, c, d, _mm_alignr_epi8);
            *$row = [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]];
        };
    }

    narrow_compress!(__m128i, 64, rows, _mm_alignr_epi8);
    kernel!("ssse3", __m128i, 16, _mm_loadu_si128, _mm_storeu_si128, std::convert::identity);
}
