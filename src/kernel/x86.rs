//! AVX2, AVX-VNNI and AVX-512 VNNI, chosen once.
//!
//! Rows are unsigned and the prepared query is signed, as `vpmaddubsw` and `vpdpbusd` want them.
//! Two products come to at most 2 * 63 * 127 = 16,002, so two pairs still fit 16 bits.

use std::arch::x86_64::*;
use std::sync::OnceLock;

pub(super) use super::scalar::{Left, prepare};
use super::{
    Kernels, float,
    lanes::{self, Lanes},
    scalar,
};

/// The best that this machine has.
#[inline]
pub(super) fn kernels() -> &'static Kernels {
    static BEST: OnceLock<&'static Kernels> = OnceLock::new();
    BEST.get_or_init(|| *available().last().unwrap_or(&&scalar::KERNELS))
}

/// All that this machine has, slowest first.
pub(super) fn available() -> Vec<&'static Kernels> {
    let mut found = vec![&scalar::KERNELS];
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        found.push(&AVX2);
        if is_x86_feature_detected!("avxvnni") {
            found.push(&AVX_VNNI);
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
            found.push(&AVX512_VNNI);
        }
    }
    found
}

/// Asks for the cache lines of a row.
#[inline(always)]
pub(super) fn prefetch<T>(row: &[T]) {
    for line in row.chunks((64 / size_of::<T>()).max(1)) {
        // SAFETY: a prefetch changes nothing that a program can see, and SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

/// A table of functions that need no `unsafe` to call.
macro_rules! entries {
    ($label:literal, $module:ident { $($kernel:ident($($argument:ident),*)),* }) => {
        Kernels {
            name: $label,
            $($kernel: |$($argument),*| {
                // SAFETY: the only way to a table is `available`, which detects its features.
                unsafe { $module::$kernel($($argument),*) }
            }),*
        }
    };
}

/// The generic kernels, compiled for one set of features.
macro_rules! kernels {
    ($name:ident, $module:ident, $label:literal, $features:literal, $lanes:ty, $tile:literal) => {
        static $name: Kernels = entries!($label, $module {
            dot7(left, row),
            dot7x4(left, rows),
            sketch_x4(left, sketches),
            dot7_tile(left, bias, rows, stride, out),
            dot_f32(a, b),
            dot_f32x4(q, rows),
            l2_f32(a, b),
            l2_f32x4(q, rows),
            hamming(a, b),
            hamming_x4(q, rows)
        });

        mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn dot7(left: &[Left], row: &[u8]) -> i32 {
                // SAFETY: the features of `Lanes` are enabled here.
                unsafe { lanes::dot7::<$lanes>(left, row) }
            }

            #[target_feature(enable = $features)]
            pub(super) fn dot7x4(left: &[Left], rows: &[&[u8]; 4]) -> [i32; 4] {
                // SAFETY: the features of `Lanes` are enabled here.
                unsafe { lanes::dot7x4::<$lanes>(left, rows) }
            }

            #[target_feature(enable = $features)]
            pub(super) fn sketch_x4(left: &[Left], sketches: &[&[u8]; 4]) -> [i32; 4] {
                // SAFETY: the features of `Lanes` are enabled here.
                unsafe { lanes::sketch_x4::<$lanes>(left, sketches) }
            }

            #[target_feature(enable = $features)]
            pub(super) fn dot7_tile(
                left: [&[Left]; 4],
                bias: [i32; 4],
                rows: &[u8],
                stride: usize,
                out: [&mut [i32]; 4],
            ) {
                // SAFETY: the features of `Lanes` are enabled here.
                unsafe { lanes::tile::<$lanes, $tile>(left, bias, rows, stride, out) }
            }

            #[target_feature(enable = $features)]
            pub(super) fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
                float::dot(a, b)
            }

            #[target_feature(enable = $features)]
            pub(super) fn dot_f32x4(q: &[f32], rows: &[&[f32]; 4]) -> [f32; 4] {
                rows.map(|row| float::dot(q, row))
            }

            #[target_feature(enable = $features)]
            pub(super) fn l2_f32(a: &[f32], b: &[f32]) -> f32 {
                float::l2(a, b)
            }

            #[target_feature(enable = $features)]
            pub(super) fn l2_f32x4(q: &[f32], rows: &[&[f32]; 4]) -> [f32; 4] {
                rows.map(|row| float::l2(q, row))
            }

            // AVX2 has no popcount, and its substitute loses on rows of a few words.
            #[target_feature(enable = "popcnt")]
            pub(super) fn hamming(a: &[u64], b: &[u64]) -> u32 {
                float::hamming(a, b)
            }

            #[target_feature(enable = "popcnt")]
            pub(super) fn hamming_x4(q: &[u64], rows: &[&[u64]; 4]) -> [u32; 4] {
                rows.map(|row| float::hamming(q, row))
            }
        }
    };
}

