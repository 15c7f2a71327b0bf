import initThreads, { wbg_rayon_start_worker } from '../../../ts/generated/threads.js';
import type { PoolStart } from '../../../ts/worker/protocol.js';
import { build, growth, single } from './measure.js';
import { million } from './million.js';
import { Edgevec } from './subjects/edgevec.js';
import { KindexCore } from './subjects/kindex-core.js';
import { KindexThreads } from './subjects/kindex-threads.js';
import type { Subject } from './subjects/subject.js';
import { Voy } from './subjects/voy.js';
import type { Outcome, Task } from './task.js';

/** The worker in which synchronous libraries are measured; also, by its first message, a thread of the pool. */

self.onmessage = async ({ data }: MessageEvent<Task | PoolStart>) => {
  if ('receiver' in data) {
    await initThreads({ module_or_path: data.module, memory: data.memory });
    self.postMessage('ready');
    wbg_rayon_start_worker(data.receiver);
    return;
  }
  try {
    self.postMessage({ outcome: await run(data) });
  } catch (thrown) {
    self.postMessage({ failure: String(thrown) });
  }
};

function run(task: Task): Promise<Outcome> {
  if (task.kind === 'million') return million(new KindexThreads({ keepVectors: false }), task);
  const subject = subjectOf(task);
  const nothing = () => {};
  if (task.kind === 'build') return build(subject, task, nothing);
  if (task.kind === 'single') return single(subject, task, nothing);
  if (task.kind === 'growth') return growth(subject, task, nothing);
  throw new Error(`${task.kind} does not run in the worker`);
}

function subjectOf({ subject }: Task): Subject {
  if (subject === 'kindex-core') return new KindexCore();
  if (subject === 'kindex-threads') return new KindexThreads();
  if (subject === 'edgevec') return new Edgevec();
  if (subject === 'voy') return new Voy();
  throw new Error(`${subject} does not run in the worker`);
}
