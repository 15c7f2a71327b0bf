//! The table of an instruction set: every kernel, compiled as it wants.

/// A function that needs no `unsafe` to call, of one that is compiled with these attributes.
macro_rules! entry {
    ([$($attribute:tt)*] ($($argument:ident: $type:ty),*) -> $result:ty $body:block) => {{
        $($attribute)*
        unsafe fn entry($($argument: $type),*) -> $result $body
        // SAFETY: a table is handed out only where its instruction set is present.
        |$($argument),*| unsafe { entry($($argument),*) }
    }};
}

/// The kernels with these [`Products`](super::products::Products), `$rows` rows of a tile at a time.
/// The attributes are those of all functions, and those of the ones that count bits.
macro_rules! table {
    ($name:expr, $products:ty, $rows:literal, $vectors:tt, $counting:tt) => {
        $crate::kernel::Kernels {
            name: $name,
            dot7: entry!($vectors (left: &[Left], row: &[u8]) -> i32 {
                // SAFETY: the caller has the instruction set, as in the next three.
                unsafe { products::dot7::<$products>(left, row) }
            }),
            dot7x4: entry!($vectors (left: &[Left], rows: &[&[u8]; 4]) -> [i32; 4] {
                // SAFETY: as above.
                unsafe { products::dot7x4::<$products>(left, rows) }
            }),
            sketch_x4: entry!($vectors (left: &[Left], sketches: &[&[u8]; 4]) -> [i32; 4] {
                // SAFETY: as above.
                unsafe { products::sketch_x4::<$products>(left, sketches) }
            }),
            dot7_tile: entry!($vectors (
                left: [&[Left]; 4],
                bias: [i32; 4],
                rows: &[u8],
                stride: usize,
                out: [&mut [i32]; 4]
            ) -> () {
                // SAFETY: as above.
                unsafe { products::tile::<$products, $rows>(left, bias, rows, stride, out) }
            }),
            dot_f32: entry!($vectors (a: &[f32], b: &[f32]) -> f32 { float::dot(a, b) }),
            dot_f32x4: entry!($vectors (q: &[f32], rows: &[&[f32]; 4]) -> [f32; 4] {
                rows.map(|row| float::dot(q, row))
            }),
            l2_f32: entry!($vectors (a: &[f32], b: &[f32]) -> f32 { float::l2(a, b) }),
            l2_f32x4: entry!($vectors (q: &[f32], rows: &[&[f32]; 4]) -> [f32; 4] {
                rows.map(|row| float::l2(q, row))
            }),
            hamming: entry!($counting (a: &[u64], b: &[u64]) -> u32 { float::hamming(a, b) }),
            hamming_x4: entry!($counting (q: &[u64], rows: &[&[u64]; 4]) -> [u32; 4] {
                rows.map(|row| float::hamming(q, row))
            }),
        }
    };
}

pub(super) use {entry, table};
