import type { Entry } from './dictionary.js';
import { element } from './element.js';

const ABBREVIATIONS: Record<string, [string, string]> = {
  noun: ['n.', 'noun'],
  verb: ['v.', 'verb'],
  adj: ['adj.', 'adjective'],
  adv: ['adv.', 'adverb'],
};

/** Some synsets bring ten, which would push the next word off a phone's screen. */
const MOST_EXAMPLES = 2;

/** Shows results as entries of a dictionary page. `onSimilar` is called for the entry whose button is pressed. */
export function showEntries(
  list: HTMLElement,
  entries: Entry[],
  onSimilar: (id: string, word: string) => void,
): void {
  list.replaceChildren(...entries.map((entry) => showEntry(entry, onSimilar)));
}

function showEntry(entry: Entry, onSimilar: (id: string, word: string) => void): HTMLLIElement {
  const [word = entry.id, ...others] = entry.metadata?.words ?? [];
  const similar = element('button', {
    type: 'button',
    className: 'similar',
    textContent: 'similar words',
  });
  similar.setAttribute('aria-label', `Words similar to ${word}`);
  similar.addEventListener('click', () => onSimilar(entry.id, word));

  const item = element('li', { className: 'entry' });
  item.dataset.id = entry.id;
  item.append(
    element('h3', { className: 'headword', textContent: word }),
    definition(entry, others, similar),
    score(entry.score),
  );
  return item;
}

function definition(entry: Entry, others: string[], similar: HTMLElement): HTMLElement {
  const { pos = '', domain = '' } = entry.metadata ?? {};
  const [short, long] = ABBREVIATIONS[pos] ?? [pos, pos];
  const { sense, examples } = splitGloss(entry.document ?? '');
  const text = element('p', { className: 'gloss' });
  text.append(element('abbr', { className: 'pos', textContent: short, title: long }), ` ${sense}`);
  if (examples.length > 0) {
    text.append(
      '; ',
      element('i', {
        textContent: examples
          .slice(0, MOST_EXAMPLES)
          .map((example) => `“${example}”`)
          .join(' '),
      }),
    );
  }
  const more = element('p', { className: 'more' });
  if (others.length > 0) {
    const also = element('span', {});
    also.append(element('i', { textContent: 'also' }), ` ${others.join(', ')}`);
    more.append(also);
  }
  const action = element('span', {});
  action.append(similar);
  more.append(
    element('span', { className: 'domain-name', textContent: domainName(domain) }),
    action,
  );
  const body = element('div', { className: 'body' });
  body.append(text, more);
  return body;
}

function score(value: number): HTMLElement {
  const bar = element('span', { className: 'bar' });
  bar.setAttribute('aria-hidden', 'true');
  bar.style.setProperty('--score', String(Math.max(0, Math.min(1, value))));
  const box = element('p', {
    className: 'score',
    title: 'Cosine of the angle between description and word',
  });
  box.append(
    element('span', { className: 'visually-hidden', textContent: 'similarity ' }),
    element('span', { className: 'number', textContent: value.toFixed(2) }),
    bar,
  );
  return box;
}

/** WordNet's glosses are a definition, then examples in quotation marks, joined by semicolons. */
export function splitGloss(gloss: string): { sense: string; examples: string[] } {
  const start = gloss.search(/[;:]?\s*"/);
  if (start <= 0) return { sense: gloss, examples: [] };
  const examples = [...gloss.slice(start).matchAll(/"([^"]+)"?/g)].map((match) =>
    (match[1] ?? '').trim(),
  );
  return {
    sense: gloss.slice(0, start),
    examples: examples.filter((example) => /\w/.test(example)),
  };
}

/** `noun.Tops` is WordNet's name for the beginnings of its hierarchy; the rest speak for themselves. */
export function domainName(domain: string): string {
  const name = domain.slice(domain.indexOf('.') + 1);
  if (name === 'Tops') return 'basic notions';
  if (name === 'all') return 'general';
  if (name === 'pert') return 'relational';
  if (name === 'ppl') return 'participial';
  return name;
}
