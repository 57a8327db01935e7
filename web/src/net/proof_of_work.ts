// Finds what registering may cost: a text so that SHA-256 of `challenge:text` begins with so many zero bits.
//
// In pieces of some milliseconds on the page's own thread, so that it stays alive. No crypto.subtle: each of
// its digests is a promise, which costs more than the hash itself.

import type { WorkChallenge } from "./contract.gen";

const PIECE_MS = 12;
const LOOK_AT_CLOCK_EVERY = 512;
const BLOCK = 64;

/** Resolves to the solution, the smallest number that is one. Rejects with the signal's reason. */
export async function solve({ challenge, bits }: WorkChallenge, signal?: AbortSignal): Promise<string> {
  const search = new Search(challenge, bits);
  for (;;) {
    signal?.throwIfAborted();
    const found = search.run(performance.now() + PIECE_MS);
    if (found !== null) return found;
    await new Promise((resume) => setTimeout(resume));
  }
}

class Search {
  #next = 0;
  readonly #begun: Sha256;
  readonly #bits: number;

  constructor(challenge: string, bits: number) {
    this.#begun = new Sha256(new TextEncoder().encode(`${challenge}:`));
    this.#bits = bits;
  }

  /** Searches until then; null if nothing was found. */
  run(untilMs: number): string | null {
    for (;;) {
      const solution = String(this.#next++);
      if (countZeroBits(this.#begun.finish(solution)) >= this.#bits) return solution;
      if (this.#next % LOOK_AT_CLOCK_EVERY === 0 && performance.now() >= untilMs) return null;
    }
  }
}

function countZeroBits(words: Uint32Array): number {
  let bits = 0;
  for (const word of words) {
    bits += Math.clz32(word);
    if (word !== 0) break;
  }
  return bits;
}

/** SHA-256 (FIPS 180-4) of a beginning that is hashed once, and of many ASCII ends. */
export class Sha256 {
  readonly #state = Uint32Array.from(INITIAL);
  readonly #rest: Uint8Array;
  readonly #length: number;
  readonly #words = new Uint32Array(BLOCK);

  constructor(beginning: Uint8Array) {
    const whole = beginning.length - (beginning.length % BLOCK);
    for (let at = 0; at < whole; at += BLOCK) this.#compress(this.#state, beginning.subarray(at, at + BLOCK));
    this.#rest = beginning.slice(whole);
    this.#length = beginning.length;
  }

  /** The digest of the beginning with this end, as eight words. */
  finish(end: string): Uint32Array {
    const used = this.#rest.length + end.length;
    // A one, zeros, and the length in bits: section 5.1.1.
    const padded = new Uint8Array(Math.ceil((used + 9) / BLOCK) * BLOCK);
    padded.set(this.#rest);
    for (let at = 0; at < end.length; at++) padded[this.#rest.length + at] = end.charCodeAt(at);
    padded[used] = 0x80;
    new DataView(padded.buffer).setUint32(padded.length - 4, (this.#length + end.length) * 8);
    const state = this.#state.slice();
    for (let at = 0; at < padded.length; at += BLOCK) this.#compress(state, padded.subarray(at, at + BLOCK));
    return state;
  }

  #compress(state: Uint32Array, block: Uint8Array): void {
    const w = this.#words;
    const view = new DataView(block.buffer, block.byteOffset, BLOCK);
    for (let t = 0; t < 16; t++) w[t] = view.getUint32(t * 4);
    for (let t = 16; t < BLOCK; t++) {
      const [x, y] = [w[t - 15]!, w[t - 2]!];
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      w[t] = w[t - 16]! + s0 + w[t - 7]! + s1;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as Eight;
    for (let t = 0; t < BLOCK; t++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[t]! + w[t]!) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => (state[at] = state[at]! + word));
  }
}

type Eight = [number, number, number, number, number, number, number, number];

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** The first 32 bits of the fractional parts of roots of the first primes: section 4.2.2 and 5.3.3. */
function takeFractions(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}

const INITIAL = takeFractions(8, Math.sqrt);
const ROUND = takeFractions(64, Math.cbrt);
