// Prints the templates and values of @huggingface/jinja's tests as lines of JSON, for templates.py.
//
//     node templates.mjs PACKAGE/test/e2e.test.js PACKAGE/test/templates.test.js
//
// The test files are read, not run: what they import is left out, and so are
// the tests below their tables.
import { readFileSync } from "node:fs";

const tables = (path, names) => {
  const source = readFileSync(path, "utf8").replace(/^import .*$/gm, "");
  const end = source.search(/^(function|describe)\b/m);
  return new Function(`${source.slice(0, end)}\nreturn { ${names.join(", ")} };`)();
};
const print = (name, template, vars) => console.log(JSON.stringify({ name, template, vars: JSON.stringify(vars ?? {}) }));

const [endToEnd, single] = process.argv.slice(2);
const e2e = tables(endToEnd, ["TEST_DEFAULT_TEMPLATES", "TEST_CUSTOM_TEMPLATES", "TEST_CUSTOM_FORMATTING"]);
for (const table of Object.values(e2e)) {
  for (const [name, { chat_template, data }] of Object.entries(table)) print(name, chat_template, data);
}
const { TEST_STRINGS, TEST_CONTEXT } = tables(single, ["TEST_STRINGS", "TEST_CONTEXT"]);
for (const [name, template] of Object.entries(TEST_STRINGS)) print(name, template, TEST_CONTEXT[name]);
