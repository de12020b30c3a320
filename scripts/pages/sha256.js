// SHA-256 of what is longer than one chunk: a browser's own function takes all bytes at once.
export { sha256 } from "@noble/hashes/sha2.js";
