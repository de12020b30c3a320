#!/usr/bin/env node
// Lets tools that expect a native Solidity compiler use the one from npm, where no native one can be downloaded.
// Understands --version and --standard-json; other arguments are those of a native compiler that the JSON input makes needless.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

// Ape copies this file to a place of its own, from where node_modules is found by the environment only.
const modules = process.env.SOLCJS_NODE_MODULES || path.join(__dirname, '..', '..', 'node_modules');
const arguments_ = process.argv.slice(2);

function valuesOf(option) {
  return arguments_.flatMap((argument, place) => {
    if (argument === option) return [arguments_[place + 1]];
    return argument.startsWith(`${option}=`) ? [argument.slice(option.length + 1)] : [];
  });
}

function readImport(wanted) {
  const roots = ['', ...valuesOf('--base-path'), ...valuesOf('--include-path'), modules];
  const found = roots.map((root) => path.resolve(root, wanted)).find((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile());
  return found ? { contents: fs.readFileSync(found, 'utf8') } : { error: `no file ${wanted}` };
}

if (arguments_.includes('--version')) {
  // From the package, not the compiler: loading the compiler takes a second, and tools ask often. They want
  // a commit too, and read nothing from it; the package does not tell it, so it is zero.
  const { version } = JSON.parse(fs.readFileSync(path.join(modules, 'solc', 'package.json'), 'utf8'));
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}+commit.00000000.Emscripten.clang\n`);
} else if (arguments_.includes('--standard-json')) {
  const compiler = require(path.join(modules, 'solc'));
  process.stdout.write(compiler.compile(fs.readFileSync(0, 'utf8'), { import: readImport }));
} else {
  process.stderr.write('solc.js: only --version and --standard-json are understood\n');
  process.exitCode = 2;
}
