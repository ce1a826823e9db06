// SPDX-License-Identifier: Apache-2.0
//
// Runs a model's WebAssembly module; Node and browsers share it.
//
// A job: {name, arena, inputs: [bytes], outputs: [bytes], simd, time, profile, fused}. Samples and outputs
// are bytes, all inputs (outputs) of sample 0, then of sample 1, and so on.

const PATTERNS = [0xa5, 0x5a];
const LEAST_RUNS = 50;
const BUDGET_MS = 1000; // more runs than LEAST_RUNS only within this time
const LEAST_BATCH_MS = 0.5; // clocks of browsers tick coarsely

// A function of type () -> v128: i32.const 0, i8x16.splat.
const SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
]);

class Model {
  constructor(job, instance, marks) {
    this.job = job;
    this.exports = instance.exports;
    this.marks = marks;
    this.invoke = this.exports[`${job.name}_invoke`];
    this.reset = this.exports[`${job.name}_reset`] ?? (() => {}); // only models with states have it
  }

  bytes(address, size) {
    return new Uint8Array(this.exports.memory.buffer, address, size);
  }

  load(sample) {
    let start = 0;
    this.job.inputs.forEach((size, index) => {
      const address = this.exports[`${this.job.name}_input`](index);
      this.bytes(address, size).set(sample.subarray(start, start + size));
      start += size;
    });
  }

  read(to) {
    let start = 0;
    this.job.outputs.forEach((size, index) => {
      const address = this.exports[`${this.job.name}_output`](index);
      to.set(this.bytes(address, size), start);
      start += size;
    });
  }

  // One past the highest byte of the arena that a run changed.
  touched(sample, pattern) {
    const arena = this.bytes(this.exports[`${this.job.name}_arena`].value, this.job.arena);
    arena.fill(pattern);
    this.reset();
    this.load(sample);
    this.invoke();
    return arena.findLastIndex((byte) => byte !== pattern) + 1;
  }

  // Milliseconds of `count` runs, each on the sample.
  timed(sample, count) {
    let total = 0;
    for (let i = 0; i < count; i++) {
      this.load(sample);
      const start = performance.now();
      this.invoke();
      total += performance.now() - start;
    }
    return total;
  }

  // Milliseconds of each stage of one run of a profile module.
  stages(sample) {
    this.load(sample);
    this.marks.length = 0;
    this.invoke();
    const times = [...this.marks, performance.now()];
    return times.slice(1).map((time, index) => time - times[index]);
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function repeated(run) {
  const results = [];
  const end = performance.now() + BUDGET_MS;
  while (results.length < LEAST_RUNS || performance.now() < end) {
    results.push(run());
  }
  return results;
}

// Median milliseconds of a run; short runs are timed in batches.
function time(model, sample) {
  let batch = 1;
  while (model.timed(sample, batch) < LEAST_BATCH_MS && batch < 4096) {
    batch *= 2;
  }
  return median(repeated(() => model.timed(sample, batch) / batch));
}

function stageTimes(model, sample) {
  const runs = repeated(() => model.stages(sample));
  return runs[0].map((_, stage) => median(runs.map((run) => run[stage])));
}

// Whether the engine gives the answer that the module was built for; see known_answer.py.
function answers({ module, operands, result }) {
  const bytes = new Uint8Array(module);
  if (!WebAssembly.validate(bytes)) {
    return false;
  }
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return f(...operands) === result;
}

// Which module runs, and its job: the model's own, or the baseline's in engines that have no relaxed
// dot products or get them wrong; see relaxed_product.py.
export function choose(job) {
  if (!job.relaxed || answers(job.relaxed)) {
    return { file: 'model.wasm', job };
  }
  if (!job.baseline) {
    throw new Error('NO_RELAXED');
  }
  return { file: 'baseline.wasm', job: { ...job, ...job.baseline, fused: null } };
}

async function instantiate(module, job) {
  if (job.simd && !WebAssembly.validate(SIMD_MODULE)) {
    throw new Error('NO_SIMD');
  }
  if (job.fused && !answers(job.fused)) {
    throw new Error('NOT_FUSED');
  }
  const marks = [];
  const mark = () => marks.push(performance.now());
  const { instance } = await WebAssembly.instantiate(module, { edge: { mark } });
  return new Model(job, instance, marks);
}

// {outputs: Uint8Array, watermark, timeMs, stageTimesMs}; the times are null unless asked for.
export async function runModel(module, job, samples) {
  const model = await instantiate(module, job);
  const size = job.inputs.reduce((a, b) => a + b, 0);
  const made = job.outputs.reduce((a, b) => a + b, 0);
  const count = samples.length / size;
  const outputs = new Uint8Array(count * made);
  const first = samples.subarray(0, size);
  const watermark = Math.max(...PATTERNS.map((pattern) => model.touched(first, pattern)));
  model.reset();
  for (let i = 0; i < count; i++) {
    model.load(samples.subarray(i * size, (i + 1) * size));
    model.invoke();
    model.read(outputs.subarray(i * made, (i + 1) * made));
  }
  return {
    outputs,
    watermark,
    timeMs: job.time ? time(model, first) : null,
    stageTimesMs: job.time && job.profile ? stageTimes(model, first) : null,
  };
}
