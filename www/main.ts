import { ClearDialog } from './clear-dialog.js';
import { Dictionary } from './dictionary.js';
import { byId } from './element.js';
import { Embedder } from './embedder.js';
import { count, seconds, showFacts, showState } from './facts.js';
import { hideProblem, showProblem } from './problem.js';
import { QueryForm } from './query.js';
import { Searcher } from './searcher.js';
import { allowOwnWorkers } from './trusted-types.js';

allowOwnWorkers();

const embedder = new Embedder();
const form = new QueryForm(
  () => searcher.searchText(),
  () => searcher.searchAgain(),
);
const searcher = new Searcher(form, embedder);
const clear = new ClearDialog(rebuild);

async function start(): Promise<void> {
  const since = performance.now();
  const dictionary = await Dictionary.open();
  searcher.dictionary = dictionary;
  if (dictionary.isComplete) {
    showState(`Opened ${count(dictionary.size)} words from this device in ${seconds(since)}.`);
    loadModel();
    await present(dictionary);
  } else {
    await fill(dictionary);
    loadModel();
  }
}

async function fill(dictionary: Dictionary): Promise<void> {
  const section = byId('section', 'progress');
  const bar = byId('progress', 'progress-bar');
  const text = byId('p', 'progress-text');
  showState('Storing the dictionary on this device, once.');
  bar.removeAttribute('value');
  text.textContent = 'Fetching the words…';
  section.hidden = false;
  const since = performance.now();
  const { threads } = await dictionary.stats();
  await dictionary.fill(({ done, total, vectorsPerSecond }) => {
    bar.max = total;
    bar.value = done;
    const workers = threads === 1 ? '1 thread' : `${threads} threads`;
    text.textContent = `${count(done)} of ${count(total)} words · ${count(vectorsPerSecond)} vectors/s · ${workers}`;
  });
  section.hidden = true;
  showState(
    `Stored ${count(dictionary.size)} words on this device in ${seconds(since)}. The next visit opens them at once.`,
  );
  await present(dictionary);
}

/** Everything that wants a whole dictionary. */
async function present(dictionary: Dictionary): Promise<void> {
  clear.enable();
  showFacts(await dictionary.stats());
  form.domains = await dictionary.domains();
  searcher.searchAgain();
}

/** Asked for after the dictionary is stored: both want all cores. */
function loadModel(): void {
  embedder.load().then(
    () => {
      searcher.hasModel = true;
    },
    (error) => {
      console.info('No sentence model.', error);
      searcher.hasModel = false;
    },
  );
}

async function rebuild(dictionary = searcher.dictionary): Promise<void> {
  if (!dictionary) return;
  hideProblem();
  searcher.reset();
  await attempt('Clearing the dictionary', async () => {
    await dictionary.clear();
    await fill(dictionary);
  });
}

async function attempt(doing: string, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    byId('section', 'progress').hidden = true;
    showState('');
    clear.enable();
    showProblem(doing, error);
  }
}

await attempt('Opening the dictionary', start);
