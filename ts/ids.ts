/** Crockford's base 32: in the order of its values, so that ids sort as their numbers do. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 10;
const COUNTER_DIGITS = 6;

/** Of the ids that were made last: their millisecond, what they begin with, and how many began so. */
let last = { at: 0, prefix: '', count: 0 };

/**
 * Ids that are unique and sort in the order of making: 50 bits of milliseconds, 50 random bits per millisecond, and a
 * counter; 26 characters.
 */
export function makeIds(count: number): string[] {
  const now = Date.now();
  // A clock that is set back must not make ids that sort before those that are there.
  if (now > last.at) {
    const random = crypto.getRandomValues(new Uint8Array(RANDOM_DIGITS));
    const letters = Array.from(random, (byte) => DIGITS[byte % 32]).join('');
    last = { at: now, prefix: digits(now, TIME_DIGITS) + letters, count: 0 };
  }
  const { prefix, count: first } = last;
  last.count += count;
  return Array.from({ length: count }, (_, i) => prefix + digits(first + i, COUNTER_DIGITS));
}

function digits(value: number, length: number): string {
  let text = '';
  for (let rest = value, i = 0; i < length; i++) {
    text = (DIGITS[rest % 32] as string) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
