// SPDX-License-Identifier: Apache-2.0
// Strokes become the picture that the network sees; drawing/raster.py says how, and this computes the same.

export const side = 28;
const margin = 4;
const radius = 1.1;

/** Strokes, lists of points [x, y] in any unit, as side * side numbers from 0 (paper) to 1 (ink). */
export function raster(strokes) {
  const segments = placed(strokes).flatMap(segmentsOf);
  return Float32Array.from({ length: side * side }, (_, pixel) => {
    const x = (pixel % side) + 0.5;
    const y = Math.floor(pixel / side) + 0.5;
    const nearest = Math.min(...segments.map((segment) => distance(segment, x, y)));
    return Math.min(Math.max(radius + 0.5 - nearest, 0), 1);
  });
}

function segmentsOf(stroke) {
  if (stroke.length === 1) return [[stroke[0], stroke[0]]];
  return stroke.slice(1).map((point, index) => [stroke[index], point]);
}

function distance([[ax, ay], [bx, by]], x, y) {
  const [dx, dy] = [bx - ax, by - ay];
  const part = ((x - ax) * dx + (y - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9);
  const along = Math.min(Math.max(part, 0), 1);
  return Math.hypot(ax + along * dx - x, ay + along * dy - y);
}

/** The drawing, moved and scaled so that its bounding box fits the middle of the picture. */
function placed(strokes) {
  const points = strokes.flat();
  const box = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const scale = (side - 2 * margin) / Math.max(...box.map(([low, high]) => high - low), 1e-6);
  const place = (point) => point.map((value, axis) => (value - (box[axis][0] + box[axis][1]) / 2) * scale + side / 2);
  return strokes.map((stroke) => stroke.map(place));
}

/** Cells of ink in a larger square picture, as the picture that the network sees; null where there is none. */
export function reduced(ink, width) {
  const cells = [...ink.keys()].filter((cell) => ink[cell]);
  if (cells.length === 0) return null;
  const xs = cells.map((cell) => cell % width);
  const ys = cells.map((cell) => Math.floor(cell / width));
  const [left, right, top, bottom] = [least(xs), most(xs) + 1, least(ys), most(ys) + 1];
  const scale = (side - 2 * margin) / Math.max(right - left, bottom - top);
  const picture = new Float32Array(side * side);
  cells.forEach((_, index) => {
    const x = Math.floor((xs[index] + 0.5 - (left + right) / 2) * scale + side / 2);
    const y = Math.floor((ys[index] + 0.5 - (top + bottom) / 2) * scale + side / 2);
    picture[y * side + x] += scale * scale;
  });
  return picture.map((value) => Math.min(2 * value, 1));
}

const least = (values) => values.reduce((a, b) => Math.min(a, b));
const most = (values) => values.reduce((a, b) => Math.max(a, b));
