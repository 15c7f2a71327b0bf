/** Crockford's base 32: in the order of its values, so that ids sort as their numbers do. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 10;
const COUNTER_DIGITS = 6;

/**
 * Ids that are unique and sort in the order of making: 50 bits of milliseconds, 50 random bits per call, and a
 * counter; 26 characters.
 */
export function makeIds(count: number): string[] {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_DIGITS));
  const prefix =
    digits(Date.now(), TIME_DIGITS) + Array.from(random, (byte) => DIGITS[byte % 32]).join('');
  return Array.from({ length: count }, (_, i) => prefix + digits(i, COUNTER_DIGITS));
}

function digits(value: number, length: number): string {
  let text = '';
  for (let rest = value, i = 0; i < length; i++) {
    text = (DIGITS[rest % 32] as string) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
