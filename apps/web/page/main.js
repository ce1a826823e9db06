// SPDX-License-Identifier: Apache-2.0
// The page: what is drawn goes to both networks, what they say is shown, and they are taught.

import { Brain, isModelError } from './brain.js';
import { Camera } from './camera.js';
import { Pad } from './pad.js';
import { raster, reduced, side } from './raster.js';

const sureFrom = 0.6;
const glance = 250; // milliseconds between two looks at the camera

const element = (id) => document.getElementById(id);
const { known, others, sizes } = await (await fetch('./samples.json')).json();
const camera = new Camera(element('view'));
const pad = new Pad(element('pad'), () => look(picked()));
let brain = null;
let picture = null;
const taken = {}; // how many variants of a sample have been drawn

listSamples();
connect();
await wake();

/** Loads the networks and what was taught; says so where that does not work. */
async function wake() {
  const labelled = Object.values(known).flatMap((shapes, label) =>
    shapes.slice(0, 12).map((strokes) => ({ label, picture: raster(strokes) })));
  try {
    brain = await Brain.open(Object.keys(known), labelled);
  } catch (error) {
    if (!isModelError(error)) throw error;
    return say(`The networks cannot run here: ${wordsOf(error)}. You can still draw.`);
  }
  let state = 'nothing';
  try {
    state = await brain.recall();
  } catch (error) {
    say(`What you taught could not be read (${error.message}); this page starts afresh.`);
    showNames();
    return;
  }
  showNames();
  say({
    nothing: 'Draw something.',
    all: 'Draw something. What you taught is still known.',
    again: 'What was saved is damaged. It has been learned again from your drawings.',
  }[state]);
}

function wordsOf(error) {
  return error.code === 'NO_SIMD'
    ? 'this browser has no WebAssembly SIMD; a version from 2021 or later has (Safari: 16.4)' : error.message;
}

function say(text) {
  element('status').textContent = text;
  element('status').className = 'said';
}

function picked() {
  return pad.strokes.length ? raster(pad.strokes) : null;
}

/** Shows a picture to the networks. */
function look(seen) {
  picture = seen;
  element('hint').hidden = pad.strokes.length > 0 || camera.isOn;
  paintSeen();
  if (!brain) return;
  if (!picture) return showAnswer(null);
  showAnswer(brain.classify(picture));
}

function paintSeen() {
  const context = element('seen').getContext('2d');
  const image = context.createImageData(side, side);
  image.data.fill(255);
  for (let cell = 0; cell < side * side; cell++) image.data.fill(255 * (picture?.[cell] ?? 0), 4 * cell, 4 * cell + 3);
  context.putImageData(image, 0, 0);
}

function showAnswer(answer) {
  for (const [label, row] of [...element('classes').rows].entries()) {
    row.className = answer?.dense.best === label ? 'best' : '';
    ['dense', 'sparse'].forEach((network, index) => {
      const share = answer?.[network].shares[label] ?? 0;
      const [bar, text] = row.cells[index + 1].firstElementChild.children;
      bar.firstElementChild.style.width = `${100 * share}%`;
      text.textContent = `${Math.round(100 * share)} %`;
    });
  }
  for (const network of ['dense', 'sparse']) {
    element(`time-${network}`).textContent = answer ? `${answer[network].time.toFixed(2)} ms` : '–';
  }
  if (answer) sayAnswer(answer.dense, answer.sparse);
}

function sayAnswer(dense, sparse) {
  const isSure = dense.shares[dense.best] >= sureFrom;
  const agree = dense.best === sparse.best ? '' : `, or ${brain.names[sparse.best]}`;
  element('status').className = '';
  element('status').textContent = `${isSure ? '' : 'Not sure: '}${brain.names[dense.best]}${agree}`;
}

