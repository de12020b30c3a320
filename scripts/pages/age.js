// What a page needs to open an age file.
export { Decrypter } from "age-encryption";