kernels!(AVX2, avx2, "avx2", "avx2,popcnt", Avx2, 2);
kernels!(AVX_VNNI, avx_vnni, "avx-vnni", "avx2,popcnt,avxvnni", AvxVnni, 2);
kernels!(AVX512_VNNI, avx512_vnni, "avx512-vnni", "avx2,popcnt,avx512f,avx512vnni", Avx512Vnni, 4);

#[derive(Clone, Copy)]
struct Avx2(__m256i);

impl Lanes for Avx2 {
    type Constants = ();
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller has AVX2.
        Self(unsafe { _mm256_setzero_si256() })
    }

    #[inline(always)]
    unsafe fn add(self, (): (), row: *const u8, left: *const Left) -> Self {
        // SAFETY: the caller has AVX2, and 64 bytes are readable at both pointers.
        unsafe {
            let (row, left): (*const __m256i, *const __m256i) = (row.cast(), left.cast());
            let low = _mm256_maddubs_epi16(_mm256_loadu_si256(row), _mm256_loadu_si256(left));
            let (row, left) = (row.add(1), left.add(1));
            let high = _mm256_maddubs_epi16(_mm256_loadu_si256(row), _mm256_loadu_si256(left));
            let fours = _mm256_add_epi16(low, high);
            Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(fours, _mm256_set1_epi16(1))))
        }
    }

    #[inline(always)]
    unsafe fn add_sketch(
        [a, b]: [Self; 2],
        (): (),
        sketch: *const u8,
        left: *const Left,
    ) -> [Self; 2] {
        // SAFETY: the caller has AVX2 and lets 16 bytes of levels and 64 codes be read.
        unsafe {
            let [low, high] = levels256(sketch);
            let left: *const __m256i = left.cast();
            let low = _mm256_maddubs_epi16(low, _mm256_loadu_si256(left));
            let high = _mm256_maddubs_epi16(high, _mm256_loadu_si256(left.add(1)));
            let fours = _mm256_add_epi16(low, high);
            let sum = _mm256_add_epi32(a.0, _mm256_madd_epi16(fours, _mm256_set1_epi16(1)));
            [b, Self(sum)]
        }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX2.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        // SAFETY: the caller has AVX2.
        unsafe { sums256([a.0, b.0, c.0, d.0]) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        // SAFETY: the caller has AVX2.
        unsafe { sum256(self.0) }
    }
}

#[derive(Clone, Copy)]
struct AvxVnni(__m256i);

impl Lanes for AvxVnni {
    type Constants = ();
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller has AVX2.
        Self(unsafe { _mm256_setzero_si256() })
    }

    #[inline(always)]
    unsafe fn add(self, (): (), row: *const u8, left: *const Left) -> Self {
        // SAFETY: the caller has AVX-VNNI, and 32 bytes are readable at both pointers.
        unsafe {
            let row = _mm256_loadu_si256(row.cast());
            Self(_mm256_dpbusd_avx_epi32(self.0, row, _mm256_loadu_si256(left.cast())))
        }
    }

    #[inline(always)]
    unsafe fn add_sketch(
        [a, b]: [Self; 2],
        (): (),
        sketch: *const u8,
        left: *const Left,
    ) -> [Self; 2] {
        // SAFETY: the caller has AVX-VNNI and lets 16 bytes of levels and 64 codes be read.
        unsafe {
            let [low, high] = levels256(sketch);
            let left: *const __m256i = left.cast();
            let a = _mm256_dpbusd_avx_epi32(a.0, low, _mm256_loadu_si256(left));
            let b = _mm256_dpbusd_avx_epi32(b.0, high, _mm256_loadu_si256(left.add(1)));
            [Self(a), Self(b)]
        }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX2.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        // SAFETY: the caller has AVX2.
        unsafe { sums256([a.0, b.0, c.0, d.0]) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        // SAFETY: the caller has AVX2.
        unsafe { sum256(self.0) }
    }
}

