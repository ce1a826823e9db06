// SPDX-License-Identifier: Apache-2.0
// The drawing pad: strokes in a unit square.

export class Pad {
  #canvas;

  #strokes = [];

  #onchange;

  constructor(canvas, onchange) {
    this.#canvas = canvas;
    this.#onchange = onchange;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => this.#up(event));
    canvas.addEventListener('pointercancel', (event) => this.#up(event));
    new ResizeObserver(() => this.#paint()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint());
  }

  get strokes() { return this.#strokes; }

  show(strokes) {
    this.#strokes = strokes;
    this.#paint();
    this.#onchange();
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#strokes = [...this.#strokes, [this.#place(event)]];
    this.#paint();
  }

  #move(event) {
    if (!this.#canvas.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    this.#strokes.at(-1).push(...(passed.length ? passed : [event]).map((one) => this.#place(one)));
    this.#paint();
  }

  #up(event) {
    if (!this.#canvas.hasPointerCapture(event.pointerId)) return;
    this.#canvas.releasePointerCapture(event.pointerId);
    this.#onchange();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #paint() {
    const size = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (this.#canvas.width !== size) Object.assign(this.#canvas, { width: size, height: size });
    const context = this.#canvas.getContext('2d');
    context.clearRect(0, 0, size, size);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineCap = context.lineJoin = 'round';
    context.lineWidth = size / 26;
    for (const stroke of this.#strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * size, stroke[0][1] * size);
      for (const [x, y] of stroke) context.lineTo(x * size, y * size);
      context.stroke();
    }
  }
}
