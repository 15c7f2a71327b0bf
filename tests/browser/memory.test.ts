import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, pageWith } from './faulty.js';
import { openPage, testsInChromium } from './support.js';

/** With threads, whose memory a page can bound. */
const threaded = testsInChromium(true);

test('memory_that_runs_out_loses_nothing_that_was_acknowledged', async () => {
  const context = await threaded.browser.newContext();
  // 24 MB, of which the threads' stacks take some.
  const limit = `
    WebAssembly.Memory = class extends WebAssembly.Memory {
      constructor(given) { super({ ...given, maximum: 384 }); }
    };`;
  const page = await pageWith(context, threaded.url, limit);
  await open(page);
  const outcome = await page.evaluate(async () => {
    let written = 0;
    const codes = new Set<string>();
    for (let batch = 0; batch < 60 && codes.size === 0; batch++) {
      const records = Array.from({ length: 2000 }, (_, i) => ({
        id: `b${batch}-${i}`,
        vector: [1, batch, i % 97, i % 7],
        metadata: { n: i },
        document: 'text '.repeat(20),
      }));
      try {
        written += (await globalThis.faulty.insert(records)).written;
      } catch (thrown) {
        codes.add((thrown as { code: string }).code);
      }
    }
    return { written, codes: [...codes] };
  });
  assert.equal(outcome.codes.length, 1, 'memory did not run out');
  assert.match(String(outcome.codes), /^(OUT_OF_MEMORY|CRASHED)$/);
  await page.close();
  await context.unrouteAll();
  const roomy = await openPage(context, threaded.url);
  const found = Number(await open(roomy));
  // The batch that found no room is there as a whole or not at all.
  assert.ok([outcome.written, outcome.written + 2000].includes(found), `${found} records`);
  await context.close();
});
