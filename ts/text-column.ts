/**
 * Text of many rows as the engine takes it: UTF-8 of all rows joined, the byte offset after each row, and a flag
 * per row where some rows have none.
 */
export interface TextColumn {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
  /** 1 per row that has text; empty = all have. */
  readonly present: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();
/** UTF-8 of one UTF-16 unit takes at most three bytes. */
const MOST_BYTES = 3;
/** UTF-16 units up to which a loop is quicker than the encoder, which wants an object for every call. */
const SHORT_TEXT = 48;

/** Collects a {@link TextColumn} row by row. */
export class TextColumnBuilder {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  readonly #ends: number[] = [];
  readonly #present: number[] = [];
  #missing = 0;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes so far. */
  get byteLength(): number {
    return this.#length;
  }

  push(text: string | undefined): void {
    if (text === undefined) {
      this.#missing += 1;
      this.#present.push(0);
    } else {
      this.#reserve(text.length * MOST_BYTES);
      if (text.length > SHORT_TEXT || !this.#pushAscii(text))
        this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
      this.#present.push(1);
    }
    this.#ends.push(this.#length);
  }

  finish(): TextColumn {
    return {
      bytes: this.#bytes.slice(0, this.#length),
      ends: Uint32Array.from(this.#ends),
      present: this.#missing === 0 ? new Uint8Array(0) : Uint8Array.from(this.#present),
    };
  }

  /** False, with nothing appended, for text that has other characters. */
  #pushAscii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[start + i] = unit;
    }
    this.#length = start + text.length;
    return true;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** A column of texts that are all there. */
export function textColumn(texts: readonly string[]): TextColumn {
  const builder = new TextColumnBuilder(texts.length * 24);
  for (const text of texts) builder.push(text);
  return builder.finish();
}

/** A column without rows. */
export function noText(): TextColumn {
  return { bytes: new Uint8Array(0), ends: new Uint32Array(0), present: new Uint8Array(0) };
}

/** Bytes of the text in UTF-8. */
export function utf8Length(text: string): number {
  return text.length > 1024 ? encoder.encode(text).length : countUtf8(text);
}

function countUtf8(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit <= 0xdbff) {
      bytes += 4;
      i += 1;
    } else bytes += 3;
  }
  return bytes;
}
