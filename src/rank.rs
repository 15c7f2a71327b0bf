//! Sorting by keys of one kind, so that everything that sorts shares one sort.

/// A key in the upper half, what it stands for in the lower.
pub(crate) type Ranked = u128;

/// A number as a key that orders like it.
pub(crate) fn number_key(number: f64) -> u64 {
    let bits = number.to_bits();
    bits ^ (((bits as i64 >> 63) as u64) | 1 << 63)
}

/// The number that a key was made of.
pub(crate) fn number_of(key: u64) -> f64 {
    let mask = (((key as i64) >> 63) as u64) ^ u64::MAX;
    f64::from_bits(key ^ (mask | 1 << 63))
}

/// A shorter number as a key that orders like it.
pub(crate) fn float_key(number: f32) -> u32 {
    let bits = number.to_bits();
    bits ^ (((bits as i32 >> 31) as u32) | 1 << 31)
}

pub(crate) fn ranked(key: u64, payload: u32) -> Ranked {
    u128::from(key) << 64 | u128::from(payload)
}

pub(crate) fn key(ranked: Ranked) -> u64 {
    (ranked >> 64) as u64
}

pub(crate) fn payload(ranked: Ranked) -> u32 {
    ranked as u32
}

/// Keeps the `count` least, in order.
pub(crate) fn keep_least(list: &mut Vec<Ranked>, count: usize) {
    if list.len() > count {
        if count > 0 {
            list.select_nth_unstable(count - 1);
        }
        list.truncate(count);
    }
    list.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_like_their_numbers_and_give_them_back() {
        let numbers = [f64::MIN, -2.5, -1e-300, 0.0, 1e-300, 7.0, f64::MAX];
        for pair in numbers.windows(2) {
            assert!(number_key(pair[0]) < number_key(pair[1]), "{pair:?}");
            assert_eq!(number_of(number_key(pair[0])), pair[0]);
        }
    }

    #[test]
    fn the_least_are_kept_in_order() {
        let all = [5, 1, 4, 1, 3].map(|key| ranked(key, key as u32 * 2));
        for count in 0..7 {
            let mut list = all.to_vec();
            keep_least(&mut list, count);
            let found: Vec<u32> = list.iter().map(|&entry| payload(entry)).collect();
            assert_eq!(found, [2, 2, 6, 8, 10][..count.min(5)]);
        }
    }
}
