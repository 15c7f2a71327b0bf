import type { Dictionary, Entry } from './dictionary.js';
import { byId } from './element.js';
import type { Embedder } from './embedder.js';
import { showEntries } from './entries.js';
import { milliseconds } from './facts.js';
import { hideProblem, showProblem } from './problem.js';
import type { QueryForm } from './query.js';

type Question = { kind: 'text'; text: string } | { kind: 'similar'; id: string; word: string };

interface Answer {
  entries: Entry[];
  /** Absent where no model was asked. */
  embedMs?: number;
  searchMs: number;
}

const NO_MODEL =
  'There is no sentence model here, so descriptions cannot be read. Type a single word to find words like it.';

/** Takes questions from the form and shows their answers; only the latest question is ever answered. */
export class Searcher {
  dictionary: Dictionary | undefined;
  #form: QueryForm;
  #embedder: Embedder;
  #question: Question | undefined;
  #running: AbortController | undefined;
  #hasModel = true;

  constructor(form: QueryForm, embedder: Embedder) {
    this.#form = form;
    this.#embedder = embedder;
  }

  set hasModel(hasModel: boolean) {
    this.#hasModel = hasModel;
    this.#form.note = hasModel ? '' : NO_MODEL;
    if (!hasModel) this.searchAgain();
  }

  searchText(): void {
    const { text } = this.#form;
    this.#ask(text === '' ? undefined : { kind: 'text', text });
  }

  /** The same question, after a filter or the dictionary has changed. */
  searchAgain(): void {
    this.#ask(this.#question);
  }

  reset(): void {
    this.#form.text = '';
    this.#ask(undefined);
  }

  #ask(question: Question | undefined): void {
    this.#running?.abort();
    this.#question = question;
    if (!question) this.#showNothing();
    else if (this.dictionary && this.dictionary.size > 0) void this.#run(question, this.dictionary);
  }

  async #run(question: Question, dictionary: Dictionary): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    setBusy(true);
    try {
      const answer = await this.#answer(question, dictionary, running.signal);
      if (!running.signal.aborted) {
        hideProblem();
        this.#show(question, answer);
      }
    } catch (error) {
      if (!running.signal.aborted) showProblem('The search', error);
    } finally {
      if (this.#running === running) setBusy(false);
    }
  }

  async #answer(question: Question, dictionary: Dictionary, signal: AbortSignal): Promise<Answer> {
    const { narrowing } = this.#form;
    if (question.kind === 'text' && this.#hasModel) {
      const { vector, elapsedMs } = await this.#embedder.embed(question.text, signal);
      signal.throwIfAborted();
      const start = performance.now();
      const entries = await dictionary.search(vector, narrowing, signal);
      return { entries, embedMs: elapsedMs, searchMs: performance.now() - start };
    }
    const start = performance.now();
    const example = question.kind === 'text' ? await dictionary.find(question.text) : question;
    const entries = example ? await dictionary.similar(example.id, narrowing, signal) : [];
    return { entries, searchMs: performance.now() - start };
  }

  #show(question: Question, { entries, embedMs, searchMs }: Answer): void {
    byId('section', 'examples').hidden = true;
    const title = byId('h2', 'answer-title');
    title.hidden = false;
    title.textContent =
      question.kind === 'similar'
        ? `Words like ${question.word}`
        : entries.length === 0
          ? 'No such word'
          : 'Nearest words';
    const times = [`${milliseconds(searchMs)} ms search`];
    if (embedMs !== undefined)
      times.unshift(
        embedMs === 0 ? 'embedding remembered' : `${milliseconds(embedMs)} ms embedding`,
      );
    byId('p', 'timing').textContent = times.join(' + ');
    const words = entries.map((entry) => entry.metadata?.words[0] ?? entry.id);
    byId('p', 'guide-words').textContent =
      words.length > 1 ? `${words[0]} — ${words.at(-1)}` : (words[0] ?? '');
    byId('p', 'announcement').textContent =
      words.length === 0 ? 'No words found.' : `${words.length} words found, first: ${words[0]}.`;
    showEntries(byId('ol', 'entries'), entries, (id, word) => {
      this.#form.text = '';
      this.#ask({ kind: 'similar', id, word });
      scrollTo({ top: 0 });
      title.tabIndex = -1;
      title.focus({ preventScroll: true });
    });
  }

  #showNothing(): void {
    byId('section', 'examples').hidden = false;
    byId('h2', 'answer-title').hidden = true;
    for (const id of ['timing', 'guide-words', 'announcement']) byId('p', id).textContent = '';
    byId('ol', 'entries').replaceChildren();
  }
}

function setBusy(busy: boolean): void {
  byId('section', 'answer').ariaBusy = String(busy);
}
