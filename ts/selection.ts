import { KindexError, show } from './errors.js';
import { encodeFilter, type Filter } from './filter.js';
import { LIMITS } from './limits.js';
import { utf8Length } from './text-column.js';
import type { Metadata } from './types.js';
import type { Selected } from './worker/protocol.js';

/** What the document of a record must satisfy. A record without a document does not. */
export interface DocumentFilter {
  /** A text that is part of the document, letter for letter. */
  readonly $contains: string;
}

/** Which records a call is about; all where nothing is given. */
export interface Where<M extends object = Metadata> {
  /** What the metadata of a record must satisfy: `{ year: { $gte: 2020 } }`, `{ tag: 'new' }`. */
  readonly where?: Filter<M>;
  /** Documents are read from storage for this, those of the records that `where` leaves. */
  readonly whereDocument?: DocumentFilter;
}

/**
 * @throws KindexError `INVALID_ARGUMENT`
 *
 * @internal
 */
export function encodeSelection({
  where,
  whereDocument,
}: {
  readonly where?: unknown;
  readonly whereDocument?: unknown;
}): Selected {
  return {
    where: where === undefined ? undefined : encodeFilter(where),
    containing: whereDocument === undefined ? undefined : wantedText(whereDocument),
  };
}

function wantedText(filter: unknown): string {
  const entries = typeof filter === 'object' && filter !== null ? Object.entries(filter) : [];
  const [operator, text] = entries[0] ?? [];
  if (entries.length !== 1 || operator !== '$contains' || typeof text !== 'string') {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `whereDocument is { $contains: text }, but this is ${show(filter)}`,
    );
  }
  if (text === '' || utf8Length(text) > LIMITS.filterBytes || /\p{Surrogate}/u.test(text)) {
    throw new KindexError(
      'INVALID_ARGUMENT',
      `whereDocument looks for a text of 1 to ${LIMITS.filterBytes} bytes of UTF-8`,
    );
  }
  return text;
}
