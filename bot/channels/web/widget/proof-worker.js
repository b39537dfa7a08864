import { search } from "./proof.js";

self.onmessage = ({ data: { challenge, bits } }) => {
  self.postMessage(search(challenge, bits, 0, Infinity).nonce);
};
