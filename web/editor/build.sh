#!/bin/sh
# Makes web/static/editor.js and the texts of its licences from what package-lock.json pins.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund --silent
node_modules/.bin/esbuild editor.mjs --bundle --minify --format=iife --target=es2022 --charset=utf8 \
  --legal-comments=none --log-level=warning \
  --banner:js="/* CodeMirror 6, MIT: see editor.licences.txt. Made by web/editor/build.sh. */" \
  --metafile=node_modules/.meta.json --outfile=../static/editor.js
node licences.mjs node_modules/.meta.json > ../static/editor.licences.txt
