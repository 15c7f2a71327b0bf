//! Every target on its seeds, on a fixed number of mutations of them, and on all inputs that once
//! broke it.

use std::fs;
use std::path::Path;

use kindex_fuzz::{TARGETS, Target};

const MUTATIONS: usize = 4000;
const SEED: u64 = 20_261;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }
}

fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.below(256) as u8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] = [0, 1, 127, 128, 255][random.below(5)],
            4 if at + 4 <= bytes.len() => {
                let number = [u32::MAX, 1 << 31, 1 << 16, 4097][random.below(4)];
                bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            5 => {
                let other = &seeds[random.below(seeds.len())];
                bytes.truncate(at);
                bytes.extend(&other[random.below(other.len())..]);
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    bytes
}

fn smoke(target: Target) {
    let seeds = target.seeds();
    for (at, seed) in seeds.iter().enumerate() {
        assert!(target.run(seed), "{}: seed {at} is refused", target.name);
    }
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(target.name);
    for entry in fs::read_dir(&found).into_iter().flatten() {
        let path = entry.expect("an input that was found").path();
        println!("{}", path.display());
        target.run(&fs::read(&path).expect("an input that was found"));
    }
    let mut random = Random(SEED);
    let taken = (0..MUTATIONS).filter(|_| target.run(&mutate(&seeds, &mut random))).count();
    println!("{}: {taken} of {MUTATIONS} taken", target.name);
    assert!(taken > MUTATIONS / 200 && taken < MUTATIONS, "{}: {taken} taken", target.name);
}

/// One test for all, since the bound on memory is on that of the whole program.
#[test]
fn targets_hold_on_seeds_mutations_and_everything_ever_found() {
    println!("seed {SEED}");
    TARGETS.into_iter().for_each(smoke);
}
