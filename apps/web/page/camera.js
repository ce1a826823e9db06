// SPDX-License-Identifier: Apache-2.0
// What is held to the camera: dark lines on something lighter become ink.

const width = 96;
const around = 12; // cells that a line is compared with, to each side
const darker = 0.82; // of the mean around it

export class Camera {
  #video;

  #canvas = Object.assign(document.createElement('canvas'), { width, height: width });

  constructor(video) { this.#video = video; }

  get isOn() { return this.#video.srcObject !== null; }

  /** Rejects where there is no camera or it is not allowed. */
  async start() {
    const wanted = { facingMode: 'environment', width: { ideal: 320 }, height: { ideal: 320 } };
    this.#video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
    await this.#video.play();
  }

  stop() {
    for (const track of this.#video.srcObject?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  /** Which cells of the square in the middle of the view are ink. */
  ink() {
    const { videoWidth, videoHeight } = this.#video;
    const size = Math.min(videoWidth, videoHeight);
    const context = this.#canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(this.#video, (videoWidth - size) / 2, (videoHeight - size) / 2, size, size, 0, 0, width, width);
    return inkOf(grey(context.getImageData(0, 0, width, width).data));
  }

  get width() { return width; }
}

function grey(data) {
  return Float32Array.from({ length: width * width }, (_, cell) => data[4 * cell] + data[4 * cell + 1] + data[4 * cell + 2]);
}

/** Cells much darker than the mean of the square around them (Bradley and Roth 2007, Adaptive Thresholding). */
function inkOf(values) {
  const sums = summed(values);
  return values.map((value, cell) => {
    const [x, y] = [cell % width, Math.floor(cell / width)];
    const [left, right] = [Math.max(x - around, 0), Math.min(x + around + 1, width)];
    const [top, bottom] = [Math.max(y - around, 0), Math.min(y + around + 1, width)];
    const at = (row, column) => sums[row * (width + 1) + column];
    const sum = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left);
    return value * (right - left) * (bottom - top) < darker * sum ? 1 : 0;
  });
}

/** sums[y][x] is the sum of all values above and to the left of cell (x, y). */
function summed(values) {
  const sums = new Float64Array((width + 1) * (width + 1));
  for (let y = 0; y < width; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += values[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return sums;
}
