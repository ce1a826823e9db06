// SPDX-License-Identifier: Apache-2.0
// Two networks, dense and sparse, that recognize pictures and learn new classes from examples.

import * as dense from './models/dense/index.js';
import * as denseStorage from './models/dense/storage.js';
import * as sparse from './models/sparse/index.js';
import * as sparseStorage from './models/sparse/storage.js';

const parts = { dense: [dense, denseStorage], sparse: [sparse, sparseStorage] };
const notebook = 'notebook'; // the key under which names and examples are kept
const stepsOfExample = 120;
const batches = 7;
const leastBatch = 1; // milliseconds: clocks of browsers tick coarsely

/** Whether an error is one that the models name, such as a damaged state. */
export const isModelError = (error) => error instanceof dense.ModelError || error instanceof sparse.ModelError;

export class Brain {
  #models;

  #examples = []; // { label, picture }, what the user has taught

  #random = 1;

  /** `names` of the known classes; `rehearsal` are examples of them, { label, picture }. */
  static async open(names, rehearsal) {
    const models = await Promise.all(Object.entries(parts).map(
      async ([name, [entry, storage]]) => ({ name, entry, storage, model: await entry.load() })));
    // Engines compile what runs often once more: what is timed later is the faster code.
    for (const { model } of models) timeOf(() => model.run());
    return new Brain(models, names, rehearsal);
  }

  constructor(models, names, rehearsal) {
    this.#models = models;
    this.known = names.length;
    this.names = [...names];
    this.rehearsal = rehearsal;
    this.classes = models[0].model.outputs[0].length;
  }

  /** Examples that the user has given of a class. */
  count(label) { return this.#examples.filter((example) => example.label === label).length; }

  /** Of each network: shares of the classes that have a name, the best of them, milliseconds. */
  classify(picture) {
    return Object.fromEntries(this.#models.map(({ name, entry, model }) => {
      const input = entry.quantize(picture);
      const [scores] = model.run(input);
      const shares = softmax(entry.dequantize(scores).slice(0, this.names.length));
      return [name, { shares, best: shares.indexOf(Math.max(...shares)), time: timeOf(() => model.run(input)) }];
    }));
  }

  /** The class of a name, a new one if there is room; -1 if there is none. */
  labelOf(name) {
    const found = this.names.findIndex((known) => known.toLowerCase() === name.toLowerCase());
    if (found >= 0 || this.names.length === this.classes) return found;
    return this.names.push(name) - 1;
  }

  /** Learn one more example, among the others and those of the known classes; keep what was learned. */
  async teach(label, picture) {
    this.#examples.push({ label, picture });
    this.#practise(stepsOfExample);
    await this.#keep();
  }

  #practise(steps) {
    const older = [...this.rehearsal, ...this.#examples.filter(({ label }) => label !== this.#examples.at(-1).label)];
    const newer = this.#examples.filter(({ label }) => label === this.#examples.at(-1).label);
    for (let step = 0; step < steps; step++) {
      const from = step % 3 === 0 ? newer : older;
      const { label, picture } = from[this.#below(from.length)];
      for (const { entry, model } of this.#models) model.trainStep(entry.quantize(picture), label);
    }
  }

  /** A number below a limit, the same after the same examples. */
  #below(limit) {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0; // Numerical Recipes, ranqd1
    return Math.floor((this.#random / 2 ** 32) * limit);
  }

  async #keep() {
    const { names, known } = this;
    const content = { names: names.slice(known), examples: this.#examples };
    await denseStorage.save({ save: () => content }, notebook);
    for (const { storage, model } of this.#models) await storage.save(model);
  }

  /** What was kept: 'nothing', 'all', or 'again' where it was damaged and has been learned from the examples. */
  async recall() {
    let content;
    await denseStorage.load({ load: (value) => { content = value; } }, notebook);
    if (!Array.isArray(content?.names) || !Array.isArray(content?.examples)) return 'nothing';
    this.names.push(...content.names);
    this.#examples = content.examples;
    try {
      for (const { storage, model } of this.#models) await storage.load(model);
      return 'all';
    } catch (error) {
      if (!isModelError(error)) throw error;
      await this.#again();
      return 'again';
    }
  }

  async #again() {
    const examples = this.#examples;
    this.#examples = [];
    for (const { model } of this.#models) model.reset();
    for (const { label, picture } of examples) await this.teach(label, picture);
  }

  async forget() {
    this.#examples = [];
    this.#random = 1;
    this.names.length = this.known;
    for (const { storage, model } of this.#models) {
      model.reset();
      await storage.remove();
    }
    await denseStorage.remove(notebook);
  }
}

function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** Milliseconds of one run: the median of a few batches, each longer than a tick of the clock. */
function timeOf(run) {
  const times = Array.from({ length: batches }, () => timeOfBatch(run)).sort((a, b) => a - b);
  return times[batches >> 1];
}

function timeOfBatch(run) {
  const start = performance.now();
  let runs = 0;
  let passed = 0;
  while (passed < leastBatch) {
    run();
    runs++;
    passed = performance.now() - start;
  }
  return passed / runs;
}