/** One row a class: it is filled by showAnswer. */
function showNames() {
  element('classes').replaceChildren(...brain.names.map((name, label) => {
    const row = document.createElement('tr');
    const head = Object.assign(document.createElement('th'), { scope: 'row', textContent: name });
    row.append(head, bar(), bar());
    if (label >= brain.known) head.append(` (${brain.count(label)})`);
    return row;
  }));
  const added = brain.names.slice(brain.known);
  element('taught').textContent = added.length
    ? `Taught: ${added.map((name, index) => `${name}, ${examples(brain.count(brain.known + index))}`).join('; ')}.`
    : 'Nothing taught yet. Five to ten drawings of a shape are enough.';
  element('forget').disabled = added.length === 0;
  for (const [network, size] of Object.entries(sizes)) {
    element(`size-${network}`).textContent = `${Math.round(size / 1000)} kB`;
  }
}

function examples(count) {
  return count === 1 ? '1 example' : `${count} examples`;
}

function bar() {
  const cell = document.createElement('td');
  const inner = Object.assign(document.createElement('div'), { className: 'bar' });
  const track = document.createElement('span');
  track.append(document.createElement('i'));
  inner.append(track, Object.assign(document.createElement('b'), { textContent: '0 %' }));
  cell.append(inner);
  return cell;
}

async function teach() {
  const name = element('name').value.trim();
  if (!brain || !name) return say(brain ? 'Give the shape a name first.' : 'The networks cannot run here.');
  if (!picture) return say('Draw the shape first.');
  const label = brain.labelOf(name);
  if (label < 0) return say(`There is room for ${brain.classes - brain.known} new shapes. Forget some first.`);
  const start = performance.now();
  const shown = picture;
  try {
    await brain.teach(label, shown);
  } catch (error) {
    return say(`Learned, but this browser could not keep it: ${error.message}`);
  } finally {
    showNames();
    showAnswer(brain.classify(shown));
  }
  say(`Learned ${brain.names[label]} from ${examples(brain.count(label))}, in ${Math.round(performance.now() - start)} ms.`);
  if (!camera.isOn) pad.show([]);
}

async function forget() {
  await brain.forget();
  showNames();
  look(picture);
  say('Forgot what you taught.');
}

function listSamples() {
  const group = (title, shapes) => {
    const made = Object.assign(document.createElement('optgroup'), { label: title });
    made.append(...Object.keys(shapes).map((name) => new Option(name)));
    return made;
  };
  element('sample').append(group('Known', known), group('Not known yet', others));
}

/** The next variant of the chosen sample. */
function takeSample() {
  stopCamera();
  const name = element('sample').value;
  const variants = known[name]?.slice(12) ?? others[name];
  taken[name] = (taken[name] ?? -1) + 1;
  pad.show(variants[taken[name] % variants.length]);
}

async function switchCamera() {
  if (camera.isOn) return stopCamera();
  try {
    await camera.start();
  } catch (error) {
    return say(`There is no camera to use (${error.name}).`);
  }
  pad.show([]);
  showCamera(true);
  say('Hold a drawing with dark lines to the camera.');
  return glanceOn();
}

function glanceOn() {
  if (!camera.isOn) return;
  const seen = reduced(camera.ink(), camera.width);
  if (seen) look(seen);
  setTimeout(glanceOn, glance);
}

function stopCamera() {
  camera.stop();
  showCamera(false);
  look(picked());
}

function showCamera(isOn) {
  element('view').hidden = !isOn;
  element('hint').hidden = isOn || pad.strokes.length > 0;
  element('camera').setAttribute('aria-pressed', String(isOn));
}

function clear() {
  stopCamera();
  pad.show([]);
  if (brain) say('Draw something.');
}

function connect() {
  element('clear').addEventListener('click', clear);
  element('take').addEventListener('click', takeSample);
  element('camera').addEventListener('click', switchCamera);
  element('camera').hidden = !navigator.mediaDevices;
  element('forget').addEventListener('click', forget);
  element('teach').addEventListener('submit', (event) => {
    event.preventDefault();
    teach();
  });
  navigator.serviceWorker?.register('./service-worker.js');
}
