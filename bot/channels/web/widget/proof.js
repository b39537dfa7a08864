// Proof of work: a little computing that one person does not notice and a flood of messages does.

import { sha256 } from "./sha256.js";

const SLICE_MS = 12;
const encoder = new TextEncoder();

const leadingZeros = (words) => {
  let zeros = 0;
  for (const word of words) {
    zeros += Math.clz32(word);
    if (word !== 0) break;
  }
  return zeros;
};

/** Tries nonces from `from` for `ms`; gives {nonce} when one fits, else {next}. */
export function search(challenge, bits, from, ms) {
  const until = performance.now() + ms;
  for (let nonce = from; ; nonce++) {
    if (leadingZeros(sha256(encoder.encode(`${challenge}.${nonce}`))) >= bits) return { nonce: String(nonce) };
    if ((nonce & 127) === 0 && performance.now() > until) return { next: nonce + 1 };
  }
}

/**
 * "challenge.nonce". In a worker where the page may have one of ours (same origin), else in slices that leave the
 * page alive.
 */
export async function solve(files, { challenge, bits }) {
  const nonce = (await inWorker(files, challenge, bits)) ?? (await inSlices(challenge, bits));
  return `${challenge}.${nonce}`;
}

function inWorker(files, challenge, bits) {
  if (files.origin !== location.origin) return null;
  return new Promise((resolve) => {
    let worker;
    try {
      worker = new Worker(new URL("proof-worker.js", files), { type: "module" });
    } catch {
      resolve(null);
      return;
    }
    const done = (nonce) => {
      worker.terminate();
      resolve(nonce);
    };
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = () => done(null);
    worker.postMessage({ challenge, bits });
  });
}

async function inSlices(challenge, bits) {
  for (let from = 0; ;) {
    const { nonce, next } = search(challenge, bits, from, SLICE_MS);
    if (nonce !== undefined) return nonce;
    from = next;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}
