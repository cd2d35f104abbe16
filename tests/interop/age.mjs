// Seals, opens and derives with the npm package age-encryption, an implementation of age that
// shares no code with ours. Used by run.sh and, once, to make tests/vectors/interop.
//
//   node age.mjs public IDENTITY            print the recipient
//   node age.mjs seal RECIPIENT IN OUT      seal a file
//   node age.mjs open IDENTITY IN OUT       open a file
//   node age.mjs vectors DIRECTORY          make the files of tests/vectors/interop

import { readFileSync, writeFileSync } from "node:fs";
import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";

const SIZES = [0, 2000, 65537];

async function seal(configure, plain) {
  const encrypter = new Encrypter();
  configure(encrypter);
  return encrypter.encrypt(plain);
}

async function open(identity, sealed) {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return decrypter.decrypt(sealed);
}

// keys.txt holds a name and a secret in each line.
async function vectors(directory) {
  const payload = (size) => Uint8Array.from({ length: size }, (_, index) => index % 251);
  const keys = readFileSync(`${directory}/keys.txt`, "utf8").trim().split("\n");
  for (const [name, secret] of keys.map((line) => line.split(" "))) {
    const to = name === "passphrase" ? null : await identityToRecipient(secret);
    for (const size of SIZES) {
      const sealed = await seal((encrypter) => {
        if (to) return encrypter.addRecipient(to);
        encrypter.setPassphrase(secret);
        encrypter.setScryptWorkFactor(10);
      }, payload(size));
      writeFileSync(`${directory}/${name}-${size}.age`, sealed);
    }
  }
}

const [verb, ...rest] = process.argv.slice(2);
switch (verb) {
  case "public":
    console.log(await identityToRecipient(rest[0]));
    break;
  case "seal":
    writeFileSync(rest[2], await seal((e) => e.addRecipient(rest[0]), readFileSync(rest[1])));
    break;
  case "open":
    writeFileSync(rest[2], await open(rest[0], readFileSync(rest[1])));
    break;
  case "vectors":
    await vectors(rest[0]);
    break;
  default:
    console.error("usage: see the head of this file");
    process.exit(64);
}
