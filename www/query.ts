import type { Narrowing } from './dictionary.js';
import { byId, element } from './element.js';
import { domainName } from './entries.js';
import type { PartOfSpeech } from './wordnet.js';

const PAUSE_MS = 140;
const PART_NAMES: Record<string, string> = {
  noun: 'nouns',
  verb: 'verbs',
  adj: 'adjectives',
  adv: 'adverbs',
};
const EXAMPLES = [
  'a person who repairs shoes',
  'a feeling of longing for the past',
  'fear of being shut in a small room',
  'to speak so softly that nobody hears',
  'instrument that measures earthquakes',
  'a sound that is repeated by reflection',
];

/** The form: what is asked for, and within what. */
export class QueryForm {
  #input = byId('input', 'query');
  #domain = byId('select', 'domain');
  #form = byId('form', 'query-form');
  #timer: ReturnType<typeof setTimeout> | undefined;
  #domains: { domain: string; count: number }[] = [];

  /** `onText` is called when the text has changed and rested, `onNarrow` when a filter has changed. */
  constructor(onText: () => void, onNarrow: () => void) {
    this.#input.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(onText, PAUSE_MS);
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      clearTimeout(this.#timer);
      onText();
    });
    for (const radio of this.#form.querySelectorAll('input[name="pos"]')) {
      radio.addEventListener('change', () => {
        this.#listDomains();
        onNarrow();
      });
    }
    this.#domain.addEventListener('change', onNarrow);
    this.#listenForSlash();
    byId('ul', 'example-list').replaceChildren(
      ...EXAMPLES.map((text) => this.#example(text, onText)),
    );
  }

  get text(): string {
    return this.#input.value.trim().replaceAll(/\s+/g, ' ');
  }

  set text(text: string) {
    this.#input.value = text;
  }

  get narrowing(): Narrowing {
    const pos = new FormData(this.#form).get('pos');
    return {
      pos: (pos || undefined) as PartOfSpeech | undefined,
      domain: this.#domain.value || undefined,
    };
  }

  /** A remark under the field, for example that there is no model. */
  set note(text: string) {
    byId('p', 'query-note').textContent = text;
  }

  set domains(domains: { domain: string; count: number }[]) {
    this.#domains = domains;
    this.#listDomains();
  }

  /** Offers the domains of the chosen part of speech, each with its count of words. */
  #listDomains(): void {
    const { pos, domain: chosen } = this.narrowing;
    const groups = Object.entries(PART_NAMES)
      .filter(([part]) => !pos || part === pos)
      .map(([part, label]) => {
        const group = element('optgroup', { label });
        const inside = this.#domains.filter(({ domain }) => domain.startsWith(`${part}.`));
        inside.sort((a, b) => domainName(a.domain).localeCompare(domainName(b.domain)));
        for (const { domain, count } of inside) {
          const textContent = `${domainName(domain)} (${count.toLocaleString('en')})`;
          group.append(
            element('option', { value: domain, textContent, selected: domain === chosen }),
          );
        }
        return group;
      });
    this.#domain.replaceChildren(
      element('option', { value: '', textContent: 'any domain' }),
      ...groups,
    );
  }

  #example(text: string, onText: () => void): HTMLLIElement {
    const button = element('button', { type: 'button', textContent: text });
    button.addEventListener('click', () => {
      this.text = text;
      this.#input.focus({ preventScroll: true });
      onText();
    });
    const item = element('li', {});
    item.append(button);
    return item;
  }

  #listenForSlash(): void {
    addEventListener('keydown', (event) => {
      const typing =
        event.target instanceof HTMLElement &&
        event.target.matches('input[type="search"], select, textarea');
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || typing) return;
      event.preventDefault();
      this.#input.focus();
      this.#input.select();
    });
  }
}
