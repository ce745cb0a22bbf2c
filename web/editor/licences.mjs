// Prints the licence of each package that a bundle holds a part of.
import { readFileSync, readdirSync } from "node:fs";

const inputs = Object.keys(JSON.parse(readFileSync(process.argv[2], "utf8")).inputs);
const folders = new Set(inputs.map((path) => /^node_modules\/(@[^/]+\/[^/]+|[^/]+)\//.exec(path)?.[0]));
folders.delete(undefined);
for (const folder of [...folders].sort()) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence text`);
  console.log(`${name} ${version} (${license})\n\n${readFileSync(folder + file, "utf8").trim()}\n\n`);
}
