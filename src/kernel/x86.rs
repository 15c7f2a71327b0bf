//! AVX2, AVX-VNNI and AVX-512 VNNI, chosen once.
//!
//! Rows are unsigned and the prepared query is signed, as `vpmaddubsw` and `vpdpbusd` want them.
//! Two products come to at most 2 * 63 * 127 = 16,002, so two pairs still fit 16 bits.

use std::arch::x86_64::*;
use std::sync::OnceLock;

pub(super) use super::scalar::{Left, prepare};
use super::{
    Kernels, float,
    products::{self, Products, Register},
    scalar,
    table::{entry, table},
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

// AVX2 has no popcount, and its substitute loses on rows of a few words: bits are counted without.

static AVX2: Kernels = table!(
    "avx2", Avx2, 2,
    [#[target_feature(enable = "avx2,popcnt")]],
    [#[target_feature(enable = "popcnt")]]
);

static AVX_VNNI: Kernels = table!(
    "avx-vnni", AvxVnni, 2,
    [#[target_feature(enable = "avx2,popcnt,avxvnni")]],
    [#[target_feature(enable = "popcnt")]]
);

static AVX512_VNNI: Kernels = table!(
    "avx512-vnni", Avx512Vnni, 4,
    [#[target_feature(enable = "avx2,popcnt,avx512f,avx512vnni")]],
    [#[target_feature(enable = "popcnt")]]
);

struct Avx2;

impl Products for Avx2 {
    type Sums = __m256i;
    type Codes = [__m256i; 2];
    type Constants = ();
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn codes(row: *const u8) -> [__m256i; 2] {
        // SAFETY: 64 bytes are readable.
        unsafe { [load256(row), load256(row.add(32))] }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn levels((): (), block: *const u8, _: usize) -> [__m256i; 2] {
        // SAFETY: 16 bytes are readable.
        unsafe { [levels256(block, 0), levels256(block, 1)] }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add(sums: __m256i, (): (), [a, b]: [__m256i; 2], left: *const Left) -> __m256i {
        // SAFETY: 64 codes are readable.
        let (p, q) = unsafe { (load256(left), load256(left.add(32))) };
        let fours = _mm256_add_epi16(_mm256_maddubs_epi16(a, p), _mm256_maddubs_epi16(b, q));
        _mm256_add_epi32(sums, _mm256_madd_epi16(fours, _mm256_set1_epi16(1)))
    }
}

struct AvxVnni;

impl Products for AvxVnni {
    type Sums = __m256i;
    type Codes = __m256i;
    type Constants = ();
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn codes(row: *const u8) -> __m256i {
        // SAFETY: 32 bytes are readable.
        unsafe { load256(row) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn levels((): (), block: *const u8, step: usize) -> __m256i {
        // SAFETY: 16 bytes are readable.
        unsafe { levels256(block, step) }
    }

    #[inline]
    #[target_feature(enable = "avx2,avxvnni")]
    unsafe fn add(sums: __m256i, (): (), codes: __m256i, left: *const Left) -> __m256i {
        // SAFETY: 32 codes are readable.
        _mm256_dpbusd_avx_epi32(sums, codes, unsafe { load256(left) })
    }
}

struct Avx512Vnni;

impl Products for Avx512Vnni {
    type Sums = __m512i;
    type Codes = __m512i;
    type Constants = ();
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn codes(row: *const u8) -> __m512i {
        // SAFETY: 64 bytes are readable.
        unsafe { _mm512_loadu_si512(row.cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn levels((): (), block: *const u8, _: usize) -> __m512i {
        // SAFETY: 16 bytes are readable.
        let packed = _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(block.cast()) });
        let shifts = _mm512_set_epi32(6, 6, 6, 6, 4, 4, 4, 4, 2, 2, 2, 2, 0, 0, 0, 0);
        _mm512_and_si512(_mm512_srlv_epi32(packed, shifts), _mm512_set1_epi8(3))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn add(sums: __m512i, (): (), codes: __m512i, left: *const Left) -> __m512i {
        // SAFETY: 64 codes are readable.
        _mm512_dpbusd_epi32(sums, codes, unsafe { _mm512_loadu_si512(left.cast()) })
    }
}

/// # Safety
/// The machine has AVX2, and 32 bytes are readable.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load256<T>(bytes: *const T) -> __m256i {
    // SAFETY: as the caller says.
    unsafe { _mm256_loadu_si256(bytes.cast()) }
}

/// The levels of a half of a sketch's block.
///
/// # Safety
/// The machine has AVX2, and 16 bytes are readable.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn levels256(block: *const u8, half: usize) -> __m256i {
    // SAFETY: as the caller says.
    let packed = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(block.cast()) });
    let (low, high) = (4 * half as i32, 4 * half as i32 + 2);
    let shifts = _mm256_set_epi32(high, high, high, high, low, low, low, low);
    _mm256_and_si256(_mm256_srlv_epi32(packed, shifts), _mm256_set1_epi8(3))
}

impl Register for __m256i {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn zero() -> Self {
        _mm256_setzero_si256()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn plus(self, other: Self) -> Self {
        _mm256_add_epi32(self, other)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn sum(self) -> i32 {
        let four = _mm_add_epi32(_mm256_castsi256_si128(self), _mm256_extracti128_si256::<1>(self));
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        let four = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let four = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256::<1>(four));
        let mut sums = [0; 4];
        // SAFETY: an unaligned store of the 16 bytes that `sums` has.
        unsafe { _mm_storeu_si128(sums.as_mut_ptr().cast(), four) };
        sums
    }
}

impl Register for __m512i {
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn zero() -> Self {
        _mm512_setzero_si512()
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn plus(self, other: Self) -> Self {
        _mm512_add_epi32(self, other)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn sum(self) -> i32 {
        // SAFETY: AVX-512 brings AVX2.
        unsafe { halves(self).sum() }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        // SAFETY: AVX-512 brings AVX2.
        unsafe { Register::sums([halves(a), halves(b), halves(c), halves(d)]) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn halves(lanes: __m512i) -> __m256i {
    let high = _mm512_extracti64x4_epi64::<1>(lanes);
    _mm256_add_epi32(_mm512_castsi512_si256(lanes), high)
}
