// The score stream of the last two minutes, by time of arrival. Records are counted into columns as they come, so the
// page does the same work at ten records a second and at ten thousand.

import { number } from "./elements.js";

const COLUMN_MS = 500;
const COLUMNS = 240;
const AXIS_PX = 30;

class Column {
  records = 0;
  sum = 0;
  highest = 0;
  anomalies = 0;
  highestAnomaly = 0;
  device = "";

  add({ score, anomaly, device }) {
    this.records += 1;
    this.sum += score;
    if (score >= this.highest) [this.highest, this.device] = [score, device];
    if (!anomaly) return;
    this.anomalies += 1;
    this.highestAnomaly = Math.max(this.highestAnomaly, score);
  }
}

export class ScoreChart {
  #columns = Array.from({ length: COLUMNS }, () => new Column());
  #first = 0; // number of the oldest column, counted from the epoch

  constructor(canvas, caption) {
    Object.assign(this, { canvas, caption });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    setInterval(() => this.draw(), COLUMN_MS);
  }

  add(scores, now = Date.now()) {
    this.#advance(now);
    for (const score of scores) this.#columns[COLUMNS - 1].add(score);
  }

  #advance(now) {
    const first = Math.floor(now / COLUMN_MS) - COLUMNS + 1;
    const passed = Math.min(COLUMNS, Math.max(0, first - this.#first));
    this.#columns.splice(0, passed);
    while (this.#columns.length < COLUMNS) this.#columns.push(new Column());
    this.#first = first;
  }

  draw(now = Date.now()) {
    this.#advance(now);
    this.#describe();
    const { width, height } = this.canvas.getBoundingClientRect();
    if (document.hidden || !width) return;
    const scale = devicePixelRatio || 1;
    [this.canvas.width, this.canvas.height] = [width * scale, height * scale];
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    this.#plot(pen, width - AXIS_PX, height);
  }

  #plot(pen, width, height) {
    const y = (score) => height - 6 - score * (height - 12);
    const x = (index) => AXIS_PX + ((index + 0.5) * width) / COLUMNS;
    const colour = (name) => getComputedStyle(this.canvas).getPropertyValue(name);
    this.#axis(pen, width, y, colour);
    const filled = this.#columns.map((column, index) => ({ column, index })).filter(({ column }) => column.records);
    for (const { column, index } of filled) {
      pen.fillStyle = colour("--highest");
      pen.fillRect(x(index) - width / COLUMNS / 2, y(column.highest), Math.max(1, width / COLUMNS), y(0) - y(column.highest));
    }
    pen.strokeStyle = colour("--mean");
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const { column, index } of filled) pen.lineTo(x(index), y(column.sum / column.records));
    pen.stroke();
    pen.fillStyle = colour("--anomaly");
    for (const { column, index } of filled.filter((entry) => entry.column.anomalies)) {
      pen.beginPath();
      pen.arc(x(index), y(column.highestAnomaly), Math.min(6, 3 + Math.log2(column.anomalies) / 2), 0, 2 * Math.PI);
      pen.fill();
    }
  }

  #axis(pen, width, y, colour) {
    pen.fillStyle = colour("--quiet");
    pen.strokeStyle = colour("--line");
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    for (const score of [0, 0.5, 1]) {
      pen.fillText(score.toFixed(1), 4, y(score));
      pen.beginPath();
      pen.moveTo(AXIS_PX, y(score));
      pen.lineTo(AXIS_PX + width, y(score));
      pen.stroke();
    }
  }

  #describe() {
    const total = (key) => this.#columns.reduce((sum, column) => sum + column[key], 0);
    const records = total("records");
    if (!records) return this.#say("No record has been scored in the last two minutes.");
    const top = this.#columns.reduce((best, column) => (column.records && column.highest >= best.highest ? column : best));
    const anomalies = total("anomalies");
    this.#say(`${number(records)} records, ${number(anomalies)} ${anomalies === 1 ? "anomaly" : "anomalies"}; highest score ${top.highest.toFixed(3)}, of ${top.device}.`);
  }

  #say(text) {
    if (this.caption.textContent !== text) this.caption.textContent = text;
  }
}
