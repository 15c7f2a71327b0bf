/**
 * Reads the dictionary's files off the page's thread and hands them out in batches, while the rest of the vectors
 * is still on its way.
 */

import type { PartOfSpeech, SynsetTexts, VectorFile, VectorLayout } from './wordnet.js';
import {
  DOMAINS,
  partOfSpeech,
  readColumns,
  readLayout,
  readTexts,
  unitVectors,
} from './wordnet.js';
import { answerCalls } from './worker-calls.js';

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Columns = Pick<VectorFile, 'rows' | 'frequencies' | 'domains'>;

/** What the collection keeps of a synset beside its vector; the gloss is its document. */
export interface Synset {
  words: string[];
  pos: PartOfSpeech;
  domain: string;
  frequency: number;
}

export interface BatchRequest {
  from: number;
  rows: number;
}

/** One batch by column, ready for `insert`. Shorter than asked for at the end of the data. */
export interface DictionaryBatch {
  ids: string[];
  vectors: Float32Array<ArrayBuffer>;
  metadatas: Synset[];
  documents: string[];
}

class Dictionary {
  #source: Reader;
  #bytes: Uint8Array<ArrayBuffer>;
  #received = 0;
  #layout: VectorLayout;
  #texts: SynsetTexts;
  #columns: Columns;

  static async open(): Promise<Dictionary> {
    const [texts, vectors] = await Promise.all([
      load('data/synsets.json.gz').then(async (response) =>
        readTexts(new Uint8Array(await response.arrayBuffer())),
      ),
      load('data/vectors.bin'),
    ]);
    const source = vectors.body?.getReader();
    const first = await source?.read();
    // No server sends its first piece in fewer bytes than a header has; if one did, readLayout says so.
    if (!source || !first?.value) throw new Error('data/vectors.bin came empty');
    const layout = readLayout(first.value);
    if (layout.count !== texts.ids.length) {
      throw new Error(`there are ${layout.count} vectors, but ${texts.ids.length} texts`);
    }
    const dictionary = new Dictionary(source, layout, texts);
    dictionary.#take(first.value);
    await dictionary.#receive(layout.codesAt);
    dictionary.#columns = readColumns(dictionary.#bytes, layout);
    return dictionary;
  }

  private constructor(source: Reader, layout: VectorLayout, texts: SynsetTexts) {
    this.#source = source;
    this.#layout = layout;
    this.#texts = texts;
    this.#bytes = new Uint8Array(layout.bytes);
    this.#columns = {
      rows: new Uint32Array(),
      frequencies: new Uint16Array(),
      domains: new Uint8Array(),
    };
  }

  async batch({ from, rows }: BatchRequest): Promise<DictionaryBatch> {
    const { count, dimension, codesAt } = this.#layout;
    const to = Math.min(from + rows, count);
    await this.#receive(codesAt + to * dimension);
    const codes = new Int8Array(
      this.#bytes.buffer,
      codesAt + from * dimension,
      (to - from) * dimension,
    );
    return {
      ids: this.#texts.ids.slice(from, to),
      vectors: unitVectors(codes, dimension),
      metadatas: Array.from({ length: to - from }, (_, i) => this.#synset(from + i)),
      documents: this.#texts.glosses.slice(from, to),
    };
  }

  async #receive(bytes: number): Promise<void> {
    while (this.#received < bytes) {
      const { done, value } = await this.#source.read();
      if (done)
        throw new Error(`the vectors ended after ${this.#received} of ${this.#layout.bytes} bytes`);
      this.#take(value);
    }
  }

  #take(piece: Uint8Array): void {
    if (this.#received + piece.length > this.#layout.bytes)
      throw new Error('the vectors are longer than they say');
    this.#bytes.set(piece, this.#received);
    this.#received += piece.length;
  }

  #synset(row: number): Synset {
    const domain = DOMAINS[this.#columns.domains[row] ?? 0] ?? '';
    return {
      words: (this.#texts.words[row] ?? '').split(', '),
      pos: partOfSpeech(domain),
      domain,
      frequency: this.#columns.frequencies[row] ?? 0,
    };
  }
}

async function load(path: string): Promise<Response> {
  const response = await fetch(new URL(path, location.href));
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  return response;
}

let dictionary: Promise<Dictionary> | undefined;

answerCalls<BatchRequest, DictionaryBatch>(
  async (request) => {
    dictionary ??= Dictionary.open();
    return (await dictionary).batch(request);
  },
  ({ vectors }) => [vectors.buffer],
);
