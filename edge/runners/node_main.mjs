// SPDX-License-Identifier: Apache-2.0
//
// node node_main.mjs FOLDER: runs job.json, model.wasm and input.bin of the folder, writes
// output.bin and report.json; report.json has `error` instead if the run failed.
import fs from 'node:fs';
import path from 'node:path';
import { choose, runModel } from './model_run.mjs';

const folder = process.argv[2];
const read = (name) => fs.readFileSync(path.join(folder, name));
const write = (name, content) => fs.writeFileSync(path.join(folder, name), content);

try {
  const { file, job } = choose(JSON.parse(read('job.json').toString()));
  const { outputs, ...report } = await runModel(read(file), job, read('input.bin'));
  write('output.bin', outputs);
  write('report.json', JSON.stringify({ ...report, module: file }));
} catch (error) {
  write('report.json', JSON.stringify({ error: String(error.message ?? error) }));
}
