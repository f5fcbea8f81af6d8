/** UUIDv7 (RFC 9562): by time, and strictly increasing within a page, so that the queue's key is its order. */

const COUNTS = 1024; // of one millisecond; more borrow from the next one
let last = 0;

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, "0");

// Not crypto.randomUUID: it makes version 4, and only in secure contexts.
export const uuid7 = (): string => {
  last = Math.max(last + 1, Date.now() * COUNTS);
  const [random = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  const version = hex(0x7000 + (last % COUNTS), 4);
  const digits = hex(Math.floor(last / COUNTS), 12) + version + hex((random >> 2n) | (1n << 63n), 16);
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
};
