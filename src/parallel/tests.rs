use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;

/// How long a busy machine may take to run two threads.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most grains that ran at the same time, in a pool of four. The first waits until `awaited` do.
fn most_at_once(cap: usize, awaited: usize) -> usize {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = Mutex::new(Vec::new());
    let mut out = [0_u8; 64];
    let began = Instant::now();
    pool.install(|| {
        with_threads(cap, || {
            fill(&mut out, 1, |first, _| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Time for whoever may run beside this.
                for _ in 0..20 {
                    std::thread::yield_now();
                }
                while most.load(Ordering::SeqCst) < awaited && began.elapsed() < PATIENCE {
                    std::thread::yield_now();
                }
                running.fetch_sub(1, Ordering::SeqCst);
                seen.lock().unwrap().push(first);
            });
        });
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<_>>());
    most.into_inner()
}

#[test]
fn no_more_threads_work_than_the_cap_allows() {
    assert_eq!(most_at_once(1, 0), 1);
    assert!((1..=2).contains(&most_at_once(2, 0)));
    assert!((1..=3).contains(&most_at_once(3, 0)));
    assert!(most_at_once(0, 2) > 1);
}

#[test]
fn the_cap_ends_with_the_work_that_it_was_set_for() {
    let caps = with_threads(3, || (CAP.get(), with_threads(1, || CAP.get()), CAP.get()));
    assert_eq!(caps, (3, 1, 3));
    assert!(std::panic::catch_unwind(|| with_threads(2, || panic!("as expected"))).is_err());
    assert_eq!(CAP.get(), 0);
}
