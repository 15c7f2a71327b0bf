import { LongTaskWatch } from './long-tasks.js';
import { build, filter, growth, single } from './measure.js';
import { Hnswlib } from './subjects/hnswlib.js';
import { KindexCollection } from './subjects/kindex-collection.js';
import type { Subject } from './subjects/subject.js';
import type { Outcome, Task } from './task.js';

/** The page: runs a task itself, or hands it to a worker. The runner calls `runTask`. */

declare global {
  var runTask: (task: Task) => Promise<Outcome>;
}

globalThis.runTask = (task) => (task.inWorker ? inWorker(task) : inPage(task));

async function inPage(task: Task): Promise<Outcome> {
  if (task.kind === 'filter') return filter(new KindexCollection({ buckets: true }), task);
  const subject = subjectOf(task);
  const watch = new LongTaskWatch();
  const outcome = await measure(subject, task, (name) => watch.enter(name));
  return { ...outcome, longTasks: await watch.end() };
}

function measure(subject: Subject, task: Task, phase: LongTaskWatch['enter']): Promise<Outcome> {
  if (task.kind === 'build') return build(subject, task, phase);
  if (task.kind === 'single') return single(subject, task, phase);
  if (task.kind === 'growth') return growth(subject, task, phase);
  throw new Error(`${task.kind} does not run in the page`);
}

function subjectOf({ subject }: Task): Subject {
  if (subject === 'kindex-collection') return new KindexCollection();
  if (subject === 'hnswlib-wasm') return new Hnswlib();
  throw new Error(`${subject} does not run in the page`);
}

function inWorker(task: Task): Promise<Outcome> {
  const worker = new Worker('/worker.js', { type: 'module' });
  return new Promise<Outcome>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ outcome: Outcome } | { failure: string }>) => {
      if ('outcome' in data) resolve(data.outcome);
      else reject(new Error(data.failure));
    };
    worker.onerror = (event) => reject(new Error(event.message || 'the worker has crashed'));
    worker.postMessage(task);
  });
}