#[derive(Clone, Copy)]
struct Avx512Vnni(__m512i);

impl Avx512Vnni {
    /// # Safety
    /// The machine has AVX-512.
    #[inline(always)]
    unsafe fn halves(self) -> __m256i {
        // SAFETY: the caller has AVX-512.
        unsafe {
            let high = _mm512_extracti64x4_epi64::<1>(self.0);
            _mm256_add_epi32(_mm512_castsi512_si256(self.0), high)
        }
    }
}

impl Lanes for Avx512Vnni {
    type Constants = ();
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller has AVX-512.
        Self(unsafe { _mm512_setzero_si512() })
    }

    #[inline(always)]
    unsafe fn add(self, (): (), row: *const u8, left: *const Left) -> Self {
        // SAFETY: the caller has AVX-512 VNNI, and 64 bytes are readable at both pointers.
        unsafe {
            let row = _mm512_loadu_si512(row.cast());
            Self(_mm512_dpbusd_epi32(self.0, row, _mm512_loadu_si512(left.cast())))
        }
    }

    #[inline(always)]
    unsafe fn add_sketch(
        [a, b]: [Self; 2],
        (): (),
        sketch: *const u8,
        left: *const Left,
    ) -> [Self; 2] {
        // SAFETY: the caller has AVX-512 VNNI and lets 16 bytes of levels and 64 codes be read.
        unsafe {
            let packed = _mm512_broadcast_i32x4(_mm_loadu_si128(sketch.cast()));
            let shifts = _mm512_set_epi64(
                0x6_0000_0006,
                0x6_0000_0006,
                0x4_0000_0004,
                0x4_0000_0004,
                0x2_0000_0002,
                0x2_0000_0002,
                0,
                0,
            );
            let levels = _mm512_and_si512(_mm512_srlv_epi32(packed, shifts), _mm512_set1_epi8(3));
            let sum = _mm512_dpbusd_epi32(a.0, levels, _mm512_loadu_si512(left.cast()));
            [b, Self(sum)]
        }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        // SAFETY: the caller has AVX-512, which brings AVX2.
        unsafe { sums256([a.halves(), b.halves(), c.halves(), d.halves()]) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        // SAFETY: the caller has AVX-512, which brings AVX2.
        unsafe { sum256(self.halves()) }
    }
}

/// The levels of a block of a sketch, one a byte.
///
/// # Safety
/// The machine has AVX2, and 16 bytes are readable.
#[inline(always)]
unsafe fn levels256(sketch: *const u8) -> [__m256i; 2] {
    // SAFETY: as the caller says.
    unsafe {
        let packed = _mm256_broadcastsi128_si256(_mm_loadu_si128(sketch.cast()));
        let three = _mm256_set1_epi8(3);
        let low = _mm256_set_epi64x(0x2_0000_0002, 0x2_0000_0002, 0, 0);
        let high = _mm256_set_epi64x(0x6_0000_0006, 0x6_0000_0006, 0x4_0000_0004, 0x4_0000_0004);
        [
            _mm256_and_si256(_mm256_srlv_epi32(packed, low), three),
            _mm256_and_si256(_mm256_srlv_epi32(packed, high), three),
        ]
    }
}

/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn sums256([a, b, c, d]: [__m256i; 4]) -> [i32; 4] {
    // SAFETY: the caller has AVX2; an unaligned store fits the 16 bytes of `sums`.
    unsafe {
        let four = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let high = _mm256_extracti128_si256::<1>(four);
        let mut sums = [0; 4];
        _mm_storeu_si128(
            sums.as_mut_ptr().cast(),
            _mm_add_epi32(_mm256_castsi256_si128(four), high),
        );
        sums
    }
}

/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn sum256(lanes: __m256i) -> i32 {
    // SAFETY: the caller has AVX2.
    unsafe {
        let high = _mm256_extracti128_si256::<1>(lanes);
        let four = _mm_add_epi32(_mm256_castsi256_si128(lanes), high);
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
    }
}
