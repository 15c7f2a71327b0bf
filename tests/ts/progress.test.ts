import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collection, MemoryStorage, type Progress } from '../../ts/entrypoints/node.js';
import { ProgressReporter } from '../../ts/progress.js';
import { rows, vector, WASM } from './support.js';

/** Runs `work` with a clock that only it moves. */
function withClock(work: (set: (ms: number) => void) => void): void {
  const { now } = performance;
  let clock = 0;
  performance.now = () => clock;
  try {
    work((ms) => {
      clock = ms;
    });
  } finally {
    performance.now = now;
  }
}

test('events_come_at_most_every_50_ms_and_the_last_always', () => {
  withClock((set) => {
    const heard: number[] = [];
    const progress = new ProgressReporter(({ done }) => heard.push(done));
    for (let ms = 0; ms <= 120; ms += 10) {
      set(ms);
      progress.report('index', ms, 200);
    }
    assert.deepEqual(heard, [0, 50, 100]);
    progress.finish();
    progress.finish();
    assert.deepEqual(heard, [0, 50, 100, 120]);
  });
});

test('rate_and_time_left_are_those_of_the_phase', () => {
  withClock((set) => {
    const heard: Progress[] = [];
    const progress = new ProgressReporter((one) => heard.push(one));
    progress.batches = 3;
    progress.report('embed', 0, 100);
    set(500);
    progress.report('embed', 50, 100);
    set(1000);
    progress.report('index', 10, 100);
    set(1100);
    progress.report('index', 30, 100);
    assert.deepEqual(
      heard.map(({ phase, rate, etaMs }) => [phase, rate, etaMs]),
      [
        ['embed', 0, undefined],
        ['embed', 100, 500],
        ['index', 0, undefined],
        ['index', 200, 350],
      ],
    );
    assert.equal(heard[0]?.batches, 3);
  });
});

test('parts_of_a_whole_count_its_rows', () => {
  withClock((set) => {
    const heard: unknown[] = [];
    const progress = new ProgressReporter(({ phase, done, total }) =>
      heard.push([phase, done, total]),
    );
    const part = progress.part(100, () => 300);
    part.report('index', 50, 100);
    set(60);
    part.report('commit', 2, 3);
    assert.deepEqual(heard, [
      ['index', 150, 300],
      ['commit', 2, 3],
    ]);
  });
});

test('every_long_call_tells_its_phases_in_order_and_ends_with_all_done', async () => {
  const storage = new MemoryStorage({ retain: true });
  const embed = async (texts: readonly string[]) => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return texts.map((text) => vector(text.length));
  };
  const options = { dimension: 4, storage, embed, ...WASM };
  const collection = await Collection.open('phases', options);
  const heard: Progress[] = [];
  collection.on('progress', (progress) => heard.push(progress));
  const own: Progress[] = [];
  await collection.insert(
    rows(300).map(({ vector: _, ...row }) => row),
    { onProgress: (progress) => own.push(progress) },
  );
  assert.deepEqual(own, heard);
  const order = ['embed', 'encode', 'validate', 'commit', 'index'];
  const places = own.map(({ phase }) => order.indexOf(phase));
  assert.deepEqual(places, [...places].sort());
  assert.ok(places.includes(0) && !places.includes(-1));
  const last = own.at(-1);
  assert.deepEqual([last?.phase, last?.done, last?.total, last?.etaMs], ['index', 300, 300, 0]);

  const compacting: Progress[] = [];
  await collection.compact({ onProgress: (progress) => compacting.push(progress) });
  const end = compacting.at(-1);
  assert.deepEqual([end?.phase, end?.done, end?.total], ['compact', 300, 300]);
  await collection.close();

  const loading: Progress[] = [];
  const again = await Collection.open('phases', {
    ...options,
    onProgress: (progress) => loading.push(progress),
  });
  const loaded = loading.at(-1);
  assert.equal(loaded?.phase, 'load');
  assert.equal(loaded?.done, loaded?.total);
  await again.close();
});

test('a_call_that_fails_says_how_far_it_came', async () => {
  const collection = await Collection.open('failing', {
    dimension: 4,
    storage: new MemoryStorage(),
    ...WASM,
  });
  const heard: Progress[] = [];
  const bad = [...rows(10), { id: 'r3', vector: vector(1) }];
  await assert.rejects(collection.insert(bad, { onProgress: (progress) => heard.push(progress) }));
  assert.equal(heard.at(-1)?.phase, 'validate');
});

/** What is thrown meanwhile and nobody catches. */
async function uncaughtIn(work: () => Promise<void>): Promise<string[]> {
  const runners = process.listeners('uncaughtException');
  const caught: string[] = [];
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', ({ message }) => caught.push(message));
  try {
    await work();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of runners) process.on('uncaughtException', listener);
  }
  return caught;
}

/** Runs `work` with a clock that no two events are near on. */
async function withFastClock(work: () => Promise<void>): Promise<void> {
  const { now } = performance;
  let clock = 0;
  performance.now = () => {
    clock += 100;
    return clock;
  };
  try {
    await work();
  } finally {
    performance.now = now;
  }
}

test('a_listener_that_throws_is_heard_of_and_leaves_storage_and_memory_agreed', async () => {
  for (const phase of ['encode', 'validate', 'commit', 'index'] as const) {
    const storage = new MemoryStorage({ retain: true });
    const collection = await Collection.open(phase, { dimension: 4, storage, ...WASM });
    const onProgress = (progress: Progress) => {
      if (progress.phase === phase) throw new Error(`thrown in ${phase}`);
    };
    const caught = await uncaughtIn(() =>
      withFastClock(async () => {
        const inserting = collection.insert(rows(300), { onProgress });
        if (phase === 'encode') await assert.rejects(inserting, /thrown in encode/);
        else assert.equal((await inserting).written, 300);
      }),
    );
    const written = phase === 'encode' ? 0 : 300;
    assert.equal(caught.includes(`thrown in ${phase}`), phase !== 'encode');
    assert.equal(await collection.count(), written);
    await collection.close();
    const again = await Collection.open(phase, { storage, ...WASM });
    assert.equal(await again.count(), written, phase);
    await again.close();
  }
});

test('a_listener_that_throws_in_the_last_event_does_not_fail_the_call', async () => {
  const collection = await Collection.open('last', {
    dimension: 4,
    storage: new MemoryStorage(),
    ...WASM,
  });
  const caught = await uncaughtIn(async () => {
    const { written } = await collection.insert(rows(300), {
      onProgress({ phase, done }) {
        if (phase === 'index' && done === 300) throw new Error('thrown at the end');
      },
    });
    assert.equal(written, 300);
  });
  assert.deepEqual(caught, ['thrown at the end']);
});
