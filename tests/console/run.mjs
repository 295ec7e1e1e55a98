// The console in Debian's Chromium. Each argument names one of the parts; without any, all are run.
//
// PASSGRANT               the program (default: passgrant)
// PASSGRANT_CI_ARTEFACTS  the folder for screenshots

import { accessible } from "./accessible.mjs";
import { attack } from "./attack.mjs";
import { flow } from "./flow.mjs";
import { keyboard } from "./keyboard.mjs";
import { many } from "./many.mjs";
import { operators } from "./operators.mjs";
import { progress } from "./progress.mjs";

const parts = { flow, keyboard, operators, attack, accessible, many, progress };
const asked = process.argv.slice(2);
for (const name of asked.length ? asked : Object.keys(parts)) {
    console.log(`--- ${name}`);
    await parts[name]();
}
